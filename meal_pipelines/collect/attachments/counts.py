"""How the files of a form stand, in counts and in French sentences; never a name, never an identifier."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from meal_pipelines.collect.attachments.fetch import Tally
from meal_pipelines.collect.attachments.limits import Limits
from meal_pipelines.collect.sheets.receipt import counted
from meal_pipelines.project.loaded import LoadedForm
from meal_pipelines.warehouse.connection import Warehouse

WHY = {"type": "pour leur type", "size": "pour leur taille", "empty": "parce qu'ils sont vides"}


@dataclass(frozen=True)
class FileCounts:
    """The files of one form, all nights together.

    named, received: files that present submissions name, and those that the server has · kept: here, of which
    `no_longer_there` are kept although the source has them no more · contents, bytes: sealed files and their bytes, equal ones
    once · waiting: at the source and not here yet, of which `failed` could not be read the last time · refused: by reason ·
    gone: vanished before they were received · erased: submissions whose files were erased.
    """

    named: int = 0
    received: int = 0
    kept: int = 0
    no_longer_there: int = 0
    contents: int = 0
    bytes: int = 0
    waiting: int = 0
    failed: int = 0
    gone: int = 0
    erased: int = 0
    refused: Counter[str] = field(default_factory=Counter)

    @property
    def table(self) -> dict[str, int]:
        """Each count under its French name, in the order to read them."""
        refused = {f"refusés {why}": self.refused[reason] for reason, why in WHY.items()}
        return {
            "nommés par les soumissions": self.named,
            "reçus par le serveur": self.received,
            "gardés ici": self.kept,
            "gardés, mais disparus du serveur": self.no_longer_there,
            "contenus différents": self.contents,
            "octets scellés": self.bytes,
            "encore à lire": self.waiting,
            "dont la dernière lecture a échoué": self.failed,
            **refused,
            "disparus avant d'être reçus": self.gone,
            "soumissions dont les fichiers sont effacés": self.erased,
        }


def count_files(warehouse: Warehouse, form: LoadedForm) -> FileCounts:
    """How the files of a form stand now."""
    of_form = {"project": form.project, "form": form.name}
    with warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute(NAMED, of_form)
        named, received = cursor.fetchone() or (0, 0)
        cursor.execute(CONTENTS, of_form)
        contents, size = cursor.fetchone() or (0, 0)
        cursor.execute(STATES, of_form)
        states = {(state, is_there, reason): number for state, is_there, reason, number in cursor.fetchall()}

    def total(state: str, is_there: bool | None = None, reason: str | None = None) -> int:
        return sum(
            number
            for (which, there, why), number in states.items()
            if which == state and is_there in (None, there) and reason in (None, why)
        )

    return FileCounts(
        named, received, total("kept"), total("kept", False), contents, size, total("expected", True),
        total("expected", True, "failed"), total("gone"), total("erased"),
        Counter({reason: total("refused", None, reason) for reason in WHY}),
    )  # fmt: skip


def undecided(form: LoadedForm) -> str:
    """What to read while nobody has decided."""
    return (
        "Personne n'a décidé de ce que deviennent les fichiers (photos, sons…) de ce formulaire : ils restent sur le "
        f"serveur, sans être lus. Écrivez dans project.yaml, sous « {form.name} », « attachments: {{keep: false}} » pour les y "
        "laisser, ou « attachments: {keep: true} » pour les garder ici, scellés."
    )


def verdict(form: LoadedForm, counts: FileCounts, tally: Tally | None) -> tuple[bool, str]:
    """Whether all is well with a form's files, and what to read about it. tally: the run's, None when nothing is kept."""
    limits = Limits.of(form)
    if form.form.attachments is None:
        return False, undecided(form)
    if limits is None or tally is None:
        return True, "Les fichiers restent sur le serveur (attachments : keep: false)."
    troubles = []
    if refused := +counts.refused:
        reasons = ", ".join(f"{number} {WHY[reason]}" for reason, number in refused.items())
        troubles.append(
            f"{counted(refused.total(), 'fichier refusé, non gardé', 'fichiers refusés, non gardés')} : {reasons} (limites : "
            f"{limits}). S'ils doivent être gardés, changez « attachments » dans project.yaml."
        )
    if tally.stopped is not None:
        troubles.append(tally.stopped)
    if counts.waiting:
        troubles.append(
            f"{counted(counts.waiting, 'fichier reste', 'fichiers restent')} à lire : la prochaine exécution s'en charge."
        )
    return not troubles, "\n".join(troubles) or "Tous les fichiers que le serveur a reçus sont gardés ici, scellés."


OF_FORM = "project = %(project)s and form = %(form)s"
NAMED = f"""
    select coalesce(sum(attachments), 0)::bigint, coalesce(sum(attachments_present), 0)::bigint from (
        select distinct on (submission_id) state, attachments, attachments_present from raw.submission
        where {OF_FORM} order by submission_id, version desc
    ) as last where state = 'present'
"""
CONTENTS = f"""
    select count(*), coalesce(sum(bytes), 0)::bigint from (
        select distinct on (content) bytes from raw.attachment where {OF_FORM} and state = 'kept' order by content
    ) as once
"""
STATES = f"""
    select state, is_at_source, reason, count(*) from raw.attachment
    where {OF_FORM} and (state <> 'erased' or file_key = '') group by 1, 2, 3
"""
