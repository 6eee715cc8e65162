"""Days and hours as people and spreadsheets write them, brought to ISO 8601; what is no date is left to cleaning.

Day comes before month, as everywhere in Morocco and France: 03/04/2026 is the third of April.
"""

from __future__ import annotations

import datetime as dt
import re

from meal_pipelines.collect.sheets.spelling import bare
from meal_pipelines.protect.persons.normalise import ARABIC_DIGITS

EPOCH, EPOCH_1904 = dt.datetime(1899, 12, 30), dt.datetime(1904, 1, 1)
SERIALS = (10_000, 80_000)
"""1927 to 2119: a smaller number in a column of dates is a year or a mistake, not a day counted by a spreadsheet."""

MONTHS = {
    1: "janvier janv jan january يناير كانون الثاني جانفي",
    2: "février févr fév fevrier february feb فبراير شباط فيفري",
    3: "mars mar march مارس آذار",
    4: "avril avr april apr أبريل ابريل نيسان أفريل",
    5: "mai may ماي مايو أيار",
    6: "juin june jun يونيو يونيه حزيران جوان",
    7: "juillet juil july jul يوليوز يوليو تموز جويلية",
    8: "août aou aout august aug غشت أغسطس آب أوت",
    9: "septembre sept sep september شتنبر سبتمبر أيلول",
    10: "octobre oct october أكتوبر تشرين الأول",
    11: "novembre nov november نونبر نوفمبر تشرين الثاني",
    12: "décembre déc dec december دجنبر ديسمبر كانون الأول",
}
"""French, English, and the Arabic of Morocco, of the East and of Algeria; two-word names are under `_TWO_WORDS`."""
_TWO_WORDS = {"كانون الثاني": 1, "تشرين الاول": 10, "تشرين الثاني": 11, "كانون الاول": 12}
_PARTS = {word for name in _TWO_WORDS for word in bare(name).split()}
MONTH_OF = {bare(word): month for month, words in MONTHS.items() for word in words.split() if bare(word) not in _PARTS}
MONTH_OF |= {bare(name): month for name, month in _TWO_WORDS.items()}
WEEKDAY_NAMES = """
    lundi mardi mercredi jeudi vendredi samedi dimanche lun mer jeu ven sam dim
    monday tuesday wednesday thursday friday saturday sunday
    الاثنين الثلاثاء الأربعاء الخميس الجمعة السبت الأحد اثنين ثلاثاء أربعاء خميس جمعة سبت أحد يوم le
"""
WEEKDAYS = frozenset(bare(word) for word in WEEKDAY_NAMES.split())

HOUR = r"(?:[T\s]+(?:à\s*)?(\d{1,2})\s*[:h]\s*(\d{2})?(?::(\d{2})(?:[.,]\d+)?)?\s*)?"
DAY_FIRST = re.compile(rf"(\d{{1,2}})\s*[/.\-]\s*(\d{{1,2}})\s*[/.\-]\s*(\d{{4}}|\d{{2}}){HOUR}")
YEAR_FIRST = re.compile(rf"(\d{{4}})\s*[/.\-]\s*(\d{{1,2}})\s*[/.\-]\s*(\d{{1,2}}){HOUR}")
SPELLED = re.compile(r"(\d{1,2})(?:er)? (\D+?) (\d{4}|\d{2})")
TIME = re.compile(r"(\d{1,2})\s*[:hH]\s*(\d{2})?(?::(\d{2})(?:[.,]\d+)?)?")
DURATION = re.compile(r"PT(\d+)H(\d+)M(\d+)(?:[.,]\d+)?S")


def day(value: object, *, since_1904: bool = False) -> str | None:
    """A calendar day, ISO; None when the value is not one."""
    found = _moment(value, since_1904)
    return None if found is None else found.date().isoformat()


def moment(value: object, *, since_1904: bool = False) -> str | None:
    """A day and its hour, ISO without a zone; None when the value is not one. What has a zone is left as it is."""
    found = _moment(value, since_1904)
    return None if found is None else found.isoformat()


def time_of_day(value: object) -> str | None:
    """An hour, ISO: from a cell of that kind, a share of a day, `14h30` or `14:30`."""
    if isinstance(value, dt.datetime):
        return value.time().isoformat()
    if isinstance(value, dt.time):
        return value.isoformat()
    if isinstance(value, dt.timedelta):
        return (dt.datetime.min + value).time().isoformat() if dt.timedelta() <= value < dt.timedelta(1) else None
    if isinstance(value, float) and 0 <= value < 1:
        return (dt.datetime.min + dt.timedelta(seconds=round(value * 86_400))).time().isoformat()
    text = value.translate(ARABIC_DIGITS) if isinstance(value, str) else ""
    match = TIME.fullmatch(text) or DURATION.fullmatch(text)
    try:
        return dt.time(int(match[1]), int(match[2] or 0), int(match[3] or 0)).isoformat() if match else None
    except ValueError:
        return None


def _moment(value: object, since_1904: bool) -> dt.datetime | None:
    if isinstance(value, dt.datetime):
        return value
    if isinstance(value, dt.date):
        return dt.datetime.combine(value, dt.time())
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _counted(float(value), since_1904)
    return _written(value.translate(ARABIC_DIGITS).strip(), since_1904) if isinstance(value, str) else None


def _counted(number: float, since_1904: bool) -> dt.datetime | None:
    """A day as spreadsheets count them, rounded to the second."""
    if not SERIALS[0] <= number <= SERIALS[1]:
        return None
    epoch = EPOCH_1904 if since_1904 else EPOCH
    return epoch + dt.timedelta(days=int(number), seconds=round((number - int(number)) * 86_400))


def _written(text: str, since_1904: bool) -> dt.datetime | None:
    if re.fullmatch(r"\d{5}([.,]\d+)?", text):
        return _counted(float(text.replace(",", ".")), since_1904)
    if match := YEAR_FIRST.fullmatch(text):
        year, month, number = match[1], match[2], match[3]
    elif match := DAY_FIRST.fullmatch(text):
        number, month, year = match[1], match[2], match[3]
    else:
        return _spelled(text)
    return _made(year, int(month), number, match[4], match[5], match[6])


def _spelled(text: str) -> dt.datetime | None:
    """`12 mars 2026`, `lundi 1er avril 2026`, `12-févr.-26`, `12 غشت 2026`."""
    words = [word for word in bare(text).split() if word not in WEEKDAYS]
    match = SPELLED.fullmatch(" ".join(words))
    month = MONTH_OF.get(match[2]) if match else None
    return _made(match[3], month, match[1]) if match and month else None


def _made(year: str, month: int, number: str, *hour: str | None) -> dt.datetime | None:
    """Two-digit years as Excel reads them: 00 to 29 are 2000 to 2029, 30 to 99 are 1930 to 1999."""
    full = int(year) if len(year) == 4 else int(year) + (2000 if int(year) < 30 else 1900)
    try:
        hours, minutes, seconds = (int(part or 0) for part in hour or (None, None, None))
        return dt.datetime(full, month, int(number), hours, minutes, seconds)
    except ValueError:
        return None
