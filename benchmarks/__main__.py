"""`uv run python -m benchmarks [--rows N] [--participations N] [--only PART,…] [--repeats N] [--json FILE]`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from benchmarks import report
from benchmarks.cases import PARTS, PREPARATION, groups
from benchmarks.collection import FORM
from benchmarks.loopback import started
from benchmarks.machine import described, load
from benchmarks.place import Place
from benchmarks.run import Line, run_case, run_group


def main(arguments: list[str] | None = None) -> int:
    """Measure the parts asked for; 1 when a case failed."""
    asked = _parser().parse_args(arguments)
    facts = {**described(), "charge au début": load()}
    lines: list[Line] = []
    with tempfile.TemporaryDirectory(prefix="meal-benchmarks-", ignore_cleanup_errors=True) as folder:
        place = Place(Path(folder), asked.rows, asked.participations)
        with _prepared(place, asked.only):
            for part in asked.only:
                lines += _measure(place, part, asked.repeats)
    facts["charge à la fin"] = load()
    report.show_goals(lines)
    report.show_facts({"lignes": report.number(asked.rows), **facts})
    report.show_notes()
    if asked.json is not None:
        report.write(asked.json, facts, lines)
    failures = [line for line in lines if line.failure]
    for line in failures:
        print(f"\n{line.case.name} : {line.failure}", file=sys.stderr)
    return 1 if failures else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Mesure la plateforme à côté de dlt, de pandas, de requêtes écrites à la main et de COPY.",
    )
    parser.add_argument("--rows", type=int, default=100_000, help="soumissions par cas (défaut : 100 000)")
    parser.add_argument(
        "--participations",
        type=int,
        default=1_000_000,
        help="lignes des marts pour les indicateurs (défaut : 1 000 000)",
    )
    parser.add_argument("--only", type=_parts, default=list(PARTS), help=f"parties, parmi {','.join(PARTS)}")
    parser.add_argument("--repeats", type=int, default=5, help="passages par cas, au plus (les cas longs en ont moins)")
    parser.add_argument("--json", type=Path, help="écrire aussi les mesures dans ce fichier")
    return parser


def _parts(text: str) -> list[str]:
    asked = text.split(",")
    unknown = [part for part in asked if part not in PARTS]
    if unknown:
        raise argparse.ArgumentTypeError(f"partie inconnue : {unknown[0]} (parmi {', '.join(PARTS)})")
    return [part for part in PARTS if part in asked]


@contextmanager
def _prepared(place: Place, parts: list[str]) -> Iterator[None]:
    """The warehouse, up for the whole run, and the generated submissions if a part wants them."""
    for case in PREPARATION:
        if case.name == "setup.sample" and not {"collect", "clean", "idle", "protection"} & set(parts):
            continue
        line = Line(case)
        run_case(place, line)
        if line.failure:
            raise SystemExit(f"{case.label} : {line.failure}")
        _tell(f"{case.label} : {line.seconds:.1f} s")
    with place.warehouse():
        yield


def _measure(place: Place, part: str, most: int) -> list[Line]:
    title, cases = PARTS[part]
    if part == "collect":
        with started("benchmarks.kobo", str(place.pages(FORM)), "1", str(place.rows)) as server:
            url, token = server.words
            measured = [run_group(replace(place, kobo_url=url, kobo_token=token), cases, most, _tell)]
    else:
        measured = [run_group(place, group, most, _tell) for group in groups(cases)]
    report.show(title, measured)
    return [line for group in measured for line in group]


def _tell(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
