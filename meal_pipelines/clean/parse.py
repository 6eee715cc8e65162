"""The types of answers: one parser per question type, from collected text to canonical text.

A parser gives the one spelling the warehouse stores (and PostgreSQL reads), or None when the text is not of that type.
Accepted without fuss, because partners write them: Arabic and Persian digits, decimal commas, spaces in numbers,
`35.0` for 35, dates as `31/12/2026`.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation

from meal_pipelines.project.questionnaire import Question
from meal_pipelines.protect.persons.normalise import ARABIC_DIGITS

Parser = Callable[[str], str | None]

INTEGER = re.compile(r"[+-]?\d{1,18}(\.0+)?")
DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")
FARTHEST = dt.timedelta(hours=16)
"""What PostgreSQL takes for no time zone: one such answer would keep the whole form from being cleaned."""
DAY_FIRST = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})")


def _plain_number(text: str) -> str:
    plain = text.translate(ARABIC_DIGITS)
    for space in (" ", "\u00a0", "\u202f"):
        plain = plain.replace(space, "")
    return plain.replace("٫", ".").replace(",", ".") if plain.count(",") + plain.count("٫") <= 1 else plain


def integer(text: str) -> str | None:
    """A whole number that fits a bigint."""
    if text.isdigit() and text.isascii() and len(text) <= 18:
        return str(int(text))
    plain = _plain_number(text)
    return str(int(plain.split(".")[0])) if INTEGER.fullmatch(plain) else None


def decimal(text: str) -> str | None:
    """An exact decimal; no rounding."""
    plain = _plain_number(text)
    if not DECIMAL.fullmatch(plain):
        return None
    try:
        number = Decimal(plain)
    except InvalidOperation:
        return None
    return format(number, "f") if number.is_finite() and abs(number.adjusted()) < 100 else None


def date(text: str) -> str | None:
    """A calendar day, ISO or day first; a time of day that follows is left out."""
    plain = text.translate(ARABIC_DIGITS)
    match = DAY_FIRST.fullmatch(plain)
    try:
        if match:
            return dt.date(int(match[3]), int(match[2]), int(match[1])).isoformat()
        return dt.date.fromisoformat(plain[:10]).isoformat() if len(plain) == 10 or "T" in plain[10:11] else None
    except ValueError:
        return None


def date_time(text: str) -> str | None:
    """An instant; without a zone it is taken as UTC. None when PostgreSQL, or Python reading it back, could not hold it."""
    try:
        stamp = dt.datetime.fromisoformat(text.translate(ARABIC_DIGITS))
        stamp = stamp if stamp.tzinfo is not None else stamp.replace(tzinfo=dt.UTC)
        stamp.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return None
    offset = stamp.utcoffset() or dt.timedelta()
    return stamp.isoformat() if abs(offset) < FARTHEST and not offset.microseconds else None


def time_of_day(text: str) -> str | None:
    """A time of day, its zone left out."""
    try:
        return dt.time.fromisoformat(text.split("+")[0].split("Z")[0]).replace(tzinfo=None).isoformat()
    except ValueError:
        return None


def geopoint(text: str) -> str | None:
    """`latitude longitude altitude accuracy`, the last two optional."""
    parts = text.split()
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        return None
    return " ".join(parts) if 2 <= len(parts) <= 4 and abs(numbers[0]) <= 90 and abs(numbers[1]) <= 180 else None


def plain(text: str) -> str | None:
    return text


def several(text: str) -> str | None:
    """Several choices, each once, in the order given."""
    return " ".join(dict.fromkeys(text.split())) or None


PARSERS: dict[str, tuple[Parser, str, str]] = {
    "integer": (integer, "bigint", "un nombre entier"),
    "decimal": (decimal, "numeric", "un nombre"),
    "range": (decimal, "numeric", "un nombre"),
    "date": (date, "date", "une date"),
    "today": (date, "date", "une date"),
    "dateTime": (date_time, "timestamptz", "une date avec son heure"),
    "start": (date_time, "timestamptz", "une date avec son heure"),
    "end": (date_time, "timestamptz", "une date avec son heure"),
    "time": (time_of_day, "time", "une heure"),
    "geopoint": (geopoint, "text", "une position GPS"),
    "select_multiple": (several, "text[]", "un choix multiple"),
    "rank": (several, "text[]", "un classement"),
}
"""Question type → (parser, PostgreSQL type, what is expected, in French). Any other type is text."""


def parser_of(question: Question) -> Parser:
    return PARSERS.get(question.type, (plain, "text", "un texte"))[0]


def type_of(question: Question) -> str:
    """The PostgreSQL type of the question's column."""
    return PARSERS.get(question.type, (plain, "text", "un texte"))[1]


def expected(question: Question) -> str:
    return PARSERS.get(question.type, (plain, "text", "un texte"))[2]
