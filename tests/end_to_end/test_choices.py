"""`marts.choice` beside the XLSForms themselves, opened with openpyxl: nothing of the project's own reading is used here."""

from __future__ import annotations

from pathlib import Path

from openpyxl import load_workbook

from meal_pipelines.settings import CHECKOUT
from tests.end_to_end.conftest import PROJECTS, Demo

FRENCH, ARABIC = "label::Français (fr)", "label::العربية (ar)"

WRITTEN_BY_MARTS = {
    *((project, "marts.feedback", "category", "circuit_separe") for project in PROJECTS),
}
"""Codes that no list has: the SQL of a mart writes them, and its column's description says what they mean."""


def sheet(path: Path, name: str) -> list[dict[str, str]]:
    rows = list(load_workbook(path, read_only=True)[name].iter_rows(values_only=True))
    header = [str(cell) for cell in rows[0]]
    return [
        {key: str(cell).strip() for key, cell in zip(header, row, strict=True) if cell is not None} for row in rows[1:]
    ]


def asked(project: str, path: Path) -> set[tuple[str, str, str, str, str, str]]:
    """(project, table, column, code, French, Arabic) of every choice that a form offers, shown to analysts or not."""
    lists: dict[str, list[dict[str, str]]] = {}
    for row in sheet(path, "choices"):
        if row.get("list_name"):
            lists.setdefault(row["list_name"], []).append(row)
    found, repeats = set(), [""]
    for row in sheet(path, "survey"):
        kind = row.get("type", "").split()
        if kind[:1] == ["begin_repeat"]:
            repeats.append("__" + row["name"])
        elif kind[:1] == ["end_repeat"]:
            repeats.pop()
        elif kind and kind[0].startswith("select_"):
            table = f"pseudonymised.{project}_{path.stem}{repeats[-1]}"
            found |= {
                (project, table, row["name"], choice["name"], choice[FRENCH], choice[ARABIC])
                for choice in lists[kind[1]]
            }
    return found


def test_every_code_of_a_column_that_analysts_read_has_the_wording_of_its_questionnaire(demo: Demo) -> None:
    """And no column has one that is not shown: what the privacy classes seal has no codes to explain."""
    forms = [
        (project, path) for project in PROJECTS for path in (CHECKOUT / "projects" / project / "forms").glob("*.xlsx")
    ]
    offered = set().union(*(asked(project, path) for project, path in forms))
    columns = set(
        demo.query(
            "select table_schema || '.' || table_name, column_name from information_schema.columns"
            " where table_schema = 'pseudonymised'"
        )
    )
    found = set(
        demo.query(
            "select project, table_name, column_name, code, label_fr, label_ar from marts.choice"
            " where is_offered and starts_with(table_name, 'pseudonymised.')"
        )
    )
    assert found == {each for each in offered if (each[1], each[2]) in columns}
    assert len(forms) == 27 and len(found) > 1500 and found < offered


def test_no_code_that_the_warehouse_holds_is_without_meaning(demo: Demo) -> None:
    """Read in the tables themselves, marts included: an analyst who joins loses none but what a mart wrote itself."""
    unexplained, codes = set(), 0
    explained = demo.query("select distinct project, table_name, column_name from marts.choice")
    for project, table, column in explained:
        # A column of several choices is an array, and one of grades an integer.
        written = demo.query(
            f"select distinct unnest(array_remove(string_to_array(translate(cast({column} as text), '{{}}', ''), ','), 'NULL'))"
            f" from {table}" + (" where project = %s" if table.startswith("marts.") else " where %s is not null"),
            project,
        )
        known = demo.query(
            "select code from marts.choice where project = %s and table_name = %s and column_name = %s",
            *(project, table, column),
        )
        codes += len(written)
        unexplained |= {(project, table, column, code) for (code,) in set(written) - set(known)}
    assert unexplained == WRITTEN_BY_MARTS
    assert codes > 1000 and len({table for _, table, _ in explained if table.startswith("marts.")}) > 15
