"""A small project with two forms, and the stages raw → pseudonymised run on it: what the tests of the stages share.

Each bench has a project of its own name, so that the session's one warehouse serves all tests; it leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import orjson
from psycopg2 import sql

from meal_pipelines.clean import stage as clean
from meal_pipelines.clean.build import CleanBuild
from meal_pipelines.clean.corrections import read_log
from meal_pipelines.collect.position import Load
from meal_pipelines.collect.source import Order, Page, Source, Submission, canonical
from meal_pipelines.collect.sync import synchronise
from meal_pipelines.errors import TransientError
from meal_pipelines.project.load import load_project
from meal_pipelines.project.loaded import LoadedForm, LoadedProject
from meal_pipelines.protect import stage as protect
from meal_pipelines.protect.keys.keyring import Keyring
from meal_pipelines.protect.stage import ProtectBuild
from meal_pipelines.warehouse import Warehouse

PROJECT = """
project: PROJECT
name: Essai
label: Un projet d'essai
starts_on: 2026-03-01
ends_on: 2029-02-28
dates_status: illustratives
age_bands: ["0-17", "18-34", "35-59", "60+"]
persons:
  keys: [[telephone, naissance], [nom, naissance]]
  normalise: {telephone: phone, nom: name}
sources:
  dossier: {kind: export, path: donnees}
forms:
  visites:
    label: Visites
    code: F-VIS
    unit: visite
    questionnaire: {survey: visites.csv, choices: choices.csv}
    source: {use: dossier}
    frequency: monthly
    consent: accord = oui
    duplicates: [jour, commune, sexe]
    tolerated: [poids]
    privacy:
      identifier: [telephone, nom, prenom, position]
      quasi_identifier:
        naissance: {to: age_band, of: birth_year, on: jour}
        commune: province
      free_text: [remarques]
      sensitive: [besoins]
      open: [accord, jour, sexe, duree, poids, heure, moment, lien, age, note, "g_*"]
    rules:
      - {name: duree_et_poids, check: "${duree} <= ${poids}", message: La durée dépasse le poids., severity: warning}
      - {name: femme_adulte, check: "${lien} != 'conjoint' or ${age} >= 15", message: Un conjoint a 15 ans ou plus.,
         severity: critical, repeat: membres}
  ateliers:
    label: Ateliers
    code: F-ATE
    unit: atelier
    questionnaire: {survey: ateliers.csv, choices: choices.csv}
    source: {use: dossier}
    frequency: monthly
    privacy:
      identifier: [telephone, nom]
      quasi_identifier: {naissance: drop}
      open: [theme]
