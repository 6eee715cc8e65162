"""A large form's chunks, worked on side by side: by this process, and by others started beside it.

What is done to a chunk, and what becomes of it, is the caller's. The others hold no connection and write nothing: they
are given rows and give back what is to be written, so that a table is filled in one transaction, by this process. Keys
reach them through a pipe, never through a command line, the environment or a file. They stay when their work is done,
having forgotten what they were given: the next stage, or the next form, need not wait for others to start.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from meal_pipelines.beside import FORGET, MAKE, WORK, receive, send
from meal_pipelines.errors import TransientError
from meal_pipelines.settings import CHECKOUT

Work = Callable[[Any], Any]
"""What is made of a chunk."""
Worker = TypeVar("Worker", bound=Work)

ROWS = 10_000
"""Rows of a chunk: a process holds one or two."""
LARGE = 15_000
"""So many rows for each process beside this one: it takes a second to start (2026-11: 0.6 to 1.1 s)."""
PIPE = 1 << 20
"""Bytes that a pipe holds, where the system lets us choose; 64 kB make sixteen times the waits for Python's lock."""


def others_for(rows: int, workers: int) -> int:
    """How many processes are worth having beside this one for so many rows, where `workers` have a core each.

    As many as cores, not one fewer: this one reads and writes, and the others would wait for it (2026-11, two cores, 457,000
    rows: 22.3 s with two others, 26.2 s with one).
    """
    return min(workers, rows // LARGE) if workers > 1 else 0


class Workers(Generic[Worker]):
    """This process and `others` beside it, which all make the same of a chunk.

    make: called once in each process, gives what works on chunks there; it can be pickled, as chunks can and what becomes of
    them · here: what works in this process.
    """

    def __init__(self, make: Callable[[], Worker], *, others: int) -> None:
        self._others = [_Other(make) for _ in range(others)]
        self.here = make()

    def work(self, chunks: Iterable[Any], keep: Callable[[Any], None]) -> None:
        """Work on all chunks; whoever is free takes the next. `keep` is given what became of each, one at a time.

        Raises: TransientError, when another process died; whatever a chunk, `chunks` or `keep` raised.
        """
        shared, one_at_a_time = _Shared(chunks), threading.Lock()

        def kept(done: Any) -> None:
            with one_at_a_time:
                keep(done)

        with ThreadPoolExecutor(max(1, len(self._others)), thread_name_prefix="beside") as threads:
            beside = [threads.submit(other.work, shared, kept) for other in self._others]
            try:
                for chunk in shared:
                    kept(self.here(chunk))
            except BaseException:
                shared.is_over = True
                self._end()
                raise
            for other in self._others:
                other.end_unless_ready()
            for each in beside:
                each.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for other in self._others:
            if kind is None:
                other.leave()
            else:
                other.end()

    def _end(self) -> None:
        for other in self._others:
            other.end()


class _Shared(Iterator[Any]):
    """Chunks that several threads take from; over as soon as one of them met an error."""

    def __init__(self, chunks: Iterable[Any]) -> None:
        self._chunks, self._lock, self.is_over = iter(chunks), threading.Lock(), False

    def __next__(self) -> Any:
        with self._lock:
            if self.is_over:
                raise StopIteration
            return next(self._chunks)


class _Other:
    """One process beside this one: it is given its first chunk when it is ready."""

    def __init__(self, make: Callable[[], Work]) -> None:
        self._process, self._make = _spare() or _started(), make
        self._is_ready = self._is_ended = False

    def work(self, shared: _Shared, keep: Callable[[Any], None]) -> None:
        """Have it work on chunks as long as there are any, in a thread that waits for it."""
        try:
            if not self._is_ready:
                self._ask(MAKE, self._make)
                self._is_ready = True
            for chunk in shared:
                keep(self._ask(WORK, chunk))
        except (EOFError, OSError):
            if not self._is_ended:
                shared.is_over = True
                raise TransientError(
                    "Un processus qui aidait à traiter ce formulaire s'est arrêté (tué, ou à court de mémoire). Rien n'est "
                    "publié. Relancez ; si cela se répète, MEAL_WORKERS=1 se passe de lui."
                ) from None
        except BaseException:
            shared.is_over = True
            raise

    def _ask(self, what: int, thing: Any) -> Any:
        """What it answers. Raises: EOFError or OSError, when it is gone; what it met, of its own."""
        assert self._process.stdin is not None and self._process.stdout is not None
        send(self._process.stdin, (what, thing))
        done, error = receive(self._process.stdout)
        if error is not None:
            raise error
        return done

    def end_unless_ready(self) -> None:
        """Nothing is left for it: it need not finish its start."""
        if not self._is_ready:
            self.end()

    def leave(self) -> None:
        """Its work is done: it stays for the next."""
        if self._is_ready and not self._is_ended:
            _keep(self._process)
        else:
            self.end()

    def end(self) -> None:
        """It writes nothing, so it has nothing to finish."""
        self._is_ended = True
        _end(self._process)


def _started() -> subprocess.Popen[bytes]:
    # Not `multiprocessing`: it would import the caller's program anew, a script's measures and a notebook's included.
    options: dict[str, Any] = {}
    if sys.platform == "win32":
        options = {"creationflags": subprocess.CREATE_NO_WINDOW}
    return subprocess.Popen(
        [sys.executable, "-m", "meal_pipelines.beside"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, pipesize=PIPE, cwd=CHECKOUT, **options,
    )  # fmt: skip


_kept: list[tuple[int, subprocess.Popen[bytes]]] = []
"""The processes that stay, with whose they are: a copy of this program (fork) has none."""
_keeping = threading.Lock()


def _spare() -> subprocess.Popen[bytes] | None:
    """A process that stayed and still lives."""
    with _keeping:
        while _kept:
            owner, process = _kept.pop()
            if owner == os.getpid() and process.poll() is None:
                return process
    return None


def _keep(process: subprocess.Popen[bytes]) -> None:
    """Let a process that waits for work stay, without what it was given."""
    assert process.stdin is not None
    with _keeping:
        try:
            send(process.stdin, (FORGET, None))
            _kept.append((os.getpid(), process))
            return
        except OSError:  # it died at this very moment, its work done
            pass
    _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


@atexit.register
def end_spare() -> None:
    """End the processes that stay, as the end of this program does."""
    while (process := _spare()) is not None:
        _end(process)
