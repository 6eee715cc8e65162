"""The commands `meal forms lint | diff | push | pull`: a questionnaire, examined, compared, deployed, brought back.

Words in, work done in `forms/`, words out, as in `cli.py`.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meal_pipelines.commands.command import explained
from meal_pipelines.commands.files import forms
from meal_pipelines.commands.forms import FormName, ProjectName, chosen_form
from meal_pipelines.invocation import line
from meal_pipelines.settings import Settings

if TYPE_CHECKING:
    from meal_pipelines.forms.difference import Comparison

__all__ = ["forms"]

STYLES = {
    "added": ("+", "green"), "removed": ("-", "red"), "renamed": ("~", "yellow"), "retyped": ("!", "yellow"),
    "rule": ("·", "cyan"), "choice": ("·", "magenta"), "label": ("·", "dim"),
}  # fmt: skip
"""How each kind of difference is marked, and coloured on a terminal."""


@forms.command()
@explained
def lint(
    project: ProjectName,
    form: Annotated[str | None, typer.Argument(metavar="[FORMULAIRE]", help="Un seul ; sans lui, tous.")] = None,
) -> None:
    """Examiner les questionnaires : erreurs, règles d'un bon formulaire, pyxform, ODK Validate. Code de sortie : 1 si une erreur."""
    from rich.text import Text

    from meal_pipelines.display.screen import console
    from meal_pipelines.forms.lint import lint as examine

    is_faulty = False
    for linted in examine(Settings.load(), project, form):
        is_faulty |= linted.is_faulty
        mark, style = ("✗", "red") if linted.is_faulty else ("✓", "green")
        console.print(Text(f"{mark} {project}/{linted.form} · {linted.file.name}", style=style), soft_wrap=True)
        for remark in linted.remarks:
            style = "red" if remark.level == "error" else "yellow"
            console.print(
                Text(f"    {'erreur' if remark.level == 'error' else 'à voir'} · {remark}", style=style), soft_wrap=True
            )
        if linted.skipped:
            console.print(Text(f"    {linted.skipped}", style="dim"), soft_wrap=True)
    if is_faulty:
        raise typer.Exit(1)


@forms.command()
@explained
def diff(
    form: FormName,
    project: ProjectName,
    offline: Annotated[
        bool, typer.Option("--offline", help="Avec la dernière version collectée, sans interroger le serveur.")
    ] = False,
    write: Annotated[
        bool,
        typer.Option("--write", help="Noter la version comme revue et écrire la proposition dans forms/<form>.yaml."),
    ] = False,
) -> None:
    """Comparer la version déployée et le questionnaire local. Code de sortie : 0 pareils, 1 différents, 2 erreur."""
    from meal_pipelines.display.screen import console
    from meal_pipelines.forms.difference import compare
    from meal_pipelines.forms.review import proposal, unsettled, write_change, write_deployed
    from meal_pipelines.forms.servers import deployed_version, kept_version, kept_versions

    settings = Settings.load()
    loaded, chosen = chosen_form(settings, project, form)
    deployed = kept_version(settings, chosen) if offline else deployed_version(settings, loaded, chosen)
    before = deployed.questionnaire()
    comparison = compare(before, chosen.questionnaire)
    console.print(
        f"Déployé : version « {deployed.version} » · local : {chosen.questionnaire.file.name}", soft_wrap=True
    )
    if deployed.draft:
        console.print(f"Le serveur garde aussi {deployed.draft}.", style="yellow", soft_wrap=True)
    show(comparison)
    open_points = unsettled(chosen, deployed.version, before)
    if open_points and not chosen.versions.names(deployed.version):
        named = [version for version in kept_versions(settings, chosen) if not chosen.versions.names(version)]
        change = proposal(comparison, dict.fromkeys([*named, deployed.version]))
        if write:
            path = write_change(loaded.folder, form, change)
            console.print(f"Proposition écrite dans {path.parent.name}/{path.name} : relisez-la.", soft_wrap=True)
        else:
            console.print("\nProposition pour forms/" + f"{form}.yaml, sous « changes » :", markup=False)
            console.print(change, markup=False, highlight=False, soft_wrap=True)
    for text in open_points:
        console.print(f"À régler : {text}.", style="yellow", markup=False, soft_wrap=True)
    if write:
        write_deployed(loaded.folder, form, deployed.version)
        console.print(f"Version revue : « {deployed.version} ».", markup=False, soft_wrap=True)
    if not comparison.is_same:
        raise typer.Exit(1)


