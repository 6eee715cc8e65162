"""Put the changes of a workbook into the text of `logframe.yaml`, and prove by reading it again that they are all there.

Only the lines of what changed are touched. What cannot be placed is refused whole: the file is never half changed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as File
from typing import Any

import yaml

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.logframe.fields import Kind, Path, flatten
from meal_pipelines.logframe.read import MISSING, Change
from meal_pipelines.logframe.yaml_edit import Unplaced, YamlText
from meal_pipelines.project.files import Lines, read_yaml
from meal_pipelines.project.logframe import Logframe

FIRST = {"value", "text", "by"}
"""A target says one of these at least."""


@dataclass(frozen=True)
class Changed:
    """`logframe.yaml` as it would be."""

    text: str
    logframe: Logframe
    lines: Lines


def changed_text(text: str, logframe: Logframe, changes: Sequence[Change], *, folder: str) -> Changed:
    """The text with the changes, and the logframe that it now means.

    Args: text, of the file, with `\\n` for line ends · folder, the project's, for messages.
    Raises: ConfigurationError, when the result would not be a valid logframe, or not the wanted one.
    """
    document = YamlText(text)
    try:
        for change in changes:
            if _of_targets(change.path):
                continue
            if change.new is MISSING:
                _remove(document, change.path)
            else:
                _set(document, change.path, change.new)
        for code in dict.fromkeys(change.path[1] for change in changes if _of_targets(change.path)):
            _targets(document, code, logframe, changes)
    except Unplaced:
        raise ConfigurationError(
            f"{folder}/logframe.yaml est écrit d'une façon que l'import ne sait pas modifier sans risque. Rien n'a été écrit : "
            "faites cette modification dans le fichier."
        ) from None
    found, where = _read(document.text, folder)
    if not _is_wanted(flatten(found), logframe, changes):
        raise ConfigurationError(
            f"{folder}/logframe.yaml, relu après modification, ne dirait pas ce que demande le classeur. Rien n'a été écrit : "
            "faites cette modification dans le fichier."
        )
    return Changed(document.text, found, where)


def _of_targets(path: Path) -> bool:
    return len(path) > 3 and path[0] == "indicators" and path[2] == "targets"


def _set(document: YamlText, path: Path, value: Any) -> None:
    """Add what is above it too, where it is not there yet."""
    try:
        document.set(path, value)
    except Unplaced:
        if len(path) < 3:
            raise
        _set(document, path[:-1], {path[-1]: value})


def _remove(document: YamlText, path: Path) -> None:
    """With the mapping that it was the last of; a field that only a default stood for needs no line."""
    if not document.has(path):
        return
    if len(path) > 2 and len(document.node(path[:-1]).value) == 1:
        _remove(document, path[:-1])
    else:
        document.remove(path)


def _targets(document: YamlText, code: str, logframe: Logframe, changes: Iterable[Change]) -> None:
    """The targets of one indicator, in the short form (`M12: 700`) wherever it can say them."""
    wanted = _wanted(code, logframe, changes)
    path = ("indicators", code, "targets")
    short = {f"M{month}": _short(fields) for month, fields in wanted.items()}
    if not wanted:
        _remove(document, path)
    elif any(entry is None for entry in short.values()) or not _is_short(document, path):
        listed = [{"month": int(month), **fields} for month, fields in wanted.items()]
        document.set(path, listed)
    elif not document.has(path):
        _set(document, path, short)
    else:
        _short_form(document, path, short)


def _short_form(document: YamlText, path: Path, short: Mapping[str, Any]) -> None:
    """Only what differs: the other targets keep their place and their comments."""
    for key, _ in document.node(path).value:
        if key.value not in short:
            document.remove((*path, key.value))
    for key, entry in short.items():
        known = document.node((*path, key)).value if document.has((*path, key)) else None
        if not isinstance(entry, dict) or not isinstance(known, list):
            if known != _written(entry):
                document.set((*path, key), entry)
            continue
        for category in [pair[0].value for pair in known]:
            if category not in entry:
                document.remove((*path, key, category))
        for category, figure in entry.items():
            if not document.has((*path, key, category)) or document.node((*path, key, category)).value != str(figure):
                document.set((*path, key, category), figure)


def _wanted(code: str, logframe: Logframe, changes: Iterable[Change]) -> dict[str, dict[str, Any]]:
    """Month → what is said of it, without what is the default, in the order of time."""
    flat: dict[Path, Any] = {path: value for path, (value, _) in flatten(logframe).items()}
    flat |= {change.path: change.new for change in changes}
    found: dict[str, dict[str, Any]] = {}
    for path, value in flat.items():
        if not _of_targets(path) or path[1] != code or value is MISSING or value is None or path[4] == "month":
            continue
        fields = found.setdefault(path[3], {})
        if path[4] == "by":
            fields.setdefault("by", {})[path[5]] = value
        elif (path[4], value) != ("status", "illustratif"):
            fields[path[4]] = value
    kept = {month: fields for month, fields in found.items() if FIRST & fields.keys()}
    return dict(sorted(kept.items(), key=lambda item: int(item[0])))


def _short(fields: Mapping[str, Any]) -> Any:
    """None: the short form cannot say it."""
    return next(iter(fields.values())) if len(fields) == 1 and FIRST & fields.keys() else None


def _is_short(document: YamlText, path: Path) -> bool:
    """Whether the file writes them in the short form, or not at all; `M12` and nothing else as keys."""
    if not document.has(path):
        return True
    node = document.node(path)
    return isinstance(node, yaml.MappingNode) and all(str(key.value).startswith("M") for key, _ in node.value)


def _written(value: Any) -> Any:
    return value if value is None else str(value)


def _is_wanted(found: Mapping[Path, tuple[Any, Kind]], logframe: Logframe, changes: Iterable[Change]) -> bool:
    """Whether everything is as it was or as asked; entries that are new bring their defaults along."""
    wanted = {path: value for path, (value, _) in flatten(logframe).items() if path[-1] != "month"}
    for change in changes:
        if change.new is MISSING:
            wanted.pop(change.path, None)
        else:
            wanted[change.path] = change.new
    news = {path: at for path, at in found.items() if path not in wanted}
    return all(path in found and found[path][0] == value for path, value in wanted.items()) and all(
        path[-1] == "month" or value == kind.default for path, (value, kind) in news.items()
    )


def _read(text: str, folder: str) -> tuple[Logframe, Lines]:
    """Raises: ConfigurationError, with the lines that the file would have."""
    with tempfile.TemporaryDirectory() as home:
        file = File(home) / folder / "logframe.yaml"
        file.parent.mkdir()
        file.write_text(text, encoding="utf-8")
        return read_yaml(file, Logframe)
