"""What an edited workbook says, field by field: what changed since it was exported, and what cannot be accepted.

Nothing is written here, and every refusal names its sheet and its cell.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path as File
from typing import Any

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.extracts.cells import writable
from meal_pipelines.logframe.book import cell_value, opened, origin_of
from meal_pipelines.logframe.export import HEADER, columns_of, laid_out, written
from meal_pipelines.logframe.fields import Kind, Path, Unreadable, flatten, hidden_sign, kind_of_new, shown, understood
from meal_pipelines.logframe.layout import LAYOUTS, TOTAL, Layout, Row
from meal_pipelines.project.logframe import Logframe

MISSING = object()
"""A field that is not there: neither empty nor zero."""


@dataclass(frozen=True)
class Change:
    """One field as it is in the file and as the workbook wants it; MISSING: not there. where: « Cibles!E12 »."""

    path: Path
    old: Any
    new: Any
    kind: Kind
    where: str


@dataclass(frozen=True)
class _Cell:
    value: Any
    where: str


def read_changes(file: File, logframe: Logframe) -> list[Change]:
    """The officer's changes against the logframe as it is now, in the order of the workbook; empty when there are none.

    What somebody else changed in the file since the export stays, where the workbook did not change it too.
    Raises: ConfigurationError, one line per refused cell, and for a workbook that is of another project or unreadable.
    """
    book = opened(file)
    problems: list[str] = []
    origin = origin_of(book, logframe)
    now = flatten(logframe)
    cells = dict(_cells(book, logframe, problems))
    counts = {indicator.code for indicator in logframe.indicators if indicator.is_count}
    found: list[Change] = []
    for path, cell in cells.items():
        kind = now[path][1] if path in now else kind_of_new(path)
        if kind is None:
            problems.append(f"{cell.where} : rien ne peut être ajouté ici ; complétez logframe.yaml.")
            continue
        try:
            change = _change(path, cell, kind, now, origin)
            if change is not None:
                _check_sign(change, counts)
        except Unreadable as error:
            problems.append(f"{cell.where} : {error}.")
            continue
        if change is not None:
            found.append(change)
    found += _removed(cells, now, origin, problems)
    problems += _conflicts(found, now, origin)
    if problems:
        raise ConfigurationError(
            "Le classeur est refusé, rien n'a été écrit :\n" + "\n".join(f"  {at}" for at in problems)
        )
    return found


def _change(
    path: Path, cell: _Cell, kind: Kind, now: Mapping[Path, tuple[Any, Kind]], origin: Mapping[str, Any]
) -> Change | None:
    """None: the cell is as it was exported, or says what the file says already."""
    name = written(path)
    if name in origin and cell.value == origin[name]:
        return None
    if path not in now and cell.value is None:
        return None
    new = understood(cell.value, kind)
    old = now[path][0] if path in now else MISSING
    if old is not MISSING and shown(old, kind) == shown(new, kind):
        return None
    return Change(path, old, new, kind, cell.where)


def _check_sign(change: Change, counts: Container[str]) -> None:
    """Raises: Unreadable, for a target or a baseline below zero of what is counted."""
    match change.path:
        case ("indicators", code, "targets" | "baseline", *_) if code in counts:
            if isinstance(change.new, Decimal) and change.new < 0:
                raise Unreadable(f"{code} compte des unités : une valeur n'y est jamais négative")


def _removed(
    cells: Mapping[Path, _Cell],
    now: Mapping[Path, tuple[Any, Kind]],
    origin: Mapping[str, Any],
    problems: list[str],
) -> Iterator[Change]:
    """Fields whose row has gone. One that was exported after nobody's change only: what was added since stays."""
    refused: dict[str, None] = {}
    for path, (value, kind) in now.items():
        if path in cells or written(path) not in origin:
            continue
        for layout in LAYOUTS.values():
            if (place := layout.place(path)) is not None:
                if layout.adds:
                    yield Change(path, value, MISSING, kind, layout.sheet)
                else:
                    refused[f"{layout.sheet} : la ligne « {' · '.join(place[0])} » ou une de ses cases a disparu."] = (
                        None
                    )
                break
    problems += [f"{text} Remettez-la, ou exportez de nouveau." for text in refused]


def _conflicts(
    changes: Sequence[Change], now: Mapping[Path, tuple[Any, Kind]], origin: Mapping[str, Any]
) -> Iterator[str]:
    """A field that both the workbook and the file have changed since the export: a person decides."""
    for change in changes:
        name = written(change.path)
        if (
            name in origin
            and change.old is not MISSING
            and _same(origin[name], shown(change.old, change.kind)) is False
        ):
            yield (
                f"{change.where} : le fichier a changé cette valeur depuis l'export. Exportez de nouveau, puis refaites "
                "votre modification."
            )


