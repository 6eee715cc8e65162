"""Judging leaves no trace, says nothing of the data, and tells a broken control from broken data."""

from __future__ import annotations

import logging
import subprocess
import sys
import traceback
import warnings

import psycopg2
import pytest
import sqlalchemy as sa

from expectations.engine import judge
from expectations.model import Expectation, Suite, blocking
from meal_pipelines.errors import TransientError
from meal_pipelines.warehouse import Warehouse
from meal_pipelines.warehouse.tables import Column
from tests.expectations.conftest import Bench

PHONE = "+212600000001"
COLUMNS = (Column("id", "text", ""), Column("telephone", "text", ""))
SUITE = (
    Expectation("id_renseigne", "Identifiant.", "not_null", ("id",)),
    Expectation("forme", "Forme.", "matches", ("telephone",), {"pattern": "^[a-z]+$"}, severity="warning"),
    Expectation("liste", "Liste.", "in_list", ("telephone",), {"values": ("a", "b")}),
    Expectation("cle_unique", "Clé.", "unique", ("telephone",), scope="table"),
)


@pytest.fixture
def phones(bench: Bench) -> str:
    return bench.make("essai_telephones", COLUMNS, [("a", PHONE), ("b", PHONE), ("c", "a")])


def test_only_a_critical_failure_blocks(bench: Bench, phones: str) -> None:
    results = bench.judge(SUITE, phones)
    assert {name for name, result in results.items() if not result.passed} == {"forme", "liste", "cle_unique"}
    assert [result.expectation.name for result in blocking(results.values())] == ["liste", "cle_unique"]


def test_row_rules_judge_the_staged_rows_and_table_rules_the_candidate(bench: Bench, phones: str) -> None:
    """The audit of a delta costs what the delta costs; a repeated key only shows in the whole."""
    bench.make("essai_candidat", COLUMNS, [("a", PHONE), (None, "z")])
    results = bench.judge(SUITE, phones, "essai_candidat")
    assert results["id_renseigne"].passed and results["id_renseigne"].checked_rows == 3
    assert results["cle_unique"].passed and results["cle_unique"].checked_rows == 2


def test_results_keep_the_order_of_the_suite(bench: Bench, phones: str) -> None:
    """A table rule between two row rules stays there, in the UI too."""
    mixed = Suite("essai.table", (SUITE[3], SUITE[0], SUITE[2]))
    results = judge(bench.url, mixed, staged=phones, candidate=phones)
    assert [result.expectation for result in results] == [SUITE[3], SUITE[0], SUITE[2]]


def test_a_second_judgement_sees_the_rows_that_changed(bench: Bench, phones: str) -> None:
    """The context and its tables are kept from one call to the next; what they contain must not be."""
    assert bench.judge(SUITE, phones)["id_renseigne"].checked_rows == 3
    bench.make(phones, (*COLUMNS, Column("autre", "text", "")), [(None, "a", "b")])
    again = bench.judge(SUITE, phones)["id_renseigne"]
    assert (again.failing_rows, again.checked_rows) == (1, 1)


BROKEN = (
    Expectation("conversion", "Conversion.", "no_row_where", (), {"condition": "telephone::date > current_date"}),
    Expectation("colonne", "Colonne.", "not_null", ("age",), severity="warning"),
)


def test_a_control_that_cannot_run_is_no_judgement_and_spoils_no_other(bench: Bench, phones: str) -> None:
    results = bench.judge((*SUITE, *BROKEN), phones)
    for name in ("conversion", "colonne"):
        assert not results[name].could_run and not results[name].passed
        assert results[name].failing_rows is None
        assert results[name].message.startswith("Contrôle impossible")
    assert "une colonne n'existe pas" in results["colonne"].message
    assert results["conversion"].blocks and not results["colonne"].blocks
    assert results["liste"].failing_rows == 2


def test_a_table_that_is_not_there_is_a_control_that_cannot_run(bench: Bench) -> None:
    results = bench.judge(SUITE, "essai_absente")
    assert not any(result.could_run or result.passed for result in results.values())
    assert "une table n'existe pas" in results["liste"].message


