"""Whose data rest: kept where they are, sealed, and left out of everything that is computed from the next run on.

A restriction is of every pseudonym of the person, cards included. `stage.py` heeds it; whom it concerns is found elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from psycopg2 import sql

from meal_pipelines.project.questionnaire import MAIN, Table
from meal_pipelines.protect.build import ProtectBuild
from meal_pipelines.protect.rights.access import Actor, record
from meal_pipelines.warehouse.connection import Warehouse
from meal_pipelines.warehouse.tables import TableSpec


def restricted(cursor: Any, project: str) -> frozenset[str]:
    """The pseudonyms of those whose data rest."""
    cursor.execute("select person_id from vault.restriction where project = %s", (project,))
    return frozenset(row[0] for row in cursor.fetchall())


def restrict(warehouse: Warehouse, project: str, persons: Collection[str], actor: Actor, *, lift: bool = False) -> int:
    """Let the data of these pseudonyms rest, or lift that. Returns: how many pseudonyms changed."""
    with warehouse.connect() as connection, connection.cursor() as cursor:
        changed = 0
        for person in sorted(persons):
            cursor.execute(LIFT if lift else RESTRICT, (project, person))
            changed += cursor.rowcount
        if changed:
            record(cursor, actor, "restrict", project, person_id=min(persons), items=changed)
        return changed


def leave_out_inside(cursor: Any, build: ProtectBuild, spec: TableSpec, table: Table) -> None:
    """Take out of a staged repeat the rows whose row around them was left out."""
    if table.name == MAIN:
        return
    around = dict(zip(build.form.questionnaire.tables, build.specs, strict=True))[str(table.parent)]
    place = sql.SQL("" if table.parent == MAIN else " and o.repeat_index = i.parent_index")
    cursor.execute(
        sql.SQL(
            "delete from {inner} as i where not exists (select from {outer} as o where o.submission_id = i.submission_id{place})"
        ).format(
            inner=sql.Identifier("build", spec.staged),
            outer=sql.Identifier("build", around.staged),
            place=place,
        )
    )


RESTRICT = "insert into vault.restriction (project, person_id) values (%s, %s) on conflict do nothing"
LIFT = "delete from vault.restriction where project = %s and person_id = %s"
