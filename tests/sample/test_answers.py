"""What the answers say: the questionnaire holds wherever nothing was planted, and what was planted is there."""

from __future__ import annotations

import csv
from typing import Any

import numpy as np
import pytest

from meal_pipelines.project.expression import Scope, parse
from meal_pipelines.project.questionnaire import MAIN, Question, Questionnaire, Table
from meal_pipelines.project.values import EPOCH, Values
from meal_pipelines.protect.persons.normalise import phone
from tests.sample.conftest import Generated

DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹", "01234567890123456789")
Row = dict[str, Any]


def normalised(question: Question, written: Any) -> str | None:
    """An answer as cleaning reads it: usual digits, no spaces around, a point, no useless decimal."""
    if written is None:
        return None
    text = str(written).strip()
    if question.type in ("integer", "decimal"):
        text = text.translate(DIGITS).replace(",", ".")
        if question.type == "integer":
            text = text.removesuffix(".0")
    return text


class Judge:
    """Evaluates a questionnaire over rows of one of its tables, by itself, from what the files hold."""

    def __init__(
        self, questionnaire: Questionnaire, table: Table, rows: list[tuple[Row, Row]], *, by_name: bool
    ) -> None:
        self.questionnaire, self.table, self.rows = questionnaire, table, rows
        scope = questionnaire.scope(table.name)
        self.answers = {
            name: [
                normalised(q, (main if q.table == MAIN else item).get(q.name if by_name else q.path))
                for main, item in rows
            ]
            for name, q in scope.items()
        }
        days = [np.datetime64(day(main)) for main, _ in rows]
        self.today = (np.array(days) - np.datetime64(EPOCH)).astype(float)

    def holds(self, source: str, current: list[str | None] | None = None) -> list[bool]:
        values = {name: Values.of_texts(texts) for name, texts in self.answers.items()}
        now = None if current is None else Values.of_texts(current)
        return list(parse(source).holds(Scope(len(self.rows), values, self.today, now)))

    def refused(self, question: Question) -> list[str]:
        """Why the questionnaire refuses answers to this question."""
        texts = self.answers[question.name]
        relevant = [True] * len(texts)
        for source in question.relevant:
            relevant = [a and b for a, b in zip(relevant, self.holds(source), strict=True)]
        answered = [text is not None for text in texts]
        wrong = []
        if any(a and not r for a, r in zip(answered, relevant, strict=True)):
            wrong.append("not asked")
        if question.required == "yes" and any(r and not a for a, r in zip(answered, relevant, strict=True)):
            wrong.append("missing")
        if question.constraint:
            fine = self.holds(question.constraint, texts)
            if any(a and not f for a, f in zip(answered, fine, strict=True)):
                wrong.append("constraint")
        if question.list_name:
            names = {choice.name for choice in self.questionnaire.choices[question.list_name]}
            if any(text is not None and not names.issuperset(text.split()) for text in texts):
                wrong.append("choice")
            if question.choice_filter and not self._cascades(question, texts):
                wrong.append("cascade")
        return wrong

    def _cascades(self, question: Question, texts: list[str | None]) -> bool:
        column, _, parent = question.choice_filter.partition(" = ${")
        belongs = {c.name: c.attributes[column] for c in self.questionnaire.choices[str(question.list_name)]}
        parents = self.answers[parent.removesuffix("}")]
        return all(text is None or belongs[text] == above for text, above in zip(texts, parents, strict=True))


def day(main: Row) -> str:
    dated = [str(value) for name, value in main.items() if name.startswith("date_") and str(value)[:2] == "20"]
    return str(main.get("today") or (dated or ["2026-03-01"])[0])[:10]


def test_answers_where_nothing_was_planted_satisfy_the_questionnaire(sample: Generated) -> None:
    for form, loaded in sample.project.forms.items():
        received = sample.received(form)
        sound = [
            received[line["submission_id"]]
            for line in sample.truth(form)
            if line["state"] == "present" and not line["defects"]
        ]
        assert sound
        for table in loaded.questionnaire.tables.values():
            rows = [(row, item) for row in sound for item in ([row] if table.name == MAIN else row.get(table.path, []))]
            judge = Judge(loaded.questionnaire, table, rows, by_name=form not in sample.servers)
            refused = {q.name: why for q in table.questions if (why := judge.refused(q))}
            assert refused == {}, form


