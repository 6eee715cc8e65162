"""The page of an indicator: its figures are the published ones, it asks nothing of any network, and a phone shows it whole."""

from __future__ import annotations

import datetime as dt
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from lxml import html

from meal_pipelines.extracts.internal import folder_of
from meal_pipelines.extracts.values import Labels
from meal_pipelines.indicators.reports.contributing import marts_of
from meal_pipelines.pages import page_of, write_pages
from meal_pipelines.pages.chart import Series, chart
from meal_pipelines.pages.content import Point, TargetPoint, goals
from meal_pipelines.warehouse import Warehouse
from tests.extracts.logframes import project
from tests.reports.house import House, house_of, measured, some_visits

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
INJECTED = "<script>document.title = `${document.documentElement.scrollWidth} ${window.innerWidth}`</script>"


@pytest.fixture(scope="module")
def house(warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Frozen at the end of May, then changed; one label tries to be a tag."""
    with house_of(warehouse, tmp_path_factory.mktemp("pages")) as made:
        made.rows = some_visits()
        made.indicators[0] |= {
            "label": "Personnes <script>alert(1)</script> & visites",
            "targets": {"M12": 40}, "donors": {"thema": {"framework": "THEMA", "code": "X1", "mode": "candidate"}},
        }  # fmt: skip
        made.indicators.append(
            measured(
                "E-1",
                {"kind": "survey_ratio", "numerator": "weight_kg >= 53"},
                baseline={"status": "Sans objet (nouveau)"},
                targets={"M12": "+5 points"},
            )
        )
        made.night()
        made.freeze()
        del made.rows["v1"]
        made.night()
        yield made


@pytest.fixture(scope="module")
def pages(house: House, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the pages' files."""
    out = tmp_path_factory.mktemp("out")
    marts = {name: mart.spec for name, mart in marts_of(house.bench.project, house.models).items()}
    written = write_pages(house.connection, house.bench.project, marts, out)
    times = [path.stat().st_mtime_ns for path in written]
    assert write_pages(house.connection, house.bench.project, marts, out) == written
    assert [path.stat().st_mtime_ns for path in written] == times, "what says the same is not written again"
    whole, blocked = written[1].read_bytes(), written[-1]
    written[1].write_text("coupé par un disque plein")
    blocked.unlink()
    blocked.mkdir()
    with pytest.raises(OSError):
        write_pages(house.connection, house.bench.project, marts, out)
    assert not written[0].is_file(), "without its index, a folder that was cut short is written again by the next run"
    blocked.rmdir()
    write_pages(house.connection, house.bench.project, marts, out)
    assert written[1].read_bytes() == whole and all(path.is_file() for path in written)
    return out


def _text(path: Path) -> str:
    return " ".join(" ".join(html.fromstring(path.read_text(encoding="utf-8")).itertext()).split())


def test_every_indicator_has_a_page_that_the_index_leads_to(house: House, pages: Path) -> None:
    index = html.fromstring(page_of(pages, house.name).read_text(encoding="utf-8"))
    links = index.xpath("//table//a/@href")
    assert links == [f"{entry['code']}.html" for entry in house.indicators]
    assert all((page_of(pages, house.name).parent / link).is_file() for link in links)


def test_a_page_shows_the_published_figures_and_the_reported_one_beside_today_s(house: House, pages: Path) -> None:
    text = _text(page_of(pages, house.name, "U-1"))
    [(women,)] = house.query(
        "select value from indicators.value where project = %s and indicator = 'U-1' and period_kind = 'to_date'"
        " and disaggregation = '{\"sex\": \"F\"}' order by period_end desc limit 1", house.name,
    )  # fmt: skip
    assert f"Femmes {women}" in text
    assert re.search(r"Rapport de mai 2026-05, version 1.*8 7 −1 pas encore", text)
    assert "Nombre de valeurs différentes de « Colonne person_id »" in text
    assert "à vérifier" in text, "a donor's code that nobody has checked says so"


def test_a_share_of_a_survey_stands_with_its_interval_and_the_number_of_answers(house: House, pages: Path) -> None:
    """Of each quarter too: to date, waves are mixed. Other pages have no such rows."""
    tree = html.fromstring(page_of(pages, house.name, "E-1").read_text(encoding="utf-8"))
    [(units, low, high)] = house.query(
        "select units, round(ci_low, 1), round(ci_high, 1) from indicators.value where project = %s and indicator = 'E-1'"
        " and period_kind = 'quarter' and period = '2026-Q2' and disaggregation = '{}'", house.name,
    )  # fmt: skip
    interval = f"{low} à {high}".replace(".0 ", " ").removesuffix(".0").replace(".", ",")
    rows = [[cell.text_content() for cell in row] for row in tree.xpath("//section[@aria-labelledby='evolution']//tr")]
    assert ["Intervalle à 95 %", interval] in [[row[0], row[-1]] for row in rows]
    assert ["n (réponses)", str(units)] in [[row[0], row[-1]] for row in rows]
    assert f"n = {units}" in _text(page_of(pages, house.name, "E-1"))
    assert "Intervalle à 95 %" not in _text(page_of(pages, house.name, "U-1"))


def test_a_baseline_without_a_figure_is_to_establish_unless_its_status_says_there_is_none(
    house: House, pages: Path
) -> None:
    assert "Référence sans objet Sans objet (nouveau)" in _text(page_of(pages, house.name, "E-1"))
    assert "Référence à établir à établir" in _text(page_of(pages, house.name, "U-1"))


def test_a_target_in_words_and_targets_of_categories_are_shown_as_they_stand_in_the_logframe(
    house: House, pages: Path, warehouse: Warehouse
) -> None:
    """A dash would say that there is no target."""
    assert "Cible M12 +5 points au" in _text(page_of(pages, house.name, "E-1"))
    assert re.search(r"E-1 .*\+5 points M12", _text(page_of(pages, house.name)))
    loaded = project("prim2", "fiches_prim2")
    assert loaded.logframe is not None
    level = next(each for each in loaded.logframe.indicators if each.code == "P2-IMP-1")
    with warehouse.connect() as connection, connection.cursor() as cursor:
        rows = goals(level, Labels.read(cursor, loaded.logframe))
    assert [(row.name, row.baseline, row.targets) for row in rows] == [
        ("Oriental", Decimal(1), [Decimal(1), Decimal(2), Decimal(3)]),
        ("Souss-Massa", Decimal(2), [Decimal(2), Decimal(3), Decimal(3)]),
    ]  # fmt: skip


def test_the_last_value_of_each_curve_is_told_in_words() -> None:
    """« dernière valeur 2 » under two curves is true of one of them only."""
    at = dt.date(2029, 2, 28)
    curves = [
        Series(name, [Point("to_date", "2029-02", at, value, 1)])
        for name, value in (("A", Decimal(4)), ("B", Decimal(2)))
    ]
    drawn = chart(curves, [], [], "niveau")
    assert drawn is not None
    assert drawn.description == "De 02/2029 à 02/2029 ; dernières valeurs (niveau) : A 4, B 2."


def test_pages_say_that_they_are_internal_and_lie_apart_from_what_is_sent(house: House, pages: Path) -> None:
    """Exact small numbers stand on them."""
    assert page_of(pages, house.name, "U-1") == pages / house.name / "interne" / "indicateurs" / "U-1.html"
    for path in (pages / house.name / "interne" / "indicateurs").iterdir():
        assert "Usage interne." in _text(path)


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX's")
def test_only_whoever_runs_the_platform_reads_the_pages(house: House, pages: Path) -> None:
    """Whatever the umask, and whatever the modes were."""
    folder = pages / house.name / "interne"
    assert all(
        path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600) for path in [folder, *folder.rglob("*")]
    )
    folder.chmod(0o755)
    assert folder_of(pages, house.name) == folder and folder.stat().st_mode & 0o777 == 0o700


