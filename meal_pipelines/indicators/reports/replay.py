"""Work out a frozen report's values again, with its own queries, from rows that are given: kept ones, today's, or a mixture.

Everything happens in temporary tables of one transaction, which ends in nothing. Which rows are given, and what a difference
is called, is `restate.py`'s business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any

from psycopg2 import sql

from meal_pipelines.indicators.reports.frozen import Freeze
from meal_pipelines.indicators.time_limit import within
from meal_pipelines.warehouse.reading import over
from meal_pipelines.warehouse.tables import identifiers

VALUE = ("period_kind", "period", "period_start", "period_end", "disaggregation", "value", "units")
"""What is kept of a value: what a derived indicator reads, and what is compared."""


class Replay:
    """The queries of one freeze, ready to run over the rows in `pg_temp.replay_row` (form, submission_id, table_name, …)."""

    def __init__(self, cursor: Any, freeze: Freeze) -> None:
        self.cursor, self.freeze = cursor, freeze
        self._tables = {name: f"replay_in_{number}" for number, name in enumerate(sorted(freeze.inputs))}
        cursor.execute("select mart, columns, sql from indicators.reported_model where freeze_id = %s order by position",
                       (freeze.freeze_id,))  # fmt: skip
        self._marts: list[tuple[str, list[list[str]], str]] = cursor.fetchall()
        cursor.execute(
            "select indicator, entry, formula_sql from indicators.reported_definition where freeze_id = %s order by position",
            (freeze.freeze_id,),
        )
        self.entries: dict[str, dict[str, Any]] = {}
        self._formulas: dict[str, str] = {}
        for indicator, entry, formula in cursor.fetchall():
            self.entries[indicator], self._formulas[indicator] = entry, formula
        self._make_tables()

    def run(self, step: int) -> None:
        """Values of `replay_row` as it stands, into `pg_temp.replay_step`, as the values of this step."""
        for name in self.freeze.inputs:
            self._fill(name)
        places = {name: f'pg_temp."{table}"' for name, table in self._tables.items()}
        for mart, columns, query in self._marts:
            table = sql.Identifier("pg_temp", _mart(mart))
            self.cursor.execute(sql.SQL("truncate {}").format(table))
            names = identifiers([name for name, _ in columns])
            self.cursor.execute(sql.SQL("insert into {} ({}) {}").format(table, names, sql.SQL(over(query, places))))
            self.cursor.execute(sql.SQL("analyze {}").format(table))
            places[f"marts.{mart}"] = f'pg_temp."{_mart(mart)}"'
        self._measure(step, places)

    def run_on_marts(self, step: int) -> None:
        """The same of the marts as they are published today."""
        self._measure(step, {})

    def _measure(self, step: int, places: Mapping[str, str]) -> None:
        self.cursor.execute("truncate pg_temp.replay_value")
        # As where indicators are computed: intermediate results have no statistics.
        self.cursor.execute("set local enable_mergejoin = off; set local enable_nestloop = off")
        for indicator, formula in self._formulas.items():
            names = identifiers(VALUE)
            statement = sql.SQL(
                "insert into pg_temp.replay_value (project, indicator, {names})"
                " select {project}, {indicator}, {names} from (\n{query}\n) as measured"
            ).format(
                names=names, project=sql.Literal(self.freeze.project), indicator=sql.Literal(indicator),
                query=sql.SQL(over(formula, {**places, "indicators.value": "pg_temp.replay_value"})),
            )  # fmt: skip
            measure = self.entries[indicator]["measure"]
            limit = measure.get("max_seconds") if measure["kind"] == "sql" else None
            with within(self.cursor, limit, f"{indicator}, {measure['file']}, figée") if limit else nullcontext():
                self.cursor.execute(statement)
            self.cursor.execute("analyze pg_temp.replay_value")
        self.cursor.execute("set local enable_mergejoin to default; set local enable_nestloop to default")
        self.cursor.execute("delete from pg_temp.replay_step where step = %s", (step,))
        self.cursor.execute(
            "insert into pg_temp.replay_step select %s, indicator, period_kind, period, disaggregation, value"
            " from pg_temp.replay_value",
            (step,),
        )

    def _fill(self, name: str) -> None:
        table = sql.Identifier("pg_temp", self._tables[name])
        self.cursor.execute(sql.SQL("truncate {}").format(table))
        self.cursor.execute(
            sql.SQL(
                "insert into {table} select typed.* from pg_temp.replay_row as r cross join lateral jsonb_populate_record("
                "null::{table}, r.answers || jsonb_build_object('submission_id', r.submission_id, 'repeat_index',"
                " r.repeat_index, 'version', r.version)) as typed where r.table_name = %s"
            ).format(table=table),
            (name,),
        )
        self.cursor.execute(sql.SQL("analyze {}").format(table))

    def _make_tables(self) -> None:
        for name, kept in self.freeze.inputs.items():
            self._make(self._tables[name], kept["columns"])
        for mart, columns, _ in self._marts:
            self._make(_mart(mart), columns)
        self.cursor.execute("drop table if exists pg_temp.replay_value, pg_temp.replay_step")
        self.cursor.execute(
            "create temporary table replay_value on commit drop as"
            " select project, indicator, period_kind, period, period_start, period_end, disaggregation, value, units"
            " from indicators.value limit 0"
        )
        self.cursor.execute(
            "create temporary table replay_step (step int not null, indicator text not null, period_kind text not null,"
            " period text not null, disaggregation jsonb not null, value numeric) on commit drop"
        )

    def _make(self, name: str, columns: Sequence[Sequence[str]]) -> None:
        self.cursor.execute(sql.SQL("drop table if exists {}").format(sql.Identifier("pg_temp", name)))
        typed = sql.SQL(", ").join(
            sql.SQL("{} {}").format(sql.Identifier(column), sql.SQL(kind)) for column, kind in columns
        )
        self.cursor.execute(
            sql.SQL("create temporary table {} ({}) on commit drop").format(sql.Identifier(name), typed)
        )


def show_kept(cursor: Any, freeze: Freeze) -> None:
    """Make `pg_temp.replay_row` the rows that this freeze keeps."""
    cursor.execute("drop view if exists pg_temp.replay_row")
    cursor.execute(sql.SQL("create temporary view replay_row as {}").format(kept_rows(freeze)))


def kept_rows(freeze: Freeze) -> sql.Composed:
    """The query of the rows that a freeze keeps."""
    return sql.SQL(KEPT).format(project=sql.Literal(freeze.project), freeze=sql.Literal(freeze.freeze_id))


def _mart(name: str) -> str:
    return f"replay_mart_{name}"


KEPT = """
    select r.table_name, r.submission_id, r.repeat_index, r.version, r.is_corrected, r.answers
    from indicators.reported_record as r
    left join indicators.reported_removal as gone on gone.record_id = r.record_id and gone.freeze_id <= {freeze}
    where r.project = {project} and r.freeze_id <= {freeze} and gone.record_id is null
"""
