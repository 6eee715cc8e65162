"""Several processes on one form: the tables of one process, nothing left behind, and no key where others can read it."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from meal_pipelines.clean import stage as clean
from meal_pipelines.clean.cleaner import ChunkCleaner
from meal_pipelines.clean.corrections import read_log
from meal_pipelines.errors import ConfigurationError, MealError, TransientError
from meal_pipelines.protect import stage as protect
from meal_pipelines.protect.deriver import ChunkDeriver
from meal_pipelines.settings import CHECKOUT, Settings
from meal_pipelines.workers import LARGE, Workers, _Shared, end_spare, others_for
from tests.clean.test_deltas import everything
from tests.stage_cases import PROJECT, Bench, visit
from tests.worker_cases import Slow, Telling

PATIENCE_S = 90.0
"""A loaded machine may take long to start a process."""


def beside(process: psutil.Process | None = None) -> list[psutil.Process]:
    """The processes that help this one; one that has ended and was not waited for yet (a keeper, say) is none."""
    found = []
    for child in (process or psutil.Process()).children():
        with suppress(psutil.NoSuchProcess):  # a zombie too: it may end while it is looked at
            if "meal_pipelines.beside" in child.cmdline():
                found.append(child)
    return found


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process that another test left would not know which process this is."""
    end_spare()
    monkeypatch.setenv("MEAL_TEST_HERE", str(os.getpid()))
    yield
    end_spare()


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every chunk that was taken, by whomever; chunks are small, and forms large from a few rows on."""
    found: list[Any] = []
    take = _Shared.__next__

    def noted(shared: _Shared) -> Any:
        chunk = take(shared)
        found.append(chunk)
        return chunk

    monkeypatch.setattr(_Shared, "__next__", noted)
    monkeypatch.setattr("meal_pipelines.workers.LARGE", 10)
    for stage in (clean, protect):
        monkeypatch.setattr(stage, "ROWS", 4)
    return found


@pytest.fixture
def hesitant(monkeypatch: pytest.MonkeyPatch, taken: list[Any]) -> Iterator[dict[type, Callable[[], None]]]:
    """This process keeps its first chunk of a stage until another process has taken one; `meanwhile` is called first."""
    meanwhile: dict[type, Callable[[], None]] = {}
    for worker in (ChunkCleaner, ChunkDeriver):
        monkeypatch.setattr(worker, "__call__", _hesitating(worker, taken, meanwhile))
    return meanwhile


def _hesitating(worker: type, taken: list[Any], meanwhile: dict[type, Callable[[], None]]) -> Callable[..., Any]:
    work, seen = worker.__call__, set[int]()

    def call(self: Any, chunk: Any) -> Any:
        if beside() and id(self) not in seen:
            seen.add(id(self))
            before = len(taken)
            wait_until(lambda: len(taken) > before)
            meanwhile.get(worker, lambda: None)()
        return work(self, chunk)

    return call


def build(bench: Bench, workers: int) -> None:
    """Clean and protect the form with so many processes; a process that stays would have this one wait for it."""
    if workers == 1:
        end_spare()
    log = read_log(bench.folder / "visites.corrections.csv")
    cleaned = clean.prepare(bench.warehouse, bench.keyring, bench.project, bench.form, log, workers=workers)
    assert cleaned is not None
    clean.publish(bench.warehouse, cleaned, log)
    protected = protect.prepare(bench.warehouse, bench.keyring, bench.project, bench.form, workers=workers)
    assert protected is not None
    protect.publish(bench.warehouse, protected)
    counted = (cleaned.submissions, cleaned.deleted, cleaned.quarantined, cleaned.rows, cleaned.faults)
    bench.counted = (*counted, protected.rows, protected.persons, protected.without_person)  # type: ignore[attr-defined]


def visits() -> dict[str, Any]:
    member = {"membres/lien": "enfant", "membres/age": "7", "membres/prenom": "Aïcha"}
    return {
        f"s{number:02}": visit(
            duree=("30", "900", "trente")[number % 3],
            telephone=f"06123456{number:02}" if number % 4 else None,
            membres=[member] * (number % 3),
            **({"nouvelle": "x"} if number == 31 else {}),
        )
        for number in range(60)
    }


def corrected(bench: Bench) -> None:
    lines = [
        "submission_id,question,old_value,new_value,issue,author",
        *(f"s{number:02},duree,900,90,erreur,a" for number in range(1, 60, 3)),
        "s99,duree,900,90,erreur,a",
    ]
    (bench.folder / "visites.corrections.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def outcomes(bench: Bench) -> list[Any]:
    told = "select line, submission_id, state, reason from quality.correction where project = %s order by ctid"
    return bench.query(told, bench.project.id)


def test_two_processes_make_the_tables_of_one(bench: Bench, taken: list[Any], hesitant: Any) -> None:
    """Rows, rejections, unknown questions, corrections and the vault; whoever worked on which chunk."""
    bench.source.rows = visits()
    corrected(bench)
    bench.sync()
    build(bench, workers=1)
    alone = everything(bench), outcomes(bench), bench.counted  # type: ignore[attr-defined]
    assert len(alone[1]) == 21
    unknown = "select question from quality.unknown_question where project = %s"
    assert bench.query(unknown, bench.project.id) == [("nouvelle",)]
    bench.redeclare(PROJECT.replace("code: F-VIS", "code: F-VIS2"))
    taken.clear()
    build(bench, workers=2)
    assert len(taken) > 15, "one table a chunk"
    assert (everything(bench), outcomes(bench), bench.counted) == alone  # type: ignore[attr-defined]
    assert bench.query(unknown, bench.project.id) == [("nouvelle",)]
    end_spare()
    assert beside() == []


def test_a_process_that_dies_is_said_and_the_next_run_finishes(bench: Bench, hesitant: Any) -> None:
    """Nothing of what it had in hand is missing from what is published."""
    bench.source.rows = visits()
    bench.sync()
    hesitant[ChunkCleaner] = lambda: beside()[0].kill()
    with pytest.raises(TransientError, match="MEAL_WORKERS=1"):
        build(bench, workers=2)
    made = "select table_name from quality.build where project = %s"
    assert bench.query(made, bench.project.id) == [] and beside() == []
    hesitant.clear()
    build(bench, workers=2)
    by_two = everything(bench)
    bench.redeclare(PROJECT.replace("code: F-VIS", "code: F-VIS2"))
    build(bench, workers=1)
    assert everything(bench) == by_two


def test_no_key_is_in_a_command_line_or_an_environment(bench: Bench, hesitant: Any) -> None:
    """Anybody on the machine may read the one; the user's other programs, the other."""
    found: list[str] = []

    def look() -> None:
        for process in [psutil.Process(), *beside()]:
            told = " ".join([*process.cmdline(), *process.environ().values()])
            for key in (*bench.keyring.sealing.values(), bench.keyring.pseudonym):
                spelled = (key.hex(), base64.b64encode(key).decode(), repr(key), key.decode("latin-1"))
                found.extend(how for how in spelled if how in told)
        found.append("looked")

    hesitant[ChunkCleaner] = hesitant[ChunkDeriver] = look
    bench.source.rows = visits()
    bench.sync()
    build(bench, workers=2)
    assert found == ["looked", "looked"]


