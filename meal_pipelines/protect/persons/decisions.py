"""What reviewers say of pairs of persons, kept for ever and applied at once; a later word replaces an earlier one.

Which pairs are worth a look is in `review.py`, the workbook in `review_workbook.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Literal

import psycopg2

from meal_pipelines.errors import ConfigurationError, MealError
from meal_pipelines.invocation import typed
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.protect.persons.linking import Linking, Relinked, hold
from meal_pipelines.warehouse.connection import Warehouse
from meal_pipelines.warehouse.refusals import value_free

Verdict = Literal["same", "different", "later"]
WORDS: dict[Verdict, str] = {"same": "même personne", "different": "différentes", "later": "à revoir"}


@dataclass(frozen=True)
class Decision:
    """One line of a reviewed workbook. line: where it stands, for messages."""

    one: str
    other: str
    verdict: Verdict
    line: int


@dataclass
class Decided:
    """What a workbook changes, or would. new, changed: decisions by verdict · same: how many say what is known already.

    blocked: lines of pairs said to be one person that an earlier « différentes » keeps apart.
    """

    new: Counter[Verdict] = field(default_factory=Counter)
    changed: Counter[Verdict] = field(default_factory=Counter)
    same: int = 0
    linked: Relinked = field(default_factory=Relinked)
    blocked: list[int] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not (self.new or self.changed)


def decide(
    warehouse: Warehouse, project: LoadedProject, decisions: Sequence[Decision], by: str, *, really: bool = False
) -> Decided:
    """Record what is new among these decisions, and join and part persons accordingly, in one transaction.

    really: otherwise it ends in nothing, and what would change is counted.
    Raises: ConfigurationError, naming the line, when a pseudonym is nobody's here or a pair is said to be both; MealError.
    """
    if not by.strip():
        raise ConfigurationError("Écrivez qui décide : « --by … ». C'est gardé avec chaque décision.")
    done = Decided()
    with closing(warehouse.psycopg()) as connection, connection.cursor() as cursor:
        try:
            hold(cursor, project.id)
            known = {(one, other): verdict for one, other, verdict in _known(cursor, project.id)}
            _check(cursor, project.id, decisions)
            for each in decisions:
                pair = _pair(each)
                before = known.get(pair)
                if before == each.verdict or (before is None and each.verdict == "later"):
                    done.same += 1
                    continue
                (done.new if before is None else done.changed)[each.verdict] += 1
                cursor.execute(RECORD, (project.id, *pair, each.verdict, by.strip()))
            linking = Linking(cursor, project)
            linking.touch({person for each in decisions for person in (each.one, each.other)})
            done.linked = linking.link()
            done.blocked = _blocked(cursor, project.id, decisions)
            if really:
                connection.commit()
            else:
                connection.rollback()
            return done
        except psycopg2.Error as error:
            refusal: MealError = value_free(error)
        raise refusal


def _pair(decision: Decision) -> tuple[str, str]:
    one, other = sorted((decision.one, decision.other))
    return one, other


def _known(cursor: psycopg2.extensions.cursor, project: str) -> list[tuple[str, str, Verdict]]:
    cursor.execute(KNOWN, (project,))
    return list(cursor.fetchall())


def _check(cursor: psycopg2.extensions.cursor, project: str, decisions: Sequence[Decision]) -> None:
    said: dict[tuple[str, str], Decision] = {}
    for each in decisions:
        if each.one == each.other:
            raise ConfigurationError(
                f"Ligne {each.line} : les deux pseudonymes sont le même. Remettez la ligne d'origine."
            )
        before = said.setdefault(_pair(each), each)
        if before.verdict != each.verdict:
            raise ConfigurationError(
                f"Lignes {before.line} et {each.line} : la même paire y est décidée de deux façons. Gardez-en une."
            )
    persons = sorted({person for each in decisions for person in (each.one, each.other)})
    cursor.execute(STRANGERS, {"project": project, "persons": persons})
    strangers = {row[0] for row in cursor.fetchall()}
    for each in decisions:
        if each.one in strangers or each.other in strangers:
            raise ConfigurationError(
                f"Ligne {each.line} : un pseudonyme n'est plus connu du projet « {project} » (personne effacée, ou soumission "
                f"corrigée depuis). Produisez un nouveau classeur avec {typed('persons review')}."
            )


def _blocked(cursor: psycopg2.extensions.cursor, project: str, decisions: Sequence[Decision]) -> list[int]:
    """The lines whose two persons are not one although they were said to be."""
    cursor.execute("select person_id, kept from vault.person_link where project = %s", (project,))
    kept = dict(cursor.fetchall())
    return [
        each.line
        for each in decisions
        if each.verdict == "same" and kept.get(each.one, each.one) != kept.get(each.other, each.other)
    ]


KNOWN = """
    select distinct on (one, other) one, other, verdict from vault.person_decision
    where project = %s order by one, other, decision_id desc
"""
RECORD = """
    insert into vault.person_decision (project, one, other, verdict, decided_by) values (%s, %s, %s, %s, %s)
"""
STRANGERS = """
    select p.person_id from unnest(%(persons)s::text[]) as p (person_id) where not exists (
        select from vault.identity as i where i.project = %(project)s and i.person_id = p.person_id
    )
"""
