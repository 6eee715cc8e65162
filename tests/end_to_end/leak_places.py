"""Every place of a leak house that is searched, and the few that are not, with the reason.

Which bytes a place gives is in `searched.py`; how identities are looked for is in `leaks.py`.
"""

from __future__ import annotations

import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from meal_pipelines.warehouse import Warehouse
from meal_pipelines.warehouse.binaries import programs
from tests.end_to_end.command import House
from tests.end_to_end.interface import Interface
from tests.end_to_end.leak_house import LeakHouse
from tests.end_to_end.leaks import Hit, Search
from tests.end_to_end.searched import Piece, pieces_of_dump, pieces_of_folder

RETURNS = Path("thamm_plus", "retours")
"""Under MEAL_OUT: « meal forms annotate » writes the partner's own workbook there, when asked, for its owner only."""
SHOWN_ON_DEMAND = ("meal forms received", "meal forms annotate")
"""What these say is for whoever asked, on the terminal: the names of the files that lie in the inbox, of the file given."""
PAGES = ("/", "/runs", "/assets", "/locations", "/overview/activity")
RUNS = "{ runsOrError { ... on Runs { results { runId pipelineName tags { key value } } } } }"
LOCATIONS = "{ workspaceOrError { ... on Workspace { locationEntries { name locationOrLoadError { ... on PythonError { message } } } } } }"
EVENTS = """
query events($id: ID!) {
  logsForRun(runId: $id, limit: 5000) {
    ... on EventConnection { events {
      ... on MessageEvent { message stepKey }
      ... on ExecutionStepFailureEvent { error { message stack causes { message stack } }
        failureMetadata { label description metadataEntries { label description } } }
      ... on MaterializationEvent { label description metadataEntries { ...entry } }
      ... on AssetCheckEvaluationEvent { evaluation { description metadataEntries { ...entry } } }
    } }
  }
}
fragment entry on MetadataEntry {
  label description
  ... on TextMetadataEntry { text }
  ... on MarkdownMetadataEntry { mdStr }
  ... on JsonMetadataEntry { jsonString }
}
"""


@dataclass
class Found:
    """What a search of everything gave. hits: by place."""

    hits: dict[str, set[Hit]] = field(default_factory=dict)
    pieces: Counter[str] = field(default_factory=Counter)
    bytes: Counter[str] = field(default_factory=Counter)


def look(search: Search, places: Iterator[tuple[str, Piece]]) -> Found:
    """Search every piece of every place."""
    found = Found()
    for where, piece in places:
        found.pieces[where] += 1
        found.bytes[where] += len(piece.content)
        if met := search.found_in(piece.content, is_noise=piece.is_noise):
            found.hits[f"{where} › {piece.place}"] = met
    return found


def everywhere(house: LeakHouse, titles: set[str]) -> Iterator[tuple[str, Piece]]:
    """(where, piece) of all that the house has made. titles: the command lines of processes that were seen."""
    sealed = [house.home / "postgres", house.home / "attachments"]
    yield from (("pg_dump", piece) for piece in pieces_of_dump(dump(house.house)))
    yield from (("MEAL_HOME", piece) for piece in pieces_of_folder(house.home, noisy=sealed))
    yield from (("MEAL_OUT", piece) for piece in pieces_of_folder(house.out, excluded=[house.out / RETURNS]))
    yield from (("TMPDIR", piece) for piece in pieces_of_folder(house.temporary))
    for name, finished in house.outputs.items():
        if not any(shown in name for shown in SHOWN_ON_DEMAND):
            yield "output", Piece(name, finished.said.encode())
    yield "process titles", Piece("command lines", "\n".join(sorted(titles)).encode())


def dump(house: House) -> bytes:
    """Everything that pg_dump takes away, with the rights of the server's owner."""
    with Warehouse.open(house.settings(demo=False)) as warehouse:
        url = warehouse.url()
        host, port = url.query.get("host") or url.host, url.query.get("port") or url.port
        program = str(programs().folder / "pg_dump")
        done = subprocess.run(
            [program, "-h", str(host), "-p", str(port), "-U", str(url.username), str(url.database)],
            capture_output=True, check=True, timeout=300,
        )  # fmt: skip
        return done.stdout


def seen_in_the_interface(interface: Interface) -> bytes:
    """Pages, runs, every event of every run, and how the code location fares: what a browser is sent."""
    told = [interface.page(path) for path in PAGES]
    runs = interface.ask(RUNS)
    answers = [runs, interface.ask(LOCATIONS)]
    answers += [interface.ask(EVENTS, id=run["runId"]) for run in runs["runsOrError"]["results"]]
    return b"\n".join([*told, *(repr(answer).encode() for answer in answers)])


class Titles(threading.Thread):
    """Notes the command line of every process of the machine, five times a second; PostgreSQL shows queries in its own."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.seen: set[str] = set()
        self.ended = threading.Event()

    def run(self) -> None:
        while not self.ended.wait(0.2):
            with suppress(psutil.Error):
                for process in psutil.process_iter(["cmdline"]):
                    words = process.info["cmdline"] or []
                    # The command that is given a partner's file is given its name.
                    if "annotate" not in words:
                        self.seen.add(" ".join(words))
