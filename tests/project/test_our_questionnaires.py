"""The questionnaires of the two projects, as an enumerator, a person who answers and a reader of Arabic need them.

Read with openpyxl and pyxform, not with the platform's own reader, except where the two are compared.
"""

from __future__ import annotations

import itertools
import re
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest
import yaml

from meal_pipelines.project.expression import Scope, parse
from meal_pipelines.project.values import Values
from meal_pipelines.sample.draw import card_number
from meal_pipelines.settings import CHECKOUT

FR, AR = "Français (fr)", "العربية (ar)"
FORMS = sorted((CHECKOUT / "projects").glob("*/forms/*.xlsx"))
REGISTERS = ("subventions", "paiements", "candidats")
ABOUT_A_PERSON = ("nom", "prenom", "telephone", "reconnaissance", "groupe_cible")
METADATA = ("start", "end", "today", "deviceid", "calculate", "end_group", "end_repeat")
LATIN_FIRST = re.compile(r"^\W*[A-Za-z0-9]")
FOREIGN_MARKS = re.compile(r"[?;]|[\u0600-\u06ff]\s*,|« | »")
NUMBERS_APART = re.compile(r"\+\d|\d[ -]\d")
DOMAINS = ("wg_vue", "wg_audition", "wg_mobilite", "wg_memoire", "wg_soins", "wg_communication")
LEVELS = ("aucune", "quelques", "beaucoup", "incapable")
Row = dict[str, str]


@cache
def sheet(form: Path, name: str) -> list[Row]:
    """The lines of one sheet, empty cells left out."""
    header, *lines = openpyxl.load_workbook(form, read_only=True)[name].iter_rows(values_only=True)
    rows = [
        {str(key): str(cell) for key, cell in zip(header, line, strict=False) if cell is not None} for line in lines
    ]
    return [row for row in rows if row]


def questions(form: Path) -> list[Row]:
    return [row for row in sheet(form, "survey") if row["type"] not in METADATA and not row["type"].startswith("begin")]


def seen(form: Path) -> list[Row]:
    """Whatever is read on the screen: questions, notes, titles of groups."""
    return [row for row in sheet(form, "survey") if row["type"] not in METADATA]


def texts(form: Path, language: str) -> list[str]:
    rows = [*sheet(form, "survey"), *sheet(form, "choices")]
    return [text for row in rows for column, text in row.items() if column.endswith(language)]


