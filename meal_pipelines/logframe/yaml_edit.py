"""Change single values of a YAML text and leave every other byte as it is: comments, order, alignment, quotes.

Places are those that the parser gives; what is written is checked by whoever calls, by reading it again. A whole-file
round trip (ruamel.yaml) keeps comments and order, but not the alignment of these files: one changed target would show
hundreds of changed lines.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import textwrap
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import yaml

PLAIN = re.compile(r"[A-Za-zÀ-ÿ≥≤«][^\n:#\[\]{},&*!|>'\"%@`]*")
"""Texts that stand without quotes anywhere."""
WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n", ""}
UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
WIDTH = 118


class Unplaced(LookupError):
    """The text has no such place, or holds it in a form that cannot be changed in part."""


class YamlText:
    """One document, edited in place. Keys are text; entries of a list go by their `code`."""

    def __init__(self, text: str) -> None:
        self.text = text

    def node(self, path: Sequence[str]) -> yaml.Node:
        """Raises: Unplaced."""
        found = self._root()
        for part in path:
            found = _child(found, part)
        return found

    def has(self, path: Sequence[str]) -> bool:
        try:
            self.node(path)
        except Unplaced:
            return False
        return True

    def set(self, path: Sequence[str], value: Any) -> None:
        """Replace a value, or add its key to the mapping above it. Raises: Unplaced, when there is no such mapping."""
        if self.has(path):
            self._replace(self.node(path), value)
        else:
            self._add(path, value)

    def remove(self, path: Sequence[str]) -> None:
        """Take a key out of its mapping, with its line when it has one of its own. Raises: Unplaced."""
        parent = self.node(path[:-1])
        if not isinstance(parent, yaml.MappingNode):
            raise Unplaced
        place = next((at for at, (key, _) in enumerate(parent.value) if key.value == path[-1]), None)
        if place is None:
            raise Unplaced
        key, value = parent.value[place]
        if parent.flow_style:
            if place + 1 < len(parent.value):
                start, end = key.start_mark.index, parent.value[place + 1][0].start_mark.index
            elif place:
                start, end = _end(self.text, parent.value[place - 1][1]), _end(self.text, value)
            else:
                start, end = key.start_mark.index, _end(self.text, value)
            self._splice(start, end, "")
            return
        start = self.text.rfind("\n", 0, key.start_mark.index) + 1
        self._splice(start, self._line_end(_end(self.text, value)) + 1, "")

    def _root(self) -> yaml.Node:
        loader = yaml.CSafeLoader(self.text)
        try:
            root: yaml.Node | None = loader.get_single_node()
        finally:
            loader.dispose()
        if root is None:
            raise Unplaced
        return root

    def _replace(self, node: yaml.Node, value: Any) -> None:
        start, end = node.start_mark.index, _end(self.text, node)
        indent = self._indent(start)
        if isinstance(node, yaml.ScalarNode) and node.style in (">", "|") and isinstance(value, str):
            written = _folded(value, indent + 2)
        elif isinstance(node, yaml.SequenceNode) and not node.flow_style and isinstance(value, list) and value:
            written = f"\n{' ' * node.start_mark.column}".join(f"- {scalar(each, inside=True)}" for each in value)
        else:
            written = scalar(value, inside=self._is_inside_flow(start))
        if written and start and self.text[start - 1] == ":":
            written = f" {written}"
        elif not written and self.text[start - 1] == " " and not self._is_inside_flow(start):
            start = len(self.text[:start].rstrip(" "))
        self._splice(start, end, written, keep_column="\n" not in self.text[start:end] + written)

    def _add(self, path: Sequence[str], value: Any) -> None:
        parent = self.node(path[:-1])
        if isinstance(parent, yaml.ScalarNode) and not parent.value:
            raise Unplaced
        if not isinstance(parent, yaml.MappingNode):
            raise Unplaced
        pair = f"{_key(path[-1])}: {scalar(value, inside=True)}"
        if parent.flow_style:
            close = parent.end_mark.index - 1
            where = _end(self.text, parent.value[-1][1]) if parent.value else close
            self._splice(where, close, f", {pair}" if parent.value else pair)
            return
        column = parent.value[0][0].start_mark.column
        where = self._line_end(_end(self.text, parent.value[-1][1]))
        self._splice(where, where, f"\n{' ' * column}{pair}")

    def _splice(self, start: int, end: int, written: str, *, keep_column: bool = False) -> None:
        """keep_column: a comment that follows on the line stays under the others, where there is room."""
        longer = len(written) - (end - start)
        rest = re.compile(r" +(?=#)").match(self.text, end) if keep_column else None
        if rest is not None and len(rest.group()) - longer >= 1:
            self.text = self.text[:start] + written + " " * (len(rest.group()) - longer) + self.text[rest.end() :]
            return
        self.text = self.text[:start] + written + self.text[end:]

    def _line_end(self, index: int) -> int:
        found = self.text.find("\n", index)
        return found if found >= 0 else len(self.text)

    def _indent(self, index: int) -> int:
        start = self.text.rfind("\n", 0, index) + 1
        line = self.text[start:]
        dashes = re.match(r" *(- +)*", line)
        return dashes.end() if dashes else 0

    def _is_inside_flow(self, index: int) -> bool:
        """Whether a value stands between braces or brackets, where commas and colons mean something."""

        def within(node: yaml.Node) -> bool:
            if not node.start_mark.index <= index < node.end_mark.index or isinstance(node, yaml.ScalarNode):
                return False
            if isinstance(node, yaml.CollectionNode) and node.flow_style:
                return True
            children = node.value if isinstance(node, yaml.SequenceNode) else [at for pair in node.value for at in pair]
            return any(within(child) for child in children)

        return within(self._root())


def _child(node: yaml.Node, part: str) -> yaml.Node:
    found: yaml.Node
    if isinstance(node, yaml.MappingNode):
        for key, found in node.value:
            if key.value == part:
                return found
    if isinstance(node, yaml.SequenceNode):
        for found in node.value:
            if isinstance(found, yaml.MappingNode) and any(
                key.value in ("code", "month") and value.value == part for key, value in found.value
            ):
                return found
    raise Unplaced


def _end(text: str, node: yaml.Node) -> int:
    """Where the value really ends: a block's end mark is where the next thing begins."""
    start, end = node.start_mark.index, node.end_mark.index
    if isinstance(node, yaml.ScalarNode) and node.style not in (">", "|"):
        return int(end)
    if isinstance(node, yaml.CollectionNode):
        if node.flow_style or not node.value:
            return int(end)
        last = node.value[-1] if isinstance(node, yaml.SequenceNode) else node.value[-1][1]
        return max(_end(text, last), start)
    return len(text[:end].rstrip(" \n"))


