"""What leaves an asset when it fails: a text for people, or a place in our code; never a value from the data."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from meal_pipelines.errors import MealError, TransientError
from meal_pipelines.settings import CHECKOUT

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
        raise dg.Failure(description=_defect(error), allow_retries=False) from None


def _defect(error: Exception) -> str:
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).is_relative_to(CHECKOUT)
    ]
    ours = [frame for frame in frames if ".venv" not in frame.filename]
    places = " ← ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(ours[-4:]))
    return (
        f"Défaut inattendu du programme ({type(error).__name__}, {places}). Les données d'hier restent en place ; "
        f"aucune valeur n'est montrée ici. Transmettez cette ligne à l'équipe technique."
    )