def test_the_truth_is_what_the_files_say_where_nothing_was_planted(sample: Generated) -> None:
    for form, loaded in sample.project.forms.items():
        received, is_sheet = sample.received(form), form not in sample.servers
        for line in sample.truth(form):
            if line["state"] == "deleted" or line["defects"]:
                continue
            row = received[line["submission_id"]]
            for question in loaded.questionnaire.main.questions:
                true = line["answers"].get(question.name)
                text = normalised(question, row.get(question.name if is_sheet else question.path))
                if question.type in ("start", "end", "today", "deviceid"):
                    continue
                if isinstance(true, list):
                    assert text is not None and text.split() == true
                elif isinstance(true, int | float):
                    assert text is not None and float(text) == pytest.approx(true)
                else:
                    assert text == true


def test_what_was_planted_is_in_the_files(sample: Generated) -> None:
    """A test of quarantine that rests on this sample must not pass because nothing was wrong."""
    planted = 0
    for form, loaded in sample.project.forms.items():
        received, is_sheet = sample.received(form), form not in sample.servers
        for line in sample.truth(form):
            for defect in line["defects"] if line["state"] == "present" else []:
                table = loaded.questionnaire.tables[defect["repeat"]]
                question = table.question(defect["question"])
                assert question is not None
                row, true = received[line["submission_id"]], line["answers"]
                if defect["repeat"]:
                    row, true = (
                        row[table.path][defect["repeat_index"] - 1],
                        true[table.name][defect["repeat_index"] - 1],
                    )
                written = row.get(question.name if is_sheet else question.path)
                assert (written is None) == (defect["kind"] == "missing")
                assert normalised(question, written) != str(true[question.name])
                planted += 1
    assert planted > 10


def test_the_cleaning_log_names_what_the_files_hold(sample: Generated) -> None:
    """Each line's old value is the one received, but for one line in a form, which must be refused."""
    applied = refused = 0
    for form, loaded in sample.project.forms.items():
        received, is_sheet = sample.received(form), form not in sample.servers
        truth = {line["submission_id"]: line for line in sample.truth(form)}
        with (sample.folder / "corrections" / f"{form}.csv").open(encoding="utf-8", newline="") as file:
            lines = list(csv.DictReader(file))
        for line in lines:
            table = loaded.questionnaire.tables[line["repeat"]]
            question = table.question(line["question"])
            assert question is not None and loaded.class_of(question) in ("open", "sensitive")
            row = received[line["submission_id"]]
            if line["repeat"]:
                row = row[table.path][int(line["repeat_index"]) - 1]
            matches = row[question.name if is_sheet else question.path] == line["old_value"]
            assert truth[line["submission_id"]]["defects"][0]["corrected"] == matches
            applied, refused = applied + matches, refused + (not matches)
        counts = sample.summary.counts["forms"][form]
        assert len(lines) == counts["corrections"] + counts["corrections_refused"]
    assert applied > 0
    assert refused > 0


def people(sample: Generated) -> list[tuple[str, Row]]:
    """(form, answers) of every place where the truth says that somebody is met."""
    found = []
    for form in sample.project.forms:
        for line in sample.truth(form):
            items = [
                line["answers"],
                *(i for v in line["answers"].values() if isinstance(v, list) for i in v if isinstance(i, dict)),
            ]
            found += [(form, item) for item in items if "_person" in item]
    return found


def test_a_person_keeps_one_phone_and_shares_it_with_nobody(sample: Generated) -> None:
    """Persons are matched by phone and birth year: one person must not become two, nor two one."""
    phones: dict[str, set[tuple[str, int]]] = {}
    written: dict[str, set[str]] = {}
    forms: dict[str, set[str]] = {}
    for form, answers in people(sample):
        if "telephone" not in answers:
            continue
        phones.setdefault(answers["_person"], set()).add((phone(answers["telephone"]), answers["annee_naissance"]))
        written.setdefault(answers["_person"], set()).add(answers["telephone"])
        forms.setdefault(answers["_person"], set()).add(form)
    assert all(len(known) == 1 for known in phones.values())
    assert len({next(iter(known)) for known in phones.values()}) == len(phones)
    assert any(len(ways) > 1 for ways in written.values())
    assert any(len(met) > 1 for met in forms.values())
    assert sample.summary.counts["unique_persons"] <= len({answers["_person"] for _, answers in people(sample)})


