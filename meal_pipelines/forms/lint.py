"""What is wrong, or could be better, in a questionnaire before it is deployed: each remark with its sheet and line.

Our own reading, then `rules.py`, then pyxform and ODK Validate in their own words, which are English.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.forms.rules import Remark, remarks
from meal_pipelines.project.files import read_yaml
from meal_pipelines.project.load import expand
from meal_pipelines.project.model import Project
from meal_pipelines.project.xlsform import read_questionnaire
from meal_pipelines.settings import Settings

ROW = re.compile(r"\[row : (\d+)\]\s*")
SHEET = re.compile(r"[Oo]n the '(\w+)' sheet,\s*")


@dataclass(frozen=True)
class Linted:
    """One questionnaire examined. skipped: what could not be asked, in French (no Java on this machine)."""

    form: str
    file: Path
    remarks: tuple[Remark, ...]
    skipped: str = ""

    @property
    def is_faulty(self) -> bool:
        return any(remark.level == "error" for remark in self.remarks)


def lint(settings: Settings, project: str, form: str | None) -> Iterator[Linted]:
    """Examine one questionnaire of a project, or all.

    The project's other files may be wrong: only `project.yaml` is needed. Raises: ConfigurationError when it, or the form,
    is not there.
    """
    folder = settings.projects / project
    declared, lines = read_yaml(folder / "project.yaml", Project)
    if form is not None and form not in declared.forms:
        raise ConfigurationError(
            f"Le projet « {project} » n'a pas de formulaire « {form} » : {', '.join(declared.forms)}."
        )
    for name, each in declared.forms.items():
        if form in (None, name):
            where = lines.at("forms", name, "questionnaire")
            named = each.questionnaire
            paths = [named] if isinstance(named, str) else [named[key] for key in ("survey", "choices") if key in named]
            yield examine(name, *(folder / expand(path, settings.variables, where) for path in paths))


def examine(form: str, file: Path, choices: Path | None = None) -> Linted:
    """Examine one questionnaire: a workbook, or the two CSV files of its sheets."""
    try:
        questionnaire = read_questionnaire(file, choices)
    except ConfigurationError as error:
        return Linted(
            form, file, (Remark("error", "", None, str(error)), *(_by_pyxform(file)[0] if choices is None else ()))
        )
    found = [Remark("warning", "", None, text) for text in questionnaire.warnings]
    found += remarks(questionnaire)
    if choices is not None:
        return Linted(form, file, tuple(found), "pyxform et ODK Validate prennent un XLSX : non demandés pour des CSV.")
    said, xform = _by_pyxform(file)
    found += said
    if xform is None:
        return Linted(form, file, tuple(found))
    if shutil.which("java") is None:
        skipped = "ODK Validate n'a pas été demandé : il faut Java sur cette machine. Le reste a été examiné."
        return Linted(form, file, tuple(found), skipped)
    return Linted(form, file, (*found, *_by_odk_validate(xform)))


def _by_pyxform(file: Path) -> tuple[list[Remark], str | None]:
    """What pyxform says, and the XForm it makes."""
    from pyxform.errors import PyXFormError
    from pyxform.xls2xform import convert

    try:
        made = convert(file)
    except (PyXFormError, ValueError, KeyError) as error:
        return [_placed("error", "pyxform", str(error))], None
    return [_placed("warning", "pyxform", str(text)) for text in made.warnings or []], made.xform


def _placed(level: Literal["error", "warning"], who: str, text: str) -> Remark:
    """A remark of another program: the line taken out of its words, the rest as it is."""
    row, sheet = ROW.search(text), SHEET.search(text)
    said = re.sub(r"\s+", " ", ROW.sub("", SHEET.sub("", text))).strip()
    return Remark(
        level, sheet[1] if sheet else "survey" if row else "", int(row[1]) if row else None, f"{who} : {said}"
    )


def _by_odk_validate(xform: str) -> Iterator[Remark]:
    from pyxform.validators.odk_validate import ODKValidateError, check_xform

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "form.xml"
        path.write_text(xform, encoding="utf-8")
        try:
            said = check_xform(str(path))
        except ODKValidateError as error:
            yield _placed("error", "ODK Validate", str(error).removeprefix("ODK Validate Errors:"))
            return
    for text in said:
        plain = text.removeprefix("ODK Validate Warnings:").strip()
        if plain:
            yield _placed("warning", "ODK Validate", plain)
