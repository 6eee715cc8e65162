"""A CSV as lines of cells: its encoding and its separator are found, and told.

The questionnaire is the judge where bytes are not: of two ways to read a file, the one whose header is recognised.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from meal_pipelines.collect.sheets.receipt import Refused

BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
SEPARATORS = {";": "un point-virgule", ",": "une virgule", "\t": "une tabulation", "|": "une barre"}
SPOKEN = {
    "utf-8-sig": "UTF-8", "utf-8": "UTF-8", "utf-16": "UTF-16", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16",
    "utf-32": "UTF-32", "cp1252": "Windows-1252", "cp1256": "Windows-1256 (arabe)",
}  # fmt: skip
HEAD = 60
"""Lines by which separators are compared."""

# In Windows-1256 these bytes are Arabic letters, in Windows-1252 capital or rare accented ones; the usual French small
# letters (à â ç è é ê ë î ï ô ù û ü œ) are the same bytes in both. French never has three of the others in a row.
ARABIC_RUN = re.compile(
    rb"[\x81\x8d-\x90\x98\x9a\x9f\xaa\xc0-\xd6\xd8-\xdf\xe1\xe3-\xe6\xec\xed\xf0-\xf3\xf5\xf6\xf8\xfa]{3,}"
)
LATIN_CAPITAL = re.compile(rb"(?<![\x80-\xff])[\xc0-\xd6\xd8-\xdd](?=[A-Za-z])")


@dataclass(frozen=True)
class TextFile:
    """Lines of cells, and how they were found."""

    lines: list[list[Any]]
    encoding: str
    separator: str

    @property
    def separator_name(self) -> str:
        return SEPARATORS.get(self.separator, "un signe déclaré")


def read_text(file: str, content: bytes, likeness: Callable[[Sequence[Sequence[Any]]], int]) -> TextFile:
    """The cells of a text file.

    Raises: Refused when it is no text, or its quotes are never closed.
    """
    encoding = _encoding(content)
    try:
        text = "" if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")) else content.decode(encoding)
    except UnicodeDecodeError:
        text = ""
    if not text or "\x00" in text:
        raise Refused(
            f"{file} n'est pas un fichier texte, malgré son nom. Enregistrez-le en « CSV UTF-8 », ou rendez au classeur son "
            f"extension. Rien n'en a été lu."
        )
    declared = re.match(r"sep=(.)\r?\n", text)
    if declared:  # Excel's own line
        text = text[declared.end() :]
    separators = [declared[1]] if declared else list(SEPARATORS)
    try:
        heads = {separator: _cells(text, separator, HEAD) for separator in separators}
        best = max(separators, key=lambda s: (likeness(heads[s]), sum(len(line) > 1 for line in heads[s])))
        lines = _cells(text, best)
    except csv.Error:
        raise Refused(
            f"{file} : un guillemet est mal placé ou n'est jamais refermé, les colonnes ne se retrouvent plus. Enregistrez le fichier à "
            f"nouveau depuis Excel, ou envoyez le classeur."
        ) from None
    return TextFile(lines, SPOKEN[encoding], best)


def _cells(text: str, separator: str, limit: int | None = None) -> list[list[Any]]:
    """The lines of the file as a spreadsheet counts them, empty ones included."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=limit is None)
    lines: list[list[Any]] = []
    for cells in reader:
        lines.append(cells)
        if len(lines) == limit:
            break
    return lines


def _encoding(content: bytes) -> str:
    """By its mark, else UTF-8 when it is, else UTF-16 by its zeros, else one of the two Windows code pages used here."""
    for mark, encoding in BOMS:
        if content.startswith(mark):
            return encoding
    zeros_even, zeros_odd = content[:4000:2].count(0), content[1:4000:2].count(0)
    if zeros_even + zeros_odd > len(content[:4000]) / 10:
        return "utf-16-le" if zeros_odd > zeros_even else "utf-16-be"
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        arabic = sum(len(run) for run in ARABIC_RUN.findall(content))
        return "cp1256" if arabic > 2 * len(LATIN_CAPITAL.findall(content)) else "cp1252"
    return "utf-8"
