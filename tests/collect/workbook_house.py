"""An officer's inbox night after night: put files in it, collect it, look at what `raw` holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from meal_pipelines.collect.position import Load
from meal_pipelines.collect.received import Received
from meal_pipelines.collect.sync import synchronise
from meal_pipelines.collect.workbook import PartnerWorkbooks
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.protect.keys.keyring import Keyring
from meal_pipelines.warehouse import Warehouse
from tests.collect.workbook_cases import Lines, csv_file, partner, written, xlsx

HEADER = ["code", "osc", "montant"]


@dataclass
class House:
    """An officer's inbox, and the warehouse behind it."""

    warehouse: Warehouse
    keyring: Keyring
    folder: Path
    project: LoadedProject
    clock: int = 0
    source: PartnerWorkbooks | None = field(default=None)

    @property
    def inbox(self) -> Path:
        return self.folder / "boite"

    def put(self, name: str, *lines: Lines, header: Lines = HEADER) -> Path:
        """A partner's file, newer than all the others."""
        self.clock += 60
        file = self.inbox / name
        (csv_file if name.endswith(".csv") else xlsx)(file, [header, *lines])
        return written(file, self.clock)

    def night(self, **options: Any) -> Load:
        received = Received(self.warehouse, self.keyring, self.project.id, "subventions")
        self.source = partner(self.project.forms["subventions"], self.folder, received=received)
        load = None
        try:
            load = synchronise(self.warehouse, self.keyring, self.project.id, "subventions", self.source, **options)
        finally:
            self.source.record(load.load_id if load is not None else None)
        assert load is not None
        return load

    def query(self, text: str) -> list[tuple[Any, ...]]:
        with self.warehouse.connect() as connection, connection.cursor() as cursor:
            cursor.execute(text, {"project": self.project.id})
            return cursor.fetchall()

    def holds(self) -> dict[str, str]:
        """The organisation of every present row, by its key."""
        sealer = self.keyring.sealer(self.project.id)
        held = {}
        for key, version, state, payload in self.query(LAST):
            if state == "present":
                place = f"raw|{self.project.id}|subventions|{key}|{version}"
                held[key] = orjson.loads(sealer.unseal([payload], [place])[0])["osc"]
        return held

    def versions(self) -> int:
        return int(self.query("select count(*) from raw.submission where project = %(project)s")[0][0])

    def load_state(self) -> tuple[str, str | None]:
        return self.query("select state, message from raw.load where project = %(project)s order by load_id desc")[0]  # type: ignore[return-value]

    def clear(self) -> None:
        with self.warehouse.connect() as connection, connection.cursor() as cursor:
            for table in ("file", "cursor", "missing", "submission", "load"):
                cursor.execute(f"delete from raw.{table} where project = %s", (self.project.id,))


LAST = """
    select distinct on (submission_id) submission_id, version, state, payload from raw.submission
    where project = %(project)s order by submission_id, version desc
"""
