"""Failures of every stage and kind, each in front of a planted person's strings; and what must be said of them.

Defects of our own are put in by the plugin in `faults.py`; everything else is done to the servers, the files and the
process, as it happens to people.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import openpyxl

from tests.end_to_end.command import Finished, end, until
from tests.end_to_end.faults import fault, hurried
from tests.end_to_end.leak_house import INBOXES, LeakHouse
from tests.end_to_end.planted import Person

Failure = Callable[[LeakHouse, Person], Finished | None]

DEFECTS = {
    "a value in an exception while collecting": (
        "meal_pipelines.collect.sync:synchronise",
        "value",
        "raw",
        "(ValueError",
    ),
    "pandas while cleaning": ("meal_pipelines.clean.stage:prepare", "pandas", "cleaned", "(ValueError"),
    "pandera while cleaning": ("meal_pipelines.clean.stage:prepare", "pandera", "cleaned", "(SchemaErrors"),
    "Great Expectations, critical": (
        "meal_pipelines.clean.stage:prepare",
        "condemn",
        "cleaned",
        "bloquant(s) en échec",
    ),
    "a bad cast": ("meal_pipelines.protect.stage:prepare", "cast", "pseudonymised", "(InvalidTextRepresentation"),
    "a unique violation": ("meal_pipelines.warehouse.models:prepare_mart", "unique", "marts", "(UniqueViolation"),
    "pydantic while measuring": (
        "meal_pipelines.indicators.compute:prepare",
        "pydantic",
        "indicators",
        "(ValidationError",
    ),
    "a value in an exception of an extract": (
        "meal_pipelines.indicators.compute:cutoff",
        "value",
        "extracts",
        "(ValueError",
    ),
    "a value before anything starts": (
        "meal_pipelines.warehouse.presence:require_folders",
        "value",
        "raw",
        "(ValueError",
    ),
    "a disk that is full": ("meal_pipelines.collect.sync:synchronise", "small_files", "raw", ""),
}
"""By name: the function that fails, how, the stage that is run, and what its failure is told by."""


def failures() -> Iterator[tuple[str, Failure, str]]:
    """Every failure with its name and what is said of it; each leaves the house as it was."""
    for name, (function, kind, stage, said) in DEFECTS.items():
        yield name, _defect(function, kind, stage), said
    for kind in ("500", "html", "truncated", "cut"):
        yield f"Kobo: {kind}", _server(kind, "kobo", "prim2"), "(5 essais)"
        yield f"ODK Central: {kind}", _server("502" if kind == "500" else kind, "odk", "carnet"), "(5 essais)"
    yield "a token that is wrong", _with("KOBO_TOKEN"), "KOBO_TOKEN"
    yield "a password that is wrong", _with("ODK_PASSWORD"), "ODK_PASSWORD"
    yield "a register with a line without key", _register(_without_key), "qui identifie les lignes"
    yield "a register whose sheet is called otherwise", _register(_other_sheet), "la feuille « Candidats » manque"
    yield "a register with another header", _register(_other_header), "qui identifie les lignes"
    yield "a register that is none", _register(_no_workbook), "n'est pas un classeur lisible"
    yield "a secret written into project.yaml", _secret_in_yaml, "project.yaml, ligne"
    yield "a questionnaire that is none", _no_questionnaire, "prestations"
    yield "an output folder that is a file", _no_output, "a laissé sa place à un fichier"
    yield "a defect of a command", _broken_command, "(ValueError"
    yield "a file that cannot be fetched", _broken_file, ""
    yield "killed while collecting", _killed("Collecte"), ""
    yield "killed while cleaning", _killed("Nettoyage"), ""


def _defect(function: str, kind: str, stage: str) -> Failure:
    def provoke(house: LeakHouse, person: Person) -> Finished:
        house.touch()
        if kind == "condemn":  # only what is new is cleaned, and judged
            house.run("run", "-s", "raw")
        return house.run("run", "-s", stage, **fault(function, kind, person.sentence))

    return provoke


def _with(variable: str) -> Failure:
    """A secret that is refused, and that names somebody."""
    return lambda house, person: house.run("run", "-s", "raw", **{variable: person.document})


def _server(kind: str, name: str, project: str) -> Failure:
    """A server that answers with people's names until nobody asks any more, which is soon (`hurried`)."""

    def provoke(house: LeakHouse, person: Person) -> Finished:
        house.touch()
        server = house.kobo if name == "kobo" else house.odk
        server.page = f"<html><title>{person.name}</title><p>{person.sentence}</p></html>".encode()
        server.faults.extend([kind] * 60)
        finished = house.run("run", "-p", project, "-s", "raw", **hurried())
        server.faults.clear()
        return finished

    return provoke


