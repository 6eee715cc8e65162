"""Whatever partners and officers do to an inbox, nothing that was read once is lost, and nothing goes back by itself.

The model is one sentence: a row is what the newest readable file that ever showed it said (« files: parts »).
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.protect.keys.keyring import Keyring
from meal_pipelines.warehouse import Warehouse
from tests.collect.workbook_cases import a_project
from tests.collect.workbook_house import House

FILES = ("subventions-a.csv", "subventions-b.csv")
LEFT, AWAY, BROKEN = "left as it is", "moved away", "sent again, and cannot be read"
ROWS = st.dictionaries(st.sampled_from(["S-1", "S-2"]), st.sampled_from(["A", "B"]), min_size=1, max_size=2)
BECOMES = st.just(LEFT) | st.just(LEFT) | st.sampled_from([AWAY, BROKEN]) | ROWS | st.just({})
DAY = st.fixed_dictionaries(dict.fromkeys(FILES, BECOMES))
"""What becomes of each file before the night."""


@settings(max_examples=60, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(days=st.lists(DAY, min_size=3, max_size=7))
def test_an_inbox_forgets_nothing_and_goes_back_to_nothing(
    warehouse: Warehouse, days: list[dict[str, str | dict[str, str]]]
) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        project = a_project(folder / "p", name=f"w{uuid4().hex[:8]}")
        house = House(warehouse, Keyring.create(folder / "k.json"), folder / "p", project)
        readable: dict[str, tuple[int, dict[str, str]]] = {}
        held: dict[
            str, tuple[int, str]
        ] = {}  # by key: when the file that said it last had been written, and what it said
        try:
            for day in days:
                for file, becomes in day.items():
                    changed(house, file, becomes, readable)
                collected(house, readable)
                for stamp, rows in sorted(readable.values(), key=lambda each: each[0]):
                    for key, value in rows.items():
                        if held.get(key, (0, ""))[0] <= stamp:
                            held[key] = (stamp, value)
                assert house.holds() == {key: value for key, (_, value) in held.items()}
            versions = house.versions()
            collected(house, readable)
            assert house.versions() == versions, "a second night finds nothing to do"
        finally:
            house.clear()


def changed(
    house: House, file: str, becomes: str | dict[str, str], readable: dict[str, tuple[int, dict[str, str]]]
) -> None:
    """What people do to one file."""
    if becomes == LEFT:
        return
    readable.pop(file, None)
    if isinstance(becomes, dict):
        house.put(file, *([key, value, 1] for key, value in becomes.items()))
        readable[file] = (house.clock, becomes)
    elif becomes == BROKEN:
        house.put(file, ["S-1", "faux", 1], [None, "une remarque", 1])
    else:
        (house.inbox / file).unlink(missing_ok=True)


def collected(house: House, readable: dict[str, tuple[int, dict[str, str]]]) -> None:
    try:
        house.night()
    except ConfigurationError:
        assert not readable, "only an inbox of which nothing can be read is refused whole"
