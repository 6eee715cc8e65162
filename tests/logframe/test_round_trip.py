"""Out into a workbook and back: nothing is lost, nothing else is touched, and whatever an officer writes arrives as written."""

from __future__ import annotations

import datetime as dt
import difflib
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from meal_pipelines.logframe.fields import flatten
from meal_pipelines.logframe.layout import LAYOUTS
from tests.logframe.books import KEYS, addresses, edited, exported, folder_of, imported, logframe_in, plain

FOLDERS = ("prim2", "thamm_plus")


@pytest.fixture(scope="module", params=FOLDERS)
def home(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """A project's logframe and its workbook, exported once; tests work on copies of the bytes."""
    folder = folder_of(request.param, tmp_path_factory.mktemp("cadre"))
    return folder, exported(folder, folder / "cadre.xlsx").read_bytes()


def _copy(home: tuple[Path, bytes], name: str = "modifie.xlsx") -> Path:
    path = home[0] / name
    path.write_bytes(home[1])
    return path


def test_without_an_edit_nothing_changes_to_the_byte(home: tuple[Path, bytes]) -> None:
    """Also once a spreadsheet has opened and saved the file."""
    before = (home[0] / "logframe.yaml").read_text("utf-8")
    assert imported(home[0], _copy(home)) == ([], before)
    assert imported(home[0], edited(_copy(home), lambda book: None)) == ([], before)


def test_every_field_of_the_logframe_has_its_cell(home: tuple[Path, bytes]) -> None:
    """A field that had none would be lost on the way to the officer."""
    for path in flatten(logframe_in(home[0])):
        assert any(layout.place(path) is not None for layout in LAYOUTS.values()) or path[-1] in ("code", "month"), path
        for layout in LAYOUTS.values():
            if (place := layout.place(path)) is not None:
                assert layout.path(*place) == path


TEXTS = st.one_of(
    st.sampled_from([
        "=1+1", "- tiret", "@moi", "a: b", "# dièse", "true", "non", "12", "02", "2.20", "2026-03-01", "« guillemets »",
        'il dit "oui"', "l'étude", "{a: 1}", "[x]", "a # b", "null", "~", "!x", "&x", "*x", "%x", "`x`", "|", ">", "fin :",
        "deux\nlignes", "عربي", "  ", "ن\u200cم",
    ]),
    st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Cf", "Cn", "Co", "Zl", "Zp")), min_size=1, max_size=60),
)  # fmt: skip


@settings(
    max_examples=60 if os.environ.get("MEAL_HUNT") else 4,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_whatever_is_written_arrives_as_written_and_alone(home: tuple[Path, bytes], data: st.DataObject) -> None:
    """Texts that YAML or Excel would take for something else; other lines of the file stay as they are."""
    book = load_workbook(_copy(home))
    cells = addresses(book, KEYS)
    places = sorted(
        at for at, cell in cells.items()
        if at[2] in ("Libellé", "Limites", "Responsable", "Fréquence", "Statut", "Confiance", "Valeur")
        and at[0] not in ("Mesures", "Cadre") and cell.value is not None
    )  # fmt: skip
    chosen = data.draw(st.lists(st.sampled_from(places), min_size=1, max_size=4, unique=True))
    wanted: dict[Any, Any] = {}
    for at in chosen:
        value: Any = data.draw(st.integers(0, 10**9) if at[2] == "Valeur" else TEXTS)
        if isinstance(value, str) and not value.strip():
            continue
        cells[at].value = value
        cells[at].data_type = "n" if isinstance(value, int) else "s"
        wanted[at] = value
    path = home[0] / "hypothese.xlsx"
    book.save(path)
    before = (home[0] / "logframe.yaml").read_text("utf-8")
    changes, after = imported(home[0], path)
    assert len(changes) <= len(wanted)
    found, read = {change.path: change.new for change in changes}, plain(after)
    for (sheet, key, heading), value in wanted.items():
        field = _path(sheet, key, heading)
        assert found.get(field, value) == value or str(found[field]) == str(value)
        assert _in(read, field) == value or str(_in(read, field)) == str(value), (field, value)
    touched = [line for line in difflib.ndiff(before.splitlines(), after.splitlines()) if line[:1] == "-"]
    assert len(touched) <= sum(_lines_of(before, change.path) for change in changes)


def _path(sheet: str, key: str, heading: str) -> Any:
    from meal_pipelines.logframe.layout import NAMES

    column = next(name for name, text in NAMES.items() if text == heading)
    return LAYOUTS[sheet].path(tuple(key.split("|")), column)


def _in(read: Any, path: Any) -> Any:
    """The value in the file as ruamel has it; targets in the short form."""
    for part in path:
        if isinstance(read, list):
            read = next(item for item in read if part in (str(item.get("code")), str(item.get("month"))))
        elif part == "value" and not isinstance(read, dict):
            return read
        elif part == "by" and isinstance(read, dict) and "by" not in read:
            continue
        else:
            known = {str(name): value for name, value in read.items()}
            read = known[part] if part in known else known[f"M{part}"]
    return read


def _lines_of(text: str, path: Any) -> int:
    """How many lines a value may stand on: a folded text stands on several."""
    return 8 if path[-1] in ("limits", "calculation", "label", "confidence", "status") else 1


def test_a_changed_target_is_one_changed_line(home: tuple[Path, bytes]) -> None:
    """The officer's colleague reads the difference in the history of the file."""
    code = {"prim2": "P2-OC-2", "thamm_plus": "TH-OC1-1"}[home[0].name]

    def change(book: Any) -> None:
        addresses(book, KEYS)["Cibles", f"{code}|24|", "Valeur"].value = 2600

    before = (home[0] / "logframe.yaml").read_text("utf-8")
    changes, after = imported(home[0], edited(_copy(home), change))
    assert [(at.path, at.new) for at in changes] == [(("indicators", code, "targets", "24", "value"), 2600)]
    lines = [line for line in difflib.ndiff(before.splitlines(), after.splitlines()) if line[:1] in "+-"]
    assert len(lines) == 2
    assert plain(after)["indicators"][_rank(after, code)]["targets"]["M24"] == 2600
    assert before.count("#") == after.count("#")


def _rank(text: str, code: str) -> int:
    return [indicator["code"] for indicator in plain(text)["indicators"]].index(code)


def _append(book: Any, sheet: str, *cells: Any) -> None:
    at = book[sheet]
    line = next(line for line in range(5, at.max_row + 1) if at.cell(line, 1).value is None)
    for number, value in enumerate(cells, 1):
        if value is not None:
            at.cell(line, number).value = value


def _clear(book: Any, sheet: str, key: str) -> None:
    at = book[sheet]
    for line in range(5, at.max_row + 1):
        parts = [at.cell(line, number).value for number in range(1, KEYS[sheet] + 1)]
        if "|".join("" if part is None else str(part) for part in parts) == key:
            for number in range(1, at.max_column + 1):
                at.cell(line, number).value = None


def test_rows_are_added_and_removed(tmp_path: Path) -> None:
    """A target, a category, a donor, a hypothesis more; a target and a donor less."""
    folder = folder_of("prim2", tmp_path)
    book = exported(folder, tmp_path / "cadre.xlsx")
    headings = [cell.value for cell in load_workbook(book)["Bailleurs"][4]]

    def change(opened: Any) -> None:
        _append(opened, "Cibles", "P2-OC-2", 30, None, None, 3300)
        _append(opened, "Ventilations", "call_code", "appel_4", "Appel 4 (exemple)")
        donor = {"Indicateur": "P2-OP1.2-2", "Bailleur": "tei", "Référentiel": "TEI", "Lien": "candidate"}
        _append(opened, "Bailleurs", *(donor.get(heading) for heading in headings))
        _clear(opened, "Cibles", "P2-OP1.1-1|12|")
        _clear(opened, "Bailleurs", "P2-OP1.1-1|thema")
        cells = addresses(opened, KEYS)
        cells["Resultats", "P2-OC", "Hypothèses (une par ligne)"].value += "\nUne autre : que l'on suivra."
        cells["References", "P2-OC-2|", "Date"].value = dt.date(2026, 4, 1)
        cells["Indicateurs", "P2-OC-2", "Cumulé"].value = "Non"
        cells["Indicateurs", "P2-OC-2", "Croisements (un par ligne)"].value = "sex × target_group"

    _, after = imported(folder, edited(book, change))
    read = plain(after)
    of = {indicator["code"]: indicator for indicator in read["indicators"]}
    assert of["P2-OC-2"]["targets"] == {"M12": 700, "M24": 2400, "M36": 4200, "M30": 3300}
    assert of["P2-OP1.1-1"]["targets"] == {"M24": 28, "M36": 36}
    assert read["dimensions"]["call_code"]["values"]["appel_4"] == "Appel 4 (exemple)"
    assert of["P2-OP1.2-2"]["donors"]["tei"] == {"framework": "TEI", "mode": "candidate"}
    assert "thema" not in of["P2-OP1.1-1"]["donors"]
    assert read["results"][1]["assumptions"][-1] == "Une autre : que l'on suivra."
    assert of["P2-OC-2"]["baseline"]["date"] == dt.date(2026, 4, 1)
    assert (of["P2-OC-2"]["cumulative"], of["P2-OC-2"]["crossings"]) == (False, [["sex", "target_group"]])
    (folder / "logframe.yaml").write_text(after, encoding="utf-8")
    assert imported(folder, exported(folder, tmp_path / "encore.xlsx")) == ([], after)


def test_the_same_workbook_may_be_imported_again_and_edited_further(tmp_path: Path) -> None:
    folder = folder_of("thamm_plus", tmp_path)
    book = exported(folder, tmp_path / "cadre.xlsx")

    def label(text: str) -> Any:
        def change(opened: Any) -> None:
            addresses(opened, KEYS)["Resultats", "TH-IMP", "Libellé"].value = text

        return change

    _, after = imported(folder, edited(book, label("Premier")))
    (folder / "logframe.yaml").write_text(after, encoding="utf-8")
    assert imported(folder, book) == ([], after)
