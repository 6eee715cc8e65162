"""What `projects/<p>/sample.yaml` means: how many submissions of each form, about whom, and how questions are answered.

Only shapes. What a question without a word here gets (a choice at random, a number within its constraint) is decided
in `draw.py`.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, model_validator

from meal_pipelines.project.files import read_yaml
from meal_pipelines.project.strict import Identifier, Strict

Weights = dict[str, float]


class Elsewhere(Strict):
    """An answer of another form: that of its last submission sent `after_days` before the day of the event.

    after_days: a number of days, or one for each answer to the question `by` of the same submission.
    """

    form: Identifier
    question: str
    by: str | None = None
    after_days: int | dict[str, int] = 0


class Distribution(Strict):
    """How one question is answered.

    answered: share of answers when the question is not required.
    weights: of choices, by code; `*` is the weight of each choice not named (0 without it). by: another question, whose
    answers have weights of their own in `cases`; of a person's attribute also `pool`, the pool the person belongs to.
    from_month: weights that hold from that month of the project on.
    selected: how many choices of a select_multiple, [least, most].
    range: [least, most] or [least, usual, most] of a number; `ranges`: the same by the answer to `by`. times, plus: a
    numeric question that multiplies it, or is added. decimals: of a decimal number. step: round to a multiple of it.
    age_weights: of ages, by band (`18-24`), for a birth year; `cases` gives others by the answer to `by`.
    after: a date question and [least, most] days after it (negative: before).
    of: the answer that another form gave; a number that has a range is that share of it.
    texts: sentences. pattern: a code, from n, n5 (n modulo 100,000), abc (three letters for the rest), card (ten digits,
    the last two of which check the others), year, month; n counts submissions, or persons for a person's attribute.
    box: [south, west, north, east] of a point, or `boxes` by the answer to `by`.
    """

    answered: float = Field(default=0.6, ge=0, le=1)
    weights: Weights | None = None
    by: str | None = None
    cases: dict[str, Weights] = Field(default_factory=dict)
    from_month: dict[int, Weights] = Field(default_factory=dict)
    selected: tuple[int, int] = (1, 2)
    range: list[float] | None = Field(default=None, min_length=2, max_length=3)
    ranges: dict[str, list[float]] = Field(default_factory=dict)
    times: str | None = None
    plus: str | None = None
    decimals: int = 0
    step: float | None = None
    age_weights: Weights | None = None
    after: dict[str, tuple[int, int]] = Field(default_factory=dict)
    of: Elsewhere | None = None
    texts: list[str] = Field(default_factory=list)
    pattern: str | None = None
    box: tuple[float, float, float, float] | None = None
    boxes: dict[str, tuple[float, float, float, float]] = Field(default_factory=dict)


class Pool(Strict):
    """People who can be met. form: whoever that form registers (`where` its answers are these), each from that day on.

    per_row: people nobody registers, as many as this share of all rows.
    """

    form: Identifier | None = None
    where: dict[str, str] = Field(default_factory=dict)
    per_row: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _one(self) -> Pool:
        if (self.form is None) == (self.per_row is None):
            raise ValueError("écrivez soit « form » (les personnes qu'un formulaire enregistre), soit « per_row »")
        return self


class Home(Strict):
    """Where people live, and are met: the questions that say in which place (`place`) of which area (`area`).

    Their weights are those of the attributes of these names. away: share of submissions that people of the whole area
    come to.
    """

    area: str
    place: str
    away: float = Field(default=0.05, ge=0, le=1)


class Persons(Strict):
    """Who the people are, whichever form meets them.

    roles: the questions that hold first_name, last_name, phone, birth_year, sex and card (by which a person met before
    is known); `women`: the code of women.
    origins: weights of ma, west_africa, diaspora, by the answer to `origin_by` or `*`. arabic: share of Moroccan names
    written in Arabic letters. attributes: questions whose answer belongs to the person and is the same in every form.
    home: without it, anybody is met anywhere.
    """

    roles: dict[str, str]
    women: str = "F"
    origin_by: str | None = None
    origins: dict[str, Weights] = Field(default_factory=lambda: {"*": {"ma": 1.0}})
    arabic: float = Field(default=0.1, ge=0, le=1)
    attributes: dict[str, Distribution]
    home: Home | None = None
    pools: dict[Identifier, Pool]


class RepeatSample(Strict):
    """How many items a submission has (weights by number), and which pools their persons come from."""

    count: dict[int, float]
    persons: Weights = Field(default_factory=dict)
    before: str | None = None
    questions: dict[str, Distribution] = Field(default_factory=dict)


class FormSample(Strict):
    """One form. share: its part of all rows. event: the question that holds the day of the event.

    lag_days: most days between the event and its submission. months: those of the project in which it is sent, all by
    default. registers: the pool its persons join; again: share of
    submissions about somebody registered before. persons: the pools they come from when nobody is registered.
    duplicates, defects, edited, deleted: shares of submissions sent twice (where the form declares duplicates), wrong
    somewhere, edited or deleted between the two exports. new_question: a question of the second version, unclassified.
    """

    share: float = Field(gt=0)
    event: str
    lag_days: int = Field(default=20, ge=0, le=60)
    months: list[int] = Field(default_factory=list)
    registers: Identifier | None = None
    again: float = Field(default=0.03, ge=0, lt=1)
    persons: Weights = Field(default_factory=dict)
    duplicates: float = Field(default=0.01, ge=0, le=0.2)
    defects: float = Field(default=0.03, ge=0, le=0.5)
    edited: float = Field(default=0.04, ge=0, le=0.5)
    deleted: float = Field(default=0.01, ge=0, le=0.5)
    new_question: dict[str, list[str]] = Field(default_factory=dict)
    questions: dict[str, Distribution] = Field(default_factory=dict)
    repeats: dict[str, RepeatSample] = Field(default_factory=dict)


class Step(Strict):
    """One step of a journey: a submission of `form`, for a share `reach` of those who made the step before.

    days: after the step `after` (by default the one before); on_time: as many for everybody, whatever their pace.
    set: answers that say which step it is. dates: questions that repeat the day of an earlier step.
    """

    name: Identifier
    form: Identifier
    after: Identifier | None = None
    days: float = Field(default=0, ge=0)
    on_time: bool = False
    reach: float = Field(default=1, gt=0, le=1)
    set: dict[str, str] = Field(default_factory=dict)
    dates: dict[str, Identifier] = Field(default_factory=dict)


class Journey(Strict):
    """Persons of a pool who go through steps in order.

    recent_days: how long ago at most the person was registered. spread: the fastest and the slowest, as factors of
    the days. pace: the same factor at the project's start and at its end.
    """

    pool: Identifier
    recent_days: int = Field(default=180, gt=0)
    starts_after_days: int = Field(default=45, ge=0)
    spread: tuple[float, float] = (0.7, 1.4)
    pace: tuple[float, float] = (1.0, 1.0)
    steps: list[Step] = Field(min_length=1)


class Sample(Strict):
    """One `sample.yaml`. seasons: activity by calendar month (1 by default); ramp_months: a start at half speed.

    second_version: month of the project from which forms have their second version, with its `new_question`.
    first_export: share of submissions that the first export holds.
    """

    seasons: dict[int, float] = Field(default_factory=dict)
    ramp_months: int = Field(default=4, ge=0)
    second_version: int = Field(default=20, ge=1)
    first_export: float = Field(default=0.6, gt=0, lt=1)
    persons: Persons
    journeys: dict[Identifier, Journey] = Field(default_factory=dict)
    forms: dict[Identifier, FormSample]


def read_sample(folder: Path) -> Sample:
    """The `sample.yaml` of one project folder.

    Raises: ConfigurationError, with the line of each mistake.
    """
    return read_yaml(folder / "sample.yaml", Sample)[0]
