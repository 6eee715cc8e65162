"""What became, since a freeze, of each submission whose kept rows are no longer those of today: one cause each.

Rows of both sides are put in temporary tables of the caller's transaction; values are worked out in `replay.py`, and what each
cause is worth in `restate.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from psycopg2 import sql

from meal_pipelines.indicators.reports.contributing import Input, rows_of
from meal_pipelines.indicators.reports.frozen import Freeze
from meal_pipelines.indicators.reports.replay import kept_rows

CAUSES = {
    "rights": "Personnes effacées, ou dont les données sont limitées",
    "deletion": "Soumissions supprimées à la source",
    "edit": "Soumissions modifiées à la source",
    "correction": "Corrections (journal de nettoyage)",
    "merge": "Personnes réunies ou séparées",
    "late": "Soumissions arrivées après le gel",
    "rules": "Règles de nettoyage ou de confidentialité",
    "reference": "Données de référence",
    "program": "Modèles ou programme",
    "definition": "Définition de l'indicateur",
    "pending": "Pas encore recalculé",
    "other": "Autre (recalcul des lignes gardées)",
}
"""Every cause, in the order in which they are applied, `other` aside, which comes before all."""

RANKS = {
    cause: rank for rank, cause in enumerate(("rights", "deletion", "edit", "correction", "merge", "late", "rules"), 2)
}
REFERENCE = 9


def compare_rows(cursor: Any, freeze: Freeze, inputs: Collection[Input]) -> dict[str, int]:
    """Make `pg_temp.change (form, submission_id, rank)`, and the rows of both sides.

    inputs: what today's marts read; of a table that no longer exists nothing is left today.
    Returns: how many submissions changed for each cause; `reference` counts tables.
    """
    cursor.execute("set local timezone to 'UTC'")
    cursor.execute("drop table if exists pg_temp.was, pg_temp.is_now, pg_temp.change, pg_temp.of_table")
    cursor.execute("create temporary table of_table (table_name text, form text, repeat text, load_id bigint, load_now bigint)"
                   " on commit drop")  # fmt: skip
    for name, kept in freeze.inputs.items():
        cursor.execute(OF_TABLE, (name, kept["form"], kept["repeat"], kept["load_id"], name))
    cursor.execute(
        sql.SQL("create temporary table was on commit drop as select o.form, r.* from ({}) as r join of_table as o using"
                " (table_name)").format(kept_rows(freeze))
    )  # fmt: skip
    cursor.execute("create temporary table is_now (like was) on commit drop")
    known = {each.table: each for each in inputs}
    for name, kept in freeze.inputs.items():
        if name in known:
            _fill_now(cursor, known[name], kept)
    cursor.execute(CORRECTED, {"project": freeze.project})
    cursor.execute("analyze was; analyze is_now")
    cursor.execute(
        CHANGE, {"project": freeze.project, "names": ["person_id", "card_id"]} | RANKS | {"reference": REFERENCE}
    )
    cursor.execute("analyze change")
    cursor.execute("set local timezone to default")
    cursor.execute("select rank, count(*) from change group by rank")
    found = dict(cursor.fetchall())
    return {cause: found.get(rank, 0) for cause, rank in {**RANKS, "reference": REFERENCE}.items()}


def show_state(cursor: Any, rank: int) -> None:
    """Make `pg_temp.replay_row` the kept rows, with those of today for every cause up to this rank."""
    cursor.execute("drop view if exists pg_temp.replay_row")
    cursor.execute(sql.SQL(STATE).format(rank=sql.Literal(rank)))


def _fill_now(cursor: Any, each: Input, kept: Mapping[str, Any]) -> None:
    """The rows of today, in the columns that were kept."""
    names = {name for name, _ in kept["columns"]}
    whole = Input(each.spec, each.form, each.repeat, tuple(name for name in each.spec.names() if name in names))
    cursor.execute(
        sql.SQL(
            "insert into is_now (form, table_name, submission_id, repeat_index, version, is_corrected, answers)"
            " select {form}, {table}, submission_id, repeat_index, version, false, answers from ({rows}) as r"
        ).format(form=sql.Literal(kept["form"]), table=sql.Literal(each.table), rows=rows_of(whole))
    )


OF_TABLE = """
    insert into of_table values (%s, %s, %s, %s,
        coalesce((select load_id from quality.build where table_name = %s), 9223372036854775807))
