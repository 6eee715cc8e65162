"""A house in which every answer, file, name of a file and header is a planted person's, whatever it is received by.

Both projects as they are, on a Kobo server and in partners' inboxes; a third, « carnet », on ODK Central with photos.
What is asked of this house is in `provoked.py`.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import openpyxl
import orjson
from openpyxl.comments import Comment

from meal_pipelines.project.load import load_projects
from meal_pipelines.protect.keys.keyring import Keyring
from meal_pipelines.sample import generate
from meal_pipelines.settings import CHECKOUT
from tests.collect.file_cases import PROGRAM, picture
from tests.end_to_end.command import Finished, House, a_house
from tests.end_to_end.conftest import PROJECTS
from tests.end_to_end.faults import PLUGIN
from tests.end_to_end.planted import Person, Planting, answer
from tests.kobo_server import KoboServer
from tests.odk_server import OdkServer, questions
from tests.stage_cases import PROJECT, VISITES, written

INBOXES = {"prim2": ("subventions", "PRIM2_CLASSEURS"), "thamm_plus": ("candidats", "THAMM_CLASSEURS")}
"""Of each project: the register in which everything that can be wrong is, and the variable that names its folder."""
PREFIX = {"prim2": "PRIM2", "thamm_plus": "THAMM"}
EXPORT = "  dossier: {kind: export, path: donnees}\n"
CENTRAL = '  dossier: {kind: odk, url: "${ODK_URL}", email: "${ODK_EMAIL}", password: "${ODK_PASSWORD}"}\n'
ASKED = (
    "/accord:string", "/jour:date", "/identite:structure", "/identite/nom:string", "/identite/telephone:string",
    "/identite/naissance:int", "/identite/sexe:string", "/commune:string", "/poids:decimal", "/position:geopoint",
    "/remarques:string", "/photo:binary", "/surnom_du_menage:string",
)  # fmt: skip
"""Of the carnet; the last is not in its questionnaire."""


@dataclass(eq=False)
class LeakHouse:
    """outputs: what every command run here said, by its place and its words."""

    house: House
    kobo: KoboServer
    odk: OdkServer
    planting: Planting
    outputs: dict[str, Finished] = field(default_factory=dict)
    _touched: int = 0

    @property
    def home(self) -> Path:
        return self.house.folder / "h"

    @property
    def out(self) -> Path:
        return self.house.folder / "out"

    @property
    def temporary(self) -> Path:
        return self.house.folder / "tmp"

    @property
    def projects(self) -> Path:
        return self.house.folder / "projects"

    def inbox(self, project: str) -> Path:
        return self.house.folder / "inboxes" / project

    def book(self, project: str, form: str | None = None) -> Path:
        """The partner's workbook that is in order."""
        return self.inbox(project) / f"{form or INBOXES[project][0]} {self.planting.person(project).file}.xlsx"

    def run(self, *arguments: str, **environ: str) -> Finished:
        """One command; what it says is searched at the end."""
        finished = self.house.run(*arguments, environ=environ, timeout=600)
        self.outputs[f"{len(self.outputs):02d} meal {' '.join(arguments)} {' '.join(environ)}"] = finished
        return finished

    def keep_output(self, name: str, file: Path) -> None:
        """What a process that was not waited for has said so far."""
        self.outputs[f"{len(self.outputs):02d} {name}"] = Finished(0, file.read_text("utf-8", "replace"), "", 0, 0)

    def touch(self) -> None:
        """Something new to collect, clean and protect, in every form of the servers."""
        self._touched += 1
        for asset in self.kobo.assets.values():
            key = asset.ids[self._touched % len(asset.ids)]
            person = self.planting.person((asset.uid, key, self._touched))
            self.kobo.edit(asset.uid, key, {"note_interne": person.sentence})
        form = self.odk.forms[2, "visites"]
        roots = sorted(form.stored)
        person = self.planting.person(("carnet", self._touched))
        self.odk.edit(form, roots[self._touched % len(roots)], {"remarques": person.sentence})


@contextmanager
def a_leak_house(persons: int, rows: int) -> Iterator[LeakHouse]:
    """persons: how many are planted, at most · rows: submissions of each of the two projects."""
    with KoboServer() as kobo, OdkServer() as odk:
        variables = {
            "KOBO_URL": kobo.url, "KOBO_TOKEN": kobo.token, "NO_PROXY": "127.0.0.1",
            "ODK_URL": odk.url, "ODK_EMAIL": odk.email, "ODK_PASSWORD": odk.password,
        }  # fmt: skip
        with a_house(**variables) as house:
            made = LeakHouse(house, kobo, odk, Planting(persons))
            _furnish(made, rows)
            yield made


