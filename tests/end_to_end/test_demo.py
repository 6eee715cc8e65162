"""`meal demo`: one command, both projects, every stage, and something to read at the end."""

from __future__ import annotations

from tests.end_to_end.conftest import PROJECTS, ROWS, Demo

GIB = 2**30


def test_the_demonstration_ends_well_and_every_stage_has_rows(demo: Demo) -> None:
    """A stage without rows is a stage that nobody has seen work."""
    assert demo.finished.code == 0
    assert demo.finished.err == ""
    stages = dict(demo.query("select stage, count(*) filter (where rows > 0) from quality.build group by stage"))
    assert set(stages) >= {"cleaned", "pseudonymised", "marts", "indicators"}
    assert all(stages.values()), stages
    for table in ("raw.submission", "vault.identity", "indicators.value", "extracts.opsys", "extracts.thema"):
        projects = {name for (name,) in demo.query(f"select distinct project from {table}")}
        assert projects == set(PROJECTS), table


def test_each_project_has_as_many_submissions_as_were_asked_for(demo: Demo) -> None:
    counts = dict(
        demo.query("select project, count(distinct (form, submission_id)) from raw.submission group by project")
    )
    assert counts == dict.fromkeys(PROJECTS, ROWS)


def test_no_table_of_a_form_is_empty_and_none_is_left_under_construction(demo: Demo) -> None:
    empty = demo.query("select table_name from quality.build where coalesce(rows, 0) = 0")
    assert empty == []
    assert demo.query("select tablename from pg_tables where schemaname = 'build'") == []


def test_no_critical_check_fails_in_the_demonstration(demo: Demo) -> None:
    """The officer's first impression: what is broken in the sample is quarantined, and nothing stops."""
    failed = demo.query(
        "select table_name, check_name from quality.check_result where is_current and not passed and severity = 'critical'"
    )
    assert failed == []


def test_the_summary_says_what_was_done_and_where_to_look(demo: Demo) -> None:
    said = demo.finished.out
    for word in ("Soumissions par étape", "Contrôles", "Indicateurs", "Fichiers", "meal up --demo", "illustrative"):
        assert word in said, word
    for (code,) in demo.query("select indicator from indicators.definition"):
        assert code in said
    files = [path for path in demo.out.rglob("*") if path.is_file()]
    assert any("opsys" in path.name for path in files) and any("thema" in path.name for path in files)
    assert {path.relative_to(demo.out).parts[0] for path in files} == set(PROJECTS)


def test_the_demonstration_needs_less_than_one_gigabyte(demo: Demo) -> None:
    """A laptop of 8 GB with a browser and Excel open."""
    assert 0 < demo.finished.peak < GIB