def _same(exported: Any, current: Any) -> bool:
    import datetime as dt

    if isinstance(exported, dt.datetime):
        exported = exported.date()
    if isinstance(current, str) and isinstance(exported, str):
        return writable(current) == exported
    return bool(exported == current)


def _cells(book: Any, logframe: Logframe, problems: list[str]) -> Iterator[tuple[Path, _Cell]]:
    """Every cell that stands for a field, with its address; what has no row any more is not there."""
    exported = laid_out(logframe)
    indicators = {indicator.code for indicator in logframe.indicators}
    for name, layout in LAYOUTS.items():
        if name not in book.sheetnames:
            problems.append(f"La feuille « {name} » manque. Exportez de nouveau.")
            continue
        columns = _columns(book[name], layout, columns_of(layout, exported[name]), problems)
        seen: set[Row] = set()
        for line in range(HEADER + 1, book[name].max_row + 1):
            key = _key(book[name], layout, line)
            if key is None:
                if any(book[name].cell(line, number).value is not None for number in columns.values()):
                    problems.append(f"{name}!A{line} : cette ligne n'a pas de code. Complétez-la, ou videz-la.")
                continue
            wrong = _wrong_key(layout, key, seen, exported[name], indicators, logframe)
            if wrong:
                problems.append(f"{name}!A{line} : {wrong}.")
                continue
            seen.add(key)
            if key not in exported[name] and all(book[name].cell(line, at).value is None for at in columns.values()):
                problems.append(f"{name}!A{line} : cette ligne ajoutée ne dit rien. Complétez-la, ou videz-la.")
            yield from _row(book[name], layout, line, key, columns, exported[name].get(key), problems)


def _row(
    sheet: Any,
    layout: Layout,
    line: int,
    key: Row,
    columns: Mapping[str, int],
    fields: Mapping[str, Any] | None,
    problems: list[str],
) -> Iterator[tuple[Path, _Cell]]:
    for column, number in columns.items():
        cell, path = sheet.cell(line, number), layout.path(key, column)
        where = f"{layout.sheet}!{cell.coordinate}"
        if path is None or (fields is not None and column not in fields):
            if cell.value is not None:
                problems.append(f"{where} : cette case ne s'applique pas à cette ligne ; videz-la.")
            continue
        if cell.data_type == "f":
            problems.append(f"{where} : une formule n'est pas acceptée ; collez sa valeur.")
        elif cell.data_type == "e":
            problems.append(f"{where} : cette case est en erreur ; écrivez sa valeur.")
        else:
            yield path, _Cell(cell_value(cell), where)


def _columns(sheet: Any, layout: Layout, names: Sequence[str], problems: list[str]) -> dict[str, int]:
    """The place of each column; the heading says which it is, whatever its order."""
    from meal_pipelines.logframe.layout import header

    headings = {sheet.cell(HEADER, number).value: number for number in range(1, sheet.max_column + 1)}
    found = {}
    for name in names:
        if header(name) in headings:
            found[name] = headings[header(name)]
        else:
            problems.append(
                f"{layout.sheet}, ligne {HEADER} : la colonne « {header(name)} » manque. Exportez de nouveau."
            )
    return found


def _key(sheet: Any, layout: Layout, line: int) -> Row | None:
    """None: the row is empty."""
    parts = []
    for number in range(1, len(layout.keys) + 1):
        value = sheet.cell(line, number).value
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        parts.append(str(value).strip() if value is not None else TOTAL)
    return tuple(parts) if parts[0] else None


def _wrong_key(
    layout: Layout,
    key: Row,
    seen: set[Row],
    exported: Mapping[Row, Any],
    indicators: set[str],
    logframe: Logframe,
) -> str:
    """Why a row cannot be what it says it is; empty when it can."""
    from meal_pipelines.logframe.fields import donors

    for part in key:
        if (sign := hidden_sign(part)) is not None:
            return sign
    if key in seen:
        return f"la ligne « {' · '.join(key).strip(' ·')} » est écrite deux fois"
    if key in exported:
        return ""
    if not layout.adds:
        return f"« {key[0]} » n'est pas dans le cadre logique ; ajoutez-le d'abord dans logframe.yaml"
    if layout.keys[0] == "indicateur" and key[0] not in indicators:
        return f"l'indicateur « {key[0]} » n'est pas dans le cadre logique"
    if layout.sheet == "Bailleurs" and key[1] not in donors():
        return f"« {key[1]} » n'est pas un bailleur connu : {', '.join(donors())}"
    if layout.sheet == "Cibles" and not (key[1].isdigit() and 1 <= int(key[1]) <= 120):
        return "le mois est un nombre entier de 1 à 120"
    if layout.sheet == "Ventilations" and key[0] not in logframe.dimensions:
        return f"la ventilation « {key[0]} » est une colonne d'une table : ajoutez-la dans logframe.yaml"
    if layout.sheet == "References" and key[1] == TOTAL:
        return "cette référence existe déjà, ou demande une catégorie"
    return ""
