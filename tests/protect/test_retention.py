"""What is past its term goes, everywhere, and nothing else does; what is due is worked out here without a line of ours."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from dateutil.relativedelta import relativedelta

from meal_pipelines.collect.source import Submission
from meal_pipelines.errors import MealError
from meal_pipelines.protect.keys.keyring import Keyring
from meal_pipelines.protect.rights.access import Actor
from meal_pipelines.protect.rights.retention import Due, find_due, prove, purge
from meal_pipelines.settings import Settings
from meal_pipelines.warehouse import Warehouse
from tests.stage_cases import PROJECT, Bench, Memory, bench_of, visit

ACTOR = Actor("essai", "admin", "échéance")
TODAY = dt.date(2030, 2, 28)
RULE = "retention: {months: MONTHS, since: SINCE, then: THEN, basis: BASIS}\n    tolerated: [poids]"


def declared(
    months: int = 24, since: str = "submission", then: str = "delete", basis: str = "décidé le 1er mars"
) -> str:
    rule = RULE.replace("MONTHS", str(months)).replace("SINCE", since).replace("THEN", then).replace("BASIS", basis)
    return PROJECT.replace("tolerated: [poids]", rule)


@dataclass
class Dated(Memory):
    """Submissions with the moment of sending of each."""

    sent: dict[str, str] = field(default_factory=dict)

    def _submission(self, key: str) -> Submission:
        made = super()._submission(key)
        return Submission(key, made.payload, form_version="v1", submitted_at=self.sent[key])


@pytest.fixture
def bench(warehouse: Warehouse, tmp_path: Path) -> Iterator[Bench]:
    with bench_of(warehouse, tmp_path, declared()) as made:
        yield made


@pytest.fixture
def home(settings: Settings, tmp_path: Path) -> Settings:
    """Files and cleaning logs of their own."""
    return replace(settings, home=tmp_path, demo=False)


def filled(bench: Bench, count: int, seed: int) -> Dated:
    """Submissions sent at any moment of three years, around midnight and at the ends of months too."""
    chance = random.Random(seed)
    days = [dt.date(2027, 3, 1) + dt.timedelta(chance.randrange(1090)) for _ in range(count - 6)]
    days += [
        dt.date(2028, 2, 27),
        dt.date(2028, 2, 28),
        dt.date(2028, 2, 29),
        dt.date(2028, 3, 1),
        TODAY,
        dt.date(2028, 2, 28),
    ]
    hours = [chance.choice(["00:30:00", "12:00:00", "23:30:00"]) for _ in days]
    source = Dated(
        rows={f"v{n}": visit(nom=f"Personne {n}", telephone=f"06{n:08}") for n in range(count)},
        sent={f"v{n}": f"{day}T{hour}+00:00" for n, (day, hour) in enumerate(zip(days, hours, strict=True))},
        page=50,
    )
    bench.source = source
    bench.sync()
    bench.clean()
    bench.protect()
    return source


def overdue(source: Dated, months: int, zone: str) -> dict[str, str]:
    """What is due on that day, with its month: the day of sending where the project is, and so many months."""
    days = {key: dt.datetime.fromisoformat(text).astimezone(ZoneInfo(zone)).date() for key, text in source.sent.items()}
    return {key: f"{day:%Y-%m}" for key, day in days.items() if day + relativedelta(months=months) <= TODAY}


def places(bench: Bench) -> dict[str, set[str]]:
    """Which submissions each table has a row of."""
    name, project = bench.form.table, bench.project.id
    found = {
        table: {
            row[0] for row in bench.query(f"select distinct submission_id from {table} where project = %s", project)
        }
        for table in ("raw.submission", "vault.identity", "quality.rejection", "raw.attachment")
    }
    for table in (f"cleaned.{name}", f"pseudonymised.{name}", f"cleaned.{name}__membres"):
        found[table] = {row[0] for row in bench.query(f"select distinct submission_id from {table}")}
    return found


def due_of(bench: Bench) -> Due:
    [due] = find_due(bench.warehouse, bench.project, TODAY)
    return due


@pytest.mark.parametrize("months", [24, 1, 36, 120])
def test_exactly_what_is_past_its_term_goes_everywhere(months: int, bench: Bench, home: Settings) -> None:
    bench.redeclare(declared(months))
    source = filled(bench, 60, months)
    expected = overdue(source, months, bench.project.project.timezone)
    due, before = due_of(bench), places(bench)
    assert due.months == dict(sorted(Counter(expected.values()).items())) and due.submissions == len(expected)
    assert prove(home, bench.warehouse, bench.keyring, due, TODAY).due == len(expected)
    assert purge(home, bench.warehouse, bench.keyring, due, ACTOR, today=TODAY) == len(expected)
    assert places(bench) == {table: ids - expected.keys() for table, ids in before.items()}
    proof = prove(home, bench.warehouse, bench.keyring, due, TODAY)
    assert proof.holds and set(proof.orphans) >= {"vault.identity", "raw.attachment", f"cleaned.{bench.form.table}"}
    items = bench.query(
        "select coalesce(sum(items), 0) from audit.access where project = %s and what = 'retention'", bench.project.id
    )
    assert items == [(len(expected),)]
    bench.sync()
    assert bench.present() == source.rows.keys() - expected.keys(), "the source still shows them, and they stay away"


def test_whoever_is_cut_loose_stays_counted_without_anything_of_hers_and_is_not_due_again(
    bench: Bench, home: Settings
) -> None:
    bench.redeclare(declared(then="cut_loose"))
    source = filled(bench, 30, 5)
    expected = overdue(source, 24, bench.project.project.timezone)
    rows = len(bench.table("pseudonymised"))
    purge(home, bench.warehouse, bench.keyring, due_of(bench), ACTOR, today=TODAY)
    bench.clean()
    bench.protect()
    left = bench.table("pseudonymised")
    assert len(left) == rows and sum(row["submission_id"].startswith("anonyme-") for row in left) == len(expected) > 0
    assert not expected.keys() & {row["submission_id"] for row in left}
    assert {
        row[0] for row in bench.query("select submission_id from vault.identity where project = %s", bench.project.id)
    } == (source.rows.keys() - expected.keys())
    assert due_of(bench).submissions == 0 and prove(home, bench.warehouse, bench.keyring, due_of(bench), TODAY).holds


def test_a_term_from_the_end_of_the_project_is_everybodys(bench: Bench) -> None:
    filled(bench, 10, 1)
    for months, count in ((12, 10), (13, 0)):
        bench.redeclare(declared(months, since="project_end"))
        assert due_of(bench).submissions == count, "the project ends on 28 February 2029"


def test_a_rule_that_nobody_has_confirmed_erases_nothing(bench: Bench, home: Settings) -> None:
    bench.redeclare(declared(1, basis="à confirmer"))
    filled(bench, 10, 2)
    due = due_of(bench)
    assert due.submissions and due.is_held
    with pytest.raises(MealError, match="« à confirmer » ; rien n'est effacé"):
        purge(home, bench.warehouse, bench.keyring, due, ACTOR, today=TODAY)
    assert len(bench.present()) == 10


def test_what_is_left_of_an_erased_submission_shows_in_the_proof(bench: Bench, home: Settings) -> None:
    """The proof counts; it does not believe the purge."""
    filled(bench, 10, 3)
    due = due_of(bench)
    purge(home, bench.warehouse, bench.keyring, due, ACTOR, today=TODAY)
    with bench.warehouse.connect() as connection:
        connection.cursor().execute(
            "insert into vault.identity (project, form, submission_id, sealed) values (%s, 'visites', 'reste', '\\x01')",
            (bench.project.id,),
        )
    stranger = home.home / "attachments" / bench.project.id / "00" / ("0" * 64)
    stranger.parent.mkdir(parents=True)
    stranger.write_bytes(b"sealed")
    proof = prove(home, bench.warehouse, bench.keyring, due, TODAY)
    assert not proof.holds and proof.orphans["vault.identity"] == 1 and proof.strangers == 1


def test_the_monthly_job_says_what_it_will_do_does_it_and_proves_it(tmp_path: Path) -> None:
    """Three steps, each with its counts; the rule is confirmed, and everything was sent long ago."""
    from meal_pipelines.definitions import build_definitions
    from resources import followed

    settings = Settings.load(environ={"MEAL_HOME": str(tmp_path / "h"), "MEAL_PROJECTS": str(tmp_path / "projets")})
    keyring = Keyring.create(settings.keyring)
    with (
        Warehouse.open(settings) as warehouse,
        bench_of(warehouse, tmp_path / "projets", declared(0), keyring) as bench,
    ):
        bench.source.rows = {f"v{n}": visit() for n in range(5)}
        bench.sync()
        with followed(settings, None), dg.DagsterInstance.ephemeral() as instance:
            job = build_definitions(settings).resolve_job_def("conservation")
            result = job.execute_in_process(instance=instance)
        assert result.success and bench.present() == set()
        told: dict[str, Any] = {}
        for event in result.filter_events(lambda event: event.event_type_value == "STEP_OUTPUT"):
            told[str(event.step_key)] = event.step_output_data.metadata
    assert told["echeances"]["soumissions à échéance"].value == 5
    assert told["effacement"][f"{bench.project.id}/visites"].value == 5
    assert "plus rien dans raw" in told["preuve"][f"{bench.project.id}/visites"].value
