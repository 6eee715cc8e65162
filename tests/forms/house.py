"""A project with one questionnaire and one server on loopback, and the commands run on it as an officer runs them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from openpyxl import load_workbook
from typer.testing import CliRunner, Result

from meal_pipelines.cli import app
from meal_pipelines.project.load import load_project
from meal_pipelines.project.loaded import LoadedForm, LoadedProject
from meal_pipelines.settings import Settings
from tests.project.xlsforms import Lines, workbook

FR, AR = "label::Français (fr)", "label::العربية (ar)"
HEADER = ["type", "name", FR, AR, "required", "relevant", "constraint"]
SURVEY: Lines = [
    HEADER,
    ["select_one sexe", "sexe", "Sexe", "الجنس", "yes", "", ""],
    ["text", "telephone", "Téléphone de la personne", "رقم الهاتف", "", "", ""],
    ["integer", "age", "Âge", "العمر", "yes", "", ". >= 0"],
]
CHOICES: Lines = [["list_name", "name", FR, AR], ["sexe", "F", "Femme", "امرأة"], ["sexe", "H", "Homme", "رجل"]]

PROJECT = """
project: essai
name: Essai
label: Un projet d'essai
starts_on: 2026-03-01
ends_on: 2029-02-28
dates_status: illustratives
sources:
  serveur: SERVER
forms:
  visites:
    label: Visites
    code: F-VIS
    unit: visite
    questionnaire: forms/visites.xlsx
    source: SOURCE
    frequency: monthly
    privacy: {open: ["*"]}
"""
KOBO = ("{kind: kobo, url: '${KOBO_URL}', token: '${KOBO_TOKEN}'}", "{use: serveur, asset: aVisites}")
ODK = (
    "{kind: odk, url: '${ODK_URL}', email: '${ODK_EMAIL}', password: '${ODK_PASSWORD}'}",
    "{use: serveur, project: 2, form: visites}",
)


@dataclass
class House:
    """folder: MEAL_PROJECTS, MEAL_HOME and MEAL_OUT are in it."""

    folder: Path
    variables: dict[str, str]
    kind: tuple[str, str]
    environ: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.environ = {
            **self.variables,
            "MEAL_HOME": str(self.folder / "home"),
            "MEAL_PROJECTS": str(self.folder / "projects"),
            "MEAL_OUT": str(self.folder / "out"),
        }
        (self.project / "forms").mkdir(parents=True)
        server, source = self.kind
        text = PROJECT.replace("SERVER", server).replace("SOURCE", source)
        (self.project / "project.yaml").write_text(text, encoding="utf-8")

    @property
    def project(self) -> Path:
        return self.folder / "projects" / "essai"

    @property
    def questionnaire(self) -> Path:
        return self.project / "forms" / "visites.xlsx"

    @property
    def versions(self) -> Path:
        return self.project / "forms" / "visites.yaml"

    def ask(self, survey: Lines = SURVEY, choices: Lines = CHOICES, **settings: str) -> Path:
        """The officer edits the local questionnaire."""
        sheets = {"survey": survey, "choices": choices}
        if settings:
            sheets["settings"] = [list(settings), list(settings.values())]
        return workbook(self.questionnaire, **sheets)

    def settings(self) -> Settings:
        return Settings.load(environ=self.environ)

    def loaded(self) -> tuple[LoadedProject, LoadedForm]:
        project = load_project(self.project, self.variables)
        return project, project.forms["visites"]

    def run(self, *words: str) -> Result:
        """`meal forms …`, in this process."""
        return CliRunner().invoke(app, ["forms", *words, "-p", "essai"], env=self.environ)


def sheet(path: Path, name: str = "survey") -> Lines:
    rows = load_workbook(path)[name].iter_rows(values_only=True)
    return [["" if cell is None else str(cell) for cell in row] for row in rows]


def without(name: str) -> Lines:
    return [line for line in SURVEY if line[1] != name]


def renamed(old: str, new: str) -> Lines:
    return [[new if cell == old else cell for cell in line] for line in SURVEY]


def kobo_content(survey: Lines = SURVEY) -> dict[str, Any]:
    """The same form as Kobo keeps it, written by hand here: nothing of ours makes it."""
    languages = ["Français (fr)", "العربية (ar)"]
    lines = []
    for kind, name, french, arabic, required, relevant, constraint in survey[1:]:
        word, _, list_name = kind.partition(" ")
        line: dict[str, Any] = {"type": word, "name": name, "label": [french, arabic], "$kuid": name}
        rules = {"select_from_list_name": list_name, "relevant": relevant, "constraint": constraint}
        lines.append(
            line | {key: text for key, text in rules.items() if text} | ({"required": True} if required else {})
        )
    choices = [{"list_name": line[0], "name": line[1], "label": line[2:]} for line in CHOICES[1:]]
    return {"schema": "1", "survey": lines, "choices": choices, "settings": {}, "translations": languages}