def test_a_page_asks_nothing_of_any_network_and_runs_nothing(house: House, pages: Path) -> None:
    """A text of the logframe is text, whatever it looks like."""
    for path in (pages / house.name / "interne" / "indicateurs").iterdir():
        tree = html.fromstring(path.read_text(encoding="utf-8"))
        assert tree.xpath("//script | //link | //img | //iframe | //@onclick") == []
        assert not re.search(r"https?://|url\(|@import", path.read_text(encoding="utf-8"))
        assert tree.get("lang") == "fr"
    assert "<script>alert(1)</script>" in _text(page_of(pages, house.name, "U-1"))


def test_drawings_are_told_in_words_to_who_does_not_see_them(house: House, pages: Path) -> None:
    tree = html.fromstring(page_of(pages, house.name, "S-1").read_text(encoding="utf-8"))
    drawings = tree.xpath("//*[local-name()='svg'][@role='img']")
    assert len(drawings) == 2
    for drawing in drawings:
        named = drawing.get("aria-labelledby").split()
        assert [child.get("id") for child in drawing[:2]] == named and all(child.text.strip() for child in drawing[:2])
    questions = tree.xpath("//*[local-name()='rect'][contains(@class, 'question')]")
    assert {"F-VIS · Durée", "F-VIS · Commune"} <= {box.getnext().text for box in questions}


@pytest.mark.skipif(
    CHROMIUM is None, reason="Chromium n'est pas installé : la page n'est pas essayée dans un navigateur."
)
@pytest.mark.parametrize("width", [390, 1280])
def test_a_browser_shows_a_page_without_scrolling_sideways(
    house: House, pages: Path, tmp_path: Path, width: int
) -> None:
    """On a phone, tables and drawings scroll inside their own frames."""
    assert CHROMIUM is not None
    copy = tmp_path / "page.html"
    copy.write_text(
        page_of(pages, house.name, "U-1").read_text(encoding="utf-8").replace("</body>", f"{INJECTED}</body>"),
        encoding="utf-8",
    )
    command = [
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/profile",
        f"--window-size={width},900", "--dump-dom", copy.as_uri(),
    ]  # fmt: skip
    shown = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    found = re.search(r"<title>(\d+) (\d+)</title>", shown)
    assert found is not None and int(found[1]) <= int(found[2])


def test_every_place_of_a_chart_is_inside_it() -> None:
    """Targets above every value, one value alone, zeros."""
    points = [Point("to_date", "2026-05", dt.date(2026, 5, 31), Decimal(value), 1) for value in (0, 3)]
    target = TargetPoint(dt.date(2027, 2, 28), Decimal(4200), "M12", "illustratif")
    drawn = chart([Series("", points)], [target], [], "personne")
    assert drawn is not None
    for dot in [*drawn.lines[0].dots, *drawn.targets]:
        assert 0 <= dot.x <= drawn.width and 0 < dot.y <= drawn.floor
    assert drawn.y_ticks[0].text == "0" and len(drawn.y_ticks) >= 4
    assert chart([Series("", [Point("to_date", "2026-05", dt.date(2026, 5, 31), None, 0)])], [], [], "x") is None