def test_all_chunks_are_worked_on_once_by_several_processes() -> None:
    """The others take their part as soon as they are ready."""
    done: list[tuple[int, int]] = []
    with Workers(Slow, others=2) as workers:
        numbers = (number for number in _until(lambda: len({pid for _, pid in done}) == 3) if number not in (13, 14))
        workers.work(numbers, done.append)
    assert len({pid for _, pid in done}) == 3 and os.getpid() in {pid for _, pid in done}
    numbers = sorted(number for number, _ in done)
    assert len(set(numbers)) == len(numbers) and set(range(numbers[-1] + 1)) - set(numbers) <= {13, 14}
    assert len(beside()) == 2, "they stay for the next form"
    end_spare()
    assert beside() == []


def test_the_process_that_stays_works_for_the_next_and_has_forgotten_the_one_before() -> None:
    """Starting costs a second; what it was given holds the keys of a project."""
    pids = []
    for name in "abc":
        done: list[Any] = []
        with Workers[Any](partial(Telling, name), others=1) as workers:
            workers.work(_until(lambda: any(pid != os.getpid() for _, pid in done)), done.append)  # noqa: B023
        others = {pid for _, pid in done} - {os.getpid()}
        assert {told for told, _ in done} == {name}
        pids.append(others)
    assert pids[0] == pids[1] == pids[2] and len(pids[0]) == 1


