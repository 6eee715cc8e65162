"""What leaves an asset when it fails: a text for people, or a place in our code; never a value from the data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import dagster as dg

from meal_pipelines.defects import told
from meal_pipelines.errors import MealError, TransientError
from meal_pipelines.warehouse.outcomes import note_outcome
from resources import Platform

RETRIES, PAUSE = 3, 60
"""A network fault is tried again three times, after one, two and four minutes."""


@contextmanager
def explained(context: dg.AssetExecutionContext | dg.OpExecutionContext) -> Iterator[None]:
    """Turn every exception into one that Dagster may show and store.

    Our own refusals keep their text. Of anything else only its kind and the lines of our code are told: the text of a
    pandas, pandera or PostgreSQL error may quote an answer.
    """
    try:
        yield
    except (dg.Failure, dg.RetryRequested):
        raise
    except TransientError as error:
        if context.retry_number < RETRIES and not context.run.tags.get("meal/no_retry"):
            raise dg.RetryRequested(max_retries=RETRIES, seconds_to_wait=PAUSE * 2**context.retry_number) from None
        raise dg.Failure(description=str(error), allow_retries=False) from None
    except MealError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from None
    except Exception as error:
        raise dg.Failure(description=told(error), allow_retries=False) from None


@dataclass
class Outcome:
    """How a stage of a form went, as far as the block knows. refused: it was made, judged and not published."""

    refused: bool = False


@contextmanager
def noted(
    context: dg.AssetExecutionContext, platform: Platform, project: str, form: str, stage: str
) -> Iterator[Outcome]:
    """Keep how a stage of a form went, for whatever is computed from the form to say of which day it is.

    Around `explained`, which tells a failure from another try that is to come.
    """
    outcome = Outcome()

    def note(*, succeeded: bool) -> None:
        with platform.warehouse.connect() as connection, connection.cursor() as cursor:
            note_outcome(cursor, (project, form), stage, succeeded=succeeded, run_id=context.run_id)

    try:
        yield outcome
    except dg.Failure:
        # A database that is away is what the failure says already.
        with suppress(MealError):
            note(succeeded=False)
        raise
    with explained(context):
        note(succeeded=not outcome.refused)
