"""A wrong input gets one clear message in French, the right exit code, and changes nothing.

2: wrong use or configuration, nothing was started. 1: a step failed, what was published stays.
"""

from __future__ import annotations

import re
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import openpyxl
import pytest

from meal_pipelines.settings import CHECKOUT
from meal_pipelines.warehouse import Warehouse
from tests.end_to_end.command import Finished, House, a_house
from tests.end_to_end.conftest import PROJECTS, Demo
from tests.end_to_end.state import builds

Change = Callable[[Path], None]
ASSETS = {
    variable
    for project in PROJECTS
    for variable in re.findall(r"\w+_ASSET_\w+", (CHECKOUT / "projects" / project / "project.yaml").read_text("utf-8"))
}
INBOXES = {"prim2": "PRIM2_CLASSEURS", "thamm_plus": "THAMM_CLASSEURS"}
ENGLISH = re.compile(r"Traceback|Error\b|Exception|\berror\b|failed|not found|invalid", re.IGNORECASE)


def _refused(finished: Finished, code: int, *words: str) -> None:
    """It says what, where and what to do, in French, and nothing of Python."""
    assert finished.code == code, finished.said
    assert finished.err.startswith("✗ ")
    assert not ENGLISH.search(finished.err), finished.err
    for word in words:
        assert word in finished.err, finished.err
    if code == 2:
        assert finished.err.count("✗") == 1, "one message"


@contextmanager
def _unchanged(warehouse: Warehouse, told: str = "") -> Iterator[None]:
    """told: a project whose files are written again, with the same rows: they say that a form of its stands still."""
    before = builds(warehouse)
    yield
    after = builds(warehouse)
    again = {name for name in before if told and name.startswith("extracts.") and name.endswith(f":{told}")}
    assert {name: after[name] for name in after if name not in again} == {
        name: before[name] for name in before if name not in again
    }
    assert {name: after[name][1] for name in again} == {name: before[name][1] for name in again}


@contextmanager
def _replaced(file: Path) -> Iterator[Path]:
    """A file of the demonstration that may be changed inside the block."""
    content, mode = file.read_bytes(), file.stat().st_mode
    try:
        yield file
    finally:
        file.write_bytes(content)
        file.chmod(mode)


def _line(file: Path, text: str) -> int:
    lines = file.read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, start=1) if text in line)


@pytest.fixture
def projects(tmp_path: Path) -> Path:
    """A copy of the projects, to make mistakes in."""
    return shutil.copytree(CHECKOUT / "projects", tmp_path / "projects")


def _run(demo: Demo, projects: Path) -> Finished:
    return demo.house.run("run", "--demo", environ={"MEAL_PROJECTS": str(projects)})


