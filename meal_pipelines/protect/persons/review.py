"""Pairs of persons that only weak keys bring together: who they are not is never told, only where and when each was met.

Nothing is joined here: a reviewer says what a pair is (`decisions.py`). What is read is the vault's hashes and what
`pseudonymised` shows; no answer is opened.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from psycopg2 import sql

from meal_pipelines.project.links import CROWD
from meal_pipelines.project.loaded import LoadedForm, LoadedProject
from meal_pipelines.project.questionnaire import MAIN, Table
from meal_pipelines.protect.persons.crowds import crowded_keys
from meal_pipelines.protect.persons.decisions import Verdict
from meal_pipelines.protect.tables import generalised


@dataclass
class Met:
    """Where a person was met. months: « 2026-05 » · places: by question of `links.places` · ages: bands of age."""

    forms: Counter[str] = field(default_factory=Counter)
    months: set[str] = field(default_factory=set)
    places: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    ages: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Pair:
    """Two persons who may be one. agreeing: the weak keys they share · verdict: what was decided of them so far."""

    one: str
    other: str
    agreeing: tuple[str, ...]
    verdict: Verdict | None = None


@dataclass(frozen=True)
class Proposals:
    """pairs: the surest first · met: where each person of them was met · crowded: keys shared by too many to say anything."""

    pairs: list[Pair]
    met: Mapping[str, Met]
    crowded: int


def proposals(cursor: Any, project: LoadedProject, *, decided: bool = False) -> Proposals:
    """What is to be reviewed: pairs that nobody has decided on; with `decided`, those that somebody has."""
    verdicts = _verdicts(cursor, project.id)
    if decided:
        pairs, crowded = [Pair(one, other, (), verdict) for (one, other), verdict in verdicts.items()], 0
    else:
        pairs, crowded = _paired(cursor, project, verdicts)
    met = _met(cursor, project, {person for pair in pairs for person in (pair.one, pair.other)})
    widest = project.project.persons.links.places[:1] if project.project.persons is not None else []
    if not decided:
        pairs = [pair for pair in pairs if all(_may_be_one(met, pair, name) for name in widest)]
    return Proposals(sorted(pairs, key=lambda pair: (-len(pair.agreeing), pair.one, pair.other)), met, crowded)


def _verdicts(cursor: Any, project: str) -> dict[tuple[str, str], Verdict]:
    """The last verdict on each pair, of those who are in the vault still; no verdict where it was left for later."""
    cursor.execute(VERDICTS, (project,))
    return {(one, other): verdict for one, other, verdict in cursor.fetchall() if verdict != "later"}


def _paired(cursor: Any, project: LoadedProject, verdicts: Collection[tuple[str, str]]) -> tuple[list[Pair], int]:
    persons = project.project.persons
    reasons = persons.links.weak_reasons if persons is not None else []
    cursor.execute(WEAK, {"project": project.id})
    kept, agreeing = dict[str, str](), defaultdict[tuple[str, str], set[str]](set)
    rows = cursor.fetchall()
    crowded = crowded_keys(cursor, project.id)
    for slot, people in rows:
        if len(people) > CROWD:
            crowded += 1
            continue
        for one, other in combinations(sorted(people), 2):
            agreeing[one, other].add(reasons[slot])
    cursor.execute("select person_id, kept from vault.person_link where project = %s", (project.id,))
    kept.update(cursor.fetchall())
    known = {tuple(sorted((kept.get(one, one), kept.get(other, other)))) for one, other in verdicts}
    return [Pair(*pair, tuple(sorted(keys))) for pair, keys in agreeing.items() if pair not in known], crowded


def _may_be_one(met: Mapping[str, Met], pair: Pair, place: str) -> bool:
    one, other = (met[person].places[place] if person in met else set() for person in (pair.one, pair.other))
    return not (one and other) or not one.isdisjoint(other)


def _met(cursor: Any, project: LoadedProject, persons: Collection[str]) -> dict[str, Met]:
    found: dict[str, Met] = defaultdict(Met)
    for form in project.forms.values():
        for repeat in project.person_tables(form):
            cursor.execute("select to_regclass(%s) is not null", (f'"pseudonymised"."{form.table_of(repeat)}"',))
            if cursor.fetchone()[0]:
                _read(cursor, project, form, form.questionnaire.tables[repeat], persons, found)
    return dict(found)


def _read(
    cursor: Any, project: LoadedProject, form: LoadedForm, table: Table, persons: Collection[str], found: dict[str, Met]
) -> None:
    assert project.project.persons is not None
    main = form.questionnaire.main
    asked = [
        (name, alias, question.column)
        for name in project.project.persons.links.places
        for alias, where in (("t", table), ("m", main))
        if (question := where.question(name)) is not None
    ]
    places = list({name: (alias, column) for name, alias, column in reversed(asked)}.items())
    ages = [column for question, column in generalised(form, table) if _is_age(form, question)]
    columns = [sql.Identifier(alias, column) for _, (alias, column) in places]
    columns += [sql.Identifier("t", column) for column in ages]
    cursor.execute(
        sql.SQL(
            "select t.person_id, to_char(m.submitted_at, 'YYYY-MM'){columns} from {table} as t"
            " join {main} as m on m.submission_id = t.submission_id where t.person_id = any(%s)"
        ).format(
            columns=sql.SQL("").join(sql.SQL(", {}").format(column) for column in columns),
            table=sql.Identifier("pseudonymised", form.table_of(table.name)),
            main=sql.Identifier("pseudonymised", form.table_of(MAIN)),
        ),
        (list(persons),),
    )
    for person, month, *values in cursor.fetchall():
        met = found[person]
        met.forms[form.form.label] += 1
        met.months |= {month} if month else set()
        for (name, _), value in zip(places, values, strict=False):
            met.places[name] |= {value} if value else set()
        met.ages.update(filter(None, values[len(places) :]))


def _is_age(form: LoadedForm, question: Any) -> bool:
    rule = form.generalisation(question)
    return rule is not None and rule.to == "age_band"


def label_of(project: LoadedProject, name: str) -> str:
    """What the first form that asks a question calls it, in French."""
    asked = (question for form in project.forms.values() for question in form.questionnaire.questions())
    return next((question.label for question in asked if question.name == name), name)


def labels(project: LoadedProject, name: str, codes: Iterable[str]) -> str:
    """The French labels of a question's answers, in order; the code where a label is missing."""
    known: dict[str, str] = {}
    for form in project.forms.values():
        for question in form.questionnaire.questions():
            if question.name == name:
                choices = form.questionnaire.choices.get(question.list_name or "", ())
                known |= {
                    choice.name: choice.labels.get("fr") or next(iter(choice.labels.values()), "") for choice in choices
                }
    return ", ".join(sorted(known.get(code) or code for code in codes))


VERDICTS = """
    select distinct on (one, other) one, other, verdict from vault.person_decision
    where project = %s order by one, other, decision_id desc
"""
WEAK = """
    select k.slot - 1, array_agg(distinct coalesce(l.kept, i.person_id))
    from vault.identity as i
    cross join unnest(i.weak) with ordinality as k (key, slot)
    left join vault.person_link as l on l.project = i.project and l.person_id = i.person_id
    where i.project = %(project)s and k.key is not null and not exists (
        select from vault.restriction as r where r.project = i.project and r.person_id = i.person_id
    )
    group by k.key, k.slot having count(distinct coalesce(l.kept, i.person_id)) > 1
"""