def show(comparison: Comparison) -> None:
    """The differences, question by question."""
    from rich.text import Text

    from meal_pipelines.display.screen import console

    if comparison.is_same:
        console.print("Aucune différence.", style="green")
        return
    found = defaultdict(list)
    for difference in comparison.differences:
        found[difference.question].append(difference)
    for question, differences in found.items():
        console.print(Text(question, style="bold"))
        for difference in differences:
            sign, style = STYLES[difference.kind]
            sure = f" ({100 * difference.like:.0f}\u202f%)" if difference.like is not None else ""
            console.print(Text(f"  {sign} {difference.text}{sure}", style=style), soft_wrap=True)


@forms.command()
@explained
def push(
    form: FormName,
    project: ProjectName,
    yes: Annotated[bool, typer.Option("--yes", help="Déployer ; sans cette option, rien n'est envoyé.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Montrer ce qui serait fait (par défaut).")] = False,
    file: Annotated[Path | None, typer.Option(help="Un autre questionnaire, une copie gardée par exemple.")] = None,
    accept_changes: Annotated[
        bool,
        typer.Option("--accept-changes", help="Remplacer ce qui a été changé sur le serveur depuis la dernière revue."),
    ] = False,
) -> None:
    """Déployer le questionnaire local sur son serveur. La version en vigueur est copiée d'abord ; rien ne se perd."""
    from meal_pipelines.display.screen import console
    from meal_pipelines.forms.push import copy_path, plan
    from meal_pipelines.forms.push import push as deploy

    settings = Settings.load()
    loaded, chosen = chosen_form(settings, project, form)
    made = plan(settings, loaded, chosen, file=file, accept=accept_changes)
    console.print(f"En vigueur : version « {made.deployed.version} » · à déployer : {made.file.name}", soft_wrap=True)
    show(made.comparison)
    if yes and not dry_run:
        done = deploy(settings, made)
        console.print(f"Déployé : version « {done.version} », notée comme revue.", style="green", soft_wrap=True)
        console.print(f"La version d'avant est copiée dans {done.copy}. Pour y revenir :", soft_wrap=True)
        console.print(
            f"  {line(f'forms push {form} -p {project} --file {done.copy} --yes')}", soft_wrap=True, markup=False
        )
        return
    for text in made.obstacles:
        console.print(f"Empêche de déployer : {text}.", style="red", markup=False, soft_wrap=True)
    console.print("\nÀ blanc : rien n'a été envoyé. Il serait fait, dans cet ordre :")
    console.print(
        f"  copie de la version en vigueur dans {copy_path(settings, chosen, made.deployed.version)}.*", soft_wrap=True
    )
    for call in made.server.calls():
        console.print(f"  {call}", markup=False, soft_wrap=True)
    if made.obstacles:
        raise typer.Exit(1)
    console.print("Pour le faire : ajoutez --yes.")


@forms.command()
@explained
def pull(
    form: FormName,
    project: ProjectName,
    yes: Annotated[
        bool, typer.Option("--yes", help="Remplacer le questionnaire local (une copie en est gardée).")
    ] = False,
) -> None:
    """Ramener la version déployée, à côté du questionnaire local ; à sa place avec --yes."""
    from meal_pipelines.display.screen import console
    from meal_pipelines.forms.push import pull as bring

    settings = Settings.load()
    loaded, chosen = chosen_form(settings, project, form)
    written, kept = bring(settings, loaded, chosen, over=yes)
    console.print(f"Version déployée écrite dans {written}", soft_wrap=True)
    if kept is not None:
        console.print(f"Le questionnaire d'avant est gardé dans {kept}", soft_wrap=True)
    else:
        console.print("Le questionnaire local n'a pas changé. Pour le remplacer : ajoutez --yes.")
