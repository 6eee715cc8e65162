"""The documents of data protection, read back as a stranger would: by unzipping them, and by LibreOffice."""

from __future__ import annotations

import datetime as dt
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from lxml import etree

from meal_pipelines.project.load import load_project
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.project.processing import Wording
from meal_pipelines.register import write_documents, write_register
from meal_pipelines.settings import CHECKOUT
from tests.stage_cases import PROJECT, VISITES, written

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
DAY = dt.date(2026, 11, 27)
OURS = ("prim2", "thamm_plus")
ARABIC = re.compile(r"[\u0600-\u06ff]")


def ours(name: str) -> LoadedProject:
    return load_project(CHECKOUT / "projects" / name, {})


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    """Those of both projects, by project."""
    return {name: write_documents(ours(name), tmp_path_factory.mktemp("documents"), DAY) for name in OURS}


def parts(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def text(path: Path) -> str:
    """Every text of a document, whatever its format."""
    found = []
    for name, content in parts(path).items():
        if name.endswith(".xml"):
            found += [element.text for element in etree.fromstring(content).iter() if element.text]
    return " ".join(found)


def body(path: Path) -> etree._Element:
    return etree.fromstring(parts(path)["word/document.xml"])


def test_a_question_added_to_a_form_appears_in_every_document(tmp_path: Path) -> None:
    """They are drawn from the same files as the tables, and follow them."""
    folder = written(tmp_path / "essai", "essai")
    before = write_documents(load_project(folder, {}), tmp_path / "a", DAY)
    survey = VISITES.replace("text,nom,Nom,yes", "text,surnom,Comment vous appelle-t-on ?,,,,\ntext,nom,Nom,yes")
    (folder / "visites.csv").write_text(survey, encoding="utf-8")
    (folder / "project.yaml").write_text(
        PROJECT.replace("PROJECT", "essai").replace("[telephone, nom, prenom", "[telephone, nom, surnom, prenom"),
        encoding="utf-8",
    )
    after = write_documents(load_project(folder, {}), tmp_path / "b", DAY)
    concerned = {"registre_des_traitements.xlsx", "declaration_cndp.docx", "notice_visites.docx"}
    assert {path.name for path in before if "Comment vous appelle-t-on" in text(path)} == set()
    assert {path.name for path in after if "Comment vous appelle-t-on" in text(path)} == concerned


def test_a_question_without_a_class_is_named_and_waits_for_a_person(tmp_path: Path) -> None:
    register = write_register([load_project(written(tmp_path / "essai", "essai"), {})], tmp_path, DAY)
    assert "Sans classe, donc scellées (classe à confirmer) : Une question que personne n'a classée" in text(register)


def test_a_quasi_identifier_is_told_with_what_is_shown_of_it(documents: dict[str, list[Path]]) -> None:
    register = text(documents["prim2"][0])
    assert "Année de naissance → tranche d'âge" in register and "Commune → province" in register


def test_what_the_environment_holds_is_in_no_document(tmp_path: Path) -> None:
    """Addresses and tokens stand in the same project.yaml as the purposes."""
    folder = written(tmp_path / "essai", "essai", PROJECT.replace("path: donnees", "path: '${DOSSIER}'"))
    project = load_project(folder, {"DOSSIER": "jeton-tres-secret"})
    for path in write_documents(project, tmp_path, DAY):
        for content in parts(path).values():
            assert (
                b"jeton-tres-secret" not in content
                and b"DOSSIER" not in content
                and str(tmp_path).encode() not in content
            )


@pytest.mark.parametrize("name", OURS)
def test_the_arabic_side_reads_from_right_to_left_word_by_word(name: str, documents: dict[str, list[Path]]) -> None:
    """A paragraph without w:bidi begins on the wrong side; a Latin name marked w:rtl has its punctuation turned over."""
    for path in documents[name]:
        if not path.name.startswith("notice_"):
            continue
        runs = [run for run in body(path).iter(f"{W}r") if "".join(run.itertext()).strip()]
        arabic = [run for run in runs if ARABIC.search("".join(run.itertext()))]
        assert len(arabic) > 20
        for run in arabic:
            assert run.find(f"{W}rPr/{W}rtl") is not None
            assert run.find(f"{W}rPr/{W}rFonts").get(f"{W}cs") == "Arial"
            paragraph = next(element for element in run.iterancestors() if element.tag == f"{W}p")
            assert paragraph.find(f"{W}pPr/{W}bidi") is not None
        for run in runs:
            if re.search("[A-Za-z]", "".join(run.itertext())):
                assert run.find(f"{W}rPr/{W}rtl") is None
        assert body(path).findall(f".//{W}sectPr")[-1].find(f"{W}bidi") is not None
        assert "à relire par une personne avant diffusion" in "".join(body(path).itertext())


@pytest.mark.parametrize("name", OURS)
def test_our_notices_have_their_arabic(name: str) -> None:
    """Whatever is decided in French is said in Arabic too; what is not decided is « to be confirmed » in both."""
    project = ours(name)
    said = project.project.data_protection
    wordings: list[Wording] = [said.controller, said.dpo, said.contact, said.hosting, said.cndp]
    for form in project.forms.values():
        processing = form.form.processing
        wordings += [processing.purpose, processing.transfers, *processing.subjects, *processing.recipients]
    assert [wording.fr for wording in wordings if wording.ar is None and not wording.is_open] == []


@pytest.mark.parametrize("name", OURS)
def test_what_a_person_must_write_is_on_a_coloured_ground(name: str, documents: dict[str, list[Path]]) -> None:
    for path in documents[name]:
        if path.suffix == ".docx":
            runs = [
                run
                for run in body(path).iter(f"{W}r")
                if re.match("à (confirmer|compléter)", "".join(run.itertext()), re.I)
            ]
            assert runs and all(run.find(f"{W}rPr/{W}shd").get(f"{W}fill") == "FFF2CC" for run in runs)


def test_a_form_in_which_nobody_is_named_has_no_notice(documents: dict[str, list[Path]]) -> None:
    """The device that filled the form is not somebody to inform."""
    notices = {path.name for path in documents["prim2"] if path.name.startswith("notice_")}
    assert notices == {"notice_beneficiaires.docx", "notice_prestations.docx", "notice_formations.docx"}


@pytest.mark.skipif(
    shutil.which("soffice") is None, reason="LibreOffice n'est pas installé : l'ouverture n'est pas essayée."
)
def test_every_document_opens_in_libreoffice(tmp_path: Path, documents: dict[str, list[Path]]) -> None:
    paths = documents["prim2"]
    profile = f"-env:UserInstallation=file://{tmp_path}/profile"
    command = [
        "soffice",
        profile,
        "--headless",
        "--convert-to",
        "pdf",
        "--outdir",
        str(tmp_path / "pdf"),
        *map(str, paths),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    pages = {path.stem: path.read_bytes().count(b"/Type/Page/") for path in (tmp_path / "pdf").glob("*.pdf")}
    assert pages.keys() == {path.stem for path in paths} and min(pages.values()) >= 1
    assert pages["notice_beneficiaires"] == 2, "one side for each language"


def test_the_commands_write_where_they_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from meal_pipelines.cli import app

    monkeypatch.setenv("MEAL_OUT", str(tmp_path / "out"))
    ran = CliRunner().invoke(app, ["privacy", "register"])
    assert ran.exit_code == 0 and (tmp_path / "out" / "registre_des_traitements.xlsx").is_file()
    ran = CliRunner().invoke(app, ["privacy", "documents", "-p", "prim2", "--to", str(tmp_path / "ici")])
    assert ran.exit_code == 0 and [path.name for path in (tmp_path / "ici").iterdir()] == ["prim2"]
    assert "l'arabe est à relire" in ran.output
    assert CliRunner().invoke(app, ["privacy", "register", "-p", "inconnu"]).exit_code == 2
