"""Every workbook that the platform writes, opened again: by openpyxl, and by LibreOffice as a colleague would."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from openpyxl import load_workbook

from meal_pipelines.collect.template import write_template
from meal_pipelines.logframe import export_logframe
from meal_pipelines.project.load import load_projects
from meal_pipelines.register.files import write_register
from meal_pipelines.settings import Settings
from tests.end_to_end.conftest import Demo
from tests.extracts.logframes import CUTOFF
from tests.extracts.test_hostile_texts import formulas


@pytest.fixture(scope="module")
def workbooks(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The demonstration's extracts, and what commands write beside them."""
    folder = tmp_path_factory.mktemp("classeurs")
    projects = load_projects(Settings.load(environ={"MEAL_HOME": str(folder)}))
    found = []
    for path in sorted(demo.out.rglob("*.xlsx")):
        found.append(folder / "-".join(path.relative_to(demo.out).parts))
        shutil.copy(path, found[-1])
    for project in projects.values():
        if project.logframe is not None:
            found.append(folder / f"{project.id}-cadre.xlsx")
            export_logframe(project.logframe, found[-1])
        sheets = [form for form in project.forms.values() if form.form.source.sheet is not None]
        for form in sheets:
            found.append(folder / f"{project.id}-{form.name}-modele.xlsx")
            write_template(project, form, found[-1], "fr")
    found.append(write_register(list(projects.values()), folder, CUTOFF))
    return found


@pytest.mark.slow
def test_every_workbook_opens_and_holds_no_formula(workbooks: list[Path]) -> None:
    names = {path.name.split("-")[-1] for path in workbooks}
    assert {
        "opsys.xlsx",
        "thema.xlsx",
        "tei.xlsx",
        "afd.xlsx",
        "tableau_de_suivi.xlsx",
        "cadre.xlsx",
        "modele.xlsx",
    } <= names
    for path in workbooks:
        assert load_workbook(path).sheetnames, path.name
        assert formulas(path) == [], path.name


@pytest.mark.slow
@pytest.mark.skipif(
    shutil.which("soffice") is None, reason="LibreOffice n'est pas installé : l'ouverture n'est pas essayée."
)
def test_every_workbook_opens_in_libreoffice(workbooks: list[Path], tmp_path: Path) -> None:
    """A damaged file opens in openpyxl and not elsewhere; sparklines and lists are only really read there."""
    subprocess.run(
        ["soffice", f"-env:UserInstallation=file://{tmp_path}/profile", "--headless", "--convert-to", "pdf", "--outdir",
         str(tmp_path / "pdf"), *map(str, workbooks)],
        check=True, capture_output=True, timeout=600,
    )  # fmt: skip
    pages = {path.stem: path.read_bytes().count(b"/Type/Page/") for path in (tmp_path / "pdf").glob("*.pdf")}
    assert pages.keys() == {path.stem for path in workbooks}
    assert min(pages.values()) >= 1
