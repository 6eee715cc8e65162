"""Generate the submissions of one project: everything that `sample.yaml` and the questionnaires say, form after form.

Memory does not grow with the rows: a block of submissions is drawn, written and forgotten.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.project.loaded import LoadedForm, LoadedProject
from meal_pipelines.project.questionnaire import MAIN
from meal_pipelines.sample.answers import Answering
from meal_pipelines.sample.calendar import Calendar
from meal_pipelines.sample.chance import Chance, Floats, Integers, Keys
from meal_pipelines.sample.defects import Spoiling
from meal_pipelines.sample.draw import Drawing
from meal_pipelines.sample.filling import Column, Filling, Truths
from meal_pipelines.sample.homes import Homes, home_weights
from meal_pipelines.sample.model import Distribution, Elsewhere, Sample, read_sample
from meal_pipelines.sample.noise import Noise
from meal_pipelines.sample.people import People, PoolState
from meal_pipelines.sample.record import FormCounts, Identities, Met, SampleSummary
from meal_pipelines.sample.schedule import Alone, Part, Walk
from meal_pipelines.sample.writing import Writer

OTHERS = "autres"


def generate(
    project: LoadedProject, rows: int, seed: int, to: Path, progress: Callable[[int, int], None] | None = None,
    noise: Noise | None = None,
) -> SampleSummary:  # fmt: skip
    """Write `rows` submissions of the project's forms under `to`, with the truth beside them.

    The same project, rows, seed and noise give the same bytes. noise: how people are written otherwise from one meeting to
    the next (`truth/` says who is who all the same); None: they are not. `progress(done, rows)` is called after each block.
    Returns: what was written; the same counts stand in `truth/summary.json`.
    Raises: ConfigurationError, when `sample.yaml` is wrong or its answers break the questionnaire.
    """
    if rows < 1:
        raise ConfigurationError("Un échantillon compte au moins 1 ligne. Donnez un nombre positif à « --rows ».")
    sample = read_sample(project.folder)
    _check_names(project, sample)
    making = _Making(project, sample, rows, seed, noise)
    (to / "truth").mkdir(parents=True, exist_ok=True)
    identities = Identities(to / "truth" / "identities.txt", making.people, sample.persons)
    everybody = Met(making.people)
    counts: dict[str, FormCounts] = {}
    done = 0

    def advance(more: int) -> None:
        nonlocal done
        done += more
        if progress is not None:
            progress(done, rows)

    try:
        for name, answering in making.answerings.items():
            met = Met(making.people)
            is_workbook = _is_workbook(project, project.forms[name])
            spoiling = Spoiling(project.forms[name], answering.chance, answering.form.defects, is_workbook=is_workbook)
            counts[name] = Writer(answering, spoiling, to, identities, met, is_workbook=is_workbook).write(advance)
            everybody |= met
    finally:
        identities.close()
    content = _content(project.id, rows, seed, counts)
    content |= {"unique_persons": len(everybody), "planted_identifiers": identities.count}
    (to / "truth" / "summary.json").write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2))
    return SampleSummary(project.id, rows, seed, to, {name: form.received for name, form in counts.items()}, content)


def _content(project: str, rows: int, seed: int, counts: dict[str, FormCounts]) -> dict[str, Any]:
    forms = {name: form.as_dict() for name, form in counts.items()}
    return {"project": project, "rows": rows, "seed": seed, "forms": forms}


class _Making:
    """The parts of one generation, tied together: how many rows each form has, when, and about whom."""

    def __init__(self, project: LoadedProject, sample: Sample, rows: int, seed: int, noise: Noise | None) -> None:
        self.project, self.sample = project, sample
        self.chance = Chance(seed)
        declared = project.project
        self.calendar = Calendar(declared.starts_on, declared.ends_on, sample.seasons, sample.ramp_months)
        self.drawing = Drawing(self.chance, self.calendar, self._told)
        self.schedules = self._schedules(rows)
        self.answerings: dict[str, Answering] = {}
        self.people = People(self.chance, sample.persons, self._pools(rows), noise)
        self._attributes()
        for name, schedule in self.schedules.items():
            self.answerings[name] = Answering(project.forms[name], sample, self.people, self.drawing, schedule)

    def _schedules(self, rows: int) -> dict[str, Alone | Part]:
        sizes: dict[str, int] = {}
        walks: dict[str, Walk] = {}
        whole = sum(form.share for form in self.sample.forms.values())
        shares = {name: form.share / whole for name, form in self.sample.forms.items()}
        for name, journey in self.sample.journeys.items():
            walk = Walk(self.chance, self.calendar, name, journey)
            joined = list(dict.fromkeys(step.form for step in journey.steps))
            if twice := set(joined) & set(walks):
                raise ConfigurationError(
                    f"sample.yaml, parcours « {name} » : le formulaire « {min(twice)} » est déjà dans un autre parcours. "
                    "Réunissez les étapes dans un seul."
                )
            sizes[joined[0]] = min(max(round(rows * shares[joined[0]]), 1), rows - sum(sizes.values()))
            walk.fit(joined[0], sizes[joined[0]])
            for other in joined[1:]:
                sizes[other] = min(walk.rows(other), rows - sum(sizes.values()))
            walks.update(dict.fromkeys(joined, walk))
        return self._made(rows, shares, sizes, walks)

    def _made(
        self, rows: int, shares: dict[str, float], sizes: dict[str, int], walks: dict[str, Walk]
    ) -> dict[str, Alone | Part]:
        """The forms outside journeys share the rows that are left."""
        rest = [name for name in self.sample.forms if name not in walks]
        left, share = rows - sum(sizes.values()), sum(shares[name] for name in rest)
        for name in rest:
            sizes[name] = round(left * shares[name] / share)
            left, share = left - sizes[name], share - shares[name]
        made: dict[str, Alone | Part] = {}
        for name, form in self.sample.forms.items():
            is_copied = bool(self.project.forms[name].form.duplicates)
            if name in walks:
                made[name] = Part(walks[name], name, form, sizes[name], is_copied)
            else:
                calendar = self.calendar.only(form.months) if form.months else self.calendar
                made[name] = Alone(self.chance, calendar, name, form, sizes[name], is_copied)
        return made

    def _told(self, form: str, question: str, moments: Floats) -> Column:
        """What the last submission of a form before each moment answered; the first of all, where none was sent yet."""
        schedule = self.schedules[form]
        assert isinstance(schedule, Alone)
        ranks, places = np.unique(np.maximum(schedule.sent_before(moments) - 1, 0), return_inverse=True)
        told: Column = self.answerings[form].fill(schedule.block(ranks))[MAIN].column(question)[places]
        return told

    def _pools(self, rows: int) -> list[PoolState]:
        pools = []
        for name, pool in self.sample.persons.pools.items():
            if pool.form is None:
                pools.append(PoolState(name, max(round(rows * (pool.per_row or 0)), 64)))
                continue
            schedule = self.schedules[pool.form]
            if not isinstance(schedule, Alone):
                raise ConfigurationError(
                    f"sample.yaml, groupe « {name} » : « {pool.form} » fait partie d'un parcours et n'enregistre "
                    "personne. Nommez un autre formulaire."
                )
            pools.append(
                PoolState(name, max(schedule.rows, 1), schedule.sent_before, self._members(pool.form, pool.where))
            )
        if all(pool.known_before is not None for pool in pools):
            pools.append(PoolState(OTHERS, max(rows // 4, 64)))
        return pools

    def _members(self, form: str, where: dict[str, str]) -> Callable[[Integers], Truths]:
        return lambda numbers: self.answerings[form].sure(numbers, where)

    def _attributes(self) -> None:
        """How people answer about themselves: with the choice list of the first form that asks."""
        self._homes()
        for name, how in self.sample.persons.attributes.items():
            if name in self.people.attributes:
                continue
            for loaded in self.project.forms.values():
                question = next((q for q in loaded.questionnaire.questions() if q.name == name), None)
                if question is not None:
                    choices = loaded.questionnaire.choices.get(question.list_name or "")
                    self.people.attributes[name] = self.drawing.draw(f"person/{name}", question, how, choices)
                    break

    def _homes(self) -> None:
        """Where people live is what they answer of it, too."""
        how, attributes = self.sample.persons.home, self.sample.persons.attributes
        if how is None:
            return
        homes = self.people.homes = Homes(self.chance, how, home_weights(self.project, how, attributes))
        pools = len(self.people.pools)
        for name in (how.area, how.place):
            self.people.attributes[name] = partial(_lives, homes, name, pools)


def _lives(homes: Homes, question: str, pools: int, filling: Filling, keys: Keys) -> Column:
    return homes.answers(question, filling.numbers // pools)


def _is_workbook(project: LoadedProject, form: LoadedForm) -> bool:
    return project.project.sources[form.form.source.use].kind == "workbook"


def _answers(project: LoadedProject, sample: Sample, of: Elsewhere) -> bool:
    """Whether there is such a question in a form of its own calendar."""
    form = project.forms.get(of.form)
    steps = {step.form for journey in sample.journeys.values() for step in journey.steps}
    return form is not None and of.form not in steps and form.questionnaire.main.question(of.question) is not None


def _check_names(project: LoadedProject, sample: Sample) -> None:
    """Everything that sample.yaml names exists in the project."""
    wrong = [f"le formulaire « {name} » n'existe pas" for name in sample.forms if name not in project.forms]
    wrong += [f"le formulaire « {name} » manque sous « forms »" for name in project.forms if name not in sample.forms]
    for name, form in sample.forms.items():
        if name not in project.forms:
            continue
        tables = project.forms[name].questionnaire.tables
        asked: dict[str, dict[str, Distribution]] = {
            "": form.questions,
            **{key: r.questions for key, r in form.repeats.items()},
        }
        for table, questions in asked.items():
            if table not in tables:
                wrong.append(f"le formulaire « {name} » n'a pas de répétition « {table} »")
                continue
            known = {question.name for question in tables[table].questions}
            wrong += [f"« {name} » n'a pas de question « {q} » dans cette table" for q in questions if q not in known]
            told = [how.of for how in questions.values() if how.of is not None]
            wrong += [
                f"« {name} » reprend « {of.question} » de « {of.form} », qui ne l'a pas, ou fait partie d'un parcours"
                for of in told
                if not _answers(project, sample, of)
            ]
        for mix in (form.persons, *(repeat.persons for repeat in form.repeats.values())):
            wrong += [
                f"le groupe « {pool} » n'est pas sous « pools »" for pool in mix if pool not in sample.persons.pools
            ]
    if wrong:
        raise ConfigurationError(
            "\n".join(f"{project.folder.name}/sample.yaml : {what}. Corrigez le nom." for what in wrong)
        )
