"""A night in which two forms of THAMM+ fail, one judged bad and one whose server is away: nobody else loses their night.

Three nights of one house, by real runs: all is well; new answers come for both projects, and the two forms fail; all is well
again. What the third night finds of PRIM 2 is what an undisturbed second one would have found: nothing new came for it.
"""

from __future__ import annotations

import re
import shutil
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from openpyxl import load_workbook

from assets.follow_up import FOLLOW_UP, FOLLOWS
from assets.standing import CHECK
from meal_pipelines.definitions import NIGHTLY
from meal_pipelines.project.load import load_projects
from meal_pipelines.protect.keys.keyring import Keyring
from meal_pipelines.sample import generate
from meal_pipelines.settings import CHECKOUT
from meal_pipelines.warehouse import Warehouse
from tests.end_to_end.command import Finished, House, a_house
from tests.end_to_end.conftest import PROJECTS
from tests.end_to_end.faults import PLUGIN, fault

pytestmark = pytest.mark.slow
INBOXES = {"prim2": "PRIM2_CLASSEURS", "thamm_plus": "THAMM_CLASSEURS"}
MOVING = ("prim2/prestations", "thamm_plus/parcours", "thamm_plus/formations", "thamm_plus/retours")
"""Forms for which answers come on the second night."""
CONDEMNED, UNREACHABLE = "thamm_plus/parcours", "thamm_plus/retours"
LAST = "2-dernier-export"
KOBO = "    kind:  kobo\n    url:   ${KOBO_URL}\n    token: ${KOBO_TOKEN}\n"
ASKS_KOBO = "      use:   kobo\n      asset: ${THAMM_ASSET_RETOURS}\n"


@dataclass(frozen=True, eq=False)
class Night:
    """What a run said and left: published builds, values by project, extracts, what the first sheet of each workbook says by
    `project/file`, and Dagster's runs and warnings so far.
    """

    finished: Finished
    builds: dict[str, int]
    values: dict[str, list[tuple[Any, ...]]]
    extracts: dict[str, list[tuple[Any, ...]]]
    covers: dict[str, str]
    runs: list[dg.DagsterRun]
    red: set[str]
    warned: dict[str, str]


@pytest.fixture(scope="module")
def nights() -> Iterator[Sequence[Night]]:
    with a_house() as house:
        _furnish(house)
        projects, sample = house.folder / "projects", house.folder / "sample"
        with _hidden(sample):
            first = _night(house)
        project_file = projects / "thamm_plus" / "project.yaml"
        configured = project_file.read_text(encoding="utf-8")
        assert configured.count(ASKS_KOBO) == 1
        project_file.write_text(
            configured.replace(ASKS_KOBO, ASKS_KOBO.replace("kobo", "panne"))
            .replace("sources:\n", f"sources:\n  panne:\n{KOBO}", 1),
            encoding="utf-8",
        )  # fmt: skip
        spoiled = fault("meal_pipelines.clean.stage:prepare", "condemn", "") | {"MEAL_TEST_FORM": CONDEMNED}
        second = _night(house, **spoiled)
        project_file.write_text(configured, encoding="utf-8")
        yield first, second, _night(house)


