"""The commands `meal keys …`: make the ring, see what each key seals, replace the sealing key.

Words in, work done elsewhere, words out, as in `cli.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from meal_pipelines.commands.command import Demo, explained, opened, settings_of
from meal_pipelines.invocation import typed

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

keys = typer.Typer(help="Le trousseau de clés, hors de la base.", no_args_is_help=True)


@keys.command("init")
@explained
def init(demo: Demo = False) -> None:
    """Créer le trousseau (MEAL_KEYRING). Un trousseau existant n'est jamais remplacé."""
    from meal_pipelines.display.screen import console
    from meal_pipelines.protect.keys.keyring import Keyring

    settings = settings_of(demo)
    Keyring.create(settings.keyring)
    console.print(
        f"Trousseau créé : {settings.keyring} (lisible par vous seul·e).\n"
        f"Sauvegardez-le hors de cette machine, à part de la base : perdu, les données scellées le sont aussi ; "
        f"volé avec la base, elles ne sont plus protégées."
    )


@keys.command()
@explained
def status(demo: Demo = False) -> None:
    """Les clés du trousseau, et ce que chacune scelle encore. Lit toutes les lignes et le début de chaque fichier."""
    from meal_pipelines.collect.attachments import FileStore
    from meal_pipelines.display.screen import console, french
    from meal_pipelines.protect.keys.rotation import count_uses

    settings = settings_of(demo)
    with opened(settings) as (warehouse, keyring):
        uses = count_uses(warehouse, keyring, FileStore.of(settings))
    for number in sorted(keyring.sealing):
        state = "scelle" if number == keyring.current else "prête, ne scelle pas encore"
        if number < keyring.current:
            state = "ancienne, ouvre seulement"
        console.print(f"Clé n° {number} ({state}) : {french(uses.of(number))} valeur(s) ou fichier(s)")
        for (place, each), count in sorted(uses.by_place.items()):
            if each == number:
                console.print(f"    {place} : {french(count)}")
    if len(keyring.sealing) > 1:
        console.print(f"Une rotation est en cours : {typed('keys rotate')} la continue.")


@keys.command()
@explained
def rotate(
    project: Annotated[
        list[str] | None, typer.Option("--project", "-p", help="Un projet seulement ; l'ancienne clé reste alors.")
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Le nouveau trousseau est déjà sauvegardé : ne pas le demander.")
    ] = False,
    demo: Demo = False,
) -> None:
    """Remplacer la clé qui scelle : tout est scellé de nouveau, puis l'ancienne clé est retirée.

    La collecte peut continuer. Interrompue, la commande reprend où elle en était. La clé des pseudonymes n'est jamais
    remplacée : chaque personne recevrait un second pseudonyme (voir docs/administration.md si elle a été volée).
    """
    from meal_pipelines.collect.attachments import FileStore
    from meal_pipelines.display.screen import bars, console, french
    from meal_pipelines.protect.keys.rotation import known_projects, prepare_key
    from meal_pipelines.protect.keys.rotation import rotate as run
    from meal_pipelines.warehouse.turns import turn

    settings = settings_of(demo)
    with opened(settings) as (warehouse, keyring), turn(warehouse, "keys", "rotation des clés"):
        keyring = prepare_key(warehouse, keyring)
        if keyring.next is not None and not yes:
            console.print(
                f"Une clé n° {keyring.next} est dans {keyring.path}, et ne scelle rien encore. Copiez maintenant ce fichier là où "
                "vous gardez le trousseau, hors de cette machine : perdu après la rotation, les données le seraient aussi.",
                soft_wrap=True,
            )
            if not _is_yes(typer.prompt("La copie est faite ? [o/N]", default="", show_default=False)):
                console.print("Rien n'est changé. Relancez quand elle sera faite (sans terminal : --yes).")
                raise typer.Exit(1)
        with warehouse.connect() as connection, connection.cursor() as cursor:
            known = known_projects(cursor)
        with bars() as progress:
            done = run(warehouse, keyring, FileStore.of(settings), project or known, _Bars(progress))
    console.print(f"{french(done.values)} valeur(s) ou fichier(s) scellés de nouveau.")
    if done.kept:
        console.print(
            f"L'ancienne clé reste au trousseau : {' ; '.join(done.kept)}. Relancez {typed('keys rotate')} plus tard.",
            soft_wrap=True,
        )
        return
    told = ", ".join(f"n° {number}" for number in done.retired)
    console.print(f"Clé(s) retirée(s) : {told}. Plus rien ici ne les utilise." if told else "Plus rien n'est à faire.")
    if done.retired and keyring.path is None:
        console.print("Elles peuvent être ôtées de la variable MEAL_KEYRING_JSON.")
    console.print(
        "Sauvegardez le nouveau trousseau. Les sauvegardes de la base faites avant aujourd'hui ne s'ouvrent qu'avec l'ancien : "
        "gardez-en une copie à part aussi longtemps qu'elles, et pas plus.",
        soft_wrap=True,
    )


class _Bars:
    """A bar for each place."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID | None = None

    def begin(self, place: str, total: int) -> None:
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._task = self._progress.add_task(place, total=total)

    def advance(self, count: int) -> None:
        if self._task is not None:
            self._progress.advance(self._task, count)


def _is_yes(answer: str) -> bool:
    return answer.strip().lower() in ("o", "oui")