def _furnish(made: LeakHouse, rows: int) -> None:
    folder = made.house.folder
    shutil.copytree(CHECKOUT / "projects", made.projects)
    for path in (made.temporary, folder / "plugin"):
        path.mkdir()
    (folder / "plugin" / "sitecustomize.py").write_text(PLUGIN, encoding="utf-8")
    made.house.more.update(
        MEAL_PROJECTS=str(made.projects), TMPDIR=str(made.temporary), PYTHONPATH=str(folder / "plugin")
    )
    for name, project in load_projects(made.house.settings(demo=False), PROJECTS).items():
        sample = folder / "sample" / name
        generate(project, rows, 7, sample)
        shutil.copytree(sample / "corrections", made.projects / name / "corrections")
        made.house.more[INBOXES[name][1]] = str(made.inbox(name))
        for form, loaded in project.forms.items():
            if loaded.form.source.asset is not None:
                _serve(made, name, form, sample)
            else:
                _partner_file(made, name, form, sample / form / f"{form}-001.xlsx")
    _carnet(made)
    Keyring.create(made.house.settings(demo=False).keyring)


def _serve(made: LeakHouse, project: str, form: str, sample: Path) -> None:
    """The last export of a form, on the Kobo server, in the name of planted persons."""
    asset = f"a{PREFIX[project]}{form}"
    made.house.more[f"{PREFIX[project]}_ASSET_{form.upper()}"] = asset
    made.kobo.add_asset(asset)
    for page in sorted((sample / form / "2-dernier-export").glob("*.json")):
        for row in orjson.loads(page.read_bytes())["results"]:
            planted = made.planting.answers(row, (form, row["_id"]))
            person = made.planting.person((form, row["_id"], "note"))
            made.kobo.submit(asset, planted | {"note_interne": person.sentence, "_submitted_by": person.email})


def _partner_file(made: LeakHouse, project: str, form: str, sample: Path) -> None:
    """A register of a partner, with persons in every cell and corner that it has; and files that nothing waits for."""
    path = made.book(project, form)
    path.parent.mkdir(parents=True, exist_ok=True)
    book = openpyxl.load_workbook(sample)
    sheet = book.worksheets[0]
    named = {str(cell.value): cell.column for cell in sheet[1] if cell.value}
    for line in range(2, sheet.max_row + 1):
        row = {name: sheet.cell(line, column).value for name, column in named.items()}
        for name, value in made.planting.answers(row, (project, form, line)).items():
            sheet.cell(line, named[name]).value = value
    person = made.planting.person((project, "header"))
    column = sheet.max_column + 1
    sheet.cell(1, column).value = f"Vu par {person.first} {person.name} ({person.document})"
    sheet.cell(3, column).value = person.sentence
    sheet.cell(2, 1).comment = Comment(person.sentence, person.email)
    hidden = book.create_sheet(f"{person.name} {person.document}"[:31])
    hidden["A1"], hidden.sheet_state = person.sentence, "hidden"
    book.create_sheet(f"{person.first} {person.document}"[:31])
    book.properties.creator, book.properties.title = person.email, person.file
    book.save(path)
    stranger = made.planting.person((project, "stranger"))
    shutil.copy(path, path.with_name(f"{stranger.file}.xlsx"))
    path.with_name(f"{form} {stranger.file}.pdf").write_text(stranger.sentence, encoding="utf-8")


def _carnet(made: LeakHouse) -> None:
    """Visits on ODK Central: photos that are kept, an answer nobody declared, refusals of consent, places on the map."""
    text = PROJECT.replace(EXPORT, CENTRAL).replace("{use: dossier}", "{use: dossier, project: 2, form: visites}", 1)
    text = text.replace("{use: dossier}", "{use: dossier, project: 2, form: ateliers}", 1)
    text = text.replace(
        "    tolerated: [poids]\n", "    tolerated: [poids]\n    attachments: {keep: true, max_mb: 1}\n", 1
    )
    folder = written(made.projects / "carnet", "carnet", text)
    survey = VISITES.replace("begin repeat,membres", "image,photo,Photo,,,,\nbegin repeat,membres")
    (folder / "visites.csv").write_text(survey, encoding="utf-8")
    made.odk.add_form("ateliers", questions("/theme:string"))
    form = made.odk.add_form("visites", questions(*ASKED))
    for number in range(60):
        person = made.planting.person(("carnet", number))
        photo = f"{person.file}.jpg"
        root = made.odk.submit(form, _visit(person, number, photo), files=[photo])
        mark = person.sentence.encode()
        made.odk.attach(form, root, photo, PROGRAM + mark if number == 7 else picture(number) + mark)


def _visit(person: Person, number: int, photo: str) -> dict[str, object]:
    return {
        "accord": "non" if number % 10 == 9 else "oui",
        "jour": "2026-05-04",
        "identite": {
            "nom": person.name, "telephone": answer(person, "telephone"), "naissance": person.document if number == 5 else "1990",
            "sexe": person.name if number == 6 else "F",
        },
        "commune": "02.411.01.23",
        "poids": person.sentence if number == 8 else "61.5",
        "position": "34.0209 -6.8416 75.2 4.9",
        "remarques": person.sentence,
        "photo": photo,
        "surnom_du_menage": person.sentence,
        "meta": {"instanceName": f"{person.first} {person.name}"},
    }  # fmt: skip
