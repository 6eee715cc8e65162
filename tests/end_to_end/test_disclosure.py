"""The extracts of the demonstration, attacked from the files themselves, over three reporting dates.

What a reader types off the sheets, what categories, provinces and periods have to do with one another, and scipy.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from psycopg2 import errors
from psycopg2.extras import execute_values

from meal_pipelines.extracts import write_afd, write_iati, write_opsys, write_tei, write_thema, write_tracking
from meal_pipelines.warehouse import Warehouse
from tests.disclosure.attack import Attack, too_narrow
from tests.end_to_end.conftest import PROJECTS, Demo
from tests.extracts.logframes import project, records

THRESHOLD = 5
MONTHS = (dt.date(2028, 11, 30), dt.date(2028, 12, 31), dt.date(2029, 2, 28))
COUNTS = {
    "prim2": ("P2-OC-2", "P2-OP1.2-2"),
    "thamm_plus": ("TH-OC1-1", "TH-OP2.1-1", "TH-OP2.1-2", "TH-OP3.1-1"),
}
"""The indicators that count persons or what was done for them; those of the rates are attacked through TH-OC1-2."""
Count = tuple[str, str, str, tuple[tuple[str, str], ...]]
"""Indicator, kind of period, period, categories."""


@pytest.mark.parametrize("name", PROJECTS)
def test_nothing_hidden_in_the_samples_extracts_can_be_worked_out(
    demo: Demo, warehouse: Warehouse, tmp_path: Path, name: str
) -> None:
    """Three reporting dates, six files each: a figure hidden in one must not follow from the others."""
    loaded = project(name, f"masque_{name}")
    truth = _copied(demo, warehouse, name, loaded.id)
    attack, shown = Attack(), {}
    with warehouse.connect() as connection:
        for until in MONTHS:
            for write in (write_opsys, write_thema, write_tei, write_afd, write_iati, write_tracking):
                extract = write(connection, loaded, cutoff=until, out=tmp_path, run_id=None)
                assert extract.disclosure.passed is True, extract.disclosure.message
            shown |= _opsys(tmp_path / loaded.id / f"{until:%Y-%m}", until, loaded, name)
            shown |= _tracking(tmp_path / loaded.id / f"{until:%Y-%m}", until, name)
            _iati(tmp_path / loaded.id / f"{until:%Y-%m}", until, loaded, name, shown)
    for count, figure in shown.items():
        assert figure == truth[count] or isinstance(figure, str), f"{count} is shown as it is, or hidden"
        assert figure not in (None, "", "–")
        attack.know({count: 1.0}, figure)
    _rates(attack, truth, tmp_path / loaded.id, name)
    _relations(attack, truth, shown)
    small = [count for count in shown if 1 <= truth[count] < THRESHOLD]
    assert all(isinstance(shown[count], str) for count in small)
    for count, found in zip(small, attack.intervals([{count: 1.0} for count in small]), strict=True):
        assert not too_narrow(found, 1, THRESHOLD - 1, width=THRESHOLD), (count, found)


def _copied(demo: Demo, warehouse: Warehouse, name: str, to: str) -> dict[Count, float]:
    """The demonstration's values under another project's name; by count."""
    rows = demo.query(
        "select indicator, period_kind, period, period_start, period_end, disaggregation, numerator, denominator, value,"
        " units from indicators.value where project = %s",
        name,
    )
    with warehouse.connect() as connection:
        with connection.cursor() as cursor:
            cursor.execute("delete from indicators.value where project = %s", (to,))
            execute_values(
                cursor,
                "insert into indicators.value (project, indicator, period_kind, period, period_start, period_end,"
                " disaggregation, numerator, denominator, value, units) values %s",
                [(to, *row[:5], json.dumps(row[5]), *row[6:]) for row in rows],
                page_size=1000,
            )
        connection.commit()
    return {
        (row[0], row[1], row[2], tuple(sorted(row[5].items()))): float(row[8])
        for row in rows
        if row[0] in COUNTS[name] and row[8] is not None
    }


def _opsys(folder: Path, until: dt.date, loaded: Any, name: str) -> dict[Count, Any]:
    """The current values of the sheet: totals, and one figure per category."""
    dimensions = loaded.logframe.dimensions
    named = {
        f"{about.label} · {label}": (dimension, code)
        for dimension, about in dimensions.items()
        for code, label in {**about.values, "inconnu": "Non précisé"}.items()
    }
    found: dict[Count, Any] = {}
    for row in records(folder / "opsys.xlsx", "Valeurs", header=5):
        if row["Type de valeur"] == "Valeur actuelle" and row["Indicateur"] in COUNTS[name]:
            at = (row["Indicateur"], "to_date", f"{until:%Y-%m}")
            found[*at, ()] = row["Total"]
            found |= {(*at, (named[h],)): cell for h, cell in row.items() if h in named and cell not in (None, "")}
    return found


def _tracking(folder: Path, until: dt.date, name: str) -> dict[Count, Any]:
    found: dict[Count, Any] = {}
    for row in records(folder / "tableau_de_suivi.xlsx", "Tableau de suivi", header=6):
        if row["Code"] in COUNTS[name]:
            found[row["Code"], "to_date", f"{until:%Y-%m}", ()] = row["Valeur à date"]
            for heading, cell in row.items():
                if (quarter := re.fullmatch(r"T(\d) (\d{4})", heading or "")) is not None:
                    found[row["Code"], "quarter", f"{quarter[2]}-Q{quarter[1]}", ()] = cell
    return found


def _iati(folder: Path, until: dt.date, loaded: Any, name: str, shown: dict[Count, Any]) -> None:
    """What the XML holds is no more than what the workbooks show: the same figures, and none where they have a mark."""
    dimensions = loaded.logframe.dimensions
    named = {
        (about.label, label): (dimension, code)
        for dimension, about in dimensions.items()
        for code, label in {**about.values, "inconnu": "Non précisé"}.items()
    }
    for indicator in ElementTree.parse(folder / "iati.xml").getroot().iter("indicator"):
        codes = {at.get("code") for at in indicator.findall("reference")} & set(COUNTS[name])
        for actual in indicator.iter("actual") if codes else []:
            dimension = actual.find("dimension")
            cell = (named[dimension.get("name"), dimension.get("value")],) if dimension is not None else ()
            assert shown[codes.copy().pop(), "to_date", f"{until:%Y-%m}", cell] == float(actual.get("value") or "")


def _rates(attack: Attack, truth: dict[Count, float], folder: Path, name: str) -> None:
    """The share of women among departures ties a count of women to a count of all."""
    if name != "thamm_plus":
        return
    for path in sorted(folder.glob("*/opsys.json")):
        period = path.parent.name
        lines = json.loads(path.read_text("utf-8"))["valeurs"]
        line = next(at for at in lines if at["indicator"] == "TH-OC1-2" and at["value_type"] == "Valeur actuelle")
        if isinstance(line["total"], str):
            continue
        every = ("TH-OC1-1", "to_date", period, ())
        women = ("TH-OC1-1", "to_date", period, (("sex", "F"),))
        assert line["total"] == pytest.approx(100 * truth[women] / truth[every])
        attack.equal.append(({women: 1.0, every: -line["total"] / 100}, 0.0))


def _relations(attack: Attack, truth: dict[Count, float], shown: dict[Count, Any]) -> None:
    """What anybody knows: totals and categories, regions and provinces, later is not less."""
    tables: dict[tuple[str, str, str], dict[tuple[tuple[str, str], ...], float]] = defaultdict(dict)
    for count in shown:
        for other, value in truth.items():
            if other[:3] == count[:3] and len(other[3]) <= 1:
                tables[count[:3]][other[3]] = value
    for at, cells in tables.items():
        for dimension in {cell[0][0] for cell in cells if cell}:
            parts = [cell for cell in cells if cell and cell[0][0] == dimension]
            _whole(attack, at, cells, (), parts)
        for cell in [cell for cell in cells if cell and cell[0][0] == "region_code"]:
            inside = [
                other for other in cells
                if other and other[0][0] == "province_code" and other[0][1].startswith(cell[0][1] + ".")
            ]  # fmt: skip
            if inside and sum(cells[other] for other in inside) == cells[cell]:
                _whole(attack, at, cells, cell, inside)
    dates = sorted({at[2] for at in tables if at[1] == "to_date"})
    for at, cells in tables.items():
        for later in dates:
            after = tables.get((at[0], "to_date", later), {})
            if at[1] == "to_date" and later > at[2]:
                for cell in cells.keys() & after.keys():
                    attack.at_most.append(({(*at, cell): 1.0, (at[0], "to_date", later, cell): -1.0}, 0.0))


def _whole(attack: Attack, at: tuple[str, str, str], cells: Any, whole: Any, parts: list[Any]) -> None:
    form: dict[Any, float] = {(*at, whole): 1.0, **{(*at, part): -1.0 for part in parts}}
    if sum(cells[part] for part in parts) == cells[whole]:
        attack.equal.append((form, 0.0))
    else:
        attack.at_most.append((form, 0.0))
        attack.at_most += [({(*at, part): 1.0, (*at, whole): -1.0}, 0.0) for part in parts]


@pytest.mark.parametrize("name", PROJECTS)
def test_a_hidden_figure_never_looks_like_a_zero_or_like_nothing(demo: Demo, name: str) -> None:
    """« 0 » would be a lie and an empty cell a missing figure."""
    hidden = demo.query(
        "select indicator, disaggregation, shown_as from extracts.suppression where project = %s and recipient = 'opsys'"
        " and quantity = 'value'",
        name,
    )
    assert all(re.fullmatch(r"< 5|s", mark) for _, _, mark in hidden)
    (period,) = demo.query("select max(period) from extracts.opsys where project = %s", name)[0]
    lines = json.loads((demo.out / name / period / "opsys.json").read_text("utf-8"))["valeurs"]
    current = {line["indicator"]: line for line in lines if line["value_type"] == "Valeur actuelle"}
    marks = [
        (indicator, cell)
        for indicator, line in current.items()
        for categories in line.values()
        if isinstance(categories, dict)
        for cell in categories.values()
        if isinstance(cell, str)
    ]
    # Too few answers to publish is another rule, that of one survey's indicator.
    assert {indicator for indicator, cell in marks if cell == "n < 30"} <= {"P2-OC-3"}
    assert sorted(cell for _, cell in marks if cell != "n < 30") == sorted(mark for _, cell, mark in hidden if cell)
    assert hidden, "the samples have small regions and rare complaints"


def test_analysts_read_what_is_hidden_and_not_what_is_behind(demo: Demo) -> None:
    """The memory of publications holds the true counts."""
    with demo.warehouse.connect("analyst") as connection, connection.cursor() as cursor:
        cursor.execute("select count(*) from extracts.suppression")
        assert cursor.fetchone()
        with pytest.raises(errors.InsufficientPrivilege):
            cursor.execute("select 1 from audit.published_cell")
