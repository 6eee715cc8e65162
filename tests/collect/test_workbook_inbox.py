"""The inbox: which files are meant, in which order, wherever the folder is, and none while it is being written."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import fsspec
import openpyxl
import pytest

from meal_pipelines.collect.sheets.inbox import Inbox
from meal_pipelines.collect.workbook import PartnerWorkbooks
from meal_pipelines.errors import ConfigurationError, TransientError
from meal_pipelines.project.loaded import LoadedForm
from tests.collect.workbook_cases import a_form, csv_file, partner, refusal, rows, written, xlsx


def names(folder: Path, pattern: str = "subventions*", **more: Any) -> list[str]:
    return [file.name for file in Inbox(str(folder), pattern, pause=0, **more).listing().files]


def test_files_are_read_from_the_oldest_to_the_newest_then_by_name(tmp_path: Path) -> None:
    for name, seconds in (
        ("subventions-c.csv", 1),
        ("subventions-a.csv", 3),
        ("subventions-b.csv", 2),
        ("subventions-0.csv", 3),
    ):
        written(csv_file(tmp_path / name, [["code"]]), seconds)
    assert names(tmp_path) == ["subventions-c.csv", "subventions-b.csv", "subventions-0.csv", "subventions-a.csv"]


def test_locks_temporary_files_and_sub_folders_are_no_files_of_partners(tmp_path: Path) -> None:
    for name in (
        "~$subventions.xlsx",
        ".subventions.xlsx",
        "subventions.xlsx.part",
        "subventions.xlsx~",
        "subventions.tmp",
        ".~lock.subventions.ods#",
    ):
        (tmp_path / name).write_bytes(b"x")
    csv_file(tmp_path / "archives" / "subventions-2025.csv", [["code"]])
    csv_file(tmp_path / "subventions.csv", [["code"]])
    assert names(tmp_path) == ["subventions.csv"]


@pytest.mark.parametrize("name", ["Subventions_Mai.XLSX", "SUBVENTIONS.csv", "subventions – été 2026.ods"])
def test_the_case_of_a_name_does_not_matter(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"x")
    assert names(tmp_path) == [name]


def test_an_accent_is_the_same_in_two_letters(tmp_path: Path) -> None:
    """A Macintosh writes é as e and its accent."""
    (tmp_path / "re\u0301ponses-mai.csv").write_bytes(b"x")
    assert names(tmp_path, "réponses*") == ["re\u0301ponses-mai.csv"]


def test_files_that_nothing_waits_for_are_told(tmp_path: Path) -> None:
    """A name with a fault would otherwise never be read, and nobody would know."""
    form = a_form(tmp_path)
    for name in ("subvention-mai.xlsx", "candidats-mai.xlsx", "LISEZMOI.txt", "photo.jpg", "subventions-scan.pdf"):
        (tmp_path / "boite" / name).write_bytes(b"x")
    xlsx(tmp_path / "boite" / "subventions.xlsx", [["code"], ["S-01"]])
    source = partner(form, tmp_path)
    source.inbox = replace(source.inbox, claimed=("candidats*",))
    assert list(rows(source)) == ["S-01"]
    told = " ".join(source.remarks())
    assert "1 fichier que rien n'attend dans le dossier des classeurs" in told and "subvention-mai" not in told
    assert "1 fichier qui n'est pas un classeur, laissé" in told and "scan" not in told
    assert "candidats" not in told and "photo" not in told and "LISEZMOI" not in told


# Files that are still being written ---------------------------------------------------------------------------


class Growing(Inbox):
    """A folder whose file gets longer between two looks."""

    def _look(self) -> Any:
        found = super()._look()
        path = Path(found[0].path)
        path.write_bytes(path.read_bytes() + b"S-99;x\r\n")
        return found


def test_a_file_that_grows_while_it_is_read_is_left_for_the_next_time(tmp_path: Path) -> None:
    """Its rows to come would be missing without a word; a CSV cut short is a faultless CSV."""
    form = a_form(tmp_path)
    file = written(csv_file(tmp_path / "boite" / "subventions.csv", [["code", "osc"], ["S-01", "A"]]), 0)
    source = PartnerWorkbooks(Growing(str(tmp_path / "boite"), "subventions*", pause=0), form)
    assert refusal(source) == (
        "subventions.csv est en cours d'écriture. Rien n'en a été lu ; il le sera à la prochaine collecte, une fois copié."
    )
    assert next(iter(rows(partner(form, tmp_path)))) == "S-01" and file.exists()


def test_a_file_that_goes_away_between_two_looks_is_not_the_folder_that_is_gone(tmp_path: Path) -> None:
    form = a_form(tmp_path)
    file = csv_file(tmp_path / "boite" / "subventions.csv", [["code"], ["S-01"]])
    inbox = Inbox(str(tmp_path / "boite"), "subventions*", pause=0)
    [listed] = inbox.listing().files
    file.unlink()
    from meal_pipelines.collect.sheets.receipt import Refused

    with pytest.raises(Refused, match="est en cours d'écriture"):
        inbox.read(listed)
    assert form.name == "subventions"


def test_a_young_file_is_looked_at_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the two looks a copy under way has grown, and its new size is the one that is read."""
    csv_file(tmp_path / "subventions.csv", [["code"], ["S-01"]])
    pauses: list[float] = []

    def grow(seconds: float) -> None:
        pauses.append(seconds)
        csv_file(tmp_path / "subventions.csv", [["code"], ["S-01"], ["S-02"]])

    monkeypatch.setattr("meal_pipelines.collect.sheets.inbox.time.sleep", grow)
    inbox = Inbox(str(tmp_path), "subventions*", pause=7.0)
    [listed] = inbox.listing().files
    assert pauses == [7.0] and b"S-02" in inbox.read(listed)
    written(tmp_path / "subventions.csv", 0)
    inbox.listing()
    assert pauses == [7.0]


