"""Load the reference tables of `dbt_like_sql/seeds/` (regions, communes, exchange rates) into `marts`.

They are public and kept by hand: no project, no person. A seed is loaded again only when its file or its declaration
changed.
"""

from __future__ import annotations

import csv
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import psycopg2
from psycopg2 import extensions, sql

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.settings import CHECKOUT
from meal_pipelines.warehouse.model_files import ModelFile, read_files
from meal_pipelines.warehouse.publish import last_build, publish, record_build, stage
from meal_pipelines.warehouse.refusals import value_free
from meal_pipelines.warehouse.tables import TableSpec, identifiers

MODELS = CHECKOUT / "dbt_like_sql"


@dataclass(frozen=True)
class Seed:
    """One CSV file (UTF-8, comma, a header) and the table it becomes. owner: the team that keeps it."""

    spec: TableSpec
    path: Path
    owner: str

    @property
    def fingerprint(self) -> str:
        """Changes when the file's content or the declared columns change."""
        parts = [self.path.read_bytes(), repr((self.spec.columns, self.spec.key)).encode()]
        return hashlib.sha256(b"\0".join(parts)).hexdigest()


def seed(file: ModelFile) -> Seed:
    """The seed that this file and its declaration describe.

    Raises: ConfigurationError, when the CSV's header is not the declared columns in their order.
    """
    with file.path.open(encoding="utf-8-sig", newline="") as lines:
        header = next(csv.reader(lines), [])
    declared = [column.name for column in file.entry.columns]
    if header != declared:
        raise ConfigurationError(
            f"{file.at(1)} : l'en-tête est « {', '.join(header)} », {file.declared_at} déclare "
            f"« {', '.join(declared)} ». Mêmes noms, même ordre : corrigez l'un des deux."
        )
    return Seed(file.spec(), file.path, file.entry.meta.owner)


def load_seeds(
    connection: extensions.connection, folder: Path = MODELS, *, run_id: str | None = None
) -> dict[str, int]:
    """Load the seeds that changed since their last load, each in a transaction of its own.

    Returns: the rows of each seed loaded, by name; empty when nothing changed.
    Raises: ConfigurationError, naming file and line, when a value does not have its declared type or a key comes twice.
    """
    loaded = {}
    for file in read_files(folder, ["seeds"]):
        one = seed(file)
        try:
            with connection, connection.cursor() as cursor:
                rows = _load(cursor, one, run_id)
        except (psycopg2.DataError, psycopg2.IntegrityError) as error:
            raise ConfigurationError(
                f"{file.file}{_line(error)} : {value_free(error)} Corrigez ce fichier, puis relancez."
            ) from None
        if rows is not None:
            loaded[file.name] = rows
    return loaded


def _load(cursor: extensions.cursor, one: Seed, run_id: str | None) -> int | None:
    """Replace the table if the seed changed; returns its rows, None when it did not change."""
    before = last_build(cursor, one.spec.qualified)
    if before is not None and before.fingerprint == one.fingerprint:
        return None
    stage(cursor, one.spec, whole=True)
    copy = sql.SQL("copy {} ({}) from stdin with (format csv, header true, encoding 'UTF8')").format(
        sql.Identifier("build", one.spec.staged), identifiers(one.spec.names())
    )
    with one.path.open("rb") as content:
        content.seek(3 if content.read(3) == b"\xef\xbb\xbf" else 0)  # Excel's mark would become part of the header
        cursor.copy_expert(copy, content)
    rows = publish(cursor, one.spec, whole=True, changed=None)
    record_build(
        cursor,
        one.spec,
        stage="marts",
        project=None,
        form=None,
        fingerprint=one.fingerprint,
        load_id=None,
        run_id=run_id,
    )
    return rows


def _line(error: psycopg2.Error) -> str:
    """« , ligne 3 », from what COPY says of the place; the rest of that text quotes values."""
    found = re.search(r"^COPY \w+, line (\d+)", error.diag.context or "", re.MULTILINE)
    return f", ligne {found[1]}" if found else ""
