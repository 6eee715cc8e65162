"""A deployed version of a form, as `raw.form_version` keeps it, read as a questionnaire.

Kobo gives its own JSON of the sheets, ODK Central an XForm (`xform.py`), and a questionnaire without a server is kept as
its sheets.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.project.question_types import PARTS, TYPES, spelled
from meal_pipelines.project.questionnaire import Questionnaire
from meal_pipelines.project.sheets import Row, Sheets
from meal_pipelines.project.xform import sheets_of_xform
from meal_pipelines.project.xlsform import questionnaire_of

TRANSLATED = ("label", "hint", "guidance_hint", "constraint_message", "required_message")
SERVERS_OWN = ("$", "select_from_list_name", "_or_other", "kobo--")
"""Keys of Kobo's lines that are no columns of an XLSForm, or are written otherwise there."""


def content_of(questionnaire: Questionnaire) -> dict[str, Any]:
    """What is kept of a questionnaire that no server describes."""
    return {"sheets": {name: [[line, cells] for line, cells in rows] for name, rows in questionnaire.sheets.items()}}


def deployed_questionnaire(version: str, content: Mapping[str, Any]) -> Questionnaire | None:
    """The questionnaire of a kept version; None when what was kept describes no question, or not one that is understood."""
    sheets = deployed_sheets(content)
    try:
        found = questionnaire_of(sheets, Path(f"version {version}")) if sheets.get("survey") else None
    except ConfigurationError:
        return None
    return found if found is not None and any(found.questions()) else None


def deployed_sheets(content: Mapping[str, Any]) -> Sheets:
    """The sheets of a kept version; empty when nothing describes them."""
    if isinstance(content.get("sheets"), Mapping):
        return {name: [(line, cells) for line, cells in rows] for name, rows in content["sheets"].items()}
    if isinstance(content.get("xform"), str):
        return sheets_of_xform(content["xform"])
    if isinstance(content.get("survey"), list):
        return _of_kobo(content)
    return {}


def _of_kobo(content: Mapping[str, Any]) -> Sheets:
    languages = content.get("translations") or [None]
    survey = [(line, _cells(_question(item), languages)) for line, item in enumerate(content["survey"], start=2)]
    choices = [
        (line, _cells({**item, "name": item.get("name") or item.get("$autovalue")}, languages))
        for line, item in enumerate(content.get("choices") or [], start=2)
    ]
    settings = content.get("settings") or {}
    found: dict[str, list[Row]] = {"survey": survey, "choices": choices}
    if isinstance(settings, Mapping) and settings:
        found["settings"] = [(2, _cells(settings, [None]))]
    return found


def _question(item: Mapping[str, Any]) -> dict[str, Any]:
    """One line of Kobo's survey with its type as an XLSForm writes it; what only Kobo knows becomes a group or a text."""
    kind, list_name = str(item.get("type", "")), item.get("select_from_list_name")
    word = spelled(kind)[0]
    if word.startswith(("begin_", "end_")) and word not in PARTS:
        kind = f"{word.partition('_')[0]}_group"
    elif word not in TYPES | PARTS:
        kind = "text"
    if list_name:
        kind = f"{kind} {list_name}{' or_other' if item.get('_or_other') else ''}"
    return {**item, "type": kind, "name": item.get("name") or item.get("$autoname")}


def _cells(item: Mapping[str, Any], languages: list[str | None]) -> dict[str, str]:
    cells: dict[str, str] = {}
    for key, value in item.items():
        if key.startswith(SERVERS_OWN) or value in (None, "", False):
            continue
        if key in TRANSLATED and isinstance(value, list):
            for language, text in zip(languages, value, strict=False):
                if text:
                    cells[f"{key}::{language}" if language else key] = str(text)
        elif not isinstance(value, (list, dict)):
            cells[key] = "true" if value is True else str(value).strip()
    return cells
