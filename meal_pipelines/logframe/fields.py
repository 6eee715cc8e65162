"""A logframe as flat fields: one path and one value for each thing that an officer may change.

Read from the pydantic models, so that a new field of the logframe is a new cell of its workbook without a line here.
Knows neither Excel nor YAML.
"""

from __future__ import annotations

import datetime as dt
import types
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from meal_pipelines.extracts.donor_codes import MODES
from meal_pipelines.extracts.wording import LEVELS
from meal_pipelines.project.logframe import DonorCode, Indicator, Target

Path = tuple[str, ...]
"""`("indicators", "P2-OC-2", "targets", "12", "value")`: entries of lists go by their code, targets by their month."""
Shape = Literal["text", "number", "integer", "date", "yes_no", "choice", "lines", "pairs"]
WORDS = {"asc": "à augmenter", "desc": "à réduire", **LEVELS, **MODES}
"""What a cell shows of a choice; codes that are not here are words already."""
CROSS, SEPARATOR = " × ", "\n"
YES, NO = "Oui", "Non"


@dataclass(frozen=True)
class Kind:
    """What a cell may hold. choices: of a closed list · may_be_empty: None, or what `default` says, stands for empty."""

    shape: Shape
    may_be_empty: bool
    default: Any = None
    choices: tuple[str, ...] = ()


class Unreadable(ValueError):
    """What a person wrote is not what this field holds; the text says what is expected, in French."""


def flatten(model: BaseModel, path: Path = ()) -> dict[Path, tuple[Any, Kind]]:
    """Every field with its value, in the order of the models; entries of lists and of mappings under their keys."""
    return dict(_walk(model, path))


def _walk(model: BaseModel, path: Path) -> Iterator[tuple[Path, tuple[Any, Kind]]]:
    for name, field in type(model).model_fields.items():
        value, at = getattr(model, name), (*path, name)
        if isinstance(value, BaseModel):
            yield from _walk(value, at)
        elif isinstance(value, dict):
            for key, entry in value.items():
                if isinstance(entry, BaseModel):
                    yield from _walk(entry, (*at, str(key)))
                else:
                    yield (*at, str(key)), (entry, Kind("number" if isinstance(entry, Decimal) else "text", False))
        elif isinstance(value, list) and value and isinstance(value[0], BaseModel):
            for entry in value:
                yield from _walk(entry, (*at, key_of(entry)))
        elif (kind := kind_of(field)) is not None:
            yield at, (value, kind)


def key_of(entry: BaseModel) -> str:
    """By which an entry of a list is known: its code, or the month of a target."""
    return str(entry.month) if isinstance(entry, Target) else str(getattr(entry, "code", ""))


def kind_of(field: FieldInfo) -> Kind | None:
    """None: the field holds entries of its own, or something that no cell can hold."""
    annotation, nullable = _bare(field.annotation)
    default = None if field.is_required() else field.get_default(call_default_factory=True)
    may_be_empty = nullable or not field.is_required()
    shapes: dict[Any, Shape] = {str: "text", Decimal: "number", int: "integer", bool: "yes_no", dt.date: "date"}
    if annotation in shapes:
        return Kind(shapes[annotation], may_be_empty, default)
    if get_origin(annotation) is Literal:
        return Kind("choice", may_be_empty, default, tuple(str(at) for at in get_args(annotation)))
    if get_origin(annotation) is list:
        inner, _ = _bare(get_args(annotation)[0])
        if inner is str:
            return Kind("lines", may_be_empty, default)
        if get_origin(inner) is list:
            return Kind("pairs", may_be_empty, default)
    return None


def _bare(annotation: Any) -> tuple[Any, bool]:
    """The type without what pydantic adds to it, and whether None is allowed."""
    nullable = False
    while True:
        origin = get_origin(annotation)
        if origin is Annotated:
            annotation = get_args(annotation)[0]
        elif origin in (Union, types.UnionType):
            options = [at for at in get_args(annotation) if at is not type(None)]
            nullable = nullable or len(options) < len(get_args(annotation))
            if len(options) != 1:
                return annotation, nullable
            annotation = options[0]
        else:
            return annotation, nullable


def kind_of_new(path: Path) -> Kind | None:
    """The kind of a field that the logframe does not hold yet and a workbook may add; None: it may not."""
    match path:
        case ("indicators", _, "baseline", "by", _) | ("indicators", _, "targets", _, "by", _):
            return Kind("number", False)
        case ("indicators", _, "targets", _, name):
            return kind_of(Target.model_fields[name])
        case ("indicators", _, "donors", _, name):
            return kind_of(DonorCode.model_fields[name])
        case ("dimensions", _, "values", _):
            return Kind("text", False)
    return None


def donors() -> list[str]:
    """The donors that an indicator may answer to, as the model lists them."""
    annotation = Indicator.model_fields["donors"].annotation
    return [str(name) for name in get_args(get_args(annotation)[0])]