def test_a_person_shows_the_card_that_the_registration_gave_and_says_nothing_else(sample: Generated) -> None:
    """A card that no registration knows, or that two persons have, would make two persons of one or one of two."""
    name, register = {"prim2": ("code_carte", "beneficiaires"), "thamm_plus": ("numero_dossier", "candidats")}[
        sample.project.id
    ]
    given: dict[str, set[str]] = {}
    shown: list[tuple[str, str]] = []
    for form, answers in people(sample):
        if form == register and name in answers:
            given.setdefault(answers[name], set()).add(answers["_person"])
        elif name in answers:
            shown.append((answers[name], answers["_person"]))
            assert not {"nom", "prenom", "telephone", "annee_naissance", "sexe"} & answers.keys()
        elif form != register:
            assert {"nom", "prenom", "telephone", "annee_naissance", "sexe"} <= answers.keys()
    assert all(len(persons) == 1 for persons in given.values())
    assert all(given[card] == {person} for card, person in shown)
    assert len(shown) > 100


def test_every_identity_in_the_files_is_listed_for_leak_searches(sample: Generated) -> None:
    listed = set((sample.folder / "truth" / "identities.txt").read_text(encoding="utf-8").splitlines())
    for _, answers in people(sample):
        told = (
            "nom",
            "prenom",
            "telephone",
            "code_carte",
            "carte_scannee",
            "carte_saisie",
            "dossier_scanne",
            "dossier_saisi",
        )
        assert {answers[name] for name in told if name in answers} <= listed
    assert any("@" in line for line in listed)
    assert len(listed) <= sample.summary.counts["planted_identifiers"]


def test_copies_are_the_same_answers_under_another_id(sample: Generated) -> None:
    for form, loaded in sample.project.forms.items():
        key = set(loaded.form.source.key)
        answers = {line["submission_id"]: line["answers"] for line in sample.truth(form)}
        for line in sample.truth(form):
            if line["duplicate_of"] is not None:
                original = {k: v for k, v in answers[line["duplicate_of"]].items() if k not in key}
                assert original == {k: v for k, v in line["answers"].items() if k not in key}


@pytest.mark.parametrize("sample", ["thamm_plus"], indirect=True)
def test_the_steps_of_a_journey_come_in_order(sample: Generated) -> None:
    """A delay is computed between two steps; a step before the one it follows would make it negative."""
    order = ["offre_validee", "selection", "visa", "depart", "arrivee_poste", "retour"]
    journeys: dict[tuple[str, str], dict[str, str]] = {}
    for line in sample.truth("parcours"):
        answers = line["answers"]
        if "_person" in answers:
            began = answers.get("offre_validee_le", answers["date_etape"])
            journeys.setdefault((answers["_person"], began), {})[answers["etape"]] = answers["date_etape"]
    assert any(len(steps) == len(order) for steps in journeys.values())
    for steps in journeys.values():
        dates = [steps[step] for step in order if step in steps]
        assert dates == sorted(dates)


def test_people_are_served_where_they_live_and_never_in_two_regions(sample: Generated) -> None:
    """Few people are served elsewhere in their region; nobody stands twice on one list of the truth."""
    if sample.project.id != "prim2":
        assert "home" not in (sample.project.folder / "sample.yaml").read_text(encoding="utf-8")
        return
    answers = [line["answers"] for line in sample.truth("beneficiaires")]
    homes = {given["_person"]: given["province"] for given in answers if given.get("_person")}
    regions: dict[str, set[str]] = {}
    near: list[bool] = []
    for line in sample.truth("prestations"):
        people = [row["_person"] for row in line["answers"].get("personnes", []) if row.get("_person")]
        assert len(people) == len(set(people))
        for person in people:
            regions.setdefault(person, set()).add(line["answers"]["region"])
            if person in homes:
                near.append(homes[person] == line["answers"]["province"])
                assert homes[person].startswith(line["answers"]["region"])
    assert max(len(found) for found in regions.values()) == 1
    assert 0.85 < sum(near) / len(near) < 0.98