def _register(change: Callable[[Path, Person], object]) -> Failure:
    """The newest file of THAMM+'s register, spoilt, under a person's name; taken away again."""

    def provoke(house: LeakHouse, person: Person) -> Finished:
        path = house.inbox("thamm_plus") / f"{INBOXES['thamm_plus'][0]} {person.file}.xlsx"
        shutil.copy(house.book("thamm_plus"), path)
        change(path, person)
        finished = house.run("run", "-p", "thamm_plus", "-s", "raw")
        house.run("loads")
        path.unlink()
        return finished

    return provoke


def _no_workbook(path: Path, person: Person) -> None:
    path.write_text(person.sentence, encoding="utf-8")


def _without_key(path: Path, person: Person) -> None:
    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[0]
    for cell in sheet[3]:
        cell.value = None if sheet.cell(1, cell.column).value == "numero_dossier" else person.sentence
    book.save(path)


def _other_sheet(path: Path, person: Person) -> None:
    book = openpyxl.load_workbook(path)
    book.worksheets[0].title = f"{person.name} {person.document}"[:31]
    book.save(path)


def _other_header(path: Path, person: Person) -> None:
    book = openpyxl.load_workbook(path)
    key = next(cell for cell in book.worksheets[0][1] if cell.value == "numero_dossier")
    key.value = f"Numéro de dossier ANAPEC de {person.name} {person.first}"
    book.save(path)


@contextmanager
def _changed(file: Path) -> Iterator[str]:
    content = file.read_bytes()
    try:
        yield content.decode("utf-8", "replace")
    finally:
        file.write_bytes(content)


def _secret_in_yaml(house: LeakHouse, person: Person) -> Finished:
    """Where a variable's name belongs, its value: pydantic quotes what it refuses."""
    file = house.projects / "prim2" / "project.yaml"
    with _changed(file) as text:
        file.write_text(text.replace("token: ${KOBO_TOKEN}", f"token: [{person.document}, {person.email}]"), "utf-8")
        house.run("doctor")
        return house.run("run")


def _no_questionnaire(house: LeakHouse, person: Person) -> Finished:
    file = house.projects / "prim2" / "forms" / "prestations.xlsx"
    with _changed(file):
        book = openpyxl.load_workbook(file)
        book["survey"].title = person.name
        book.save(file)
        house.run("forms", "lint", "prestations", "-p", "prim2")
        return house.run("run")


def _no_output(house: LeakHouse, person: Person) -> Finished:
    place = house.temporary / person.file
    place.write_text(person.sentence, encoding="utf-8")
    finished = house.run("run", "-s", "extracts", MEAL_OUT=str(place))
    place.unlink()
    return finished


def _broken_command(house: LeakHouse, person: Person) -> Finished:
    broken = "meal_pipelines.collect.history:collections_of"
    return house.run("loads", "candidats", **fault(broken, "value", person.sentence))


def _broken_file(house: LeakHouse, person: Person) -> None:
    """A photo that arrives late and cannot be read: told by the check of the files, and tried again another night."""
    form = house.odk.forms[2, "visites"]
    root = next(iter(form.stored))
    house.odk.attach(form, root, f"{person.file}.jpg", b"\xff\xd8\xff" + person.sentence.encode())
    house.odk.file_faults.extend(["cut"] * 60)
    house.run("run", "-p", "carnet", "-s", "raw", **hurried())
    house.odk.file_faults.clear()


def _killed(stage: str) -> Failure:
    """With -9, once the stage has begun."""

    def provoke(house: LeakHouse, person: Person) -> None:
        house.touch()
        output = house.house.folder / "killed.txt"
        process = house.house.start("run", output=output)
        until(lambda: stage in output.read_text("utf-8") or process.poll() is not None, 120)
        time.sleep(0.3)
        end(process)
        house.keep_output(f"killed: {stage}", output)

    return provoke
