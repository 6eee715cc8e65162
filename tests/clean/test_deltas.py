"""Cleaning and protecting only what changed must end where doing it all again would."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from meal_pipelines.warehouse import Warehouse
from tests.stage_cases import PROJECT, Bench, bench_of, visit

MEMBER = st.fixed_dictionaries(
    {
        "membres/lien": st.sampled_from(["enfant", "conjoint", "voisin"]),
        "membres/age": st.sampled_from(["7", "12", "44", "x"]),
        "membres/prenom": st.sampled_from(["Aïcha", "Omar"]),
        "membres/suites": st.lists(
            st.fixed_dictionaries({"membres/suites/note": st.sampled_from(["9", "25"])}), max_size=2
        ),
    }
)
VISIT = st.builds(
    visit,
    jour=st.sampled_from(["2026-05-04", "2026-05-05", "2027-01-01", None]),
    duree=st.sampled_from(["30", "900", "trente"]),
    accord=st.sampled_from(["oui", "oui", "non"]),
    telephone=st.sampled_from(["0612345678", "+212 6 12 34 56 78", None]),
    besoins=st.sampled_from(["sante emploi", "logement", None]),
    nouvelle=st.sampled_from([None, "x"]),
    membres=st.lists(MEMBER, max_size=3),
)
NIGHTS = st.lists(
    st.dictionaries(st.sampled_from("abcdef"), st.one_of(st.none(), VISIT, VISIT), min_size=1, max_size=4), min_size=2, max_size=4
)  # fmt: skip
"""Each night, what changed at the source: submissions new or edited, None for deleted."""


def everything(bench: Bench) -> dict[str, Any]:
    """All that the stages say, unsealed, without what differs between two warehouses (loads, versions)."""
    found: dict[str, Any] = {"faults": bench.faults()}
    for schema in ("cleaned", "pseudonymised"):
        for suffix in ("", "__membres", "__suites"):
            rows = bench.table(schema, suffix)
            found[f"{schema}{suffix}"] = [
                {k: v for k, v in row.items() if k not in ("load_id", "version")} for row in rows
            ]
    vault = bench.query(
        "select repeat, submission_id, repeat_index, person_id, sealed from vault.identity where project = %s"
        " order by 1, 2, 3",
        bench.project.id,
    )
    found["vault"] = [
        (*place, bench.unsealed(blob, f"vault|{bench.project.id}|visites|{place[0]}|{place[1]}|{place[2]}"))
        for *place, blob in vault
    ]
    return found


@settings(
    max_examples=5,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
@given(nights=NIGHTS)
def test_deltas_end_where_a_whole_rebuild_ends(warehouse: Warehouse, nights: list[dict[str, Any]]) -> None:
    """Edits, faults that come and go, deletions and returns: the tables, the rejections and the vault are the same."""
    with TemporaryDirectory() as folder, bench_of(warehouse, Path(folder)) as bench:
        held: dict[str, Any] = {}
        for number, night in enumerate(nights):
            held = {key: row for key, row in {**held, **night}.items() if row is not None}
            bench.source.rows = held
            bench.sync()
            build = bench.clean()
            bench.protect()
            assert build is None or build.whole == (number == 0)
        by_deltas = everything(bench)
        bench.redeclare(PROJECT.replace("code: F-VIS", "code: F-VIS2"))
        build, protected = bench.clean(), bench.protect()
        assert build is not None and build.whole and protected is not None and protected.whole
        assert everything(bench) == by_deltas


def test_a_delta_looks_at_nothing_but_what_changed(bench: Bench) -> None:
    """A night with one new row among many must cost one row."""
    rows = {f"s{number:02}": visit() for number in range(20)}
    assert bench.run(**rows).submissions == 20
    rows["s05"] = visit(duree="60")
    del rows["s06"]
    build = bench.run(**rows)
    assert (build.whole, build.submissions, build.deleted) == (False, 1, 1)
    assert bench.protect() is None and bench.clean() is None


def test_a_rejection_is_resolved_when_the_answer_is_corrected_and_opens_again(bench: Bench) -> None:
    """What the officer corrected on the server leaves the list; the history stays."""
    fault = ("a", "", 0, "duree", "constraint", "warning")
    bench.run(a=visit(duree="900"), b=visit(duree="900"))
    bench.run(a=visit(duree="60"), b=visit(duree="900"))
    assert bench.faults() == {("b", *fault[1:])}
    assert fault in bench.faults("resolved")
    bench.run(a=visit(duree="900"), b=visit(duree="900"))
    assert fault in bench.faults() and fault in bench.faults("resolved")


def test_an_unchanged_fault_is_told_once_however_often_it_is_judged(bench: Bench) -> None:
    bench.run(a=visit(duree="900", poids="1000"))
    bench.redeclare(PROJECT.replace("code: F-VIS", "code: F-VIS2"))
    bench.clean()
    [(count,)] = bench.query("select count(*) from quality.rejection where project = %s", bench.project.id)
    assert count == 1


def test_a_deleted_submission_leaves_every_table_and_its_rejections(bench: Bench) -> None:
    bench.run(a=visit(duree="900", membres=[{"membres/lien": "enfant"}]), b=visit())
    bench.run(b=visit())
    for schema in ("cleaned", "pseudonymised"):
        assert [row["submission_id"] for row in bench.table(schema)] == ["b"]
        assert bench.table(schema, "__membres") == []
    assert bench.faults() == set()
    assert bench.query("select submission_id from vault.identity where project = %s", bench.project.id) == [("b",)]


def test_a_new_class_in_the_project_builds_the_tables_anew(bench: Bench) -> None:
    """Yesterday's column in clear may not stay a day longer."""
    bench.run(a=visit())
    assert bench.table("pseudonymised")[0]["sexe"] == "F"
    bench.redeclare(
        PROJECT.replace("open: [accord, jour, sexe, ", "open: [accord, jour, ").replace(
            "[jour, commune, sexe]", "[jour]"
        )
    )
    build = bench.clean()
    bench.protect()
    assert build is not None and build.whole
    assert "sexe" not in bench.table("cleaned")[0] and "sexe" not in bench.table("pseudonymised")[0]


def test_a_condemned_build_leaves_the_tables_of_yesterday(bench: Bench) -> None:
    from meal_pipelines.clean import stage
    from meal_pipelines.clean.corrections import read_log

    bench.run(a=visit())
    bench.source.rows = {"a": visit(duree="60"), "b": visit()}
    bench.sync()
    build = stage.prepare(
        bench.warehouse, bench.keyring, bench.project, bench.form, read_log(bench.folder / "none.csv")
    )
    assert build is not None
    stage.discard(bench.warehouse, build)
    assert [(row["submission_id"], row["duree"]) for row in bench.table("cleaned")] == [("a", 30)]
    left = bench.query(
        "select table_name from information_schema.tables where table_schema = 'build' and strpos(table_name, %s) > 0",
        bench.project.id,
    )
    assert left == []
    assert bench.clean() is not None and len(bench.table("cleaned")) == 2, "the next run takes up what was condemned"
