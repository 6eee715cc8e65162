"""People, time and faults on the loopback ODK Central, while nights of collection succeed, break or are resumed.

What `raw` must hold is read from the server's own memory, never through the connector: the sent texts, every state a
submission has been in, and what was to be seen when a quiet night ended.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from meal_pipelines.errors import ConfigurationError, TransientError
from meal_pipelines.warehouse import Warehouse
from tests.collect.odk_cases import NAME, source
from tests.collect.odk_lives import GONE, VERSIONS, State, answered, check_answers, check_life, held, state_of
from tests.odk_server import OdkServer, questions
from tests.stage_cases import Bench, bench_of

PASSING = (
    "reset",
    "reset_mid_body",
    "truncated",
    "cut",
    "empty",
    "html",
    "429",
    "429-retry-after",
    "502",
    "503",
    "revoke",
)
LASTING = tuple(fault for fault in PASSING if fault != "revoke")
MOVING = ("delete_between_pages", "purge_between_pages")
EXHAUSTED = 25
"""Faults in a row after which the client gives up, whatever it was asking."""


class OdkCollection(RuleBasedStateMachine):
    """Each rule is a step; `steps` counts those of all runs."""

    warehouse: Warehouse
    steps = 0
    nights = 0

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.opened = bench_of(self.warehouse, Path(self.folder.name))
        self.bench: Bench = self.opened.__enter__()
        self.server = OdkServer(at=datetime.now(UTC).replace(microsecond=0))
        self.server.__enter__()
        self.form = self.server.add_form(NAME, questions(*VERSIONS[0]))
        self.purged: list[str] = []
        self.lives: dict[str, list[State]] = {}
        """Every state each submission has been in, in order."""
        self.seen: dict[str, list[int]] = {}
        """Where in its life each submission stood at the end of each quiet night."""
        self.may_set_back = True
        # Since the last quiet night. A purge forced on a deletion not yet told, and a restoration of a deletion that a broken
        # night told, keep the total as it was: only a whole reading sees both. They are kept apart here.
        self.has_vanished = self.has_restored = False

    @invariant()
    def counted(self) -> None:
        type(self).steps += 1

    # What happens ---------------------------------------------------------------------------------------------

    def _happened(self) -> None:
        for root in {*self.form.stored, *self.lives}:
            stored = self.form.stored.get(root)
            state = GONE if stored is None or stored.deleted is not None else state_of(stored)
            life = self.lives.setdefault(root, [])
            if not life or life[-1] != state:
                life.append(state)

    def _live(self) -> list[str]:
        return sorted(self.server.present(self.form))

    def _submit(self, **how: Any) -> str:
        asked = {item["path"] for item in self.form.current.fields}
        # Drawn again alike when a run is repeated, and in no order that time would give.
        instance = how.pop("instance", None) or f"uuid:{uuid5(NAMESPACE_OID, str(len(self.lives)))}"
        root = self.server.submit(self.form, answered(len(self.lives), asked), instance=instance, **how)
        self._happened()
        return root

    def _edit(self, root: str) -> None:
        asked = {item["path"] for item in self.form.current.fields}
        self.server.edit(self.form, root, answered(len(self.lives) + 100, asked))
        self._happened()

    def _delete(self, root: str) -> None:
        self.server.delete(self.form, root)
        self._happened()

    @rule(count=st.integers(1, 4), files=st.integers(0, 2))
    def submit(self, count: int, files: int) -> None:
        for _ in range(count):
            self._submit(files=[f"{n}.png" for n in range(files)])

    @rule(minutes=st.integers(0, 9))
    def submission_shown_late(self, minutes: int) -> None:
        """Stamped when it was inserted, seen when its transaction ends: behind rows seen before it."""
        self._submit(at=self.server.now() - timedelta(minutes=minutes))

    @precondition(lambda self: self._live())
    @rule(data=st.data())
    def edit(self, data: st.DataObject) -> None:
        self._edit(data.draw(st.sampled_from(self._live())))

    @precondition(lambda self: self._live())
    @rule(data=st.data(), state=st.sampled_from(["approved", "rejected", "hasIssues", None]))
    def review(self, data: st.DataObject, state: str | None) -> None:
        self.server.review(self.form, data.draw(st.sampled_from(self._live())), state)
        self._happened()

    @precondition(lambda self: self._waiting())
    @rule(data=st.data())
    def late_file(self, data: st.DataObject) -> None:
        root, name = data.draw(st.sampled_from(self._waiting()))
        self.server.attach(self.form, root, name)
        self._happened()

    def _waiting(self) -> list[tuple[str, str]]:
        stored = [self.form.stored[root] for root in self._live()]
        return [(s.root, name) for s in stored for name, content in s.files.items() if content is None]

    @precondition(lambda self: self._live())
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        self._delete(data.draw(st.sampled_from(self._live())))

    @precondition(lambda self: set(self.form.stored) - set(self._live()) and not self.has_vanished)
    @rule(data=st.data())
    def restore(self, data: st.DataObject) -> None:
        self.has_restored = True
        self.server.restore(self.form, data.draw(st.sampled_from(sorted(set(self.form.stored) - set(self._live())))))
        self._happened()

    @rule(days=st.sampled_from([1, 12, 31]))
    def days_pass(self, days: int) -> None:
        """What was deleted thirty days ago is gone for good, without a trace."""
        self.server.wait(days=days)
        self.purged += self.server.purge(self.form)
        self.may_set_back = True
        self._happened()

    @precondition(lambda self: [root for root in self.purged if root not in self.form.stored])
    @rule(data=st.data())
    def send_again(self, data: st.DataObject) -> None:
        """Once purged, the same instanceID is accepted as new."""
        self._submit(instance=data.draw(st.sampled_from([r for r in self.purged if r not in self.form.stored])))

    @rule(version=st.sampled_from(VERSIONS))
    def publish(self, version: tuple[str, ...]) -> None:
        self.server.publish(self.form, questions(*version), version=str(len(self.form.published) + 1))

    @precondition(lambda self: self.may_set_back)
    @rule()
    def clock_corrected(self) -> None:
        """A few minutes, as a time server does."""
        self.server.wait(minutes=-10)
        self.may_set_back = False

    # Nights ---------------------------------------------------------------------------------------------------

    @rule(fault=st.sampled_from(PASSING), later=st.integers(0, 2))
    def shaky_night(self, fault: str, later: int) -> None:
        """One fault is overcome by a new try."""
        self.server.faults.extend([*[""] * later, fault])
        self._night()

    @rule(fault=st.sampled_from(LASTING), later=st.integers(0, 3))
    def broken_night(self, fault: str, later: int) -> None:
        """The server fails from some page on; a form with fewer pages is read whole."""
        self.server.faults.extend([*[""] * later, *[fault] * EXHAUSTED])
        with suppress(TransientError):
            self._night()

    @rule()
    def night_without_permission(self) -> None:
        self.server.lose_permission(self.form)
        try:
            self._night()
        except ConfigurationError:
            pass
        else:
            raise AssertionError("a form that may not be read was read")
        finally:
            self.server.share(self.form)

    @rule(data=st.data(), faults=st.lists(st.sampled_from(("", *MOVING)), max_size=3))
    def busy_night(self, data: st.DataObject, faults: list[str]) -> None:
        """People go on while the form is read: rows come, change and go between two pages, and at their edges."""
        doings: list[Callable[[], object]] = [self._submit, self._edit_any, self._delete_any, lambda: None]
        self.server.after_answer.extend(data.draw(st.lists(st.sampled_from(doings), max_size=4)))
        allowed = ("", MOVING[0]) if self.has_restored else ("", *MOVING)
        self.server.faults.extend(fault if len(self._live()) > 4 and fault in allowed else "" for fault in faults)
        self.has_vanished |= MOVING[1] in self.server.faults
        with suppress(TransientError):
            self._night()
        self.purged += [root for root in self.lives if root not in self.form.stored and root not in self.purged]

    def _edit_any(self) -> None:
        for root in self._live()[:1]:
            self._edit(root)

    def _delete_any(self) -> None:
        for root in self._live()[-1:]:
            self._delete(root)

    @rule()
    def quiet_night(self) -> None:
        """The first load may only finish a sweep that was broken off; the second sees everything."""
        self._night()
        self._night()
        self._check()
        assert self._night().written == 0
        self.has_vanished = self.has_restored = False
        type(self).nights += 1

    def _night(self) -> Any:
        """One load in a process of its own: with a login of its own."""
        self.server.wait(hours=1)
        self._happened()
        try:
            return self.bench.sync(source=source(self.server, page_size=3), accept_deletions=True)
        finally:
            self.server.faults.clear()
            self.server.after_answer.clear()
            self.server.wait(minutes=2)
            self._happened()

    # What `raw` must hold -------------------------------------------------------------------------------------

    def _check(self) -> None:
        kept = held(self.bench, self.lives)
        assert {root for root, versions in kept.items() if versions[-1][0] != GONE} == self.server.present(self.form)
        for root, versions in kept.items():
            check_life(self.lives[root], [state for state, _ in versions], self.seen.get(root, []))
            stored = self.form.stored.get(root)
            if stored is not None and stored.deleted is None:
                check_answers(stored, versions[-1][1])
        for root, life in self.lives.items():
            assert root in kept or life[-1] == GONE, "only what came and went between two nights is not known"
            if root in kept:
                self.seen.setdefault(root, []).append(len(life) - 1)

    def teardown(self) -> None:
        self.quiet_night()
        self.server.__exit__(None, None, None)
        self.opened.__exit__(None, None, None)
        self.folder.cleanup()


def on(warehouse: Warehouse) -> type[OdkCollection]:
    """The machine, working on this warehouse."""
    os.environ.setdefault("NO_PROXY", "127.0.0.1")
    return type("OnThisWarehouse", (OdkCollection,), {"warehouse": warehouse, "steps": 0, "nights": 0})
