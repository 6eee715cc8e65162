"""Numbers as people and spreadsheets write them: Arabic and Persian digits, decimal commas, spaces between thousands.

One number has one spelling, so that the same row is the same in every file. `is_ambiguous` tells what could be two.
"""

from __future__ import annotations

import re

from meal_pipelines.protect.persons.normalise import ARABIC_DIGITS

SPACES = re.compile("(?<=\\d)[ \u00a0\u202f\u2009\u2007\u066c'’](?=\\d{3}(?!\\d))")
"""Between thousands: spaces of every width, the Arabic thousands sign, the apostrophe."""
GROUPED = re.compile(r"([+-]?)(\d{1,3})([.,])(\d{3})((?:\3\d{3})*)(?:(?!\3)[.,](\d*))?")
PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)", re.ASCII)
LONE = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}", re.ASCII)


def shown(number: float) -> str:
    """As a spreadsheet shows it: at most 15 digits, so that 0.1 + 0.2 is 0.3; whole numbers without decimals."""
    if number.is_integer():
        return str(int(number))
    text = format(number, ".15g")
    return text if "e" not in text else repr(number)


def written(text: str) -> str | None:
    """The number in plain digits and a decimal point, without idle zeros; None when the text is no number.

    A lone separator is the decimal one, comma or point.
    """
    plain = SPACES.sub("", text.translate(ARABIC_DIGITS).replace("−", "-").strip()).replace("٫", ",")
    match = GROUPED.fullmatch(plain)
    if match and (match[5] or match[6] is not None):
        # Several groups, or two different separators: 1.250.000 and 1.250,50 say which one is for thousands.
        plain = f"{match[1]}{match[2]}{match[4]}{match[5].replace(match[3], '')}.{match[6] or ''}"
    plain = plain.replace(",", ".")
    if not PLAIN.fullmatch(plain):
        return None
    whole, _, decimals = plain.lstrip("+-").partition(".")
    whole, decimals = whole.lstrip("0") or "0", decimals.rstrip("0")
    return ("-" if plain.startswith("-") else "") + (f"{whole}.{decimals}" if decimals else whole)


def is_ambiguous(text: str) -> bool:
    """Whether a text such as `125.000` or `125,000` may be a hundred and twenty-five thousand as well as a hundred and twenty-five."""
    return LONE.fullmatch(text.translate(ARABIC_DIGITS).strip()) is not None
