"""An ODK Central on loopback, for tests: its read API with the traps seen on a real one, and a switchboard of faults.

Reproduced from recordings of central-backend v2026.2.2: milliseconds shown and microseconds kept, a skiptoken whose row
was purged, late files and restorations that move no stamp, fields of the current version only. What it answers is in
`odk_answers.py`, how it speaks and fails in `odk_http.py`. Its clock only moves when something happens to it or a test
moves it.
"""

from __future__ import annotations

import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

from tests.odk_http import HTML, Handler, Http
from tests.odk_state import Edition, Form, Published, Row, Stored

STEP = timedelta(microseconds=300)
"""How far each event moves the clock: several fall into the same millisecond, which is all that OData shows."""

KEPT = timedelta(days=30)
"""How long what was deleted can be restored."""


def questions(*described: str) -> list[Row]:
    """Fields as `/fields` gives them, from `path:type` (`select_multiple` is a string, `photo` a binary); `meta` is added."""
    fields = []
    for text in (*described, "/meta:structure", "/meta/instanceID:string", "/meta/instanceName:string"):
        path, _, kind = text.rpartition(":")
        is_multiple, is_file = kind == "select_multiple" or None, kind == "binary" or None
        name = path.rpartition("/")[2]
        shown = "string" if is_multiple else kind
        fields.append({"path": path, "name": name, "type": shown, "binary": is_file, "selectMultiple": is_multiple})
    return fields