"""
VISITES = """type,name,label::Français (fr),required,relevant,constraint,constraint_message::Français (fr)
select_one oui_non,accord,La personne accepte-t-elle ?,yes,,,
date,jour,Jour de la visite,yes,,. <= today(),Le jour est dans le futur.
begin group,identite,Identité,,${accord} = 'oui',,
text,nom,Nom,yes,,,
text,telephone,Téléphone,,,,
integer,naissance,Année de naissance,yes,,. >= 1920 and . <= 2026,
select_one sexe,sexe,Sexe,yes,,,
end group,,,,,,
select_one communes,commune,Commune,,,,
integer,duree,Durée,,,. >= 5 and . <= 480,La durée va de 5 à 480 minutes.
decimal,poids,Poids,yes,,,
time,heure,Heure,,,,
dateTime,moment,Moment,,,,
geopoint,position,Position,,,,
select_multiple besoin,besoins,Besoins,,,,
text,remarques,Remarques,,,,
text,inconnue,Une question que personne n'a classée,,,,
begin repeat,membres,Membres,,,,
text,prenom,Prénom,,,,
select_one lien,lien,Lien,yes,,,
integer,age,Âge,,,. >= 0 and . < 120,
begin repeat,suites,Suites,,,,
integer,note,Note,yes,,. > 0 and . < 20,
end repeat,,,,,,
end repeat,,,,,,
"""
ATELIERS = """type,name,label::Français (fr),required
text,theme,Thème,yes
begin repeat,participants,Participants,
text,nom,Nom,
text,telephone,Téléphone,
integer,naissance,Année de naissance,
end repeat,,,
"""
CHOICES = """list_name,name,label::Français (fr)
oui_non,oui,Oui
oui_non,non,Non
sexe,F,Femme
sexe,H,Homme
besoin,sante,Santé
besoin,emploi,Emploi
lien,enfant,Enfant
lien,conjoint,Conjoint
communes,02.411.01.23,Oujda
communes,02.411.99.77,Commune inventée
communes,04.421.01.01,Rabat
"""
GOOD: dict[str, Any] = {
    "accord": "oui",
    "jour": "2026-05-04",
    "identite/nom": "El Idrissi",
    "identite/telephone": "0612345678",
    "identite/naissance": "1990",
    "identite/sexe": "F",
    "commune": "02.411.01.23",
    "duree": "30",
    "poids": "61.5",
}
"""A visit without fault."""


def visit(**changes: Any) -> dict[str, Any]:
    """A visit, some answers changed (by bare name) or taken away (None)."""
    paths = {path.rpartition("/")[2]: path for path in GOOD}
    row = GOOD | {paths.get(name, name): value for name, value in changes.items()}
    return {name: value for name, value in row.items() if value is not None}


def written(folder: Path, project: str, text: str = PROJECT, ateliers: str = ATELIERS) -> Path:
    """The project's folder, as an officer would have it."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {"visites.csv": VISITES, "ateliers.csv": ateliers, "choices.csv": CHOICES}
    for name, content in {**files, "project.yaml": text.replace("PROJECT", project)}.items():
        (folder / name).write_text(content, encoding="utf-8")
    return folder


@dataclass
class Memory(Source):
    """A source held in memory: submissions by id, some to a page. breaks_after: pages shown before the network fails."""

    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    page: int = 3
    breaks_after: int | None = None
    kind: ClassVar[str] = "memory"
    order: ClassVar[Order] = "text"

    def sweep(self, after: str | None = None) -> Iterator[Page]:
        keys = [key for key in sorted(self.rows) if after is None or key > after]
        for number, start in enumerate(range(0, len(keys), self.page)):
            if number == self.breaks_after:
                raise TransientError("La connexion est perdue.")
            part = keys[start : start + self.page]
            yield Page([self._submission(key) for key in part], after, part[-1])
            after = part[-1]
        yield Page([], after, None)

    def _submission(self, key: str) -> Submission:
        content = canonical(self.rows[key])
        return Submission(key, content, form_version="v1", submitted_at="2026-06-01T10:00:00+00:00")


