"""Answers of an older live KoboToolbox (UNHCR, February 2026), recorded by others: what our client makes of them.

The recordings are those of the R package robotoolbox; a server on loopback gives them back by path, whatever is asked.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest

from meal_pipelines.collect.kobo import KoboSource
from meal_pipelines.collect.kobo_rows import compared
from meal_pipelines.settings import CHECKOUT

BESIDE = CHECKOUT.parent / "shared" / "surveydata" / "robotoolbox_recordings"
TOKEN = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Recorded:
    """What was recorded of a server: bodies by path; the rows and versions of each form, by its uid."""

    bodies: dict[str, bytes] = field(default_factory=dict)
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    versions: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


@pytest.fixture(scope="module")
def recorded() -> Recorded:
    folder = Path(os.environ.get("ROBOTOOLBOX_FOLDER") or BESIDE)
    if not folder.is_dir():
        pytest.skip(
            f"The recordings of robotoolbox are not in {folder}. Get them from https://github.com/dickoa/robotoolbox "
            "(MIT, tests), then set ROBOTOOLBOX_FOLDER to their folder."
        )
    found = Recorded()
    for file in sorted(folder.glob("kobo_*.json")):
        exchange = json.loads(file.read_text(encoding="utf-8"))
        address = urlsplit(exchange["uri"])
        path = address.path.replace("/data.json", "/data").rstrip("/")
        if "query=" in address.query or "fields=" in address.query or not path.startswith("/api/v2/assets/"):
            continue
        found.bodies[path] = orjson.dumps(exchange["body"])
        asset, kind = path.split("/")[4], path.split("/")[5:]
        if kind == ["data"]:
            found.rows[asset] = exchange["body"]["results"]
        elif kind == ["versions"]:
            found.versions[asset] = exchange["body"]["results"]
    return found


@pytest.fixture(scope="module")
def url(recorded: Recorded) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = recorded.bodies.get(urlsplit(self.path).path.rstrip("/"))
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body or b"{}")))
            self.end_headers()
            self.wfile.write(body or b"{}")

        def log_message(self, format: str, *args: Any) -> None:
            """Silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        Thread(target=http.serve_forever, args=(0.02,), daemon=True).start()
        os.environ.setdefault("NO_PROXY", "127.0.0.1")
        yield f"http://127.0.0.1:{http.server_address[1]}"
        http.shutdown()


def test_every_recorded_row_is_a_submission_whole(recorded: Recorded, url: str) -> None:
    """Rows with keys dropped since (`_tags`, `_notes`), attachments without uid, edits of 2022."""
    assert sum(map(len, recorded.rows.values())) >= 20
    for asset, rows in recorded.rows.items():
        pages = list(KoboSource(url, TOKEN, asset).sweep())
        submissions = [submission for page in pages for submission in page.submissions]
        assert [orjson.loads(submission.payload) for submission in submissions] == rows
        for submission, row in zip(submissions, rows, strict=True):
            assert submission.submission_id == str(row["_id"])
            assert submission.form_version == row.get("__version__")
            assert submission.submitted_at is not None
            assert datetime.fromisoformat(submission.submitted_at) == datetime.fromisoformat(
                row["_submission_time"] + "+00:00"
            )
            assert submission.attachments_present == sum(not file.get("is_deleted") for file in row["_attachments"])
            assert not compared(submission.payload).keys() & {"_tags", "_notes", "_geolocation"}
        assert pages[-1].through is None and pages[0].server_count == len(rows)


def test_every_recorded_version_of_a_form_is_read(recorded: Recorded, url: str) -> None:
    """Of some versions only the line in the list was recorded: they count as known."""
    read = 0
    for asset, versions in recorded.versions.items():
        whole = {path.split("/")[6] for path in recorded.bodies if path.startswith(f"/api/v2/assets/{asset}/versions/")}
        known = {row["uid"] for row in versions} - whole
        found = list(KoboSource(url, TOKEN, asset).form_versions(known))
        assert {version.form_version for version in found} == whole
        assert all(version.content["survey"] for version in found)
        read += len(found)
    assert read >= 5