@pytest.fixture(params=FORMS, ids=lambda form: f"{form.parts[-3]}-{form.stem}")
def form(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def test_whatever_is_seen_is_said_in_french_and_in_arabic(form: Path) -> None:
    for row in [*seen(form), *sheet(form, "choices")]:
        assert {f"label::{FR}", f"label::{AR}"} <= row.keys(), row["name"]
        for said in ("hint", "constraint_message", "required_message"):
            assert (f"{said}::{FR}" in row) == (f"{said}::{AR}" in row), row["name"]


def test_what_is_calculated_is_named_in_both_languages_too(form: Path) -> None:
    """Nobody sees it on the phone, but its column, its prompt and the notices of the register are read by people."""
    for row in sheet(form, "survey"):
        assert row["type"] != "calculate" or {f"label::{FR}", f"label::{AR}"} <= row.keys(), row["name"]


def test_every_refusal_of_an_answer_is_explained(form: Path) -> None:
    """An answer refused without a word stops an interview."""
    for row in questions(form):
        assert ("constraint" in row) == (f"constraint_message::{FR}" in row), row["name"]
        assert ("required" in row) == (f"required_message::{FR}" in row), row["name"]


def test_free_numbers_and_dates_have_limits(form: Path) -> None:
    for row in questions(form):
        if row["type"] in ("integer", "decimal", "date"):
            assert "constraint" in row, row["name"]


def test_pyxform_converts_it_without_a_warning_and_odk_validate_accepts_it(form: Path) -> None:
    """A warning today is a question that Collect or Enketo shows wrongly tomorrow."""
    from pyxform.xls2xform import convert

    assert convert(str(form), validate=shutil.which("java") is not None).warnings == []


def test_consent_is_the_first_question_where_a_person_is_concerned(form: Path) -> None:
    """And nothing about the person is asked of whoever refuses."""
    asked = [row for row in sheet(form, "survey") if row["type"] not in METADATA]
    place = next((n for n, row in enumerate(asked) if row.get("name") == "consentement"), None)
    personal = [row["name"] for row in questions(form) if row["name"] in ABOUT_A_PERSON]
    assert (place is None) == (not personal)
    if place is None:
        return
    inside = max([n for n, row in enumerate(asked[:place]) if row["type"] == "begin_repeat"], default=0)
    before = [row["type"] for row in asked[inside:place]]
    assert all(kind == "note" or kind.startswith("begin") for kind in before), before
    if form.stem not in REGISTERS:
        assert any(row["type"] == "note" and "CNDP" in row[f"label::{FR}"] for row in asked[:place])


@pytest.mark.parametrize("language", [FR, AR])
def test_the_information_before_consent_says_all_that_the_law_asks(form: Path, language: str) -> None:
    """Who, why, who sees, how long, rights and complaint, and that refusing costs nothing."""
    law = {FR: "loi 09-08", AR: "09.08"}[language]
    said = next((text for text in texts(form, language) if law in text), None)
    if all(row["name"] != "consentement" for row in questions(form)):
        assert said is None
        return
    assert said is not None
    parts = {
        FR: (
            "Qui ?",
            "Pourquoi ?",
            "Qui les voit ?",
            "Combien de temps ?",
            "Vos droits",
            "cndp.ma",
            "refuser",
            "à confirmer",
        ),
        AR: ("من؟", "لماذا؟", "من يطلع عليها؟", "إلى متى؟", "حقوقكم", "cndp.ma", "الرفض", "في انتظار التأكيد"),
    }[language]
    assert [part for part in parts if part not in said] == []


def test_a_person_met_before_is_asked_a_card_and_not_an_identity(form: Path) -> None:
    """Name, phone and the rest are asked only of whoever has no card; the card can be scanned or typed."""
    rows = sheet(form, "survey")
    ways = {row["name"]: row for row in rows if "reconnaissance} = 's" in row.get("relevant", "")}
    if not any(row.get("name") == "reconnaissance" for row in rows):
        return
    kinds = {row["type"] for row in ways.values()}
    assert {"barcode", "text"} <= kinds
    assert len({row["constraint"] for row in ways.values() if "constraint" in row}) == 1
    if form.stem == "beneficiaires":
        return
    start = next(
        n for n, row in enumerate(rows) if row["type"] == "begin_group" and "= 'sans'" in row.get("relevant", "")
    )
    end = next(n for n, row in enumerate(rows) if n > start and row["type"] == "end_group")
    hidden = {row.get("name") for row in rows[start:end]}
    assert {"nom", "prenom", "telephone", "annee_naissance", "sexe"} <= hidden


def test_the_age_is_computed_and_shown_wherever_a_birth_year_is_asked(form: Path) -> None:
    rows = {row["name"]: row for row in sheet(form, "survey") if "name" in row}
    if "annee_naissance" not in rows or form.stem in REGISTERS:
        return
    assert "${annee_naissance}" in rows["age"]["calculation"]
    assert all("${age}" in rows["note_age"][f"label::{language}"] for language in (FR, AR))


def test_a_position_is_never_required(form: Path) -> None:
    """A position that must be given is a home that was located."""
    assert [r["name"] for r in questions(form) if r["type"].startswith("geo") and "required" in r] == []


def test_each_place_leads_to_places_below_it(form: Path) -> None:
    """A region without a province, or a province without a commune, is a form that cannot be finished."""
    lists: dict[str, list[Row]] = {}
    for row in sheet(form, "choices"):
        lists.setdefault(row["list_name"], []).append(row)
    for row in questions(form):
        if "choice_filter" not in row:
            continue
        column, _, parent = row["choice_filter"].partition(" = ${")
        above = next(r for r in questions(form) if r["name"] == parent.removesuffix("}"))
        parents = {choice["name"] for choice in lists[above["type"].split()[1]]}
        assert {choice[column] for choice in lists[row["type"].split()[1]]} == parents, row["name"]


def test_a_list_has_each_code_and_each_wording_once(form: Path) -> None:
    for column in ("name", f"label::{FR}", f"label::{AR}"):
        found = [(r["list_name"], r.get("region"), r.get("province"), r[column]) for r in sheet(form, "choices")]
        assert len(found) == len(set(found)), column


def test_another_answer_is_always_specified(form: Path) -> None:
    """« Autre » without a word beside it teaches nothing."""
    others = {r["list_name"] for r in sheet(form, "choices") if r["name"] == "autre"}
    for row in questions(form):
        if row["type"].startswith("select") and row["type"].split()[1] in others:
            named = f"${{{row['name']}}}"
            assert any(named in r.get("relevant", "") and "'autre'" in r["relevant"] for r in questions(form)), row[
                "name"
            ]


def test_arabic_is_written_so_that_it_reads_from_the_right(form: Path) -> None:
    """A first Latin letter turns a line around; numbers in groups change places without a left-to-right mark."""
    for text in texts(form, AR):
        assert not LATIN_FIRST.match(text.replace("**", "")) or text[0] == "0", text
        assert not FOREIGN_MARKS.search(re.sub(r"https?://\S+", "", text)), text
        unmarked = re.sub(
            r"[A-Z]\w*\+?\u200e|\u200e[^\u200e]*\u200e|[A-Z]+[\d-]*[\d-]+|\d{1,2}/\d{1,2}/\d{4}", "", text
        )
        assert not NUMBERS_APART.search(unmarked), text
        assert "THAMM+" not in text.replace("THAMM+\u200e", ""), text
        assert not re.search(r"[٠-٩۰-۹]", text), "digits are 0-9, as on Moroccan paper"


def test_enketo_sets_arabic_from_right_to_left(form: Path) -> None:
    """It decides from the first hint: one that begins with a Latin word, or holds a left-to-right mark, turns the form."""
    first = next(row[f"hint::{AR}"] for row in seen(form) if f"hint::{AR}" in row)
    assert "\u200e" not in first and re.match(r"\W*[\u0600-\u06ff]", first), first


def test_placeholders_are_the_same_in_both_languages(form: Path) -> None:
    for row in seen(form):
        for said in ("label", "hint"):
            named = [sorted(re.findall(r"\$\{\w+\}", row.get(f"{said}::{language}", ""))) for language in (FR, AR)]
            assert named[0] == named[1], row["name"]


def test_what_a_person_must_still_confirm_is_marked_in_the_file(form: Path) -> None:
    """The officer filters the column « a_relire »; nothing unknown hides in the text of a question."""
    for row in seen(form):
        if "à confirmer" in row.get(f"label::{FR}", "") or row["name"] in DOMAINS:
            assert "confirmer" in row.get("a_relire", "") or "comparer" in row.get("a_relire", ""), row["name"]


def evaluated(calculation: str, answers: dict[str, list[str]]) -> list[str]:
    rows = len(next(iter(answers.values())))
    columns = {name: Values.of_texts(column) for name, column in answers.items()}
    return list(np.broadcast_to(parse(calculation).values(Scope(rows, columns, np.zeros(rows))).text, (rows,)))


def test_what_persons_are_told_of_the_time_is_the_rule_of_the_project(form: Path) -> None:
    """« Jusqu'à la fin du projet » was said to them: two years more would be a promise broken."""
    told = [text for text in texts(form, FR) if "Combien de temps" in text]
    if not told:
        return
    project = yaml.safe_load((form.parents[1] / "project.yaml").read_text(encoding="utf-8"))
    rules = [each["retention"] for each in project["forms"].values() if each["questionnaire"] == f"forms/{form.name}"]
    assert all("Combien de temps ?** Jusqu'à la fin du projet" in text for text in told)
    assert [(rule["months"], rule["since"]) for rule in rules] == [(0, "project_end")]


def test_disability_is_the_official_cut_off_of_the_washington_group_for_all_4096_answers() -> None:
    """At least one domain « a lot of difficulty » or « cannot do at all »: never a count, never an opinion."""
    survey = sheet(CHECKOUT / "projects" / "prim2" / "forms" / "beneficiaires.xlsx", "survey")
    calculation = next(row["calculation"] for row in survey if row.get("name") == "handicap_wgss")
    every = list(itertools.product(LEVELS, repeat=len(DOMAINS)))
    assert len(every) == 4096
    answers = {name: [combination[place] for combination in every] for place, name in enumerate(DOMAINS)}
    wanted = ["oui" if any(level in LEVELS[2:] for level in combination) else "non" for combination in every]
    assert evaluated(calculation, {**answers, "accord_handicap": ["oui"] * 4096}) == wanted
    assert set(evaluated(calculation, {**answers, "accord_handicap": ["non"] * 4096})) == {""}


def test_the_six_questions_come_together_after_their_own_consent_from_five_years_on() -> None:
    survey = sheet(CHECKOUT / "projects" / "prim2" / "forms" / "beneficiaires.xlsx", "survey")
    names = [row.get("name") for row in survey if row["type"] not in METADATA]
    start = names.index("wg_vue")
    assert tuple(names[start : start + 6]) == DOMAINS
    assert names[start - 3 : start] == ["accord_handicap", "wg_ss", "wg_introduction"]
    conditions = {row.get("name"): row.get("relevant", "") for row in survey}
    assert "${age} >= 5" in conditions["handicap"] and conditions["wg_ss"] == "${accord_handicap} = 'oui'"
    codes = [
        r["name"]
        for r in sheet(CHECKOUT / "projects/prim2/forms/beneficiaires.xlsx", "choices")
        if r["list_name"] == "wg_difficulte"
    ]
    assert tuple(codes) == LEVELS


def held(constraint: str, written: list[str]) -> list[bool]:
    scope = Scope(len(written), {}, np.zeros(len(written)), Values.of_texts(written))
    return [bool(one) for one in parse(constraint).holds(scope)]


def test_a_card_number_mistyped_by_a_digit_or_two_is_refused() -> None:
    """ISO 7064 MOD 97-10 finds every wrong digit and every two digits that changed places."""
    survey = sheet(CHECKOUT / "projects" / "prim2" / "forms" / "prestations.xlsx", "survey")
    constraint = next(row["constraint"] for row in survey if row.get("name") == "carte_saisie")
    cards = [card_number(n) for n in range(300)]
    assert all(int(card) % 97 == 1 for card in cards) and len(set(cards)) == 300
    assert all(held(constraint, cards))
    wrong: list[str] = []
    for card in cards:
        wrong += [card[:n] + digit + card[n + 1 :] for n in range(10) for digit in "0123456789" if digit != card[n]]
        swapped = (card[:n] + card[n + 1] + card[n] + card[n + 2 :] for n in range(9))
        wrong += [text for text in swapped if text != card]
    assert not any(held(constraint, [*wrong, cards[0][:9], cards[0] + "1", f" {cards[0]}", "12345 6788"]))


def test_the_usual_interview_stays_short() -> None:
    """Questions that are always asked, once consent is given: what an enumerator has to go through."""
    usual = {
        ("prim2", "beneficiaires"): 19,
        ("prim2", "prestations"): 14,
        ("prim2", "formations"): 20,
        ("prim2", "satisfaction"): 12,
        ("prim2", "enquete_usagers"): 12,
        ("thamm_plus", "parcours"): 11,
        ("thamm_plus", "formations"): 16,
        ("thamm_plus", "retours"): 12,
        ("thamm_plus", "suivi_6_mois"): 10,
        ("thamm_plus", "controle_parcours"): 14,
        ("thamm_plus", "formations_agents"): 18,
    }
    assert {(project, name): len(_usual(project, name)) for project, name in usual} == usual


def _usual(project: str, name: str) -> list[str]:
    """Asked of an adult with a card, who does not wish to speak of health; one person in a repeat."""
    path = CHECKOUT / "projects" / project / "forms" / f"{name}.xlsx"
    answers = {"consentement": "oui", "reconnaissance": "scan", "age": "30", "accord_handicap": "non"}
    stack: list[bool] = []
    asked: list[str] = []
    for row in sheet(path, "survey"):
        if row["type"].startswith("end_"):
            stack.pop()
            continue
        shown = all(stack) and _is_shown(row.get("relevant"), answers)
        if row["type"].startswith("begin"):
            stack.append(shown)
        elif shown and row["type"] not in (*METADATA, "note"):
            asked.append(row["name"])
    return asked


def _is_shown(relevant: str | None, answers: dict[str, str]) -> bool:
    if relevant is None:
        return True
    expression = parse(relevant)
    columns: dict[str, Any] = {name: Values.of_texts([answers.get(name, "")]) for name in expression.names}
    return bool(expression.holds(Scope(1, columns, np.zeros(1)))[0])
