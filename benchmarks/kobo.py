"""The loopback KoboToolbox of the benchmarks: `python -m benchmarks.kobo FOLDER FORMS ROWS`.

It serves the first ROWS rows of the pages of FOLDER, under as many forms as asked, which the account may manage.
"""

from __future__ import annotations

import sys
from array import array
from datetime import timedelta
from itertools import islice
from pathlib import Path

import msgspec

from benchmarks.loopback import answer_until_closed
from tests.kobo_server import KoboServer

ASSET = "aBenchmark"


class _Page(msgspec.Struct):
    results: list[msgspec.Raw]


class _Row(msgspec.Struct):
    key: int = msgspec.field(name="_id")
    version: str = msgspec.field(name="__version__")


# A million rows made anew by a JSON library took ten gibibytes; their own bytes take one and a half.
_pages, _rows = msgspec.json.Decoder(_Page), msgspec.json.Decoder(_Row)


def asset_name(number: int) -> str:
    """The uid of a form, counted from 0."""
    return f"{ASSET}{number or ''}"


def _serve(folder: Path, forms: int, most: int) -> None:
    pages = (_pages.decode(path.read_bytes()).results for path in sorted(folder.glob("*.json")))
    rows, versions = {}, set()
    for raw in islice((raw for page in pages for raw in page), most):
        row = _rows.decode(raw)
        rows[row.key] = bytes(raw)
        versions.add(row.version)
    with KoboServer() as kobo:
        # The history is read again from some minutes back: what was just deployed would be told once more.
        kobo.skew = timedelta(hours=-1)
        for number in range(forms):
            asset = kobo.add_asset(asset_name(number))
            for version in sorted(versions):
                kobo.deploy(asset.uid, {"survey": []}, version=version)
            asset.is_managed = True
            asset.ids, asset.rows = array("q", rows), rows
        answer_until_closed(kobo.requests, kobo.url, kobo.token)


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