def shown(value: Any, kind: Kind) -> Any:
    """A value as a cell holds it: number, date or text; None for an empty cell."""
    if value is None or value in ("", []):
        return None
    if kind.shape == "yes_no":
        return YES if value else NO
    if kind.shape == "choice":
        return WORDS.get(value, value)
    if kind.shape == "lines":
        return SEPARATOR.join(value)
    if kind.shape == "pairs":
        return SEPARATOR.join(CROSS.join(each) for each in value)
    if kind.shape == "number":
        return int(value) if value == value.to_integral_value() else float(value)
    return value


def understood(cell: Any, kind: Kind) -> Any:
    """What a cell says, as the field holds it. Raises: Unreadable, when it is not of the kind."""
    if isinstance(cell, str):
        cell = cell.replace("\r\n", "\n")
        if (sign := hidden_sign(cell)) is not None:
            raise Unreadable(sign)
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        if not kind.may_be_empty:
            raise Unreadable("cette case ne peut pas rester vide")
        return kind.default
    return _READERS[kind.shape](cell, kind)


LETTERS_OF_ARABIC = "\u200c\u200d\u200e\u200f\u061c"
"""Invisible, and part of how Arabic and Persian are written: they join letters, or say which way a single sign reads."""
OVERRIDES = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
BREAKS = "\x85\u2028\u2029\x0b\x0c\r"


def hidden_sign(text: str) -> str | None:
    """Why a text cannot be accepted: it holds a sign that nobody sees, by which it reads as something else than it says.

    They come with what is pasted from a web page or from Word. Returns: a sentence without its point, in French; None: no such sign.
    """
    for sign in text:
        if sign in "\n\t" or sign in LETTERS_OF_ARABIC or unicodedata.category(sign) not in ("Cc", "Cf", "Zl", "Zp"):
            continue
        what = (
            "un saut de ligne" if sign in BREAKS else "un ordre de lecture forcé" if sign in OVERRIDES else "un signe"
        )
        return f"{what} invisible s'y trouve (U+{ord(sign):04X}, souvent collé d'une page web) ; retapez ce texte"
    return None


LONGEST = 18
"""Power of ten beyond which a number is a slip of the hand: a spreadsheet keeps 15 digits."""


def _text(cell: Any, kind: Kind) -> str:
    if isinstance(cell, bool):
        raise Unreadable("un texte est attendu")
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return str(cell)


def _number(cell: Any, kind: Kind) -> Decimal:
    if isinstance(cell, bool | dt.date):
        raise Unreadable("un nombre est attendu")
    try:
        value = Decimal(
            str(cell).strip().replace("\u00a0", "").replace("\u202f", "").replace(" ", "").replace(",", ".")
        )
    except InvalidOperation:
        raise Unreadable("un nombre est attendu") from None
    if not value.is_finite():
        raise Unreadable("un nombre est attendu")
    if value and not -LONGEST <= value.adjusted() <= LONGEST:  # 1e999999 is a number, and a file of a megabyte
        raise Unreadable("ce nombre est trop grand ou trop petit pour être une valeur")
    return value


def _integer(cell: Any, kind: Kind) -> int:
    value = _number(cell, kind)
    if value != value.to_integral_value():
        raise Unreadable("un nombre entier est attendu")
    return int(value)


def _date(cell: Any, kind: Kind) -> dt.date:
    if isinstance(cell, dt.datetime):
        return cell.date()
    if isinstance(cell, dt.date):
        return cell
    for form in ("%Y-%m-%d", "%d/%m/%Y"):
        try:
            return dt.datetime.strptime(str(cell).strip(), form).date()
        except ValueError:
            continue
    raise Unreadable("une date est attendue, comme 28/02/2029")


def _yes_no(cell: Any, kind: Kind) -> bool:
    word = {True: YES, False: NO}.get(cell, str(cell).strip().capitalize()) if isinstance(cell, bool) else cell
    if str(word).strip().capitalize() not in (YES, NO):
        raise Unreadable(f"écrivez {YES} ou {NO}")
    return str(word).strip().capitalize() == YES


def _choice(cell: Any, kind: Kind) -> str:
    """A choice by its word, or by its code."""
    text = _text(cell, kind).strip()
    for choice in kind.choices:
        if text == choice or text.casefold() == WORDS.get(choice, choice).casefold():
            return choice
    raise Unreadable(f"écrivez l'un de : {', '.join(WORDS.get(choice, choice) for choice in kind.choices)}")


def _lines(cell: Any, kind: Kind) -> list[str]:
    return [line.strip() for line in _text(cell, kind).split(SEPARATOR) if line.strip()]


def _pairs(cell: Any, kind: Kind) -> list[list[str]]:
    return [[part.strip() for part in line.split(CROSS.strip())] for line in _lines(cell, kind)]


_READERS = {
    "text": _text, "number": _number, "integer": _integer, "date": _date, "yes_no": _yes_no, "choice": _choice,
    "lines": _lines, "pairs": _pairs,
}  # fmt: skip