"""
CORRECTED = """
    update is_now as n set is_corrected = true
    from of_table as o, (
        select distinct form, submission_id from quality.correction where project = %(project)s and state = 'applied'
    ) as c
    where o.table_name = n.table_name and o.repeat = '' and c.form = n.form and c.submission_id = n.submission_id
"""
CHANGE = """
    create temporary table change on commit drop as
    with different as (
        select form, submission_id, f.answers as was, n.answers as now
        from was as f full join is_now as n using (form, table_name, submission_id, repeat_index)
        where f.answers is distinct from n.answers and form <> ''
    ),
    submission as (
        select
            form, submission_id,
            coalesce(bool_and(was - %(names)s::text[] = now - %(names)s::text[]), false)
                and bool_and(was is not null and now is not null) as only_persons,
            bool_or(
                was ->> 'person_id' like 'anonyme-%%' or was ->> 'card_id' like 'anonyme-%%'
                or submission_id like 'anonyme-%%'
                or now is null and exists (
                    select from vault.restriction as v
                    where v.project = %(project)s and v.person_id in (was ->> 'person_id', was ->> 'card_id')
                )
            ) as of_rights
        from different group by form, submission_id
    ),
    loads as (
        select form, max(load_id) as load_then, max(load_now) as load_now from of_table group by form
    ),
    history as (
        select
            s.form, s.submission_id, min(s.load_id) as first_load,
            max(s.version) filter (where s.load_id <= loads.load_then) as version_then,
            max(s.version) filter (where s.load_id <= loads.load_now) as version_now,
            (array_agg(s.state order by s.version desc) filter (where s.load_id <= loads.load_now))[1] as state_now,
            bool_or(l.source = 'erasure' and s.load_id > loads.load_then) as is_erased
        from raw.submission as s
        join submission as d on d.form = s.form and d.submission_id = s.submission_id
        join loads on loads.form = s.form
        join raw.load as l on l.load_id = s.load_id
        where s.project = %(project)s
        group by s.form, s.submission_id
    ),
    main as (
        select
            form, submission_id, max(f.version) as version_then, max(n.version) as version_now,
            coalesce(bool_or(f.is_corrected), false) as was_corrected, coalesce(bool_or(n.is_corrected), false) as is_corrected,
            bool_or(n.answers is not null) as is_there
        from was as f full join is_now as n using (form, table_name, submission_id, repeat_index)
        join of_table as o using (form, table_name)
        join submission as d using (form, submission_id)
        where o.repeat = ''
        group by form, submission_id
    )
    select
        d.form, d.submission_id,
        case
            when d.of_rights or h.is_erased then %(rights)s
            when not coalesce(m.is_there, false) and coalesce(h.state_now, 'deleted') = 'deleted' then %(deletion)s
            when h.first_load > (select load_then from loads where loads.form = d.form) then %(late)s
            when coalesce(m.version_now, h.version_now) > coalesce(m.version_then, h.version_then, 0) then %(edit)s
            when d.only_persons and m.was_corrected = m.is_corrected then %(merge)s
            when m.was_corrected or m.is_corrected then %(correction)s
            else %(rules)s
        end as rank
    from submission as d
    left join history as h using (form, submission_id)
    left join main as m using (form, submission_id)
    union all
    select '', '', %(reference)s
    where exists (
        (select table_name, answers from was where form = '' except select table_name, answers from is_now where form = '')
        union all
        (select table_name, answers from is_now where form = '' except select table_name, answers from was where form = '')
    )
"""
STATE = """
    create temporary view replay_row as
    select f.table_name, f.submission_id, f.repeat_index, f.version, f.answers
    from was as f left join change as c using (form, submission_id)
    where c.rank is null or c.rank > {rank}
    union all
    select n.table_name, n.submission_id, n.repeat_index, n.version, n.answers
    from is_now as n join change as c using (form, submission_id)
    where c.rank <= {rank}
"""
