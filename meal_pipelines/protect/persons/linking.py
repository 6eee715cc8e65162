"""Join the pseudonyms of one person, inside the transaction that changed what is known of them; a delta costs its neighbourhood.

`vault.identity` holds each row's own pseudonym and keys. `vault.person_key` finds who has a key; it may name somebody who has it no
longer, which `vault.identity` tells. `vault.person_link` and `vault.person_merge` follow, and `shown.py` brings what is shown after
them. Who is whose is decided in `components.py`; what reviewers say is in `decisions.py`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from psycopg2 import sql

from meal_pipelines.project.links import CROWD
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.protect.persons.components import DECISION, Kept, Tie, joined
from meal_pipelines.protect.persons.shown import Shown

MANY = 10_000
"""Keys added at once from which PostgreSQL needs to be told what is in the tables now."""


@dataclass(frozen=True)
class Relinked:
    """What a linking changed: pseudonyms joined to others, and joined no longer."""

    merged: int = 0
    undone: int = 0


class Linking:
    """One linking of one project; begun before any table is written (see `hold`)."""

    def __init__(self, cursor: Any, project: LoadedProject, run_id: str | None = None) -> None:
        self.cursor, self.project, self.run_id = cursor, project, run_id
        self._of = {"project": project.id, "run_id": run_id}
        hold(cursor, project.id)
        for name in ("touched", "found", "reached"):
            cursor.execute(sql.SQL("drop table if exists {}").format(sql.Identifier("pg_temp", f"link_{name}")))
        cursor.execute(TABLES)

    def touch(self, persons: Collection[str]) -> None:
        """Look at these pseudonyms again."""
        self.cursor.execute("insert into link_touched select unnest(%s::text[])", (list(persons),))

    def link(self) -> Relinked:
        """Bring keys, links and what is shown up to date with `vault.identity`, for what was touched and all it reaches."""
        shown = Shown(self.cursor, self.project)
        if not self._rows("select 1 from link_touched limit 1"):
            shown.rest()  # most forms meet nobody
            return Relinked()
        self._execute(KEYS)
        if self.cursor.rowcount > MANY:
            # Nobody else has: the next nights would read the whole table for a few rows of it.
            self._execute("analyze vault.person_key, vault.identity")
        self._reach()
        before = {row[0]: Kept(row[1], row[2]) for row in self._rows(LINKS)}
        now = self._now()
        changed = sorted(
            person for person in before.keys() | now.keys() if _shown(before, person) != _shown(now, person)
        )
        self._execute(FORGET, persons=[person for person in before if person not in now])
        self.cursor.executemany(
            LINK, [(self.project.id, person, now[person].kept, now[person].because) for person in sorted(now)]
        )
        self._execute(UNDO, persons=changed)
        undone = int(self.cursor.rowcount)
        self._execute(MERGE, persons=changed)
        merged = int(self.cursor.rowcount)
        shown.follow(changed)
        shown.rest()
        return Relinked(merged, undone)

    def _reach(self) -> None:
        """Everybody whom keys, links or decisions tie to somebody touched, however far."""
        self._execute(SEEDS)
        while True:
            grown = 0
            for step in STEPS:
                self._execute(step)
                grown += self.cursor.rowcount
            if not grown:
                return

    def _now(self) -> dict[str, Kept]:
        persons = self.project.project.persons
        reasons = persons.links.reasons if persons is not None else []
        first_sent = dict(self._rows(FIRST_SENT))
        ties = [
            Tie(slot, key, tuple(who), reasons[slot])
            for slot, key, who in self._rows(TIES, crowd=CROWD)
            if slot < len(reasons)
        ]
        apart = []
        for number, one, other, verdict in self._rows(DECISIONS):
            if verdict == "same":
                ties.append(Tie(-1, f"{number:020d}", (one, other), DECISION))
            elif verdict == "different":
                apart.append((one, other))
        return joined(first_sent, ties, apart)

    def _rows(self, query: str, **values: object) -> list[tuple[Any, ...]]:
        self._execute(query, **values)
        rows: list[tuple[Any, ...]] = self.cursor.fetchall()
        return rows

    def _execute(self, query: str, **values: object) -> None:
        self.cursor.execute(query, self._of | values)


def hold(cursor: Any, project: str) -> None:
    """Wait until nobody else joins persons of this project, until the end of the transaction: before any row is locked."""
    cursor.execute("select pg_advisory_xact_lock(hashtext('persons'), hashtext(%s))", (project,))


def _shown(links: dict[str, Kept], person: str) -> str:
    return links[person].kept if person in links else person


def everyone(cursor: Any, project: str, persons: Collection[str]) -> set[str]:
    """These pseudonyms and all others of the same persons."""
    cursor.execute(SAME, {"project": project, "persons": list(persons)})
    return {*persons, *(row[0] for row in cursor.fetchall())}


def forget(cursor: Any, project: LoadedProject, persons: Collection[str]) -> None:
    """After rows were erased: the links of these pseudonyms, and of those of which no row is left every trace."""
    linking = Linking(cursor, project)
    linking.touch(persons)
    linking.link()
    cursor.execute(KEYS_LEFT, {"project": project.id, "persons": list(persons)})
    for table, one, other in (("person_merge", "kept", "merged"), ("person_decision", "one", "other")):
        cursor.execute(
            sql.SQL(TRACES).format(
                table=sql.Identifier("vault", table), one=sql.Identifier(one), other=sql.Identifier(other)
            ),
            {"project": project.id, "persons": list(persons)},
        )


TABLES = """
    create temporary table link_touched (person_id text) on commit drop;
    create temporary table link_found (person_id text, key uuid) on commit drop;
    create temporary table link_reached (person_id text primary key) on commit drop