def test_a_process_that_died_while_it_stayed_is_replaced() -> None:
    """Nobody is told: nothing was lost."""
    for _ in range(2):
        done: list[tuple[int, int]] = []
        with Workers(Slow, others=1) as workers:
            numbers = _until(lambda: len({pid for _, pid in done}) == 2)  # noqa: B023
            workers.work((number for number in numbers if number not in (13, 14)), done.append)
        [stays] = beside()
        stays.kill()
        wait_until(lambda: beside() == [])


@pytest.mark.parametrize(("chunk", "raised"), [(13, MealError), (14, KeyError)])
def test_what_another_process_refuses_is_refused_here(chunk: int, raised: type[Exception]) -> None:
    """Its refusals read as ours; its defects stay defects, to be masked where ours are."""
    done: list[tuple[int, int]] = []
    with Workers(Slow, others=1) as workers, pytest.raises(raised):
        workers.work((chunk for _ in _until(lambda: False)), done.append)
    end_spare()
    assert beside() == []


def test_nothing_waits_for_a_process_that_is_not_ready_when_all_is_done() -> None:
    """A form of few chunks is done before another process has started."""
    done: list[tuple[int, int]] = []
    with Workers(Slow, others=1) as workers:
        workers.work(iter([1]), done.append)
    assert [number for number, _ in done] == [1]


def test_a_killed_program_leaves_no_process_behind() -> None:
    """kill -9 tells nobody; the pipe it leaves does."""
    command = [sys.executable, "-m", "tests.worker_cases"]
    program = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT)
    assert program.stdout is not None
    other = psutil.Process(int(program.stdout.readline()))
    assert "meal_pipelines.beside" in other.cmdline()
    program.kill()
    program.wait()
    program.stdout.close()
    wait_until(lambda: not other.is_running() or other.status() == psutil.STATUS_ZOMBIE)


@pytest.mark.parametrize(("asked", "workers"), [("1", 1), (" 4 ", 4), ("", min(2, os.cpu_count() or 1))])
def test_how_many_processes_is_a_setting(asked: str, workers: int, tmp_path: Path) -> None:
    environ = {"MEAL_HOME": str(tmp_path), "MEAL_WORKERS": asked}
    assert Settings.load(environ=environ, demo=False).workers == workers


@pytest.mark.parametrize(
    ("rows", "workers", "others"),
    [(LARGE - 1, 2, 0), (LARGE, 2, 1), (3 * LARGE, 2, 2), (99 * LARGE, 2, 2), (99 * LARGE, 1, 0)],
)
def test_a_process_beside_this_one_has_rows_worth_its_start(rows: int, workers: int, others: int) -> None:
    """`MEAL_WORKERS=1` does without, however large the form."""
    assert others_for(rows, workers) == others


@pytest.mark.parametrize("asked", ["0", "deux", "-1", "1.5"])
def test_a_number_of_processes_that_is_none_is_refused(asked: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="MEAL_WORKERS"):
        _ = Settings.load(environ={"MEAL_HOME": str(tmp_path), "MEAL_WORKERS": asked}, demo=False).workers


def _until(holds: Callable[[], bool]) -> Iterable[int]:
    """Numbers, until something holds."""
    deadline, number = time.monotonic() + PATIENCE_S, 0
    while not holds() and time.monotonic() < deadline:
        yield number
        number += 1