# Elsewhere than in a folder -----------------------------------------------------------------------------------


@pytest.fixture
def remote() -> Iterator[str]:
    """A folder of fsspec's memory."""
    address = f"memory://boite-{uuid4().hex[:8]}"
    system, root = fsspec.core.url_to_fs(address)
    system.mkdirs(root)
    yield address
    system.rm(root, recursive=True)


def uploaded(address: str, name: str, *lines: list[Any]) -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.title = "Subventions"
    for line in lines:
        book.active.append(line)
    content = io.BytesIO()
    book.save(content)
    system, root = fsspec.core.url_to_fs(address)
    system.pipe_file(f"{root}/{name}", content.getvalue())


@pytest.fixture
def form(tmp_path: Path) -> LoadedForm:
    return a_form(tmp_path)


def test_an_inbox_may_be_any_address_that_fsspec_knows(remote: str, form: LoadedForm) -> None:
    uploaded(remote, "subventions-1.xlsx", ["code", "osc"], ["S-01", "Ancien"])
    uploaded(remote, "subventions-2.xlsx", ["code", "osc"], ["S-01", "Nouveau"])
    source = PartnerWorkbooks(Inbox(remote, "subventions*", pause=0), form)
    assert rows(source) == {"S-01": {"code": "S-01", "osc": "Nouveau"}}


def test_project_yaml_may_give_a_folder_or_an_address(tmp_path: Path, remote: str) -> None:
    """A path is relative to the project's folder; an address stands by itself."""
    from meal_pipelines.collect.sources import open_sources
    from meal_pipelines.project.load import load_project
    from meal_pipelines.settings import Settings

    a_form(tmp_path / "p")
    xlsx(tmp_path / "p" / "boite" / "subventions.xlsx", [["code"], ["S-01"]])
    uploaded(remote, "subventions.xlsx", ["code"], ["S-02"])
    file = tmp_path / "p" / "project.yaml"
    text = file.read_text(encoding="utf-8").replace("path: boite", "path: ${BOITE}")
    file.write_text(text, encoding="utf-8")
    for address, key in (("boite", "S-01"), (str(tmp_path / "p" / "boite"), "S-01"), (remote, "S-02")):
        settings = Settings.load(environ={"MEAL_HOME": str(tmp_path), "BOITE": address})
        project = load_project(tmp_path / "p", settings.variables)
        [(_, source)] = open_sources(settings, project, project.forms["subventions"])
        assert list(rows(source)) == [key]


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("nulle-part", "Le dossier des classeurs n'existe pas"),
        ("memory://nulle-part", "Le dossier des classeurs n'existe pas : memory://nulle-part"),
        ("s4://boite", "Une adresse « s4:// » demande un pilote qui n'est pas installé"),
    ],
)
def test_an_inbox_that_is_nowhere_is_named(address: str, said: str, form: LoadedForm) -> None:
    with pytest.raises(ConfigurationError, match=said):
        rows(PartnerWorkbooks(Inbox(address, "subventions*", pause=0), form))


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (
            PermissionError("secret"),
            ConfigurationError,
            "ne peut pas être lu : sftp://hote/boite. Demandez le droit de lecture",
        ),
        (TimeoutError("secret"), TransientError, "sftp://hote/boite ne répond pas"),
        (OSError("secret"), TransientError, "sftp://hote/boite ne répond pas"),
        (
            LookupError("secret"),
            TransientError,
            r"ne répond pas. Vérifiez le réseau et les droits d'accès \(LookupError\)",
        ),
    ],
)
def test_a_server_of_files_that_refuses_or_fails_is_told_without_its_password(
    error: Exception, kind: type[Exception], said: str, form: LoadedForm, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox = Inbox("sftp://moi:secret@hote/boite", "subventions*", pause=0)

    def fails(self: Inbox) -> Any:
        raise error

    monkeypatch.setattr(Inbox, "_open", fails)
    with pytest.raises(kind, match=said) as told:
        inbox.listing()
    assert "secret" not in str(told.value) and "secret" not in repr(inbox)


def test_the_doctor_reads_the_inbox_and_tells_what_is_wrong_in_it(tmp_path: Path) -> None:
    """Before a night is lost: a file that will be refused, and one that no form waits for."""
    from meal_pipelines.doctor.doctor import examine
    from meal_pipelines.settings import Settings

    a_form(tmp_path / "projects" / "p")
    inbox = tmp_path / "projects" / "p" / "boite"
    written(xlsx(inbox / "subventions-1.xlsx", [["code"], ["S-01"]]), 0)
    written(xlsx(inbox / "subventions-2.xlsx", [["code", "osc"], [None, "Secret"]]), 1)
    written(xlsx(inbox / "subvention.xlsx", [["code"], ["S-01"]]), 2)
    settings = Settings.load(environ={"MEAL_HOME": str(tmp_path / "h"), "MEAL_PROJECTS": str(tmp_path / "projects")})
    told = [finding.text for finding in examine(settings) if "essai/subventions" in finding.text]
    assert any("subventions-2.xlsx, feuille « Subventions », ligne 2 : rien sous" in text for text in told)
    assert any("1 fichier que rien n'attend dans le dossier des classeurs" in text for text in told)
    assert "Secret" not in "".join(told) and any("la source répond" in text for text in told)
