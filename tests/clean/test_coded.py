"""Columns of answers by number: the same as lists of texts, said once per distinct text."""

from __future__ import annotations

from pathlib import Path

import orjson
from hypothesis import given
from hypothesis import strategies as st

from meal_pipelines.clean.coded import CodedAnswers
from meal_pipelines.clean.extract import PARSED_AT_ONCE, extract
from meal_pipelines.clean.parse import integer
from meal_pipelines.project.questionnaire import MAIN, Question, Questionnaire, Table

TEXTS = st.lists(st.sampled_from([None, "1", "01", "2", "deux", "٣"]), max_size=30)


@given(TEXTS)
def test_a_column_says_what_the_list_said(texts: list[str | None]) -> None:
    """Typed row by row in plain Python, and by distinct text: the same answers, and the same rows found wrong."""
    parsed, wrong = CodedAnswers.of_rows(texts).parsed(integer)
    expected = [None if text is None else integer(text) for text in texts]
    assert parsed.rows() == expected
    assert wrong == [row for row, text in enumerate(texts) if text is not None and expected[row] is None]
    assert parsed.answered.tolist() == [text is not None for text in expected]
    assert parsed.values.text.tolist() == [text or "" for text in expected]


def test_whoever_holds_a_column_keeps_it_when_an_answer_is_taken_away() -> None:
    """Rules read the answers as they were typed, and as they came; faulty ones are emptied while they do."""
    given_ = CodedAnswers.of_rows(["a", "b", "a"])
    values, same = given_.values, CodedAnswers(given_.texts, given_.codes)
    given_.empty([0])
    given_[1] = "c"
    assert given_.rows() == [None, "c", "a"]
    assert same.rows() == values.text.tolist() == ["a", "b", "a"]


def test_a_number_a_truth_and_a_text_are_three_answers() -> None:
    """To Python 1, 1.0 and True are equal; what a server wrote is not. Also where the first is met in another batch."""
    question = Question("q", "text", "g/q", MAIN, "q", 1)
    table = Table(MAIN, "", None, {}, (), "", (question,))
    form = Questionnaire(Path("q.xlsx"), "Q", "q", "1", {MAIN: table}, {}, "")
    told = ["1", 1, True, 1.5, 1.0, [], ["x"], {"y": 1}, "", "  1 ", None, "true"]
    expected = ["1", "1", "true", "1.5", "1", None, '["x"]', '{"y":1}', None, "1", None, "true"]
    for before in (0, PARSED_AT_ONCE - 4):
        payloads = [orjson.dumps({"q": "1"})] * before + [orjson.dumps({"g/q": answer}) for answer in told]
        assert extract(form, payloads)[MAIN].answers["q"].rows() == ["1"] * before + expected
