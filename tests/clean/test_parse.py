"""What partners write in a cell, and what the warehouse stores of it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg2 import sql

from meal_pipelines.clean.parse import Parser, date, date_time, decimal, geopoint, integer, several, time_of_day
from meal_pipelines.warehouse import Warehouse


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("35", "35"), ("035", "35"), ("-3", "-3"), ("+7", "7"), ("35.0", "35"), ("35,00", "35"), ("1 250", "1250"),
        ("1\u202f250", "1250"), ("٣٥", "35"), ("۳۵", "35"), ("٣٥٫٠", "35"), ("0", "0"), ("999999999999999999", "9" * 18),
        ("35.5", None), ("trente", None), ("", None), ("1e3", None), ("9" * 19, None), ("3 ans", None), ("²", None),
    ],
)  # fmt: skip
def test_whole_numbers(text: str, expected: str | None) -> None:
    """Phones with Arabic keyboards send Arabic digits; Excel writes 35.0 for 35."""
    assert integer(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12.50", "12.50"), ("12,5", "12.5"), ("1 250,75", "1250.75"), ("١٢٫٥", "12.5"), (".5", "0.5"), ("5.", "5"),
        ("1e3", "1000"), ("-0.1", "-0.1"), ("1.250,75", None), ("1,250,000", None), ("nan", None), ("inf", None),
        ("1_000", None), ("1e999", None), ("douze", None), ("", None),
    ],
)  # fmt: skip
def test_decimals_are_exact(text: str, expected: str | None) -> None:
    """A comma may be a decimal or a thousands mark: with both in one number nobody knows."""
    assert decimal(text) == expected


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**15), max_value=10**15, places=4))
def test_a_decimal_keeps_its_value_with_a_comma_or_a_dot(number: Decimal) -> None:
    text = format(number, "f")
    for spelling in (text, text.replace(".", ",")):
        stored = decimal(spelling)
        assert stored is not None and Decimal(stored) == number


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-05-04", "2026-05-04"), ("04/05/2026", "2026-05-04"), ("4-5-2026", "2026-05-04"), ("4.5.2026", "2026-05-04"),
        ("٠٤/٠٥/٢٠٢٦", "2026-05-04"), ("2026-05-04T10:00:00.000+01:00", "2026-05-04"), ("31/12/2026", "2026-12-31"),
        ("12/31/2026", None), ("2026-02-30", None), ("04/05/26", None), ("mai 2026", None), ("", None), ("2026-05-0", None),
    ],
)  # fmt: skip
def test_days_are_iso_or_day_first(text: str, expected: str | None) -> None:
    """12/31 is no day of a French or Moroccan calendar: it is refused, never turned round."""
    assert date(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-05-04T10:00:00.000+01:00", "2026-05-04T10:00:00+01:00"),
        ("2024-07-30T15:50:17+0200", "2024-07-30T15:50:17+02:00"),
        ("2026-05-04T10:00:00", "2026-05-04T10:00:00+00:00"),
        ("2026-05-04T10:00:00Z", "2026-05-04T10:00:00+00:00"),
        ("hier", None),
    ],
)
def test_instants_have_a_zone(text: str, expected: str | None) -> None:
    assert date_time(text) == expected


def test_times_positions_and_several_choices() -> None:
    """What ODK and Kobo send; a latitude of 91 is no place on Earth."""
    assert (time_of_day("10:30:00.000+01:00"), time_of_day("10h30")) == ("10:30:00", None)
    assert geopoint("33.97 -6.85 12.5 4") == "33.97 -6.85 12.5 4"
    assert [geopoint(text) for text in ("91 0", "33.97", "nord sud", "1 2 3 4 5")] == [None] * 4
    assert several("sante emploi  sante") == "sante emploi"


@pytest.mark.parametrize(
    ("parser", "kind", "text"),
    [
        (date_time, "timestamptz", "2026-01-01T00:00:00+15:59"), (date_time, "timestamptz", "2026-01-01T00:00:00+16:00"),
        (date_time, "timestamptz", "2026-01-01T00:00:00-23:59"), (date_time, "timestamptz", "2026-01-01T00:00:00+01:00:30.5"),
        (date_time, "timestamptz", "0001-01-01T00:00:00+01:00"), (date_time, "timestamptz", "9999-12-31T23:59:59-01:00"),
        (date_time, "timestamptz", "0001-01-01T00:00:00"), (date_time, "timestamptz", "9999-12-31T23:59:59.999999"),
        (date, "date", "0001-01-01"), (date, "date", "9999-12-31"), (time_of_day, "time", "10:00-23:59"),
        (time_of_day, "time", "10:00+99:99"), (integer, "int8", "-" + "9" * 18), (decimal, "numeric", "1e99"),
        (decimal, "numeric", "१"),
    ],
)  # fmt: skip
def test_what_is_accepted_is_stored_and_read_back(warehouse: Warehouse, parser: Parser, kind: str, text: str) -> None:
    """Tables are filled at once: one answer that PostgreSQL refuses would keep everybody's from being cleaned, every night."""
    accepted = parser(text)
    with warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute(sql.SQL("select %s::{}").format(sql.Identifier(kind)), (accepted,))
        row = cursor.fetchone()
    assert row is not None and (row[0] is None) == (accepted is None)
