"""How the loopback ODK Central speaks: HTTP, streams in chunks, and what goes wrong on the way (`OdkServer.faults`)."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import struct
from collections import deque
from collections.abc import Iterable
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import orjson

from tests.odk_answers import answer, login
from tests.odk_deploy import changed
from tests.odk_state import Answer

if TYPE_CHECKING:
    from tests.odk_server import OdkServer

HTML = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1><hr>nginx</body></html>"


class Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    central: OdkServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up, or a `reset` of ours: nothing to say."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Http

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""

    def do_POST(self) -> None:
        central = self.server.central
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        central.requests.append(("POST", self.path, {}))
        url = urlsplit(self.path)
        authorization = self.headers.get("Authorization", "")
        with central.lock:
            if url.path.startswith("/v1/projects/"):
                query = dict(parse_qsl(url.query))
                status, headers, document = changed(central, url.path, query, body, authorization)
            else:
                status, headers, document = login(central, self.path, body)
        self._send(status, headers, document, "")

    def do_GET(self) -> None:
        central = self.server.central
        url = urlsplit(self.path)
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        central.requests.append(("GET", url.path, query))
        is_rows = url.path.endswith((".svc/Submissions", ".svc/Entities"))
        is_file = "/attachments/" in url.path
        faults = central.faults if is_rows else central.file_faults if is_file else deque()
        fault = faults.popleft() if faults else ""
        if fault == "reset":
            self._reset()
            return
        if fault == "timeout":
            central.closing.wait(central.hung_for)
            self.close_connection = True
            return
        with central.lock:
            if fault == "revoke":
                central.revoke()
            status, headers, body = self._answer(central, url.path, query)
            # Before the answer leaves: the next request must find what these change.
            if fault in ("delete_between_pages", "purge_between_pages"):
                self._take_away(central, url.path, orjson.loads(body)["value"][-1]["__id"], fault)
            if is_rows and central.after_answer:
                central.after_answer.popleft()()
        self._send(*_damaged(central, fault, status, headers, body), fault)

    def _answer(self, central: OdkServer, path: str, query: dict[str, str]) -> Answer:
        authorization = self.headers.get("Authorization", "")
        if path.startswith("/bucket/"):
            # A store of files refuses a request that carries both its signature and an Authorization.
            wanted = path.removeprefix("/bucket/")
            files = {hashlib.sha1(content).hexdigest(): content for content in _contents(central)}
            return (400, {}, b"") if authorization else (200, {"ETag": '"of-several-parts-3"'}, files[wanted])
        extended = self.headers.get("X-Extended-Metadata", "").lower() == "true"
        status, headers, body = answer(central, path, query, authorization, extended)
        if central.bucket and "/attachments/" in path and status == 200:
            return 307, {"Location": f"{central.bucket}/bucket/{hashlib.sha1(body).hexdigest()}"}, b""
        return status, headers, body

    def _take_away(self, central: OdkServer, path: str, root: str, fault: str) -> None:
        form = next(form for form in (*central.forms.values(), *central.lists.values()) if root in form.stored)
        if fault == "delete_between_pages":
            central.delete(form, root)
        else:
            del form.stored[root]

    def _reset(self) -> None:
        # An RST instead of a FIN: linger for 0 s, then close under the handler's feet.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        socket.close(self.connection.detach())
        self.close_connection = True

    def _send(self, status: int, headers: dict[str, str], body: bytes, fault: str) -> None:
        """Rows are sent in chunks, without a length, as Central streams them; all in one write."""
        date = {"Date": format_datetime(self.server.central.now(), usegmt=True)}
        is_stream = "eventhash" in headers.get("ETag", "")
        length = {"Transfer-Encoding": "chunked"} if is_stream else {"Content-Length": str(len(body))}
        self.log_request(status)
        self.send_response_only(status)
        for name, value in {"Content-Type": "application/json", **date, **headers, **length}.items():
            self.send_header(name, value)
        sent = f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n" if is_stream else body
        if fault in ("cut", "reset_mid_body"):
            sent = sent[: len(sent) // 2]
            self.close_connection = True
        self._headers_buffer.append(b"\r\n" + sent)  # type: ignore[attr-defined]
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.flush_headers()
            if fault == "reset_mid_body":
                self._reset()


def _contents(central: OdkServer) -> Iterable[bytes]:
    for form in central.forms.values():
        for stored in form.stored.values():
            yield from (content for content in stored.files.values() if content is not None)


def _damaged(central: OdkServer, fault: str, status: int, headers: dict[str, str], body: bytes) -> Answer:
    page = {"Content-Type": "text/html"}
    match fault:
        case "truncated":
            return status, headers, body[: len(body) * 2 // 3]
        case "empty":
            kept = {name: value for name, value in orjson.loads(body).items() if name != "@odata.nextLink"}
            return status, headers, orjson.dumps({**kept, "value": []})
        case "other_bytes":
            return status, headers, body[::-1] + b"!"
        case "other_end":
            return status, headers, body[:-1] + bytes([body[-1] ^ 1])
        case "html":
            return 200, page, central.page
        case "502" | "503" | "504":
            return int(fault), page, central.page
        case "429":
            return 429, page, central.page
        case "429-retry-after":
            return 429, {**page, "Retry-After": central.retry_after}, central.page
    return status, headers, body
