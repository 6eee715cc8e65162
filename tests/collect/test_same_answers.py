"""The same submission through KoboToolbox and through ODK Central gives the same cleaned rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from meal_pipelines.clean.extract import extract
from meal_pipelines.clean.judge import Judge
from meal_pipelines.project.load import load_project
from meal_pipelines.project.questionnaire import Questionnaire
from meal_pipelines.sample import generate
from meal_pipelines.settings import CHECKOUT
from meal_pipelines.warehouse import Warehouse
from tests.collect.kobo_cases import ASSET
from tests.collect.kobo_cases import source as kobo_source
from tests.collect.odk_cases import source as odk_source
from tests.collect.odk_cases import submissions
from tests.kobo_server import KoboServer
from tests.odk_server import OdkServer, questions
from tests.odk_state import Row
from tests.stage_cases import Bench, bench_of, visit

IN_ODK = {
    "integer": "int", "decimal": "decimal", "range": "decimal", "date": "date", "today": "date", "time": "time",
    "dateTime": "dateTime", "start": "dateTime", "end": "dateTime", "geopoint": "geopoint", "select_multiple": "select_multiple",
}  # fmt: skip
"""Type of a question in XLSForm → its type in ODK Central; every other is a string."""


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[KoboServer, OdkServer]]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with KoboServer() as kobo, OdkServer() as central:
        kobo.add_asset(ASSET)
        yield kobo, central


def fields_of(questionnaire: Questionnaire) -> list[Row]:
    """The fields that ODK Central makes of a questionnaire."""
    kinds = {table.path: "repeat" for table in questionnaire.repeats}
    for question in questionnaire.questions():
        parts = question.path.split("/")
        for length in range(1, len(parts)):
            kinds.setdefault("/".join(parts[:length]), "structure")
        kinds[question.path] = IN_ODK.get(question.type, "string")
    return questions(*(f"/{path}:{kind}" for path, kind in kinds.items()))


def nested(row: Row, around: str = "") -> Row:
    """A row of Kobo's shape as the XML that a telephone would have sent."""
    texts: Row = {}
    for key, value in row.items():
        *groups, name = key.removeprefix(around).split("/")
        place = texts
        for group in groups:
            place = place.setdefault(group, {})
        place[name] = [nested(item, f"{key}/") for item in value] if isinstance(value, list) else value
    return texts


def answers_in(row: Row) -> Row:
    """Without what a server adds."""
    return {key: value for key, value in row.items() if not key.startswith(("_", "meta/", "formhub/"))}


def test_rows_of_a_real_questionnaire_are_judged_alike(servers: tuple[KoboServer, OdkServer], tmp_path: Path) -> None:
    """PRIM 2's services, a repeat of persons among them, as its own sample fills them in."""
    kobo, central = servers
    project = load_project(CHECKOUT / "projects" / "prim2", {})
    loaded = project.forms["prestations"]
    generate(project, 1200, 7, tmp_path)
    pages = sorted((tmp_path / "prestations" / "2-dernier-export").glob("page-*.json"))
    rows = [answers_in(row) for page in pages for row in orjson.loads(page.read_bytes())["results"]]
    assert len(rows) > 100 and any(row.get("lieu/gps") for row in rows) and any(row.get("personnes") for row in rows)

    # Deployed with one question more than our questionnaire has: « duree_attente », which nobody has classified.
    form = central.add_form("prestations", [*fields_of(loaded.questionnaire), *questions("/duree_attente:int")[:1]])
    for row in rows:
        kobo.submit(ASSET, row)
        central.wait(seconds=1)
        central.submit(form, nested(row))
    from_kobo = [s.payload for s in submissions(kobo_source(kobo).sweep())]
    there = odk_source(central, "prestations")
    whole = sorted(there.completed(submissions(there.sweep())), key=lambda submission: str(submission.submitted_at))
    from_odk = [submission.payload for submission in whole]

    today = np.full(len(rows), 30_000.0)
    judge, told = Judge(loaded), []
    for payloads in (from_kobo, from_odk):
        judged: dict[str, Any] = {}
        for name, table in extract(loaded.questionnaire, payloads).items():
            judged[name] = judge.judge(table, judged, today)
        told.append(
            {
                name: (table.texts, table.stands.tolist(), table.raw.owner, table.raw.unknown, len(table.faults))
                for name, table in judged.items()
            }
        )
    assert told[0] == told[1]


def test_the_cleaned_tables_are_the_same(
    servers: tuple[KoboServer, OdkServer], warehouse: Warehouse, tmp_path: Path
) -> None:
    """From the server to `cleaned`: groups, repeats in repeats, several choices, positions, times and dates."""
    kobo, central = servers
    suites = [{"membres/suites/note": "12"}, {"membres/suites/note": "9"}]
    rows = [
        visit(
            poids="61.5", heure="10:30:00.000+01:00", moment="2026-05-04T10:00:00.000+01:00", besoins="sante emploi",
            position="33.97 -6.85 12.5 4.5", remarques="« été » & <rien>\nà la ligne",
            membres=[
                {"membres/prenom": "Zoé", "membres/lien": "enfant", "membres/age": "7", "membres/suites": suites},
                {"membres/prenom": "أحمد", "membres/lien": "conjoint", "membres/age": "40"},
            ],
        ),
        visit(accord="non", nom=None, telephone=None, naissance=None, sexe=None),
        visit(jour="2026-05-05", position="33.97 -6.85 0 0", duree="9999"),
        visit(jour="hier"),
        visit(commune="04.421.01.01", inconnue="sans classe"),
    ]  # fmt: skip
    tables = []
    for product in ("kobo", "odk"):
        with bench_of(warehouse, tmp_path / product) as bench:
            form = central.add_form("visites", fields_of(bench.form.questionnaire))
            for row in rows:
                kobo.submit(ASSET, row)
                central.wait(seconds=1)
                central.submit(form, nested(row))
            bench.sync(source=kobo_source(kobo) if product == "kobo" else odk_source(central, "visites"))
            bench.clean()
            tables.append(cleaned(bench))
            for key in [*kobo.assets[ASSET].ids]:
                kobo.delete(ASSET, key)
    assert len(tables[0]["", "cleaned"]) == 4 and len(tables[0]["__suites", "cleaned"]) == 2
    assert tables[0] == tables[1]


OF_THE_COLLECTION = {"submission_id", "form_version", "submitted_at", "load_id", "duplicate_key"}
"""The last is a hash with the project's own key."""


def cleaned(bench: Bench) -> dict[tuple[str, str], list[str]]:
    """Every table without what only says how it was collected; rows in an order of their own."""
    found = {}
    for suffix in ("", "__membres", "__suites"):
        rows = [{k: v for k, v in row.items() if k not in OF_THE_COLLECTION} for row in bench.table("cleaned", suffix)]
        found[suffix, "cleaned"] = sorted(repr(sorted(row.items())) for row in rows)
    faults = bench.query(
        "select question, rule, severity from quality.rejection where project = %s order by 1, 2, 3", bench.project.id
    )
    return {**found, ("", "faults"): [repr(fault) for fault in faults]}
