"""Samples of the real projects, generated once for all tests, and a reader of what they wrote."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from meal_pipelines.project.load import load_project
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.sample import SampleSummary, generate
from meal_pipelines.settings import CHECKOUT

ROWS = 1500
NAMES = ("prim2", "thamm_plus")


@dataclass
class Generated:
    """One generated sample, as a reader finds it."""

    project: LoadedProject
    summary: SampleSummary
    folder: Path

    @property
    def servers(self) -> list[str]:
        """The forms that come as pages of a server."""
        return [name for name in self.project.forms if (self.folder / name / "2-dernier-export").is_dir()]

    def pages(self, form: str, export: str) -> list[dict[str, Any]]:
        return [json.loads(page.read_bytes()) for page in sorted((self.folder / form / export).glob("page-*.json"))]

    def rows(self, form: str, export: str = "2-dernier-export") -> list[dict[str, Any]]:
        return [row for page in self.pages(form, export) for row in page["results"]]

    def sheet(self, form: str) -> list[dict[str, Any]]:
        """The lines of a workbook form, by question name, as text; unanswered cells absent."""
        lines = []
        for file in sorted((self.folder / form).glob("*.xlsx")):
            header, *cells = CalamineWorkbook.from_path(file).get_sheet_by_index(0).to_python()
            for row in cells:
                named = zip(header, row, strict=True)
                lines.append({str(name): _text(cell) for name, cell in named if cell not in ("", None)})
        return lines

    def truth(self, form: str) -> Iterator[dict[str, Any]]:
        with (self.folder / "truth" / f"{form}.jsonl").open(encoding="utf-8") as lines:
            yield from map(json.loads, lines)

    def received(self, form: str) -> dict[str, dict[str, Any]]:
        """What the final files hold of a form, by submission id."""
        if form in self.servers:
            return {str(row["_id"]): row for row in self.rows(form)}
        key = self.project.forms[form].form.source.key
        return {"/".join(row[name] for name in key): row for row in self.sheet(form)}


def _text(cell: Any) -> str:
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else str(cell)
    return cell.isoformat() if hasattr(cell, "isoformat") else str(cell)


def project(name: str) -> LoadedProject:
    return load_project(CHECKOUT / "projects" / name, {"KOBO_URL": "https://kobo.example", "KOBO_TOKEN": "jeton"})


@pytest.fixture(scope="session", params=NAMES)
def sample(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Generated:
    folder = tmp_path_factory.mktemp(request.param)
    loaded = project(request.param)
    return Generated(loaded, generate(loaded, ROWS, 11, folder), folder)
