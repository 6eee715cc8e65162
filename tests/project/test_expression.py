"""XLSForm's expressions over columns: cases of the specification, and plain Python as the judge of arithmetic."""

from __future__ import annotations

import datetime as dt
import math
import operator
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meal_pipelines.project.expression import Scope, UnsupportedExpression, parse
from meal_pipelines.project.values import EPOCH, Values

ANSWERS = {
    "age": "35", "zero": "0", "prix": "12.50", "nom": "Aïcha Tazi", "vide": None, "besoins": "sante emploi logement",
    "jour": "2026-05-04", "naissance": "1990-12-31", "code": "02.411.01.23", "moins": "-3",
}  # fmt: skip
TODAY = float((dt.date(2026, 6, 1) - EPOCH).days)


def scope(current: str | None = None, **columns: list[str | None]) -> Scope:
    """One row of the answers above, or the rows of some columns."""
    if columns:
        rows = len(next(iter(columns.values())))
        answers = {name: Values.of_texts(texts) for name, texts in columns.items()}
        return Scope(rows, answers, np.full(rows, TODAY))
    answers = {name: Values.of_texts([text]) for name, text in ANSWERS.items()}
    return Scope(1, answers, np.array([TODAY]), None if current is None else Values.of_texts([current]))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        # Comparison: numbers and days compare as numbers, two texts as texts.
        ("${age} >= 18 and ${age} <= 35", True),
        ("${age} = 35.0", True),
        ("${age} = '35'", True),
        ("${age} = '35.0'", False),
        ("${age} != 36", True),
        ("${jour} > '2026-05-03'", True),
        ("${jour} <= today()", True),
        ("${jour} > date('2026-05-04')", False),
        ("${naissance} < ${jour}", True),
        # An unanswered question is an empty text and no number: only « different » is true of it.
        ("${vide} = ''", True),
        ("${vide} != ''", False),
        ("${vide} > 5", False),
        ("${vide} < 5", False),
        ("${vide} = 0", False),
        ("${vide} != 0", True),
        ("not(${vide} > 5)", True),
        # Precedence: and before or, product before sum, equality after comparison.
        ("1 = 1 or 1 = 2 and 1 = 3", True),
        ("(1 = 1 or 1 = 2) and 1 = 3", False),
        ("2 + 3 * 4 = 14", True),
        ("(2 + 3) * 4 = 20", True),
        ("10 - 2 - 3 = 5", True),
        ("- 2 + 5 = 3", True),
        ("7 mod 3 = 1 and -7 mod 3 = -1", True),
        ("7 div 2 = 3.5", True),
        # Truth: a number other than 0, a text that is not empty.
        ("${zero} = 0", True),
        ("number(${zero})", False),
        ("${zero}", True),
        ("${vide}", False),
        ("boolean(3)", True),
        # Choices.
        ("selected(${besoins}, 'emploi')", True),
        ("selected(${besoins}, 'emplo')", False),
        ("count-selected(${besoins}) = 3 and count-selected(${vide}) = 0", True),
        ('not(selected(${besoins}, "aucun")) and count-selected(${besoins}) < 4', True),
        # Texts.
        ("string-length(${nom}) = 10", True),
        ("substr(${code}, 0, 6) = '02.411'", True),
        ("substr(${code}, 10) = '23'", True),
        ("contains(${nom}, 'Tazi') and starts-with(${nom}, 'A')", True),
        ("concat('a', ${age}, 'b') = 'a35b'", True),
        ("regex(${code}, '^[0-9]{2}[.]')", True),
        ("regex(${nom}, '^[0-9]+$')", False),
        ("coalesce(${vide}, ${nom}) = 'Aïcha Tazi'", True),
        # Numbers and days.
        ("int(${prix}) = 12 and int(${moins}) = -3", True),
        ("round(2.5) = 3 and round(-2.5) = -2 and round(12.345, 2) = 12.35", True),
        ("if(${age} > 30, 'oui', 'non') = 'oui'", True),
        ("if(${age} > 40, 1, 2) = 2", True),
        ("today() - ${jour} = 28", True),
        ("string(date('2026-01-31')) = '2026-01-31'", True),
        ("decimal-date-time('2026-01-02') - decimal-date-time('2026-01-01') = 1", True),
        # Spellings met in real forms.
        ("${ age }>=18", True),
        ("${groupe/age} = 35", True),
        ("${nom} = ‘Aïcha Tazi’", True),
        (" ${age}\n  >= 18", True),
        ("true() and not(false())", True),
        ("'1_000' > 5 or 'inf' > 5", False),
    ],
)
def test_an_expression_means_what_the_specification_says(source: str, expected: bool) -> None:
    assert bool(parse(source).holds(scope())[0]) is expected


