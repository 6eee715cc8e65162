"""Take the files of one submission out in clear, for somebody who must look at them; each time leaves a line in `audit`.

Files are written, never opened: what they are called comes from a phone, and is made harmless first.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from meal_pipelines.collect.attachments.ledger import FileLedger
from meal_pipelines.collect.attachments.limits import extension_of
from meal_pipelines.collect.attachments.store import FileStore
from meal_pipelines.errors import ConfigurationError, MealError
from meal_pipelines.invocation import typed
from meal_pipelines.protect.keys.keyring import Keyring
from meal_pipelines.protect.rights.access import Actor, record
from meal_pipelines.warehouse.connection import Warehouse


def take_out(
    warehouse: Warehouse,
    keyring: Keyring,
    store: FileStore,
    place: tuple[str, str, str],
    folder: Path,
    actor: Actor,
) -> int:
    """Write the kept files of one submission (project, form, submission_id) into a new folder, for its owner's eyes only.

    actor: written into `audit.access` before the first byte is. Returns: how many files.
    Raises: ConfigurationError when the folder exists or no reason is given; MealError when there is no file, or one does not open.
    """
    project, form, submission_id = place
    if folder.exists():
        raise ConfigurationError(f"{folder} existe déjà : rien n'est écrit par-dessus. Donnez un dossier neuf.")
    with closing(warehouse.psycopg()) as connection:
        files = FileLedger(connection, keyring, project, form).kept(submission_id)
    if not files:
        raise MealError(
            f"Aucun fichier n'est gardé pour cette soumission. {typed('forms files')} dit combien le formulaire en a."
        )
    with warehouse.connect() as connection, connection.cursor() as cursor:
        record(cursor, actor, "files", project, form=form, submission_id=submission_id, items=len(files))
    write_out(keyring, store, project, files, folder)
    return len(files)


def write_out(
    keyring: Keyring, store: FileStore, project: str, files: Sequence[tuple[str, str | None, bytes]], folder: Path
) -> list[str]:
    """Write kept files, as (name, media type, address), into a new folder. Returns: what they are called there.

    The caller has recorded the access. Raises: MealError, when one does not open.
    """
    folder.mkdir(mode=0o700, parents=True)
    written = []
    for number, (name, media_type, address) in enumerate(files, start=1):
        written.append(f"{number:02}_{_harmless(name)}{extension_of(media_type)}")
        with store.opened(project, address) as sealed:
            _write(folder / written[-1], keyring.file_sealer(project).unseal(sealed, address))
    return written


def _write(path: Path, pieces: Iterator[bytes]) -> None:
    """Under its name only once every piece has proved to be the file's."""
    partial = path.with_name(f"{path.name}.part")
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            for piece in pieces:
                file.write(piece)
        partial.rename(path)
    finally:
        partial.unlink(missing_ok=True)


def _harmless(name: str) -> str:
    """Letters, digits and dashes of a name without its extension, which says what somebody claims the file to be."""
    stem = re.sub(r"\.\w{1,8}$", "", name)
    return re.sub(r"[^\w-]+", "_", stem).strip("_")[:60] or "fichier"