@dataclass
class Bench:
    """The stages of one project, called as the assets call them; `source` is that of the form `visites`."""

    warehouse: Warehouse
    folder: Path
    keyring: Keyring
    project: LoadedProject
    source: Memory = field(default_factory=Memory)

    @property
    def form(self) -> LoadedForm:
        return self.project.forms["visites"]

    def sync(self, form: str = "visites", source: Any = None, **options: Any) -> Load:
        load = synchronise(
            self.warehouse,
            self.keyring,
            self.project.id,
            form,
            source or self.source,
            **{"loaded": self.project} | options,
        )
        assert load is not None
        return load

    def clean(self, form: str = "visites") -> CleanBuild | None:
        log = read_log(self.folder / f"{form}.corrections.csv")
        build = clean.prepare(self.warehouse, self.keyring, self.project, self.project.forms[form], log)
        if build is not None:
            clean.publish(self.warehouse, build, log)
        return build

    def protect(self, form: str = "visites") -> ProtectBuild | None:
        build = protect.prepare(self.warehouse, self.keyring, self.project, self.project.forms[form])
        if build is not None:
            protect.publish(self.warehouse, build)
        return build

    def run(self, **rows: dict[str, Any]) -> CleanBuild:
        """Collect these submissions and nothing else, clean and protect; the cleaning's build."""
        self.source.rows = rows
        self.sync()
        build = self.clean()
        assert build is not None
        self.protect()
        return build

    def redeclare(self, text: str) -> None:
        """The officer changes `project.yaml`."""
        self.project = load_project(written(self.folder, self.project.id, text), {})

    def query(self, text: str, *values: Any) -> list[tuple[Any, ...]]:
        with self.warehouse.connect() as connection, connection.cursor() as cursor:
            cursor.execute(text, values)
            return cursor.fetchall()

    def table(self, schema: str, suffix: str = "", form: str = "visites") -> list[dict[str, Any]]:
        """Every row of a form's table, in order of its key, bytes unsealed when they are the `personal` answers."""
        name = f"{self.project.id}_{form}{suffix}"
        order = "submission_id, repeat_index" if suffix else "submission_id"
        with self.warehouse.connect() as connection, connection.cursor() as cursor:
            cursor.execute(sql.SQL("select * from {} order by {}").format(sql.Identifier(schema, name), sql.SQL(order)))
            names = [column[0] for column in cursor.description or ()]
            rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        for row in rows:
            if row.get("personal") is not None:
                row["personal"] = self.unsealed(
                    row["personal"], f"cleaned|{name}|{row['submission_id']}|{row.get('repeat_index', 0)}"
                )
        return rows

    def unsealed(self, blob: Any, place: str) -> Any:
        [opened] = self.keyring.sealer(self.project.id).unseal([blob], [place])
        return orjson.loads(opened)

    def faults(self, state: str = "open") -> set[tuple[str, str, int, str, str, str]]:
        """(submission, repeat, index, question, rule, severity) of the rejections in that state."""
        return set(
            self.query(
                "select submission_id, repeat, repeat_index, question, rule, severity from quality.rejection"
                " where project = %s and state = %s",
                self.project.id,
                state,
            )
        )

    def present(self, form: str = "visites") -> set[str]:
        """The submissions that `raw` holds for present."""
        found = self.query(
            "select distinct on (submission_id) submission_id, state from raw.submission"
            " where project = %s and form = %s order by submission_id, version desc",
            self.project.id,
            form,
        )
        return {submission_id for submission_id, state in found if state == "present"}

    def clear(self) -> None:
        """Take everything of this project out of the shared warehouse."""
        with self.warehouse.connect() as connection, connection.cursor() as cursor:
            cursor.execute(
                "select table_schema, table_name from information_schema.tables where table_type = 'BASE TABLE'"
                " and table_schema in ('cleaned', 'pseudonymised') and starts_with(table_name, %s)",
                (f"{self.project.id}_",),
            )
            for schema, name in cursor.fetchall():
                cursor.execute(sql.SQL("drop table {} cascade").format(sql.Identifier(schema, name)))
            for schema, name in OF_A_PROJECT:
                cursor.execute(
                    sql.SQL("delete from {} where project = %s").format(sql.Identifier(schema, name)),
                    (self.project.id,),
                )


OF_A_PROJECT = (
    ("raw", "attachment"), ("raw", "attachment_cursor"),
    ("raw", "cursor"), ("raw", "missing"), ("raw", "submission"), ("raw", "load"), ("raw", "form_version"),
    ("quality", "rejection"), ("quality", "correction"), ("quality", "build"), ("vault", "identity"),
    ("vault", "restriction"), ("raw", "erased"), ("vault", "person_key"), ("vault", "person_link"), ("vault", "person_merge"),
    ("vault", "person_decision"),
)  # fmt: skip


@contextmanager
def bench_of(
    warehouse: Warehouse, folder: Path, text: str = PROJECT, keyring: Keyring | None = None, ateliers: str = ATELIERS
) -> Iterator[Bench]:
    """A bench with a project of its own."""
    name = f"p{uuid4().hex[:8]}"
    project = load_project(written(folder / name, name, text, ateliers), {})
    made = Bench(warehouse, folder / name, keyring or Keyring.create(folder / f"{name}.json"), project)
    try:
        yield made
    finally:
        made.clear()