@pytest.mark.parametrize(
    ("source", "current", "expected"),
    [
        (". >= 0 and .<= 7", "7", True),
        (".> 0 or .= -999", "-999", True),
        ("(.> 0 and .<= 100) or .= -999", "101", False),
        (".5 < .", "0.6", True),
        ("regex(., '^0[67][0-9]{8}$')", "0612345678", True),
        ("not(selected(., 'pnta') and count-selected(.)>1)", "pnta sante", False),
        (". <= today()", "2026-06-02", False),
    ],
)
def test_a_constraint_speaks_of_the_answer_as_a_dot(source: str, current: str, expected: bool) -> None:
    assert bool(parse(source).holds(scope(current))[0]) is expected


@pytest.mark.parametrize(
    "source",
    [
        "", "${age} >", "${age} > 5)", "(1 = 1", "pulldata('a', 'b')", "selected(${besoins}; 'autre')", "T", "age > 5",
        "selected(${besoins})", "substr()", "string-length('a' 'b')", "${age} > 5 5", "../age > 3", "${inconnue} = 1", ". > 3",
        "regex(${nom}, '[')", "& 1",
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused_and_never_guessed(source: str) -> None:
    """A rule that is judged wrongly throws good answers away; one that is not judged is reported."""
    with pytest.raises(UnsupportedExpression):
        parse(source).holds(scope())


def test_the_questions_an_expression_reads_are_known() -> None:
    assert parse("${a} > 1 and selected(${ g/b }, 'x') or . = 2").names == {"a", "b"}


def test_a_day_that_no_calendar_has_is_no_text() -> None:
    """Submissions of an export have no stamp: their « today » is beyond every date, and must not stop the form."""
    nowhere = Scope(1, {}, np.array([np.inf]))
    assert parse("string(today()) = ''").holds(nowhere)[0]
    assert parse("string(date('99999999')) = ''").holds(nowhere)[0]
    assert parse("date('2026-01-01') <= today()").holds(nowhere)[0]


def test_every_row_is_judged_by_itself() -> None:
    rows = scope(a=["1", "5", None, "x"], b=["2", "4", "3", "1"])
    assert parse("${a} < ${b}").holds(rows).tolist() == [True, False, False, False]
    assert parse("if(${a} > 3, ${b}, 0)").values(rows).number.tolist() == [0, 4, 0, 0]
    assert parse("true()").holds(rows).tolist() == [True] * 4


TEXTS = ("", "oui", "non", "35", "35.0", "-2.5", "2026-05-04", "sante emploi", "x")
EVERYWHERE = (
    "${a} = 'oui'", "'35' != ${a}", "${a} = ${b}", "${a} >= 35", "selected(${a}, 'emploi')", "count-selected(${a}) > 1",
    "substr(${a}, 0, 2) = '20'", "if(${a} = 'oui', ${b}, ${a}) = 'x'", "coalesce(${a}, ${b}) = 'non'", "${a} and not(${b})",
    "regex(concat(${a}, ${b}), '^o')", "string-length(${a}) = 3 or ${b} < today()", "string(number(${a}) * 2) = '70'",
)  # fmt: skip


@given(st.lists(st.tuples(st.sampled_from(TEXTS), st.sampled_from(TEXTS)), min_size=1, max_size=8))
def test_answers_that_rows_share_mean_what_they_mean_apart(rows: list[tuple[str, str]]) -> None:
    """Cleaning holds each distinct answer once; a question that nobody answered has a single one."""
    apart = scope(a=[a for a, _ in rows], b=[b for _, b in rows])
    places = np.array([[TEXTS.index(text) for text in row] for row in rows])
    shared = {name: Values.of_texts(TEXTS, places[:, column]) for column, name in enumerate("ab")}
    shared_twice = {name: values.at(np.arange(len(rows))) for name, values in shared.items()}
    for source in EVERYWHERE:
        expected = parse(source).holds(apart).tolist()
        for answers in (shared, shared_twice):
            assert parse(source).holds(Scope(len(rows), answers, apart.today)).tolist() == expected, source


NUMBERS = st.one_of(st.integers(-1000, 1000), st.decimals(-1000, 1000, places=2).map(float))
SIGNS: dict[str, Any] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "div": operator.truediv,
    "mod": math.fmod,
}
COMPARISONS: dict[str, Any] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq, "!=": operator.ne,
}  # fmt: skip


