"""What every extract returns, and how its rows and files are put in place together.

Rows are staged in a copy of the table, files under a temporary name in their own folder; then one transaction replaces
the rows, the files take their names and the transaction ends. What is in an extract is not this module's business.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from psycopg2 import sql
from psycopg2.extras import Json, execute_values

from meal_pipelines.errors import ConfigurationError, TransientError
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.project.logframe import Logframe
from meal_pipelines.warehouse.tables import identifiers

LAYOUT = "3"
"""Raised when the code lays an extract out differently: every file is then written again."""


@dataclass(frozen=True)
class Check:
    """One control of an extract. passed: None when it does not apply, or when only a person can judge (`by_hand`)."""

    name: str
    description: str
    passed: bool | None
    message: str
    by_hand: bool = False

    @property
    def outcome(self) -> str:
        if self.passed is None:
            return "À vérifier à la main" if self.by_hand else "Sans objet"
        return "Conforme" if self.passed else "Non conforme"


@dataclass(frozen=True)
class Extract:
    """What an extract consists of. changed: False when everything was already so and no file was touched · disclosure:
    whether what it hides can be worked out.
    """

    files: list[Path]
    rows: int
    checks: list[Check]
    changed: bool
    disclosure: Check


class Files:
    """Files written under a temporary name beside their place; on any error they are removed and nothing has moved."""

    def __init__(self, writers: Mapping[Path, Callable[[Path], None]]) -> None:
        self._writers = writers
        self._written: dict[Path, Path] = {}

    def __enter__(self) -> Self:
        try:
            for path, write in self._writers.items():
                path.parent.mkdir(parents=True, exist_ok=True)
                # The suffix stays last: openpyxl and Excel go by it.
                self._written[path] = path.with_name(f".{path.stem}.{uuid.uuid4().hex}{path.suffix}")
                write(self._written[path])
        except BaseException:
            self._remove()
            raise
        return self

    def put_in_place(self) -> None:
        """Raises: TransientError, when a reader holds a file open (Excel on Windows locks it)."""
        for path, temporary in self._written.items():
            try:
                temporary.replace(path)
            except PermissionError:
                raise TransientError(
                    f"Le fichier {path} ne peut pas être remplacé : il est sans doute ouvert dans Excel. "
                    "Fermez-le, puis relancez."
                ) from None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._remove()

    def _remove(self) -> None:
        for temporary in self._written.values():
            temporary.unlink(missing_ok=True)


@dataclass(frozen=True)
class Rows:
    """The rows of one table that an extract replaces: all those with the values of `scope`."""

    table: str
    columns: Sequence[str]
    values: Sequence[Sequence[Any]]
    scope: Mapping[str, Any]


def logframe_of(project: LoadedProject) -> Logframe:
    """Raises: ConfigurationError, when the project has no logframe: there is nothing to extract."""
    if project.logframe is None:
        raise ConfigurationError(
            f"Le projet « {project.id} » n'a pas de cadre logique : aucun extrait n'est possible. "
            f"Ajoutez {project.folder.name}/logframe.yaml, puis relancez."
        )
    return project.logframe


def fingerprint(*parts: Any) -> str:
    """The hash of everything that an extract shows; equal hashes mean equal files."""
    text = json.dumps([LAYOUT, *parts], default=plain, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def plain(value: Any) -> Any:
    """A decimal as a number and a date as ISO text, for JSON."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dt.date):
        return value.isoformat()
    raise TypeError(type(value).__name__)


def lock(cursor: Any, name: str, project: str) -> None:
    """Let one process at a time make this extract of this project, until the end of the transaction."""
    cursor.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"extracts.{name}:{project}",))


def is_current(cursor: Any, name: str, project: str, wanted: str, files: Sequence[Path]) -> bool:
    """Whether the last extract had the same content and all its files are still there."""
    cursor.execute("select fingerprint from quality.build where table_name = %s", (f"extracts.{name}:{project}",))
    row = cursor.fetchone()
    return row is not None and row[0] == wanted and all(path.is_file() for path in files)


def publish(
    connection: Any,
    name: str,
    project: str,
    *,
    wanted: str,
    count: int,
    rows: Rows | None,
    writers: Mapping[Path, Callable[[Path], None]],
    run_id: str | None,
) -> None:
    """Write the files, replace the rows, note the build, and commit. On any error, nothing has changed.

    Raises: TransientError, when a file is held open; psycopg2.Error, when the rows break a rule of their table.
    """
    try:
        with Files(writers) as files, connection.cursor() as cursor:
            if rows is not None:
                _replace(cursor, rows)
            cursor.execute(
                "insert into quality.build (table_name, stage, project, fingerprint, rows, run_id)"
                " values (%s, 'extracts', %s, %s, %s, %s)"
                " on conflict (table_name) do update set fingerprint = excluded.fingerprint, rows = excluded.rows,"
                " build_no = quality.build.build_no + 1, built_at = now(), run_id = excluded.run_id",
                (f"extracts.{name}:{project}", project, wanted, count, run_id),
            )
            # Before the commit: if it fails, files are ahead of the table and the next run does both again.
            files.put_in_place()
            connection.commit()
    except BaseException:
        connection.rollback()
        raise


def select(table: str, columns: Sequence[str], rest: str) -> sql.Composable:
    """A query over one table of extracts. rest: fixed text of ours, after the table's name."""
    return sql.SQL("select {} from {} {}").format(
        identifiers(list(columns)), sql.Identifier(*table.split(".")), sql.SQL(rest)
    )


def _replace(cursor: Any, rows: Rows) -> None:
    """Stage the rows in a copy of the table, whose constraints judge them, then exchange them for the old ones."""
    live, staged = sql.Identifier(*rows.table.split(".")), sql.Identifier("staged_extract")
    cursor.execute(sql.SQL("create temporary table {} (like {} including all) on commit drop").format(staged, live))
    columns = identifiers(list(rows.columns))
    values = [[Json(cell, dumps=_dumps) if isinstance(cell, dict) else cell for cell in row] for row in rows.values]
    execute_values(cursor, sql.SQL("insert into {} ({}) values %s").format(staged, columns), values, page_size=500)
    matching = sql.SQL(" and ").join(
        sql.SQL("{} = {}").format(sql.Identifier(key), sql.Placeholder()) for key in rows.scope
    )
    cursor.execute(sql.SQL("delete from {} where {}").format(live, matching), tuple(rows.scope.values()))
    cursor.execute(sql.SQL("insert into {} ({}) select {} from {}").format(live, columns, columns, staged))


def _dumps(value: Any) -> str:
    return json.dumps(value, default=plain, ensure_ascii=False)
