"""What may be told of an error nobody foresaw: its kind and the lines of our code, never its text.

The text of a pandas, pandera, pydantic or PostgreSQL error may quote an answer. Refusals that we wrote are in `errors.py`.
"""

from __future__ import annotations

import traceback
from pathlib import Path

from meal_pipelines.settings import CHECKOUT


def told(error: BaseException) -> str:
    """One sentence for whoever has to mend it, and what it means for whoever meets it."""
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).is_relative_to(CHECKOUT)
    ]
    ours = [frame for frame in frames if ".venv" not in frame.filename]
    places = " ← ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(ours[-4:]))
    return (
        f"Défaut inattendu du programme ({', '.join(filter(None, [type(error).__name__, places]))}). Les données d'hier restent "
        f"en place ; aucune valeur n'est montrée ici. Transmettez cette ligne à l'équipe technique."
    )