def leaf(value: float | None) -> tuple[str, float | None]:
    return ("${vide}", None) if value is None else (f"{value:.2f}" if value >= 0 else f"(-{-value:.2f})", value)


def combined(parts: tuple[Any, str, Any]) -> tuple[str, float | None]:
    (left_text, left), sign, (right_text, right) = parts
    text = f"({left_text} {sign} {right_text})"
    if left is None or right is None:
        return text, None
    try:
        return text, float(SIGNS[sign](left, right))
    except (ZeroDivisionError, ValueError):
        return text, math.nan if sign == "mod" or left == 0 or math.isnan(left) else math.copysign(math.inf, left)


ARITHMETIC = st.recursive(
    st.one_of(st.none(), NUMBERS).map(leaf),
    lambda inner: st.tuples(inner, st.sampled_from(sorted(SIGNS)), inner).map(combined),
    max_leaves=6,
)


def value(number: float | None) -> float:
    return math.nan if number is None else number


@settings(max_examples=200, deadline=None)
@given(ARITHMETIC)
def test_arithmetic_agrees_with_plain_python(expression: tuple[str, float | None]) -> None:
    text, expected = expression
    found = float(parse(text).values(scope()).number[0])
    if math.isfinite(value(expected)):
        assert found == pytest.approx(value(expected), rel=1e-9, abs=1e-9)
    elif expected is None:
        assert math.isnan(found)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(*[st.one_of(st.none(), NUMBERS)] * 2), min_size=1, max_size=5),
    st.sampled_from(sorted(COMPARISONS)),
)
def test_comparisons_agree_with_plain_python(pairs: list[tuple[Any, Any]], sign: str) -> None:
    """Answers, as texts, against numbers; nothing compares with what is unanswered."""
    texts = [[None if side is None else str(side) for side in column] for column in zip(*pairs, strict=True)]
    rows = scope(a=texts[0], b=texts[1])
    found = parse(f"number(${{a}}) {sign} number(${{b}})").holds(rows).tolist()
    assert found == [bool(COMPARISONS[sign](value(left), value(right))) for left, right in pairs]


BOOLEANS = st.recursive(
    st.sampled_from([("true()", True), ("false()", False), ("${age} > 3", True), ("${vide} > 3", False)]),
    lambda inner: st.one_of(
        inner.map(lambda part: (f"not({part[0]})", not part[1])),
        st.tuples(inner, inner).map(lambda two: (f"({two[0][0]} and {two[1][0]})", two[0][1] and two[1][1])),
        st.tuples(inner, inner).map(lambda two: (f"({two[0][0]} or {two[1][0]})", two[0][1] or two[1][1])),
    ),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(BOOLEANS)
def test_logic_agrees_with_plain_python(expression: tuple[str, bool]) -> None:
    assert bool(parse(expression[0]).holds(scope())[0]) is expression[1]


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="${}age.()'\"<>=!+-*, andor0123selected|", max_size=30))
def test_any_text_is_an_expression_or_is_refused(source: str) -> None:
    """Questionnaires come from outside: no spelling may stop the stage with a defect of ours."""
    with suppress(UnsupportedExpression):
        parse(source).holds(scope("1"))
