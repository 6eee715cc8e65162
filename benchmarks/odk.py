"""The loopback ODK Central of the benchmarks: `python -m benchmarks.odk FOLDER FORMS ROWS`.

It holds, under as many forms as asked, the answers of the first ROWS rows of the pages of FOLDER, sent an hour ago.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from benchmarks.loopback import answer_until_closed
from tests.odk_server import OdkServer, questions

PROJECT = "2"


def form_name(number: int) -> str:
    """The id of a form, counted from 0."""
    return f"form{number}"


def _serve(folder: Path, forms: int, most: int) -> None:
    pages = (orjson.loads(path.read_bytes())["results"] for path in sorted(folder.glob("*.json")))
    rows = [_answers(row) for row in islice((row for page in pages for row in page), most)]
    fields = questions(*dict.fromkeys(field for row in rows for field in _fields(row, "")))
    with OdkServer() as odk:
        for number in range(forms):
            form = odk.add_form(form_name(number), fields)
            for row in rows:
                odk.submit(form, row)
        # Changes are asked for from a quarter of an hour back: what was just sent would come again.
        odk.wait(hours=1)
        answer_until_closed(odk.requests, odk.url, odk.email, odk.password)


def _answers(row: dict[str, Any]) -> dict[str, Any]:
    """A row of Kobo's, as ODK nests it: groups hold their questions, and texts are all there is."""
    nested: dict[str, Any] = {}
    for path, value in row.items():
        *groups, name = path.split("/")
        if isinstance(value, str) and not path.startswith(("_", "meta/", "formhub/")):
            inside = nested
            for group in groups:
                inside = inside.setdefault(group, {})
            inside[name] = value
    return nested


def _fields(answers: dict[str, Any], around: str) -> Iterable[str]:
    for name, value in answers.items():
        path = f"{around}/{name}"
        yield f"{path}:{'structure' if isinstance(value, dict) else 'string'}"
        if isinstance(value, dict):
            yield from _fields(value, path)


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
