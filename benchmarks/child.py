"""One run of one case, in this process and no other: `python -m benchmarks.child CASE PLACE RESULT`.

PLACE is a JSON file with the fields of `Place`; RESULT receives the figures.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

from benchmarks.case import peak_of_this_process
from benchmarks.cases import case
from benchmarks.place import Place


def main(name: str, place_file: Path, result_file: Path) -> None:
    fields = json.loads(place_file.read_text())
    place = Place(**{**fields, "folder": Path(fields["folder"])})
    chosen = case(name)
    figures = chosen.run(place)
    if not chosen.own_peak:
        figures = replace(figures, peak=peak_of_this_process())
    result_file.write_text(json.dumps(asdict(figures)))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