def test_no_value_leaves_the_database(
    bench: Bench, phones: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """PostgreSQL and Great Expectations both quote values in what they say of a failure."""
    with caplog.at_level(logging.DEBUG):
        results = bench.judge((*SUITE, *BROKEN), phones)
        logging.getLogger("meal_pipelines").info("notre propre journal")
    printed = capfd.readouterr()
    said = [repr(result) + result.message for result in results.values()]
    for text in (*said, caplog.text, printed.out, printed.err):
        assert PHONE not in text and PHONE[1:] not in text
    assert printed.out == printed.err == ""
    assert "notre propre journal" in caplog.text


def test_a_query_that_is_cut_short_may_be_tried_again_and_quotes_nothing(bench: Bench, phones: str) -> None:
    impatient = bench.url.update_query_dict({"options": "-cstatement_timeout=100"})
    condition = f"pg_sleep(1) is null or telephone = '{PHONE}'"
    slow = Suite("essai.table", (Expectation("lent", "Lent.", "no_row_where", (), {"condition": condition}),))
    with pytest.raises(TransientError) as refusal:
        judge(impatient, slow, staged=phones, candidate=phones)
    assert PHONE not in "".join(traceback.format_exception(refusal.value))


def test_a_server_that_is_away_may_come_back(bench: Bench) -> None:
    away = sa.make_url("postgresql+psycopg2://quelqu_un:motdepasse@127.0.0.1:9/meal")
    with pytest.raises(TransientError) as refusal:
        judge(away, Suite("essai.table", SUITE), staged="a", candidate="b")
    assert "motdepasse" not in "".join(traceback.format_exception(refusal.value))


def test_a_connection_that_breaks_meanwhile_may_be_tried_again(
    bench: Bench, phones: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database is known from an earlier judgement, and is being restarted now."""
    bench.judge(SUITE, phones)

    def refuse(*rest: object, **options: object) -> None:
        raise psycopg2.OperationalError(f"server closed the connection while reading {PHONE}")

    monkeypatch.setattr(psycopg2, "connect", refuse)
    with pytest.raises(TransientError) as refusal:
        bench.judge(SUITE, phones)
    assert PHONE not in "".join(traceback.format_exception(refusal.value))


def test_nothing_stays_in_the_database(bench: Bench, phones: str, warehouse: Warehouse) -> None:
    """An open connection keeps the embedded server up; an open transaction keeps the table from being published."""
    bench.judge((*SUITE, *BROKEN), phones)
    with warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute("select count(*) from pg_class where relpersistence = 't' or relname like 'gx%'")
        assert cursor.fetchone() == (0,)
        cursor.execute(
            "select count(*) from pg_locks join pg_class as c on c.oid = relation"
            " where c.relname = %s and pid <> pg_backend_pid()",
            (phones,),
        )
        assert cursor.fetchone() == (0,)
        cursor.execute(
            "select count(*) from pg_stat_activity where query ilike '%filter (where%' and pid <> pg_backend_pid()"
        )
        assert cursor.fetchone() == (0,)


def test_all_row_rules_are_counted_in_one_query(bench: Bench, phones: str) -> None:
    """A hundred rules on a million rows are one pass over them."""
    statements: list[str] = []

    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        statements.append(statement)

    many = [Expectation(f"regle_{n}", "Règle.", "between", ("id",), {"max": str(n)}) for n in range(30)]
    bench.judge(many, phones)
    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        bench.judge(many, phones)
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
    assert len([statement for statement in statements if phones in statement]) == 1


def test_python_s_warnings_stay_ours(bench: Bench, phones: str) -> None:
    """Great Expectations redirects them to its log when it is imported."""
    bench.judge(SUITE, phones)
    with pytest.warns(UserWarning, match="à nous"):
        warnings.warn("à nous", UserWarning, stacklevel=1)


def test_suites_are_read_without_loading_great_expectations() -> None:
    """It takes seconds to import, and every Dagster process reads the suites."""
    code = (
        "import sys, expectations.cleaned, expectations.pseudonymised, expectations.marts, expectations.engine;"
        "sys.exit('great_expectations' in sys.modules or 'pandas' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_name_that_dagster_refuses_is_refused() -> None:
    with pytest.raises(ValueError, match="sans accent"):
        Expectation("clé", "Clé.", "not_empty")
    with pytest.raises(ValueError, match="du même nom : a"):
        Suite("essai.table", (Expectation("a", "A.", "not_empty"), Expectation("a", "A.", "not_empty")))
