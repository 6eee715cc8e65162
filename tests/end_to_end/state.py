"""What a warehouse holds, put so that two of them can be compared: no run ids, load ids, times or sealing nonces.

Sealed bytes are opened with the keyring, so that what is compared is what was sealed.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from psycopg2 import sql

from meal_pipelines.protect.keys.keyring import Keyring
from meal_pipelines.warehouse import Warehouse

Rows = list[tuple[Any, ...]]
PASSING = {
    "load_id", "run_id", "loaded_at", "computed_at", "written_at", "detected_at", "recorded_at", "updated_at",
    "rejection_id", "check_id", "evaluated_at", "built_at", "build_no", "first_read_at", "last_read_at",
    "decided_at", "seconds", "first_seen_at", "merge_id", "merged_on", "undone_on", "undone_run_id",
}  # fmt: skip
"""Columns that tell one run from another and not what was found."""
PLACES = {
    "raw.submission": ("payload", "raw|{project}|{form}|{submission_id}|{version}"),
    "vault.identity": ("sealed", "vault|{project}|{form}|{repeat}|{submission_id}|{repeat_index}"),
}
COMPARED = ("raw", "cleaned", "pseudonymised", "marts", "vault", "extracts")
ALSO = (
    "indicators.value",
    "indicators.target",
    "indicators.definition",
    "quality.rejection",
    "quality.correction",
    "quality.check_result",
)
STANDING = {"quality.check_result": "is_current", "vault.person_merge": "undone_on is null"}
"""Of what has a history, which part is compared: runs that go through the forms in another order differ on the way only."""
NOT_COMPARED = {"raw.load", "raw.cursor", "raw.attachment_cursor", "raw.missing"}


def published(warehouse: Warehouse, keyring: Keyring) -> dict[str, Rows]:
    """Every published table, its rows in order."""
    with warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "select table_schema || '.' || table_name from information_schema.tables"
            " where table_type = 'BASE TABLE' and table_schema = any(%s)",
            (list(COMPARED),),
        )
        names = {*ALSO, *(name for (name,) in cursor.fetchall())} - NOT_COMPARED
        return {name: _rows(cursor, name, keyring) for name in sorted(names)}


def _rows(cursor: Any, table: str, keyring: Keyring) -> Rows:
    schema, name = table.split(".")
    only = sql.SQL(f"where {STANDING[table]}" if table in STANDING else "")
    cursor.execute(sql.SQL("select * from {} {}").format(sql.Identifier(schema, name), only))
    names = [column.name for column in cursor.description]
    made = []
    for row in cursor.fetchall():
        told = dict(zip(names, row, strict=True))
        made.append(tuple(_opened(table, column, told, keyring) for column in names if column not in PASSING))
    return sorted(made, key=repr)


def _opened(table: str, column: str, row: dict[str, Any], keyring: Keyring) -> Any:
    value = row[column]
    if not isinstance(value, memoryview):
        return value
    sealed, place = PLACES.get(table, ("personal", f"cleaned|{table.split('.')[1]}|{{submission_id}}|{{index}}"))
    if column != sealed:
        return bytes(value)
    project = row.get("project") or _project_of(table)
    where = place.format(**{**row, "index": row.get("repeat_index") or 0})
    return keyring.sealer(project).unseal([value], [where])[0]


def _project_of(table: str) -> str:
    name = table.split(".")[1]
    return next(project for project in ("thamm_plus", "prim2") if name.startswith(f"{project}_"))


def differences(one: dict[str, Rows], other: dict[str, Rows]) -> list[str]:
    """In which tables two warehouses differ, and by how many rows; never which."""
    found = [f"{table} exists in one of them only" for table in sorted(one.keys() ^ other.keys())]
    for table in sorted(one.keys() & other.keys()):
        left, right = Counter(map(repr, one[table])), Counter(map(repr, other[table]))
        missing, more = sum((left - right).values()), sum((right - left).values())
        if missing or more:
            found.append(f"{table}: {missing} rows missing, {more} too many (of {len(one[table])})")
    return found


def builds(warehouse: Warehouse) -> dict[str, Any]:
    """What moves when something is collected or published: build numbers, versions, rows of values and rejections."""
    with warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute("select table_name, build_no, rows from quality.build order by table_name")
        found: dict[str, Any] = {name: (number, rows) for name, number, rows in cursor.fetchall()}
        for table in (
            "raw.submission", "raw.form_version", "vault.identity", "indicators.value", "indicators.target",
            "indicators.definition", "quality.rejection", "quality.correction", "extracts.opsys", "extracts.thema",
        ):  # fmt: skip
            cursor.execute(sql.SQL("select count(*) from {}").format(sql.Identifier(*table.split("."))))
            found[f"rows of {table}"] = cursor.fetchone()
        cursor.execute("select count(*) from pg_tables where schemaname = 'build'")
        found["tables under construction"] = cursor.fetchone()
        return found