"""
"""Somebody may be touched twice, and is reached once."""
KEYS = """
    analyze link_touched;
    insert into link_found
    select distinct once.person_id, k.key
    from (
        select distinct person_id, strong from vault.identity
        where project = %(project)s and person_id in (select person_id from link_touched)
    ) as once, unnest(once.strong) as k (key)
    where k.key is not null;
    analyze link_found;
    insert into vault.person_key (key, person_id, project)
    select f.key, f.person_id, %(project)s from link_found as f
    where not exists (select from vault.person_key as p where p.key = f.key and p.person_id = f.person_id) order by 1, 2
"""
SEEDS = """
    insert into link_reached
    select f.person_id from link_found as f
    join vault.person_key as p on p.key = f.key and p.person_id <> f.person_id
    union
    select t.person_id from link_touched as t
    join vault.person_link as l on l.project = %(project)s and l.person_id = t.person_id
    union
    select t.person_id from link_touched as t
    join vault.person_link as l on l.project = %(project)s and l.kept = t.person_id
    union
    select t.person_id from link_touched as t
    join vault.person_decision as d on d.project = %(project)s and t.person_id in (d.one, d.other)
"""
STEPS = (
    """
    insert into link_reached select distinct p.person_id
    from link_reached as r join vault.identity as i on i.project = %(project)s and i.person_id = r.person_id
    cross join unnest(i.strong) as k (key) join vault.person_key as p on p.key = k.key on conflict do nothing
    """,
    """
    insert into link_reached select unnest(array[l.person_id, l.kept]) from vault.person_link as l
    where l.project = %(project)s and l.kept in (
        select kept from vault.person_link join link_reached using (person_id) where project = %(project)s
        union select person_id from link_reached
    ) on conflict do nothing
    """,
    """
    insert into link_reached select unnest(array[d.one, d.other]) from vault.person_decision as d
    where d.project = %(project)s and (d.one in (table link_reached) or d.other in (table link_reached))
    on conflict do nothing
    """,
)
FIRST_SENT = """
    select i.person_id, min(i.sent_at) from vault.identity as i join link_reached using (person_id)
    where i.project = %(project)s group by 1
"""
TIES = """
    select min(k.slot) - 1, k.key::text, array_agg(distinct i.person_id)
    from vault.identity as i join link_reached using (person_id), unnest(i.strong) with ordinality as k (key, slot)
    where i.project = %(project)s and k.key is not null group by k.key having count(distinct i.person_id) between 2 and %(crowd)s
"""
DECISIONS = """
    select distinct on (one, other) decision_id, one, other, verdict from vault.person_decision
    where project = %(project)s and one in (table link_reached) and other in (table link_reached)
    order by one, other, decision_id desc
"""
LINKS = """
    select person_id, kept, because from vault.person_link join link_reached using (person_id) where project = %(project)s
"""
UNDO = """
    update vault.person_merge as m set undone_on = now(), undone_run_id = %(run_id)s
    where project = %(project)s and merged = any(%(persons)s) and undone_on is null and not exists (
        select from vault.person_link as l where l.project = m.project and l.person_id = m.merged and l.kept = m.kept
    )
"""
FORGET = "delete from vault.person_link where project = %(project)s and person_id = any(%(persons)s)"
LINK = """
    insert into vault.person_link (project, person_id, kept, because) values (%s, %s, %s, %s)
    on conflict (project, person_id) do update set kept = excluded.kept, because = excluded.because
    where (vault.person_link.kept, vault.person_link.because) <> (excluded.kept, excluded.because)
"""
MERGE = """
    insert into vault.person_merge (project, kept, merged, because, run_id)
    select project, kept, person_id, because, %(run_id)s from vault.person_link
    where project = %(project)s and person_id = any(%(persons)s)
    on conflict (project, merged) where undone_on is null do nothing
"""
SAME = """
    with kept as (
        select coalesce(l.kept, p.person_id) as kept from unnest(%(persons)s::text[]) as p (person_id)
        left join vault.person_link as l on l.project = %(project)s and l.person_id = p.person_id
    )
    select kept from kept
    union select l.person_id from vault.person_link as l join kept using (kept) where l.project = %(project)s
"""
KEYS_LEFT = """
    delete from vault.person_key as k where k.project = %(project)s and k.person_id = any(%(persons)s) and not exists (
        select from vault.identity as i
        where i.project = %(project)s and i.person_id = k.person_id and k.key = any(i.strong)
    )
"""
TRACES = """
    delete from {table} as t where t.project = %(project)s and exists (
        select from unnest(%(persons)s::text[]) as p (person_id) where p.person_id in (t.{one}, t.{other})
        and not exists (select from vault.identity as i where i.project = %(project)s and i.person_id = p.person_id)
    )
"""
