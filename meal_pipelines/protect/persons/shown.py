"""What `pseudonymised` shows of persons whose pseudonyms were joined or parted, and what it leaves out of those at rest.

Works in the transaction of `linking.py`, on the persons that it touched; who is whose is decided there.
"""

from __future__ import annotations

from typing import Any

from psycopg2 import sql

from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.project.questionnaire import MAIN
from meal_pipelines.warehouse.tables import identifiers


class Shown:
    """The pseudonymised tables of one project, brought after its links."""

    def __init__(self, cursor: Any, project: LoadedProject) -> None:
        self.cursor, self.project = cursor, project
        self._of = {"project": project.id}

    def follow(self, changed: list[str]) -> None:
        """Write the person's pseudonym where a row's own stood, and the reverse where a link ended."""
        self._execute(SHOWN_ANEW, persons=changed)
        for form in self.project.forms.values():
            for repeat in self.project.person_tables(form):
                if self._exists(form.table_of(repeat)):
                    self._update(form.name, repeat, form.table_of(repeat))

    def _update(self, form: str, repeat: str, table: str) -> None:
        index = sql.SQL("0") if repeat == MAIN else sql.SQL("t.repeat_index")
        statement = sql.SQL(SHOW).format(table=sql.Identifier("pseudonymised", table), index=index)
        self.cursor.execute(statement, self._of | {"form": form, "repeat": repeat})
        if self.cursor.rowcount:
            self.cursor.execute(REBUILT, {"table": f"pseudonymised.{table}"})

    def rest(self) -> None:
        """Whoever turns out to be a person whose data rest, rests too, from this transaction on."""
        self._execute(RESTING)
        persons = [row[0] for row in self.cursor.fetchall()]
        if not persons:
            return
        for form in self.project.forms.values():
            tables = form.questionnaire.tables
            for repeat in self.project.person_tables(form):
                self._execute(PLACES, form=form.name, repeat=repeat, persons=persons)
                rows = self.cursor.fetchall()
                inner = [name for name, table in tables.items() if name == repeat or table.parent == repeat]
                for name in tables if repeat == MAIN else inner:
                    if rows and self._exists(form.table_of(name)):
                        self._leave_out(form.table_of(name), name, repeat, rows)

    def _leave_out(self, table: str, name: str, repeat: str, rows: list[tuple[str, int]]) -> None:
        columns = ["submission_id"]
        if repeat != MAIN:
            columns.append("repeat_index" if name == repeat else "parent_index")
        self.cursor.execute(
            sql.SQL("delete from {} where ({}) in (select * from unnest({}))").format(
                sql.Identifier("pseudonymised", table),
                identifiers(columns),
                sql.SQL("%(ids)s::text[], %(places)s::int[]" if repeat != MAIN else "%(ids)s::text[]"),
            ),
            {"ids": [row[0] for row in rows], "places": [row[1] for row in rows]},
        )
        if self.cursor.rowcount:
            self.cursor.execute(REBUILT, {"table": f"pseudonymised.{table}"})

    def _exists(self, table: str) -> bool:
        self.cursor.execute("select to_regclass(%s) is not null", (f'"pseudonymised"."{table}"',))
        return bool(self.cursor.fetchone()[0])

    def _execute(self, query: str, **values: object) -> None:
        self.cursor.execute(query, self._of | values)


SHOWN_ANEW = """
    truncate link_reached;
    insert into link_reached select unnest(%(persons)s::text[])
    union select t.person_id from link_touched as t join vault.person_link as l using (person_id)
    where l.project = %(project)s
"""
SHOW = """
    update {table} as t set person_id = coalesce(l.kept, i.person_id)
    from link_reached as r
    join vault.identity as i on i.project = %(project)s and i.person_id = r.person_id
    left join vault.person_link as l on l.project = %(project)s and l.person_id = r.person_id
    where i.form = %(form)s and i.repeat = %(repeat)s and t.submission_id = i.submission_id and {index} = i.repeat_index
        and t.person_id is distinct from coalesce(l.kept, i.person_id)
"""
REBUILT = "update quality.build set build_no = build_no + 1, built_at = now() where table_name = %(table)s"
RESTING = """
    with members as (
        select person_id, kept from vault.person_link where project = %(project)s
        union select kept, kept from vault.person_link where project = %(project)s
    )
    insert into vault.restriction (project, person_id)
    select distinct %(project)s, m.person_id from members as m
    join members as hers on hers.kept = m.kept
    join vault.restriction as r on r.project = %(project)s and r.person_id = hers.person_id
    on conflict do nothing returning person_id
"""
PLACES = """
    select submission_id, repeat_index from vault.identity
    where project = %(project)s and form = %(form)s and repeat = %(repeat)s and person_id = any(%(persons)s)
"""
