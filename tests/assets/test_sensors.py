"""What starts the chain of a form besides the night, asked as Dagster's daemon asks."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from assets.sensors import FORM_TAG
from meal_pipelines.collect.wakings import QUIET_S, wake
from meal_pipelines.definitions import NIGHTLY, build_definitions
from meal_pipelines.settings import Settings

SUBVENTIONS = {
    "raw/prim2/subventions", "cleaned/prim2/subventions", "pseudonymised/prim2/subventions", "marts/grant_contract",
    "marts/grant_payment", "indicators/prim2", "extracts/prim2/afd", "extracts/prim2/iati", "extracts/prim2/opsys",
    "extracts/prim2/tableau_de_suivi", "extracts/prim2/thema",
}  # fmt: skip
PERSON = "subventions-mme-dupont.xlsx"


@dataclass
class Watch:
    """The sensors on the real projects, whose inbox is a folder of the test's."""

    home: Path
    instance: dg.DagsterInstance
    definitions: dg.Definitions
    cursors: dict[str, str | None]

    @property
    def inbox(self) -> Path:
        return self.home / "boite"

    def tick(self, name: str) -> dg.SensorResult | object:
        sensor = self.definitions.resolve_sensor_def(name)
        context = dg.build_sensor_context(
            instance=self.instance, cursor=self.cursors.get(name), repository_def=self.definitions.get_repository_def()
        )
        told = sensor.evaluate_tick(context)
        self.cursors[name] = told.cursor
        return told

    def asked(self, name: str) -> list[dg.RunRequest]:
        return list(self.tick(name).run_requests or [])  # type: ignore[union-attr]

    def put(self, name: str, size: int = 10) -> None:
        (self.inbox / name).write_bytes(b"x" * size)

    def call(self, form: str, ago: float = QUIET_S + 1) -> None:
        wake(self.home, "prim2", form)
        at = time.time() - ago
        os.utime(self.home / "wakings" / "prim2" / form, (at, at))


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    (tmp_path / "boite").mkdir()
    settings = Settings.load(environ={"MEAL_HOME": str(tmp_path), "PRIM2_CLASSEURS": str(tmp_path / "boite")})
    with dg.DagsterInstance.ephemeral() as instance:
        yield Watch(tmp_path, instance, build_definitions(settings), {})


def keys(request: dg.RunRequest) -> set[str]:
    return {key.to_user_string() for key in request.asset_selection or ()}


def test_a_workbook_put_down_starts_the_chain_of_its_form_once_it_is_copied(watch: Watch) -> None:
    """From collection to extracts, and nothing of the other forms; its name is told nowhere."""
    assert watch.asked("classeurs_deposes") == []
    watch.put(PERSON)
    assert watch.asked("classeurs_deposes") == []
    watch.put(PERSON, size=20)
    assert watch.asked("classeurs_deposes") == []
    [request] = watch.asked("classeurs_deposes")
    assert keys(request) == SUBVENTIONS
    assert request.tags[FORM_TAG] == "prim2/subventions"
    assert watch.asked("classeurs_deposes") == []
    assert "dupont" not in f"{request}{watch.cursors}"


def test_the_same_tick_asked_twice_is_one_run(watch: Watch) -> None:
    """A daemon killed between the run and the cursor asks again with the same key, which Dagster knows."""
    watch.put(PERSON)
    watch.tick("classeurs_deposes")
    before = dict(watch.cursors)
    [first] = watch.asked("classeurs_deposes")
    watch.cursors = before
    [again] = watch.asked("classeurs_deposes")
    assert first.run_key == again.run_key
    watch.put("subventions-2.xlsx")
    watch.tick("classeurs_deposes")
    [other] = watch.asked("classeurs_deposes")
    assert other.run_key != first.run_key


def test_files_that_no_form_reads_start_nothing(watch: Watch) -> None:
    for name in ("notes.docx", "autre.xlsx", "~$subventions.xlsx", "subventions.xlsx.part"):
        watch.put(name)
    assert [watch.asked("classeurs_deposes") for _ in range(3)] == [[], [], []]


def test_an_inbox_that_does_not_answer_is_told_and_keeps_no_other_waiting(watch: Watch) -> None:
    """THAMM+'s variable is not set; the sensor says so, and PRIM 2's inbox is watched all the same."""
    told = watch.tick("classeurs_deposes")
    assert "THAMM_CLASSEURS n'est pas définie" in str(told.skip_message)  # type: ignore[attr-defined]
    (watch.inbox).rmdir()
    told = watch.tick("classeurs_deposes")
    assert "Le dossier des classeurs n'existe pas" in str(told.skip_message)  # type: ignore[attr-defined]


def test_a_call_of_kobo_starts_the_chain_of_its_form_when_it_is_quiet(watch: Watch) -> None:
    watch.call("beneficiaires", ago=5)
    assert watch.asked("appels_de_kobo") == []
    watch.call("beneficiaires")
    [request] = watch.asked("appels_de_kobo")
    assert {"raw/prim2/beneficiaires", "marts/person", "indicators/prim2"} <= keys(request)
    assert not keys(request) & {"raw/prim2/prestations", "cleaned/prim2/prestations"}
    assert watch.asked("appels_de_kobo") == []
    watch.call("inconnu")
    assert watch.asked("appels_de_kobo") == []


def test_while_a_run_of_the_form_waits_no_other_is_asked_for(watch: Watch) -> None:
    """The one that waits will see everything; one that has begun may have passed by, and another follows."""
    job = watch.definitions.resolve_job_def(NIGHTLY)
    waiting = watch.instance.create_run_for_job(job, tags={FORM_TAG: "prim2/beneficiaires"})
    watch.call("beneficiaires", ago=QUIET_S + 20)
    assert watch.asked("appels_de_kobo") == []
    watch.instance.report_run_failed(waiting)
    watch.call("beneficiaires")
    assert len(watch.asked("appels_de_kobo")) == 1


def test_sensors_are_on_from_the_start_except_in_a_demonstration(watch: Watch, tmp_path: Path) -> None:
    demo = build_definitions(Settings.load(demo=True, environ={"MEAL_HOME": str(tmp_path)}))
    for definitions, expected in ((watch.definitions, "RUNNING"), (demo, "STOPPED")):
        statuses = {
            definitions.resolve_sensor_def(name).default_status.value
            for name in ("classeurs_deposes", "appels_de_kobo")
        }
        assert statuses == {expected}
