"""People, time and faults on the loopback KoboToolbox, while nights of collection succeed, break or are resumed.

What `raw` must hold is read from the server's own memory, never through the connector: every row it showed, and which of
them was to be seen when a quiet night ended.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from meal_pipelines.errors import ConfigurationError, TransientError
from meal_pipelines.warehouse import Warehouse
from tests.collect.kobo_cases import ASSET, source
from tests.collect.kobo_lives import GONE, VERSIONS, answered, check_life, content, held
from tests.kobo_answers import Row
from tests.kobo_server import KoboServer
from tests.stage_cases import Bench, bench_of

PASSING = (
    "reset",
    "reset_mid_body",
    "truncated",
    "cut",
    "html",
    "429",
    "429-retry-after",
    "502",
    "503",
    "504",
)
LASTING = (*PASSING, "empty")
EXHAUSTED = 25
"""Faults in a row after which the client gives up, whatever it was asking."""
REVIEWS = ("validation_status_approved", "validation_status_not_approved", "validation_status_on_hold")


class KoboCollection(RuleBasedStateMachine):
    """Each rule is a step; `steps` counts those of all runs, `followed` the nights that needed no sweep."""

    warehouse: Warehouse
    steps = nights = followed = 0

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.opened = bench_of(self.warehouse, Path(self.folder.name))
        self.bench: Bench = self.opened.__enter__()
        self.server = KoboServer()
        self.server.__enter__()
        self.asked = VERSIONS[0]
        self.server.add_asset(ASSET, content(self.asked))
        self.server.manage(ASSET)
        self.form = self.server.assets[ASSET]
        self.numbers = 0
        self.lost: list[int] = []
        # Since the last quiet night. A row that vanishes without a word and one that appears behind those already seen keep
        # the total as it was: only a whole reading sees both. They are kept apart here.
        self.has_vanished = self.has_appeared = False
        self.lives: dict[str, list[Row]] = {}
        """Every row each submission has been, in order."""
        self.seen: dict[str, list[int]] = {}
        """Where in its life each submission stood at the end of each quiet night."""

    @invariant()
    def counted(self) -> None:
        type(self).steps += 1

    # What happens ---------------------------------------------------------------------------------------------

    def _happened(self) -> None:
        for key in {*self.form.rows, *map(int, self.lives)}:
            state = self.server.row(ASSET, key) if key in self.form.rows else GONE
            life = self.lives.setdefault(str(key), [])
            if not life or life[-1] != state:
                life.append(state)

    def _submit(self, files: int = 0, **given: Any) -> None:
        self.numbers += 1
        self.server.submit(ASSET, {**answered(self.numbers, self.asked, files), **given})
        self._happened()

    def _edit(self, key: int) -> None:
        self.numbers += 1
        kept = dict.fromkeys(("age", "membres"))
        self.server.edit(ASSET, key, {**kept, **answered(self.numbers, self.asked, 0)})
        self._happened()

    def _delete(self, key: int) -> None:
        self.server.delete(ASSET, key)
        self._happened()

    @rule(count=st.integers(1, 4), files=st.integers(0, 1))
    def submit(self, count: int, files: int) -> None:
        for _ in range(count):
            self._submit(files)

    @precondition(lambda self: not self.has_vanished)
    @rule(behind=st.integers(1, 5))
    def submission_shown_late(self, behind: int) -> None:
        """Its `_id` was drawn before those of rows seen already."""
        key = self.server.next_id - behind
        if key > 0 and str(key) not in self.lives:
            self.has_appeared = True
            self._submit(_id=key)

    @rule(count=st.integers(1, 3))
    def ids_are_drawn(self, count: int) -> None:
        """By submissions to other forms, or that will show later."""
        self.server.next_id += count

    @precondition(lambda self: self.form.ids)
    @rule(data=st.data())
    def edit(self, data: st.DataObject) -> None:
        self._edit(data.draw(st.sampled_from(list(self.form.ids))))

    @precondition(lambda self: self.form.ids)
    @rule(data=st.data(), review=st.sampled_from(REVIEWS))
    def review(self, data: st.DataObject, review: str) -> None:
        self.server.validate(ASSET, data.draw(st.sampled_from(list(self.form.ids))), review)
        self._happened()

    @precondition(lambda self: self._waiting())
    @rule(data=st.data())
    def late_file(self, data: st.DataObject) -> None:
        """The answer has named it since the submission; no log tells that it has come."""
        key, name = data.draw(st.sampled_from(self._waiting()))
        self.server.attach(ASSET, key, name)
        self._happened()

    def _waiting(self) -> list[tuple[int, str]]:
        rows = [self.server.row(ASSET, key) for key in self.form.ids]
        return [(row["_id"], row["recu/photo"]) for row in rows if row.get("recu/photo") and not row["_attachments"]]

    @precondition(lambda self: self.form.ids)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        self._delete(data.draw(st.sampled_from(list(self.form.ids))))

    @precondition(lambda self: self.form.ids and not self.has_appeared)
    @rule(data=st.data())
    def lost_from_sight(self, data: st.DataObject) -> None:
        """The server shows a row no more; no log tells."""
        key = data.draw(st.sampled_from(list(self.form.ids)))
        self.has_vanished = True
        self.lost.append(key)
        self.server.lose_sight(ASSET, key)
        self._happened()

    @precondition(lambda self: self.lost and not self.has_vanished)
    @rule(data=st.data())
    def shown_again(self, data: st.DataObject) -> None:
        """As it was; no log tells."""
        key = data.draw(st.sampled_from(self.lost))
        self.has_appeared = True
        self.lost.remove(key)
        self.server.restore(ASSET, key)
        self._happened()

    @rule(version=st.sampled_from(VERSIONS))
    def redeploy(self, version: list[Row]) -> None:
        self.asked = version
        self.server.deploy(ASSET, content(version))

    @rule(managed=st.booleans())
    def right_to_the_history(self, managed: bool) -> None:
        self.server.manage(ASSET, managed)

    @rule(minutes=st.sampled_from([-10, -1, 3, 90, 60 * 24 * 8]))
    def clock(self, minutes: int) -> None:
        """Time passes, a week too; or a time server corrects the clock."""
        self.server.wait(minutes=minutes)

    # Nights ---------------------------------------------------------------------------------------------------

    @rule(fault=st.sampled_from(PASSING), later=st.integers(0, 2), other=st.booleans())
    def shaky_night(self, fault: str, later: int, other: bool) -> None:
        """One fault is overcome by a new try."""
        (self.server.other_faults if other else self.server.faults).extend([*[""] * later, fault])
        self._night()

    @rule(fault=st.sampled_from(LASTING), later=st.integers(0, 3), other=st.booleans())
    def broken_night(self, fault: str, later: int, other: bool) -> None:
        """The server fails from some page on; a form with fewer pages is read whole."""
        if fault != "empty" or not other:
            faults = self.server.other_faults if other else self.server.faults
            faults.extend([*[""] * later, *[fault] * EXHAUSTED])
        with suppress(TransientError):
            self._night()

    @rule(later=st.integers(0, 3))
    def night_whose_token_is_revoked(self, later: int) -> None:
        self.server.faults.extend([*[""] * later, "revoke"])
        with suppress(ConfigurationError):
            self._night()

    @rule()
    def night_without_permission(self) -> None:
        self.server.lose_permission(ASSET)
        self._refused()

    @precondition(lambda self: self.form.ids)
    @rule()
    def night_with_a_part_of_the_permission(self) -> None:
        """Kobo answers 200 with the rows that the account still sees: none must pass for deleted."""
        hidden = self.form.ids[0]
        self.server.share(ASSET, lambda row: row["_id"] != hidden)
        self._refused()

    def _refused(self) -> None:
        before = self.bench.present()
        try:
            self._night()
        except ConfigurationError:
            assert self.bench.present() >= before, "what cannot be seen was taken for deleted"
        else:
            raise AssertionError("a form that may not be read whole was read")
        finally:
            self.server.share(ASSET)

    @rule(data=st.data(), faults=st.lists(st.sampled_from(("", "delete_between_pages")), max_size=3))
    def busy_night(self, data: st.DataObject, faults: list[str]) -> None:
        """People go on while the form is read: rows come, change and go between two pages, and at their edges."""
        doings: list[Callable[[], object]] = [self._submit, self._edit_any, self._delete_any, lambda: None]
        self.server.after_answer.extend(data.draw(st.lists(st.sampled_from(doings), max_size=4)))
        self.server.faults.extend(faults if len(self.form.ids) > 6 else [])
        with suppress(TransientError):
            self._night()

    @precondition(lambda self: self.form.ids)
    @rule(data=st.data())
    def hasty_night(self, data: st.DataObject) -> None:
        """A night while the history is still being written: its entries come after others with later stamps."""
        self.server.holds_log = True
        self.edit(data=data)
        self.server.holds_log = False
        self.server.wait(minutes=2)
        self.edit(data=data)
        self._sync()
        self.server.release_log()

    def _edit_any(self) -> None:
        for key in self.form.ids[:1]:
            self._edit(key)

    def _delete_any(self) -> None:
        for key in self.form.ids[-1:]:
            self._delete(key)

    @rule()
    def quiet_night(self) -> None:
        """The first load may only finish a sweep that was broken off; the second sees everything."""
        self._night()
        self._night()
        self._check()
        last = self._night()
        assert last.written == 0
        self.has_vanished = self.has_appeared = False
        type(self).followed += last.mode == "changes"
        type(self).nights += 1

    def _night(self) -> Any:
        self.server.wait(hours=1)
        self._happened()
        try:
            return self._sync()
        finally:
            self.server.faults.clear()
            self.server.other_faults.clear()
            self.server.after_answer.clear()
            self.server.wait(minutes=2)
            self._happened()

    def _sync(self) -> Any:
        return self.bench.sync(source=source(self.server, page_size=3), accept_deletions=True)

    # What `raw` must hold -------------------------------------------------------------------------------------

    def _check(self) -> None:
        kept = held(self.bench)
        assert {key for key, versions in kept.items() if versions[-1] != GONE} == set(map(str, self.form.rows))
        for key, versions in kept.items():
            check_life(self.lives[key], versions, self.seen.get(key, []))
        for key, life in self.lives.items():
            assert key in kept or life[-1] == GONE, "only what came and went between two nights is not known"
            if key in kept:
                self.seen.setdefault(key, []).append(len(life) - 1)
        versions = self.bench.query(
            "select form_version from raw.form_version where project = %s", self.bench.project.id
        )
        used = {row["__version__"] for row in (self.server.row(ASSET, key) for key in self.form.ids)}
        assert used <= {version for (version,) in versions}, (
            "an answer is read with the questionnaire it was given with"
        )

    def teardown(self) -> None:
        self.quiet_night()
        self.server.__exit__(None, None, None)
        self.opened.__exit__(None, None, None)
        self.folder.cleanup()


def on(warehouse: Warehouse) -> type[KoboCollection]:
    """The machine, working on this warehouse."""
    os.environ.setdefault("NO_PROXY", "127.0.0.1")
    return type("OnThisWarehouse", (KoboCollection,), {"warehouse": warehouse, "steps": 0, "nights": 0, "followed": 0})