class OdkServer:
    """Start with `with OdkServer() as server:`; `server.url`, `server.email` and `server.password` are what a client needs.

    faults: each request for rows consumes one, in order: `reset`, `reset_mid_body`, `timeout`, `truncated` (JSON cut
    under 200), `cut` (the connection ends in mid-answer), `empty` (a count and no rows), `html`, `429`,
    `429-retry-after`, `502`, `503`, `504`, `revoke` (the token expires first), `delete_between_pages` and
    `purge_between_pages` (answers, then takes away the last row it showed); an empty text is an answer without fault.
    file_faults: the same for the bytes of files: `cut`, `other_bytes`, `other_end`. after_answer: functions, consumed like faults, each
    called once an answer is made and before it leaves. requests: method, path and query of every request, in order.
    domain: the address that links begin with, as the server believes it to be. bucket: files are redirected there.
    page: what `html`, `429` and `5xx` show. may_deploy: the account is a « Project Manager » · drafts: what is not published yet.
    """

    def __init__(self, *, at: datetime = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)) -> None:
        self.email, self.password = "collecte@example.org", "un mot de passe à garder"
        self.domain = "https://odk.example"
        self.clock = at
        self.faults: deque[str] = deque()
        self.file_faults: deque[str] = deque()
        self.after_answer: deque[Callable[[], object]] = deque()
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.retry_after = "1"
        self.page = HTML
        self.hung_for = 30.0
        self.has_passwords = True
        self.bucket = ""
        self.tokens: dict[str, datetime] = {}
        self.forms: dict[tuple[int, str], Form] = {}
        self.lists: dict[tuple[int, str], Form] = {}
        self.may_deploy = True
        self.drafts: list[tuple[Form, Published]] = []
        self.lock = threading.RLock()
        self.closing = threading.Event()
        self._serial = 0
        self._http = Http(("127.0.0.1", 0), Handler)
        self._http.central = self
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), name="odk-server", daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def now(self) -> datetime:
        return self.clock

    def wait(self, **duration: float) -> None:
        """Time passes."""
        self.clock += timedelta(**duration)

    def _tick(self) -> datetime:
        self.clock += STEP
        return self.clock

    # What people do -------------------------------------------------------------------------------------------

    def add_form(self, name: str, fields: list[Row], *, version: str = "1", project: int = 2) -> Form:
        """A published form without submissions."""
        with self.lock:
            form = self.forms[project, name] = Form(project, name, self._tick())
        self.publish(form, fields, version=version)
        return form

    def add_list(self, name: str, properties: Iterable[str], *, project: int = 2) -> Form:
        """A list of entities; they are made by `submit` (answers: label and properties) and changed by `edit`."""
        fields = [{"name": name, "path": f"/{name}", "type": "string"} for name in properties]
        with self.lock:
            made = Form(project, name, self._tick(), [Published("", fields, self.clock)], is_entities=True)
            self.lists[project, name] = made
        return made

    def publish(self, form: Form, fields: list[Row], *, version: str, key_id: int | None = None) -> None:
        """A new version: from now on rows show its fields, whenever they were sent."""
        with self.lock:
            form.published.append(Published(version, fields, self._tick(), key_id))

    def submit(
        self, form: Form, answers: Row, *, instance: str | None = None, files: Iterable[str] = (), at: datetime | None = None,
        names_itself: bool = True, is_encrypted: bool = False,
    ) -> str:  # fmt: skip
        """A new submission; its `__id`. files: named by the answers, not yet received. at: the stamp of a row that
        becomes visible late. names_itself: whether its XML has an instanceID."""
        with self.lock:
            root = instance or (f"uuid:{uuid.uuid4()}" if names_itself and not form.is_entities else str(uuid.uuid4()))
            if root in form.stored:
                raise ValueError("409: this instanceID is known, deleted or not")
            self._serial += 1
            created = at or self._tick()
            first = Edition(root, answers, form.current.version, created, names_itself)
            form.stored[root] = Stored(
                self._serial, root, created, [first], dict.fromkeys(files), is_encrypted=is_encrypted
            )
        return root

    def edit(self, form: Form, root: str, changes: Row) -> str:
        """A new edition, made with the current version of the form; its instanceID."""
        with self.lock:
            stored = form.stored[root]
            instance = root if form.is_entities else f"uuid:{uuid.uuid4()}"
            answers = {**stored.editions[-1].answers, **changes}
            stored.editions.append(Edition(instance, answers, form.current.version, self._tick()))
            stored.updated, stored.touched = self.clock, stored.touched + 1
            stored.review = None if form.is_entities else "edited"
        return instance

    def review(self, form: Form, root: str, state: str | None) -> None:
        """Approved, rejected, hasIssues; even the same again moves updatedAt."""
        with self.lock:
            stored = form.stored[root]
            stored.review, stored.updated, stored.touched = state, self._tick(), stored.touched + 1

    def attach(self, form: Form, root: str, name: str, content: bytes | None = b"\x89PNG") -> None:
        """A file arrives late (or is taken away): no stamp moves."""
        with self.lock:
            form.stored[root].files[name] = content

    def delete(self, form: Form, root: str) -> None:
        with self.lock:
            stored = form.stored[root]
            stored.deleted, stored.touched = self._tick(), stored.touched + 1

    def restore(self, form: Form, root: str) -> None:
        """No stamp says so, except for entities."""
        with self.lock:
            stored = form.stored[root]
            stored.deleted, stored.touched = None, stored.touched + 1
            if form.is_entities:
                stored.updated = self._tick()

    def purge(self, form: Form, *, force: bool = False) -> list[str]:
        """What was deleted for 30 days is gone for good (with `force`, whatever is deleted). Returns: the ids."""
        with self.lock:
            gone = [s.root for s in form.stored.values() if s.deleted and (force or s.deleted < self.clock - KEPT)]
            for root in gone:
                del form.stored[root]
        return gone

    def lose_permission(self, form: Form) -> None:
        form.is_shared = False

    def share(self, form: Form) -> None:
        form.is_shared = True

    def revoke(self) -> None:
        """Every token given so far is refused from now on."""
        with self.lock:
            self.tokens.clear()

    # What it holds --------------------------------------------------------------------------------------------

    def present(self, form: Form) -> set[str]:
        with self.lock:
            return {root for root, stored in form.stored.items() if stored.deleted is None}

    def asked(self, ending: str = "") -> list[tuple[str, str, dict[str, str]]]:
        """The requests whose path ends so, in order."""
        return [request for request in self.requests if request[1].endswith(ending)]
