"""What may be told of an error nobody foresaw: its kind and the lines of our code, never its text.

The text of a pandas, pandera, pydantic or PostgreSQL error may quote an answer. What the machine refuses (a full disk, a
folder that cannot be written) is no defect: it is told in words, with the settings that say where it is, never with its path, in
which somebody's name may stand. Refusals that we wrote are in `errors.py`.
"""

from __future__ import annotations

import errno
import traceback
from pathlib import Path

from meal_pipelines.settings import CHECKOUT

FULL = {errno.ENOSPC, errno.EDQUOT}
CLOSED = {
    errno.EACCES: (
        "est protégé, ou un de ses fichiers est ouvert dans Excel",
        "Rendez-le accessible, ou fermez le fichier",
    ),
    errno.EPERM: ("est protégé", "Rendez-le accessible"),
    errno.EROFS: ("est en lecture seule", "Rendez-le accessible en écriture"),
    errno.ENOTDIR: ("a laissé sa place à un fichier", "Renommez ce fichier"),
}
"""Why a place of the file system refuses, and what to do."""
SERVER_FULL = "53100"
"""PostgreSQL's disk_full."""


def told(error: BaseException) -> str:
    """One sentence for whoever has to mend it, and what it means for whoever meets it."""
    place = _place(error)
    if (isinstance(error, OSError) and error.errno in FULL) or getattr(error, "pgcode", None) == SERVER_FULL:
        return f"Le disque est plein ({place}). Libérez de la place, puis relancez : ce qui est fait n'est pas refait."
    if isinstance(error, OSError) and error.errno in CLOSED:
        why, what = CLOSED[error.errno]
        return (
            f"Un dossier où le programme écrit (MEAL_OUT, ou MEAL_HOME) {why}. {what}, ou choisissez-en un autre, puis relancez "
            f"({place})."
        )
    return (
        f"Défaut inattendu du programme ({place}). Les données d'hier restent en place ; aucune valeur n'est montrée ici. "
        f"Transmettez cette ligne à l'équipe technique."
    )


def _place(error: BaseException) -> str:
    """Its kind, and the last lines of our code that it went through."""
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).is_relative_to(CHECKOUT)
    ]
    ours = [frame for frame in frames if ".venv" not in frame.filename]
    places = " ← ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(ours[-4:]))
    return ", ".join(filter(None, [type(error).__name__, places]))
