"""A form that was changed while it was in use: what its versions asked, and a source whose rows say with which they were filled."""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from meal_pipelines.collect.source import FormVersion, Submission, canonical
from meal_pipelines.project.load import load_project
from tests.stage_cases import PROJECT, VISITES, Bench, Memory, visit, written

Survey = list[dict[str, Any]]


@dataclass
class Versioned(Memory):
    """Rows of `form_version` under `__version__`; contents: what Kobo would say of each deployed version."""

    contents: dict[str, dict[str, Any]] = field(default_factory=dict)

    def _submission(self, key: str) -> Submission:
        row = dict(self.rows[key])
        version = row.pop("__version__", None)
        return Submission(key, canonical(row), form_version=version, submitted_at="2026-06-01T10:00:00+00:00")

    def form_versions(self, known: Container[str] = ()) -> Iterator[FormVersion]:
        for version, content in self.contents.items():
            if version not in known:
                yield FormVersion(version, content)


def old(version: str, **changes: Any) -> dict[str, Any]:
    return {**visit(**changes), "__version__": version}


def kobo(survey: Survey, choices: dict[str, list[str]] | None = None) -> dict[str, Any]:
    """A version as Kobo describes it."""
    rows = [
        {"list_name": name, "name": code, "label": [code]} for name, codes in (choices or {}).items() for code in codes
    ]
    return {"schema": "1", "survey": survey, "choices": rows, "settings": {}, "translations": [None]}


def select(name: str, list_name: str, **more: Any) -> dict[str, Any]:
    return {"type": "select_one", "name": name, "select_from_list_name": list_name, **more}


LISTS = {
    "oui_non": ["oui", "non"], "sexe": ["F", "H"], "besoin": ["sante", "emploi"], "lien": ["enfant", "conjoint"],
    "communes": ["02.411.01.23", "04.421.01.01"],
}  # fmt: skip


def first_survey(**changed: dict[str, Any] | None) -> Survey:
    """What the form of `stage_cases` asked first; by name, questions that were otherwise, or None for not asked."""
    yes = {"required": True}
    lines: Survey = [
        select("accord", "oui_non", **yes),
        {"type": "date", "name": "jour", **yes},
        {"type": "begin_group", "name": "identite", "relevant": "${accord} = 'oui'"},
        {"type": "text", "name": "nom", **yes},
        {"type": "text", "name": "telephone"},
        {"type": "integer", "name": "naissance", **yes},
        select("sexe", "sexe", **yes),
        {"type": "end_group"},
        select("commune", "communes"),
        {"type": "integer", "name": "duree"},
        {"type": "decimal", "name": "poids"},
        {"type": "begin_repeat", "name": "membres"},
        {"type": "text", "name": "prenom"},
        select("lien", "lien", **yes),
        {"type": "integer", "name": "age"},
        {"type": "end_repeat"},
    ]
    found = []
    for line in lines:
        name = line.get("name", "")
        if name not in changed:
            found.append(line)
        elif changed[name] is not None:
            found.append({**line, **(changed[name] or {})})
    return found


def declare(bench: Bench, versions: str = "", *, survey: str = VISITES, project: str = PROJECT) -> None:
    """The officer's files: the questionnaire of today, and how the versions follow one another."""
    folder: Path = written(bench.folder, bench.project.id, project)
    (folder / "visites.csv").write_text(survey, encoding="utf-8")
    (folder / "forms").mkdir(exist_ok=True)
    path = folder / "forms" / "visites.yaml"
    path.unlink(missing_ok=True)
    if versions:
        path.write_text(versions, encoding="utf-8")
    bench.project = load_project(folder, {})