def test_a_yaml_that_cannot_be_read_is_refused_with_its_line(demo: Demo, projects: Path) -> None:
    file = projects / "prim2" / "project.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("  kobo:\n", "  kobo: [\n", 1), encoding="utf-8")
    with _unchanged(demo.warehouse):
        refused = _run(demo, projects)
    _refused(refused, 2, "prim2/project.yaml, ligne ", "YAML mal formé")
    told = re.search(r"ligne (\d+)", refused.err)
    assert told and abs(int(told[1]) - _line(file, "  kobo: [")) <= 2


def test_a_key_that_means_nothing_is_refused_with_its_line_and_its_name(demo: Demo, projects: Path) -> None:
    file = projects / "thamm_plus" / "project.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("    frequency:", "    frequence:", 1), encoding="utf-8")
    with _unchanged(demo.warehouse):
        refused = _run(demo, projects)
    _refused(refused, 2, f"thamm_plus/project.yaml, ligne {_line(file, 'frequence:')}", "frequence", "frequency")


def _not_a_workbook(file: Path) -> None:
    file.write_text("pas un classeur", encoding="utf-8")


def _without_survey(file: Path) -> None:
    book = openpyxl.load_workbook(file)
    book["survey"].title = "questions"
    book.save(file)


def _without_choices(file: Path) -> None:
    book = openpyxl.load_workbook(file)
    del book["choices"]
    book.save(file)


@pytest.mark.parametrize("change", [_not_a_workbook, _without_survey, _without_choices])
def test_a_questionnaire_that_is_none_is_refused_by_its_file(demo: Demo, projects: Path, change: Change) -> None:
    change(projects / "prim2" / "forms" / "prestations.xlsx")
    with _unchanged(demo.warehouse):
        _refused(_run(demo, projects), 2, "prestations")


def test_another_keyring_is_refused_before_anything_is_written(demo: Demo) -> None:
    """Sealing with two keyrings would make half of the answers unreadable with either."""
    with a_house() as elsewhere:
        made = elsewhere.run("keys", "init")
        assert made.code == 0, made.said
        another = (elsewhere.folder / "h" / "keyring.json").read_bytes()
    with _replaced(demo.home / "keyring.json") as keyring, _unchanged(demo.warehouse):
        keyring.write_bytes(another)
        _refused(demo.house.run("run", "--demo"), 2, "trousseau", "Rien n'a été écrit")


def test_no_keyring_is_refused_with_how_to_make_one() -> None:
    with a_house() as house:
        _refused(house.run("run"), 2, "Trousseau de clés introuvable", "meal keys init")


def test_a_logframe_that_names_an_unknown_column_fails_its_project_and_moves_no_figure(
    demo: Demo, projects: Path
) -> None:
    file = projects / "prim2" / "logframe.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("date: signed_on", "date: signe_le", 1), encoding="utf-8")
    with _unchanged(demo.warehouse):
        refused = _run(demo, projects)
    where = f"prim2/logframe.yaml, ligne {_line(file, 'signe_le')}"
    _refused(refused, 1, where, "« signe_le » n'existe pas dans marts.grant_contract", "signed_on", "indicators/prim2")
    assert "indicators/thamm_plus :" not in refused.err, "the other project is not concerned"


def test_a_workbook_without_its_sheet_fails_its_form_and_loses_no_row(demo: Demo) -> None:
    """An empty reading would be taken for the deletion of every row."""
    file = demo.sample / "thamm_plus" / "candidats" / "candidats-001.xlsx"
    with _replaced(file), _unchanged(demo.warehouse, told="thamm_plus"):
        book = openpyxl.load_workbook(file)
        book["Candidats"].title = "Feuil1"
        book.save(file)
        refused = demo.house.run("run", "--demo")
    _refused(refused, 1, "raw/thamm_plus/candidats", "la feuille « Candidats » manque", "Feuil1", "Renommez")
    assert "cleaned/prim2" not in refused.err


@pytest.fixture(scope="module")
def configured(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A warehouse of one's own, with workbooks and a Kobo server that is down."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        closed_port = probe.getsockname()[1]
    variables = {"KOBO_URL": f"http://127.0.0.1:{closed_port}", "KOBO_TOKEN": "a" * 40} | dict.fromkeys(
        ASSETS, "aFormulaire"
    )
    for project, inbox in INBOXES.items():
        variables[inbox] = str(tmp_path_factory.mktemp(project))
        for file in (demo.sample / project).glob("*/*.xlsx"):
            shutil.copy(file, variables[inbox])
    with a_house(**variables) as house:
        made = house.run("keys", "init")
        assert made.code == 0, made.said
        yield house


def test_a_server_that_cannot_be_reached_is_said_soon_and_the_rest_is_collected(demo: Demo, configured: House) -> None:
    """The officer waits for the answer: two tries for a server that nobody has reached yet."""
    refused = configured.run("run", "--stage", "raw")
    _refused(
        refused,
        1,
        "Le serveur 127.0.0.1:",
        "la connexion est impossible",
        "formulaire « parcours »",
        "relancez plus tard",
    )
    assert configured.more["KOBO_TOKEN"] not in refused.said
    assert refused.seconds < 20 + 4 * len(ASSETS), "a few seconds a form"
    settings = configured.settings(demo=False)
    with Warehouse.open(settings) as warehouse, warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute("select distinct form from raw.submission order by form")
        workbooks = sorted({file.parent.name for file in demo.sample.glob("*/*/*.xlsx")})
        assert cursor.fetchall() == [(form,) for form in workbooks]
        cursor.execute("select count(*) from raw.load where state = 'failed' and message is not null")
        assert cursor.fetchone() == (len(ASSETS),)


def test_a_token_that_is_missing_is_named_before_anything_is_started(configured: House) -> None:
    with Warehouse.open(configured.settings(demo=False)) as warehouse, _unchanged(warehouse):
        refused = configured.run("run", environ={"KOBO_TOKEN": ""})
    _refused(refused, 2, "la variable d'environnement KOBO_TOKEN", "prim2/project.yaml, ligne ")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["run", "--demo", "--project", "prim3"], "prim3"),
        (["sample", "--project", "prim2", "--rows", "0", "--to", "x"], "rows"),
        (["run", "--stage", "nettoyage"], "pseudonymised"),
    ],
)
def test_a_wrong_use_ends_with_two(demo: Demo, arguments: list[str], word: str) -> None:
    used = demo.house.run(*arguments)
    assert used.code == 2, used.said
    assert word in used.err and "Traceback" not in used.err


def test_a_demonstration_that_was_never_made_is_refused_with_the_command_that_makes_it() -> None:
    with a_house() as house:
        _refused(house.run("run", "--demo"), 2, "uv run meal demo")