def _furnish(house: House) -> None:
    """Both projects on exports in a folder, but for their inboxes, and the plugin that spoils a table."""
    settings, sample = house.settings(demo=False), house.folder / "sample"
    shutil.copytree(CHECKOUT / "projects", house.folder / "projects")
    for name in PROJECTS:
        generate(load_projects(settings)[name], 120, 5, sample / name)
        file = house.folder / "projects" / name / "project.yaml"
        text = file.read_text(encoding="utf-8")
        assert text.count(KOBO) == 1
        file.write_text(text.replace(KOBO, f"    kind: export\n    path: {sample / name}\n"), encoding="utf-8")
        inbox = house.folder / f"inbox-{name}"
        inbox.mkdir()
        for workbook in (sample / name).glob("*/*.xlsx"):
            shutil.copy(workbook, inbox)
        house.more[INBOXES[name]] = str(inbox)
    plugin = house.folder / "plugin"
    plugin.mkdir()
    (plugin / "sitecustomize.py").write_text(PLUGIN, encoding="utf-8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        away = probe.getsockname()[1]
    house.more.update(
        MEAL_PROJECTS=str(house.folder / "projects"), PYTHONPATH=str(plugin), THAMM_ASSET_RETOURS="aRetours",
        KOBO_URL=f"http://127.0.0.1:{away}", KOBO_TOKEN="a" * 40,
    )  # fmt: skip
    Keyring.create(house.settings(demo=False).keyring)


@contextmanager
def _hidden(sample: Path) -> Iterator[None]:
    """The last answers of the moving forms have not come yet."""
    folders = [sample / form / LAST for form in MOVING]
    for folder in folders:
        folder.rename(sample / folder.parent.relative_to(sample).as_posix().replace("/", "-"))
    yield
    for folder in folders:
        (sample / folder.parent.relative_to(sample).as_posix().replace("/", "-")).rename(folder)


def _night(house: House, **environ: str) -> Night:
    finished = house.run("run", environ=environ)
    with (
        Warehouse.open(house.settings(demo=False)) as warehouse,
        warehouse.connect() as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("select table_name, build_no from quality.build")
        builds = dict(cursor.fetchall())
        values, extracts = {}, {}
        for project in PROJECTS:
            cursor.execute(
                "select indicator, period_kind, period, disaggregation::text, numerator, denominator, value, units"
                " from indicators.value where project = %s order by 1, 2, 3, 4",
                (project,),
            )
            values[project] = cursor.fetchall()
            cursor.execute(
                "select period, position, indicator, value_type, total_text, disaggregation::text from extracts.opsys"
                " where project = %s order by 1, 2",
                (project,),
            )
            extracts[project] = cursor.fetchall()
    home = str(house.settings(demo=False).dagster_home)
    with dg.DagsterInstance.from_config(home) as instance:
        runs = list(reversed(instance.get_runs()))
        red, warned = set(), {}
        for entry in (entry for run in runs for entry in instance.all_logs(run.run_id)):
            event = entry.dagster_event
            if event is not None and event.is_step_failure:
                red.add(event.step_key)
            if event is not None and event.event_type_value == "ASSET_CHECK_EVALUATION":
                check = event.asset_check_evaluation_data
                if check.check_name == CHECK:
                    name = check.asset_key.to_user_string()
                    warned.pop(name, None)
                    if not check.passed:
                        warned[name] = check.description or ""
    return Night(finished, builds, values, extracts, _covers(house), runs, red, warned)


def _covers(house: House) -> dict[str, str]:
    out = house.settings(demo=False).out
    return {
        f"{project}/{file.name}": "\n".join(
            str(cell.value) for row in load_workbook(file).worksheets[0].iter_rows() for cell in row if cell.value
        )
        for project in PROJECTS
        for file in (out / project).glob("2*/*.xlsx")
    }


def test_the_run_ends_as_failed_and_names_the_two_forms(nights: Sequence[Night]) -> None:
    first, second, third = nights
    assert [night.finished.code for night in nights] == [0, 1, 0], second.finished.said
    for told in (
        f"✗ cleaned/{CONDEMNED} : ", "bloquant(s) en échec", f"✗ raw/{UNREACHABLE} : ", "la connexion est impossible",
    ):  # fmt: skip
        assert told in second.finished.err, second.finished.err
    for told in (
        f"F-PARC ({CONDEMNED}) du ", "son nettoyage échoue depuis le ", f"F-RETOUR ({UNREACHABLE}) du ",
        "sa collecte échoue depuis le ", "Calculés sur ces tables, avec un avertissement : ",
    ):  # fmt: skip
        assert told in second.finished.out, second.finished.out
    for night in (first, third):
        assert "pas pu être mis à jour" not in night.finished.out
    assert second.red == {f"cleaned__{CONDEMNED}".replace("/", "__"), f"raw__{UNREACHABLE}".replace("/", "__")}


def test_the_failed_run_is_followed_by_one_that_computes_the_rest(nights: Sequence[Night]) -> None:
    night, rest = nights[1].runs[1:]
    assert (night.job_name, night.status.value) == (NIGHTLY, "FAILURE")
    assert (rest.job_name, rest.status.value, rest.tags[FOLLOWS]) == (FOLLOW_UP, "SUCCESS", night.run_id)
    assert [run.job_name for run in nights[2].runs[3:]] == [NIGHTLY]


def test_the_other_project_has_its_night(nights: Sequence[Night]) -> None:
    """Its new answers are counted, in its extracts too, as they are in a night that nothing disturbed."""
    first, second, third = nights
    assert second.values["prim2"] != first.values["prim2"]
    assert second.values["prim2"] == third.values["prim2"]
    assert second.extracts["prim2"] == third.extracts["prim2"] != []


def test_the_two_forms_stand_and_the_others_of_their_project_move(nights: Sequence[Night]) -> None:
    first, second, third = nights
    for form in (CONDEMNED, UNREACHABLE):
        table = f"pseudonymised.{form.replace('/', '_')}"
        assert first.builds[table] == second.builds[table] < third.builds[table]
    for table in ("pseudonymised.thamm_plus_formations", "marts.training_attendance"):
        assert first.builds[table] < second.builds[table]
    assert first.values["thamm_plus"] != second.values["thamm_plus"] != third.values["thamm_plus"]


def test_what_is_made_from_a_form_that_stands_says_so_and_nothing_else_does(nights: Sequence[Night]) -> None:
    first, second, third = nights
    assert first.warned == third.warned == {}
    assert {"marts/mobility_step", "marts/return_survey", "indicators/thamm_plus", "extracts/thamm_plus/opsys"} <= set(
        second.warned
    )
    assert not [name for name in second.warned if "prim2" in name or name in ("marts/person", "marts/service_delivery")]
    assert "F-PARC" in second.warned["marts/mobility_step"] and "F-RETOUR" not in second.warned["marts/mobility_step"]
    assert second.warned["indicators/thamm_plus"].count("qui n'a pas pu être mis à jour") == 2


def test_a_workbook_says_on_its_first_sheet_from_which_day_the_forms_that_stand_are(nights: Sequence[Night]) -> None:
    """Whoever receives only the file reads no check."""
    first, second, third = nights
    forms = {name: set(re.findall(r"pour le formulaire (F-\w+)", text)) for name, text in second.covers.items()}
    told = {name for name, named in forms.items() if len(named) == 2}
    assert told == {name for name in second.covers if name.startswith("thamm_plus/")}
    assert {"thamm_plus/opsys.xlsx", "thamm_plus/tei.xlsx", "thamm_plus/tableau_de_suivi.xlsx"} <= told
    assert not [name for name in second.covers.keys() - told if "pour le formulaire F-" in second.covers[name]]
    for night in (first, third):
        assert not [text for text in night.covers.values() if "pour le formulaire F-" in text]
