"""Answer a block of submissions: every question of the form and of its repeats, as its questionnaire allows.

True answers only; what goes wrong on the way is in `defects.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from meal_pipelines.project.expression import Scope, parse
from meal_pipelines.project.loaded import LoadedForm
from meal_pipelines.project.questionnaire import MAIN, Question, Table
from meal_pipelines.project.values import Values
from meal_pipelines.sample.calendar import LASTS, OPENS, day_texts, stamp_texts
from meal_pipelines.sample.chance import Chance, Floats, Integers, Keys, cumulative
from meal_pipelines.sample.draw import Draw, Drawing
from meal_pipelines.sample.filling import Column, Filling, Truths
from meal_pipelines.sample.model import Distribution, FormSample, RepeatSample, Sample
from meal_pipelines.sample.people import WRITINGS, People
from meal_pipelines.sample.schedule import Alone, Block, Part

YES = ("yes", "true", "true()", "oui")
CLOCK = {"start", "end", "today", "deviceid", "username"}


@dataclass(frozen=True)
class Ask:
    """One question of a table, and how it is answered."""

    question: Question
    draw: Draw
    answered: float


class Answering:
    """Fills blocks of one form."""

    def __init__(
        self, loaded: LoadedForm, sample: Sample, people: People, drawing: Drawing, schedule: Alone | Part
    ) -> None:
        self.loaded, self.name, self.people, self.schedule = loaded, loaded.name, people, schedule
        self.form: FormSample = sample.forms[loaded.name]
        self.sample, self.drawing, self.chance = sample, drawing, drawing.chance
        self.keys = set(loaded.form.source.key)
        self.tables = {name: self._plan(table) for name, table in loaded.questionnaire.tables.items()}

    def fill(self, block: Block) -> dict[str, Filling]:
        """One filling per table, main first."""
        fillings: dict[str, Filling] = {}
        for name, table in self.loaded.questionnaire.tables.items():
            filling = self._main(block) if name == MAIN else self._repeat(table, fillings[str(table.parent)])
            fillings[name] = filling
            for ask in self.tables[name]:
                self._answer(filling, ask, name)
            met = self._who(name)
            if met and not (roles := self._asked_roles(table)):
                filling.persons = np.full(filling.size, -1, dtype=np.int64)
            elif met:
                told = [[text is not None for text in filling.column(role).tolist()] for role in roles]
                filling.persons = np.where(np.any(told, axis=0), filling.persons, -1)
        return fillings

    def sure(self, keys: Integers, where: dict[str, str]) -> Truths:
        """Which submissions of these ranks register a new person: not copies, not met again, with these answers."""
        assert isinstance(self.schedule, Alone)
        block = self.schedule.block(keys)
        good = (block.copies < 0) & (self._again(block.keys) >= self.form.again)
        filling = self._bare(block)
        for ask in self.tables[MAIN]:
            if ask.question.name in where:
                good &= ask.draw(filling, filling.keys) == where[ask.question.name]
        return np.asarray(good, dtype=bool)

    def _again(self, keys: Keys) -> Floats:
        return self.chance.uniform(f"{self.name}/again", keys)

    def _bare(self, block: Block) -> Filling:
        nobody = np.full(len(block.keys), -1, dtype=np.int64)
        return Filling(block.keys, block.numbers, block.event, block.today, block.sent, nobody)

    def _main(self, block: Block) -> Filling:
        filling = self._bare(block)
        one, first = np.ones(filling.size, dtype=np.int64), np.zeros(filling.size, dtype=np.int64)
        days = block.event.astype(float)
        if isinstance(self.schedule, Part):
            walk = self.schedule.walk
            pool, recent, paths = walk.journey.pool, walk.journey.recent_days, block.path.astype(np.uint64)
            filling.persons = self.people.meet(walk.name, paths, {pool: 1.0}, block.start, first, one, recent)
            self._fix(filling, block)
        elif self.form.registers:
            pool = self.form.registers
            origin = np.where(block.copies < 0, block.numbers, block.copies)
            again = self.people.meet(f"{self.name}/again", block.keys, {pool: 1.0}, days, first, one)
            is_again = self._again(block.keys) < self.form.again
            filling.persons = np.where(is_again, again, self.people.ordinal(pool, origin))
        elif self.form.persons:
            filling.persons = self.people.meet(self.name, block.keys, self.form.persons, days, first, one)
        return filling

    def _fix(self, filling: Filling, block: Block) -> None:
        """The answers that say which step of the journey this is, and when earlier steps were."""
        assert isinstance(self.schedule, Part)
        steps, order = self.schedule.steps, [step.name for step in self.schedule.steps]
        names = {name for step in steps if step.form == self.name for name in (*step.set, *step.dates)}
        for name in names:
            column = np.full(filling.size, None, dtype=object)
            for place in np.unique(block.step).tolist():
                rows = block.step == place
                if name in steps[place].set:
                    column[rows] = steps[place].set[name]
                elif name in steps[place].dates:
                    earlier = order.index(steps[place].dates[name])
                    lag = self.sample.forms[steps[earlier].form].lag_days
                    column[rows] = day_texts(self.schedule.walk.events(block.path[rows], earlier, lag)[0])
            filling.fixed[name] = column

    def _repeat(self, table: Table, parent: Filling) -> Filling:
        how = self.form.repeats.get(table.name, RepeatSample(count={1: 1, 2: 1}))
        if table.repeat_count:
            counts = np.nan_to_num(parent.numbers_of(table.repeat_count)).astype(np.int64)
        else:
            bounds = cumulative(list(how.count.values()))
            drawn = np.searchsorted(bounds, self.chance.uniform(f"{self.name}/{table.name}", parent.keys), side="right")
            counts = np.array(list(how.count), dtype=np.int64)[drawn]
        counts = np.where(parent.relevant(table.relevant), counts, 0)
        rows = np.repeat(np.arange(parent.size), counts)
        item = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
        filling = Filling(
            keys=parent.keys[rows] * np.uint64(64) + item.astype(np.uint64),
            numbers=parent.numbers[rows],
            event=parent.event[rows],
            today=parent.today[rows],
            sent=parent.sent[rows],
            persons=np.full(len(rows), -1, dtype=np.int64),
            parent=parent,
            rows_in_parent=rows,
        )
        if how.persons:
            day = filling.numbers_of(f"${{{how.before}}}") if how.before else filling.event.astype(float)
            day = np.where(np.isnan(day), filling.event, day)
            label = f"{self.name}/{table.name}"
            homes = self.people.homes
            around = homes.around(label, filling, parent.keys[rows]) if homes is not None else []
            filling.persons = self.people.meet(label, filling.keys, how.persons, day, item, counts[rows], around=around)
        return filling

    def _answer(self, filling: Filling, ask: Ask, table: str) -> None:
        question = ask.question
        if question.name in filling.fixed:
            column = filling.fixed[question.name]
        else:
            keys = filling.numbers.astype(np.uint64) if question.name in self.keys else filling.keys
            column = ask.draw(filling, keys)
        mask = filling.relevant(question.relevant)
        if ask.answered < 1 and question.required not in YES:
            label = f"{self.name}/{table}/{question.name}/answered"
            chosen = self.chance.uniform(label, filling.keys) < ask.answered
            mask = mask & (chosen | filling.holds(question.required) if question.required else chosen)
        filling.answer(question.name, column if mask.all() else _kept(column, mask))

    def _who(self, table: str) -> bool:
        if table != MAIN:
            return table in self.form.repeats and bool(self.form.repeats[table].persons)
        return isinstance(self.schedule, Part) or bool(self.form.registers or self.form.persons)

    def _asked_roles(self, table: Table) -> list[str]:
        names = {question.name for question in table.questions} - self.keys
        return [name for name in self.sample.persons.roles.values() if name in names]

    def _plan(self, table: Table) -> list[Ask]:
        how = self.form.questions if table.name == MAIN else {}
        if table.name in self.form.repeats:
            how = self.form.repeats[table.name].questions
        return [self._ask(question, how.get(question.name), table) for question in table.questions]

    def _ask(self, question: Question, how: Distribution | None, table: Table) -> Ask:
        roles = {name: role for role, name in self.sample.persons.roles.items()}
        label = f"{self.name}/{table.name}/{question.name}"
        met = self._who(table.name)
        if question.type in CLOCK:
            return Ask(question, _clock(self.chance, self.name, question.type), 1.0)
        if question.calculation:
            return Ask(question, _calculated(question.calculation), 1.0)
        if how is None and question.name == self.form.event and table.name == MAIN:
            return Ask(question, lambda filling, keys: day_texts(filling.event), 1.0)
        if met and how is None and roles.get(question.name) in ("first_name", "last_name", "phone"):
            return Ask(question, self._identity(label, question, roles[question.name], table.name), 1.0)
        if met and how is None and roles.get(question.name) == "birth_year" and self.people.noise is not None:
            return Ask(question, self._birth_year(question.name, table.name), 1.0)
        if met and how is None and question.name in self.people.attributes:
            own = question.name
            return Ask(question, lambda filling, keys: self.people.answers(own, filling, filling.persons), 1.0)
        choices = self.loaded.questionnaire.choices.get(question.list_name or "")
        how = how or Distribution()
        draw = self.drawing.draw(label, question, how, choices)
        if question.type == "text" and not how.pattern and self.loaded.class_of(question) == "free_text":
            draw = self._with_slips(label, question, draw)
        return Ask(question, draw, how.answered)

    def _birth_year(self, name: str, table: str) -> Draw:
        noisy = self.people.noisy(f"{self.name}/{table}")
        assert noisy is not None

        def year(filling: Filling, keys: Keys) -> Column:
            return noisy.birth_years(keys, self.people.answers(name, filling, filling.persons))

        return year

    def _identity(self, label: str, question: Question, role: str, table: str) -> Draw:
        noisy = self.people.noisy(f"{self.name}/{table}")
        if role == "phone":
            allowed = _accepted(question.constraint, [write("612345678") for _, write in WRITINGS])

            def phone(filling: Filling, keys: Keys) -> Column:
                texts, filling.writings[question.name] = self.people.phones(
                    label, keys, filling.persons, allowed, noisy
                )
                return np.array(texts, dtype=object)

            return phone
        is_first = role == "first_name"

        def name(filling: Filling, keys: Keys) -> Column:
            return self.people.names(filling, keys, filling.persons, label, first=is_first, noisy=noisy)

        return name

    def _with_slips(self, label: str, question: Question, draw: Draw) -> Draw:
        """Free text in which somebody wrote a phone number or an address, as people do."""

        def slipped(filling: Filling, keys: Keys) -> Column:
            texts = draw(filling, keys)
            shares = self.chance.uniform(f"{label}/slip", keys)
            for row in np.flatnonzero(shares < 0.04).tolist():
                number = int(self.chance.below(f"{label}/whose", keys[row : row + 1], 10**7)[0])
                phone = "0" + self.people.national_numbers(np.array([number]))[0]
                word = phone if shares[row] < 0.02 else f"contact{number:07d}@example.org"
                texts[row] = f"{texts[row]} {'Rappeler au' if word is phone else 'Écrire à'} {word}."
                filling.slips.append((question.name, row, word))
            return texts

        return slipped


def _kept(column: Column, mask: Truths) -> Column:
    kept = column.copy()
    kept[~mask] = None
    return kept


def _clock(chance: Chance, form: str, kind: str) -> Callable[[Filling, Keys], Column]:
    """start, end and today of the filling, and the device."""

    def draw(filling: Filling, keys: Keys) -> Column:
        if kind == "today":
            return day_texts(filling.today)
        if kind in ("deviceid", "username"):
            word = "collect:" if kind == "deviceid" else "agent"
            devices = chance.below(f"{form}/device", keys, 40).tolist()
            return np.array([f"{word}{number:03d}" for number in devices], dtype=object)
        by_hand = chance.uniform(f"{form}/hour", keys)
        ended = filling.today + OPENS + (0.1 + 0.9 * by_hand) * LASTS
        ended = np.where(np.floor(filling.sent) <= filling.today, filling.sent - by_hand / 48 - 1 / 1440, ended)
        if kind == "start":
            ended = ended - (4 + 30 * chance.uniform(f"{form}/minutes", keys)) / 1440
        return stamp_texts(ended) + ".000+01:00"

    return draw


def _calculated(source: str) -> Draw:
    expression = parse(source)

    def draw(filling: Filling, keys: Keys) -> Column:
        texts = np.broadcast_to(expression.values(filling.scope()).text, (filling.size,))
        return np.array([text or None for text in texts.tolist()], dtype=object)

    return draw


def _accepted(constraint: str, examples: Sequence[str]) -> list[int]:
    """Which examples satisfy a constraint on the answer alone; all of them when there is none."""
    if not constraint:
        return list(range(len(examples)))
    scope = Scope(len(examples), {}, np.zeros(len(examples)), Values.of_texts(list(examples)))
    holds = parse(constraint).holds(scope)
    return [place for place in range(len(examples)) if holds[place]] or [0]