def scalar(value: Any, *, inside: bool = False) -> str:
    """A value as YAML 1.2 text: quoted where it would otherwise be read as something else. inside: of a flow, or a list."""
    if value is None:
        return "null" if inside else ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal | int):
        return f"{value:f}" if isinstance(value, Decimal) else str(value)
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, list):
        return "[" + ", ".join(scalar(each, inside=True) for each in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(str(key))}: {scalar(each, inside=True)}" for key, each in value.items()) + "}"
    text = str(value)
    if PLAIN.fullmatch(text) and text.strip() == text and text.lower() not in WORDS:
        return text
    return _quoted(text)


def _quoted(text: str) -> str:
    """In double quotes, where JSON and YAML agree; YAML also takes some signs that look like none for line breaks."""
    return UNPRINTABLE.sub(lambda at: f"\\u{ord(at.group()):04x}", json.dumps(text, ensure_ascii=False))


def _key(text: str) -> str:
    return text if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text) and text.lower() not in WORDS else _quoted(text)


def _folded(text: str, indent: int) -> str:
    """A long text in the style of the others; one that folding would change is quoted."""
    if text != " ".join(text.split()) or not text or text.startswith("#"):
        return _quoted(text)
    lines = textwrap.wrap(text, WIDTH - indent, break_long_words=False, break_on_hyphens=False)
    return ">-\n" + "\n".join(" " * indent + line for line in lines)
