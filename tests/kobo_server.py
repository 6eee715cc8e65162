"""A KoboToolbox on loopback, for tests and benchmarks: the read API v2 with the traps seen on a real one.

Reproduced from recordings of kpi 2.026.27e: row shape, 404 for « no permission », an HTML page for an unknown asset,
`limit` cut without a word, `page` and `offset` ignored by the query while `next` jumps ahead, edits that keep only
`_id`, a submission count that drifts. Nothing outside `/api/v2/assets/` exists here. Rows are kept as JSON bytes and
joined, so that a benchmark measures its subject and not this server.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
import uuid
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

import orjson

from tests.kobo_answers import HTML, Answer, Asset, Row, answer
from tests.kobo_deploy import changed, state_of_import

MAXIMUM = 1000
"""Rows a page, whatever `limit` asks, on kf.kobotoolbox.org since 2026-03-09."""


class KoboServer:
    """Start with `with KoboServer() as server:`; `server.url` and `server.token` are what a client needs.

    maximum: rows a page, whatever `limit` asks.
    faults: each request for data consumes one, in order: `reset`, `reset_mid_body`, `timeout`, `truncated`, `cut` (fewer
    bytes than announced), `empty` (a count and no rows), `html`, `429`, `429-retry-after`, `500`, `502`, `503`, `504`,
    `revoke` (the token is good no more), `delete_between_pages` (answers, and deletes the first row it shows); an empty text is an
    answer without fault. other_faults: the same for every other request (the form, its versions, its history). page: what
    `html` and `5xx` show.
    after_answer: functions, consumed likewise, each called once an answer is made and before it leaves.
    requests: path and query of every request, in order. hung_for: seconds a `timeout` lasts at most. drift: what
    `deployment__submission_count` is wrong by. skew: how far the server's clock is off ours; `wait` moves it.
    holds_log: entries of the history are written when it ends, later than what they tell.
    moved_to: a server to which every request is redirected. drafts: what was saved and is not deployed, by asset.
    """

    def __init__(self, *, token: str = "0123456789abcdef0123456789abcdef01234567", maximum: int = MAXIMUM) -> None:
        self.token = token
        self.maximum = maximum
        self.faults: deque[str] = deque()
        self.other_faults: deque[str] = deque()
        self.after_answer: deque[Callable[[], object]] = deque()
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.retry_after = "1"
        self.hung_for = 30.0
        self.drift = -3
        self.page = HTML
        self.skew = timedelta(0)
        self.holds_log = False
        self.held: list[tuple[Asset, Row]] = []
        self.moved_to = ""
        self.next_id = 115
        self.assets: dict[str, Asset] = {}
        self.imports: dict[str, list[str]] = {}
        self.drafts: dict[str, tuple[str, Row]] = {}
        self.lock = threading.RLock()
        self.closing = threading.Event()
        self._http = _Http(("127.0.0.1", 0), _Handler)
        self._http.kobo = self
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), name="kobo-server", daemon=True)

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
        return datetime.now(UTC) + self.skew

    def wait(self, **duration: float) -> None:
        """Time passes."""
        self.skew += timedelta(**duration)

    # What people do to a form ---------------------------------------------------------------------------------

    def add_asset(self, uid: str, content: Row | None = None, *, name: str = "", encrypted: bool = False) -> Asset:
        """A deployed form without submissions."""
        asset = Asset(uid, name or uid, uuid.uuid4().hex, encrypted=encrypted)
        with self.lock:
            self.assets[uid] = asset
        self.deploy(
            uid, content or {"schema": "1", "survey": [], "choices": [], "settings": {}, "translations": [None]}
        )
        return asset

    def deploy(self, asset: str, content: Row, *, version: str | None = None) -> str:
        """A new version of the questionnaire; the uid that later rows carry as `__version__`."""
        version = version or f"v{uuid.uuid4().hex[:21]}"
        date = self.now().isoformat().replace("+00:00", "Z")
        with self.lock:
            self.assets[asset].versions.append({"uid": version, "date": date, "content": content})
            self._log(self.assets[asset], "redeploy")
        return version

    def submit(self, asset: str, row: Row, *, at: str | None = None, attachments: Iterable[str] = ()) -> int:
        """A new submission. `row`: the answers under their full paths; the server's own keys are added if absent."""
        form = self.assets[asset]
        with self.lock:
            key = int(row.get("_id", self.next_id))
            self.next_id = max(self.next_id, key) + 1
            instance = row.get("_uuid") or str(uuid.uuid4())
            full = {
                "_id": key,
                "formhub/uuid": form.formhub_uuid,
                **row,
                "__version__": row.get("__version__", form.versions[-1]["uid"]),
                "meta/instanceID": f"uuid:{instance}",
                "_xform_id_string": asset,
                "_uuid": instance,
                "meta/rootUuid": row.get("meta/rootUuid", f"uuid:{instance}"),
                "_attachments": row.get("_attachments", [self._attachment(form, key, name) for name in attachments]),
                "_status": "submitted_via_web",
                "_geolocation": row.get("_geolocation", [None, None]),
                "_submission_time": row.get("_submission_time", at or f"{self.now():%Y-%m-%dT%H:%M:%S}"),
                "_validation_status": row.get("_validation_status", {}),
                "_submitted_by": row.get("_submitted_by", "enqueteur"),
            }
            self._put(form, key, orjson.dumps(full))
            self._log(form, "add-submission", full)
        return key

    def edit(self, asset: str, key: int, changes: Row) -> None:
        """An edit as Kobo makes it: a new `_uuid`; the same `_id`, rootUuid and stamp. None removes an answer."""
        form = self.assets[asset]
        instance = str(uuid.uuid4())
        with self.lock:
            row = self.row(asset, key)
            row["meta/deprecatedID"] = row["meta/instanceID"]
            row |= {"meta/instanceID": f"uuid:{instance}", "_uuid": instance, "__version__": form.versions[-1]["uid"]}
            row |= changes
            self._put(form, key, orjson.dumps({name: value for name, value in row.items() if value is not None}))
            self._log(form, "modify-submission", row)

    def attach(self, asset: str, key: int, name: str, content: bytes | None = None) -> None:
        """A file that arrives after its submission; without content it can be listed, not read."""
        form = self.assets[asset]
        with self.lock:
            row = self.row(asset, key)
            row["_attachments"].append(self._attachment(form, key, name))
            if content is not None:
                form.files[row["_attachments"][-1]["uid"]] = content
            self._put(form, key, orjson.dumps(row))

    def validate(self, asset: str, key: int, uid: str = "validation_status_approved", by: str = "responsable") -> None:
        """A review: approved, not approved, on hold."""
        label = uid.removeprefix("validation_status_").replace("_", " ").title()
        with self.lock:
            row = self.row(asset, key)
            row["_validation_status"] = {"timestamp": int(time.time()), "uid": uid, "by_whom": by, "label": label}
            self._put(self.assets[asset], key, orjson.dumps(row))
            self._log(self.assets[asset], "modify-submission", row)

    def delete(self, asset: str, key: int) -> None:
        form = self.assets[asset]
        with self.lock:
            self._log(form, "delete-submission", self.row(asset, key))
            self.lose_sight(asset, key)

    def lose_sight(self, asset: str, key: int) -> None:
        """A row that is shown no more although nobody deleted it: Kobo keeps rows twice, and shows the copy."""
        form = self.assets[asset]
        with self.lock:
            form.deleted[key] = form.rows.pop(key)
            del form.ids[bisect_left(form.ids, key)]

    def restore(self, asset: str, key: int) -> None:
        """A row that comes back as it was (Kobo re-synchronises late what it failed to show)."""
        with self.lock:
            self._put(self.assets[asset], key, self.assets[asset].deleted.pop(key))

    def manage(self, asset: str, managed: bool = True) -> None:
        """The account may manage the form, and so read its history."""
        self.assets[asset].is_managed = managed

    def lose_permission(self, asset: str) -> None:
        """The account of the token sees nothing of the form any more."""
        self.assets[asset].is_shared = False

    def share(self, asset: str, visible: Callable[[Row], bool] | None = None) -> None:
        """The account sees the form again: all of it, or only the rows for which `visible` holds."""
        self.assets[asset].is_shared, self.assets[asset].visible = True, visible

    # What the server holds ------------------------------------------------------------------------------------

    def row(self, asset: str, key: int) -> Row:
        row: Row = orjson.loads(self.assets[asset].rows[key])
        return row

    def rows(self, asset: str) -> list[Row]:
        """Every row, by `_id`."""
        with self.lock:
            return [self.row(asset, key) for key in self.assets[asset].ids]

    def data_requests(self) -> list[dict[str, str]]:
        """The query of every request for data, in order."""
        return [query for path, query in self.requests if path.endswith("/data/")]

    def _log(self, form: Asset, action: str, row: Row | None = None) -> None:
        """One entry of the history, under the first identity of the submission and without its prefix."""
        told: Row = {"source": "Python Requests (Other)", "asset_uid": form.uid, "log_subtype": "project"}
        if row is not None:
            told["submission"] = {"root_uuid": row["meta/rootUuid"].removeprefix("uuid:"), "submitted_by": "enqueteur"}
        entry = {
            "username": "alice",
            "action": action,
            "metadata": told,
            "date_created": f"{self.now():%Y-%m-%dT%H:%M:%SZ}",
        }
        if self.holds_log:
            self.held.append((form, entry))
        else:
            _write_down(form, entry)

    def release_log(self) -> None:
        """What was held of the history is written now, each entry in the place of its stamp."""
        with self.lock:
            for form, entry in self.held:
                _write_down(form, entry)
            self.held, self.holds_log = [], False

    def revoke(self) -> None:
        """The token is good no more; `token` is the one that the account gets instead."""
        self.token = uuid.uuid4().hex + "01234567"

    def _put(self, form: Asset, key: int, row: bytes) -> None:
        if key not in form.rows:
            insort(form.ids, key)
        form.rows[key] = row

    def _attachment(self, form: Asset, key: int, name: str) -> Row:
        uid = f"att{uuid.uuid4().hex[:21]}"
        address = f"{self.url}/api/v2/assets/{form.uid}/data/{key}/attachments/{uid}/"
        return {
            "download_url": address,
            "mimetype": "image/png",
            "filename": f"alice/attachments/{form.formhub_uuid}/{uid}/{name}",
            "media_file_basename": name,
            "uid": uid,
            "is_deleted": False,
            "download_large_url": f"{address}large/",
            "download_medium_url": f"{address}medium/",
            "download_small_url": f"{address}small/",
            "question_xpath": "photo",
        }


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    kobo: KoboServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up, or a `reset` of ours: nothing to say."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Http

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""

    def do_POST(self) -> None:
        kobo = self.server.kobo
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        kobo.requests.append((f"{self.command} {self.path}", {}))
        with kobo.lock:
            status, headers, document = changed(kobo, self.command, self.path, body, self.headers.get("Authorization"))
        self._send(status, headers, document, missing=0)

    do_PATCH = do_POST

    def do_GET(self) -> None:
        kobo = self.server.kobo
        url = urlsplit(self.path)
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        kobo.requests.append((url.path, query))
        is_data = url.path.endswith("/data/")
        faults = kobo.faults if is_data else kobo.other_faults
        fault = faults.popleft() if faults else ""
        if fault == "reset":
            self._reset()
            return
        if fault == "timeout":
            kobo.closing.wait(kobo.hung_for)
            self.close_connection = True
            return
        with kobo.lock:
            if fault == "revoke":
                kobo.revoke()
            parts = url.path.strip("/").split("/")
            if parts[:3] == ["api", "v2", "imports"]:
                status, headers, body = state_of_import(kobo, parts[-1])
            else:
                status, headers, body = answer(kobo, url.path, query, self.headers.get("Authorization"))
            # Before the answer leaves: the next request must find what these change.
            if fault == "delete_between_pages":
                kobo.delete(url.path.split("/")[4], orjson.loads(body)["results"][0]["_id"])
            if is_data and kobo.after_answer:
                kobo.after_answer.popleft()()
        status, headers, body = _damaged(kobo, fault, status, headers, body)
        self._send(status, headers, body, missing=len(body) // 2 if fault in ("cut", "reset_mid_body") else 0)
        if fault == "reset_mid_body":
            self._reset()

    def _reset(self) -> None:
        # An RST instead of a FIN: linger for 0 s, then close under the handler's feet.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        socket.close(self.connection.detach())
        self.close_connection = True

    def _send(self, status: int, headers: dict[str, str], body: bytes, *, missing: int) -> None:
        """Head and body in one write (two would meet delayed acknowledgements: 40 ms an answer)."""
        self.log_request(status)
        self.send_response_only(status)
        for name, value in {"Content-Type": "application/json", **headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self._headers_buffer.append(b"\r\n" + body[: len(body) - missing])  # type: ignore[attr-defined]
        self.flush_headers()
        self.close_connection = self.close_connection or missing > 0


def _write_down(form: Asset, entry: Row) -> None:
    insort(form.history, entry, key=lambda known: str(known["date_created"]))


def _json_with(status: int, body: bytes, **changes: Any) -> Answer:
    return status, {}, orjson.dumps({**orjson.loads(body), **changes})


def _damaged(kobo: KoboServer, fault: str, status: int, headers: dict[str, str], body: bytes) -> Answer:
    page = {"Content-Type": "text/html; charset=utf-8"}
    if fault == "truncated":
        return status, headers, body[: len(body) * 2 // 3]
    if fault == "empty":
        return _json_with(status, body, results=[])
    if fault == "html":
        return 200, page, kobo.page
    if fault in ("429", "500", "502", "503", "504"):
        return int(fault), page, kobo.page
    if fault == "429-retry-after":
        return 429, {"Retry-After": kobo.retry_after}, b'{"detail":"Request was throttled."}'
    return status, headers, body
