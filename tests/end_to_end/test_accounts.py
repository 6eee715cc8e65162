"""Every submission is accounted for, from the server to the clean table, and the counts are the generator's."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.end_to_end.conftest import PROJECTS, Demo
from tests.end_to_end.truth import Truth

LAST = """
    select distinct on (submission_id) submission_id, state, version from raw.submission
    where project = %s and form = %s order by submission_id, version desc
"""


@pytest.fixture(params=PROJECTS)
def truth(request: pytest.FixtureRequest, demo: Demo) -> Truth:
    return Truth(request.param, demo.sample / request.param)


def _told(truth: Truth) -> dict[str, dict[str, Any]]:
    forms: dict[str, dict[str, Any]] = truth.summary["forms"]
    return forms


def test_what_was_received_is_present_or_deleted(demo: Demo, truth: Truth) -> None:
    for form, told in _told(truth).items():
        states = Counter(state for _, state, _ in demo.query(LAST, truth.project, form))
        assert (states["present"], states["deleted"]) == (told["present"], told["deleted"]), form
        assert states.total() == told["received"] == told["present"] + told["deleted"], form


def test_what_is_present_is_cleaned_or_quarantined_and_never_both(demo: Demo, truth: Truth) -> None:
    for form, told in _told(truth).items():
        present = {key for key, state, _ in demo.query(LAST, truth.project, form) if state == "present"}
        cleaned = _ids(demo, f"cleaned.{truth.project}_{form}")
        rejected = {
            key for (key,) in demo.query(
                "select distinct submission_id from quality.rejection where project = %s and form = %s"
                " and repeat = '' and severity = 'critical' and state = 'open'", truth.project, form,
            )
        }  # fmt: skip
        assert cleaned | rejected == present, form
        assert not cleaned & rejected, form
        assert len(rejected) == told["rejected_submissions"], form
        assert cleaned == {one.submission_id for one in truth.standing(form)}, form
        assert cleaned == _ids(demo, f"pseudonymised.{truth.project}_{form}"), form


def test_each_row_of_a_repeat_stands_or_is_rejected_or_goes_with_its_submission(demo: Demo, truth: Truth) -> None:
    for form, told in _told(truth).items():
        for repeat, rows in told["repeat_rows"].items():
            standing = {
                (one.submission_id, rank) for one in truth.standing(form) for rank, _ in one.rows.get(repeat, [])
            }
            table = f"{truth.project}_{form}__{repeat}"
            for schema in ("cleaned", "pseudonymised"):
                assert set(demo.query(f"select submission_id, repeat_index from {schema}.{table}")) == standing, form
            rejected = demo.query(
                "select distinct submission_id, repeat_index from quality.rejection where project = %s and form = %s"
                " and repeat = %s and severity = 'critical' and state = 'open'", truth.project, form, repeat,
            )  # fmt: skip
            kept = {one.submission_id for one in truth.standing(form)}
            gone = _rows_of_the_quarantined(truth, form, repeat)
            alone = [key for key, _ in rejected if key in kept]
            assert len(alone) == told["rejected_repeat_rows"].get(repeat, 0), form
            assert len(standing) + len(alone) + gone == rows, form


def test_each_rejection_names_the_question_and_the_rule_that_were_planted(demo: Demo, truth: Truth) -> None:
    for form in _told(truth):
        planted = Counter(
            (line["submission_id"], defect["repeat"], defect["repeat_index"], defect["question"], RULES[defect["kind"]])
            for line in truth.lines(form) if line["state"] == "present"
            for defect in line["defects"] if defect["expected"] != "none"
        )  # fmt: skip
        found = Counter(
            demo.query(
                "select submission_id, repeat, repeat_index, question, rule from quality.rejection"
                " where project = %s and form = %s and state = 'open' and question <> ''", truth.project, form,
            )
        )  # fmt: skip
        assert found == planted, form


def test_the_projects_own_rules_are_broken_where_the_truth_says(demo: Demo, truth: Truth) -> None:
    for form, told in _told(truth).items():
        found = dict(
            demo.query(
                "select rule, count(*) from quality.rejection where project = %s and form = %s and state = 'open'"
                " and question = '' group by rule", truth.project, form,
            )
        )  # fmt: skip
        standing = {one.submission_id for one in truth.standing(form)}
        wanted = Counter(
            broken["rule"]
            for line in truth.lines(form)
            if line["submission_id"] in standing
            for broken in line["rules"]
        )
        assert found == wanted == told["rule_violations"], form


def test_an_answer_that_need_not_be_there_is_emptied_and_its_row_stays(demo: Demo, truth: Truth) -> None:
    for form, told in _told(truth).items():
        blanked = demo.query(
            "select count(*) from quality.rejection where project = %s and form = %s and state = 'open'"
            " and question <> '' and severity = 'warning'", truth.project, form,
        )  # fmt: skip
        assert blanked == [(told["blanked_answers"],)], form


def test_an_edit_and_a_deletion_are_versions_and_never_lose_the_first(demo: Demo, truth: Truth) -> None:
    for form, told in _told(truth).items():
        versions = {key: version for key, _, version in demo.query(LAST, truth.project, form)}
        wanted = {
            line["submission_id"]: 1 + line["edited"] + (line["state"] == "deleted") for line in truth.lines(form)
        }
        assert versions == wanted, form
        kept = demo.query("select count(*) from raw.submission where project = %s and form = %s", truth.project, form)
        assert kept == [(told["received"] + told["edited"] + told["deleted"],)], form


def test_what_was_sent_twice_has_one_key_twice(demo: Demo, truth: Truth) -> None:
    """They stay in the clean table; only the marts count them once."""
    for form in _told(truth):
        if not truth.declared["forms"][form].get("duplicates"):
            continue
        table = f"cleaned.{truth.project}_{form}"
        rows = demo.query(f"select submission_id, duplicate_key from {table} where duplicate_key is not null")
        keys = dict(rows)
        for line in truth.lines(form):
            if line["duplicate_of"] in keys and line["submission_id"] in keys:
                assert keys[line["submission_id"]] == keys[line["duplicate_of"]], form
        more = len(truth.standing(form)) - len(truth.once(form))
        assert len(keys) - len(set(keys.values())) == more, form


def test_a_correction_is_applied_where_the_answer_is_still_the_wrong_one(demo: Demo, truth: Truth) -> None:
    for form, told in _told(truth).items():
        states = dict(
            demo.query(
                "select state, count(*) from quality.correction where project = %s and form = %s group by state",
                truth.project, form,
            )
        )  # fmt: skip
        wanted = {"applied": told["corrections"], "refused": told["corrections_refused"]}
        assert states == {state: count for state, count in wanted.items() if count}, form


def test_each_form_meets_as_many_persons_as_it_met(demo: Demo, truth: Truth) -> None:
    for form, told in _told(truth).items():
        repeats = [f"__{name}" for name in told["repeat_rows"]]
        found = set()
        for table in (f"{truth.project}_{form}{suffix}" for suffix in ["", *repeats]):
            has_persons = demo.query(
                "select 1 from information_schema.columns"
                " where table_schema = 'pseudonymised' and table_name = %s and column_name = 'person_id'", table,
            )  # fmt: skip
            if has_persons:
                found |= {key for (key,) in demo.query(f"select person_id from pseudonymised.{table}") if key}
        assert len(found) == told["unique_persons"], form


def test_answers_to_questions_that_nobody_classified_are_announced(demo: Demo, truth: Truth) -> None:
    """The second version of the forms asks something new: it is sealed, and the table does not have its column."""
    for form, told in _told(truth).items():
        if not told["unclassified_answers"]:
            continue
        new = NEW_QUESTIONS[truth.project][form]
        columns = demo.query(
            "select table_schema from information_schema.columns where column_name = %s and table_schema <> 'build'",
            new,
        )
        assert columns == [], form


def _ids(demo: Demo, table: str) -> set[str]:
    return {key for (key,) in demo.query(f"select submission_id from {table}")}


def _rows_of_the_quarantined(truth: Truth, form: str, repeat: str) -> int:
    kept = {one.submission_id for one in truth.standing(form)}
    lines = (line for line in truth.lines(form) if line["state"] == "present" and line["submission_id"] not in kept)
    return sum(len(line["answers"].get(repeat, [])) for line in lines)


RULES = {"missing": "required", "type": "type", "choice": "choice", "constraint": "constraint"}
"""What the generator calls a defect → the rule that finds it."""
NEW_QUESTIONS = {
    "prim2": {"beneficiaires": "quartier_residence", "prestations": "duree_attente", "institutions": "budget_inscrit"},
    "thamm_plus": {"parcours": "mode_transport", "formations": "lieu_formation", "retours": "souhait_repartir"},
}
