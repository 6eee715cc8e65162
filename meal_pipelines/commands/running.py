"""The commands that make the pipeline run: the demonstration, a run, the interface with its scheduler, generated submissions.

Words in, work done elsewhere, words out, as in `cli.py`.
"""

from __future__ import annotations

import shutil
from concurrent.futures import ProcessPoolExecutor, as_completed
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from meal_pipelines.commands.command import Demo, explained, settings_of
from meal_pipelines.errors import ConfigurationError
from meal_pipelines.invocation import line, typed
from meal_pipelines.settings import Settings

if TYPE_CHECKING:
    from meal_pipelines.project.loaded import LoadedProject

running = typer.Typer()

Projects = Annotated[list[str] | None, typer.Option("--project", "-p", help="Un projet seulement (peut se répéter).")]


class Stage(StrEnum):
    RAW = "raw"
    CLEANED = "cleaned"
    PSEUDONYMISED = "pseudonymised"
    MARTS = "marts"
    INDICATORS = "indicators"
    EXTRACTS = "extracts"


@running.command()
@explained
def demo(
    rows: Annotated[int, typer.Option(min=50, help="Soumissions par projet.")] = 5000,
    seed: Annotated[int, typer.Option(help="Graine du générateur : même graine, mêmes données.")] = 1,
) -> None:
    """Les deux projets sur des données générées, dans un entrepôt à part, de la collecte aux extraits."""
    from meal_pipelines.display.screen import console
    from meal_pipelines.project.load import load_projects
    from meal_pipelines.protect.keys.keyring import Keyring
    from meal_pipelines.warehouse.connection import Warehouse

    settings = Settings.load(demo=True)
    projects = load_projects(settings)
    Warehouse.discard(settings)
    for folder in (settings.sample, settings.out, settings.dagster_home):
        shutil.rmtree(folder, ignore_errors=True)
    settings.keyring.unlink(missing_ok=True)
    Keyring.create(settings.keyring)
    console.print(
        f"Démonstration neuve dans [bold]{settings.home}[/] (trousseau de clés compris : keyring.json, mode 600)."
    )
    with Warehouse.open(settings):
        _generate(settings, list(projects), rows, seed)
        _run(settings, projects, [], [], accept_deletions=False)
    console.print(
        "\nEt maintenant :\n"
        f"  [bold]{line('up --demo')}[/]      l'interface Dagster : lignage, contrôles, historique\n"
        f"  [bold]{line('url --demo')}[/]     l'adresse de la base pour psql, DBeaver, Power BI, pandas"
    )


def _generate(settings: Settings, projects: list[str], rows: int, seed: int) -> None:
    """Make the sample of each project, in a process each; Great Expectations loads meanwhile in this one."""
    from meal_pipelines.display.screen import bars, console

    with bars() as progress, ProcessPoolExecutor(max_workers=2) as pool:
        task = progress.add_task("Génération des soumissions", total=len(projects))
        waiting = [pool.submit(_generate_one, settings, project, rows, seed) for project in projects]
        import great_expectations  # noqa: F401

        for done in as_completed(waiting):
            progress.advance(task)
            console.print(f"  [green]✓[/] {done.result()}")


def _generate_one(settings: Settings, project: str, rows: int, seed: int) -> str:
    from meal_pipelines.project.load import load_projects
    from meal_pipelines.sample import generate

    summary = generate(load_projects(settings, [project])[project], rows, seed, settings.sample / project)
    return f"Génération · {project} — {summary.received} soumissions d'exemple"


@running.command()
@explained
def run(
    project: Projects = None,
    stage: Annotated[
        list[Stage] | None, typer.Option("--stage", "-s", help="Une étape seulement (peut se répéter).")
    ] = None,
    accept_deletions: Annotated[
        bool, typer.Option("--accept-deletions", help="Croire une source dont beaucoup de soumissions ont disparu.")
    ] = False,
    demo: Demo = False,
) -> None:
    """Collecter et calculer ce qui a changé, sur les sources configurées."""
    from meal_pipelines.collect.sources import check_sources
    from meal_pipelines.project.load import chosen, load_projects
    from meal_pipelines.warehouse.connection import Warehouse
    from meal_pipelines.warehouse.presence import require_folders

    settings = settings_of(demo)
    every = load_projects(settings)
    projects = chosen(every, project or every)
    with Warehouse.open(settings) as warehouse:
        _check_keys(settings, warehouse)
        require_folders(warehouse, every)
        if not stage or Stage.RAW in stage:
            check_sources(settings, projects.values())
        stages = [str(each) for each in stage or []]
        _run(settings, projects, project or [], stages, accept_deletions=accept_deletions)


def _run(
    settings: Settings,
    projects: dict[str, LoadedProject],
    asked: list[str],
    stages: list[str],
    *,
    accept_deletions: bool,
) -> None:
    """Run, show the summary, and end with 1 when something failed.

    projects: whose figures are shown. asked, stages: what is run; nothing means all.
    """
    from meal_pipelines.display import screen as display
    from meal_pipelines.orchestrate import launch

    with display.RunDisplay() as reporter:
        outcome = launch(settings, projects=asked, stages=stages, reporter=reporter, accept_deletions=accept_deletions)
    if outcome.succeeded and not outcome.changed and not stages:
        display.console.print(f"\nRien à faire : tout est à jour ({display.french(round(outcome.seconds))} s).")
    _summarise(settings, projects, outcome.outdated)
    for asset, text in outcome.failures:
        display.refuse(f"{asset} : {text}")
    if outcome.skipped:
        display.refuse(f"Non exécuté, parce que ce qui précède a échoué : {', '.join(outcome.skipped)}.")
    if not outcome.succeeded:
        raise typer.Exit(1)
    if outcome.changed:
        display.console.print(f"\nTerminé en {display.french(round(outcome.seconds))} s.")


def _summarise(settings: Settings, projects: dict[str, LoadedProject], outdated: list[str]) -> None:
    from meal_pipelines import summary
    from meal_pipelines.display import screen as display
    from meal_pipelines.warehouse.connection import Warehouse

    with Warehouse.open(settings) as warehouse:
        display.show_forms(summary.form_counts(warehouse, projects))
        display.show_marts(summary.mart_counts(warehouse))
        display.show_checks(summary.check_counts(warehouse))
        display.show_standing(summary.standing_still(warehouse, projects), projects, outdated)
        display.show_indicators(summary.indicator_lines(warehouse, projects))
    display.show_files(summary.files(settings.out, projects))


@running.command()
@explained
def up(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port de l'interface.")] = 3000,
    db_port: Annotated[int | None, typer.Option(min=1, max=65535, help="Ouvrir aussi la base sur 127.0.0.1.")] = None,
    hook_port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help=f"Écouter les appels de Kobo sur 127.0.0.1 (voir {typed('hook')})."),
    ] = None,
    read_only: Annotated[bool, typer.Option("--read-only", help="Consulter sans pouvoir lancer.")] = False,
    demo: Demo = False,
) -> None:
    """Ouvrir l'interface Dagster et le planificateur sur l'entrepôt. Ctrl-C arrête tout."""
    from meal_pipelines.display.screen import console
    from meal_pipelines.project.load import load_projects
    from meal_pipelines.serving import serve
    from meal_pipelines.warehouse.connection import Warehouse

    settings = settings_of(demo)
    load_projects(settings)
    with Warehouse.open(settings) as warehouse:
        _check_keys(settings, warehouse)
        if db_port is not None:
            warehouse.open_tcp(db_port)
            console.print(
                f"Base ouverte sur 127.0.0.1:{db_port}, base « meal », rôles meal_analyst et meal_dpo ; "
                f"mots de passe dans {settings.home / 'passwords.json'} (lisible par vous seul·e)."
            )
        try:
            for address in serve(settings, port=port, read_only=read_only, hook_port=hook_port):
                if hook_port is not None:
                    console.print(f"Appels de Kobo : 127.0.0.1:{hook_port}, à placer derrière votre proxy https.")
                console.print(f"Interface : [bold]{address}[/] — Ctrl-C pour arrêter.")
        except KeyboardInterrupt:
            console.print("\nArrêté.")


@running.command()
@explained
def sample(
    project: Annotated[str, typer.Option("--project", "-p", help="Le projet.")],
    to: Annotated[Path, typer.Option(help="Dossier à écrire.")],
    rows: Annotated[int, typer.Option(min=1, help="Nombre de soumissions.")] = 5000,
    seed: Annotated[int, typer.Option(help="Même graine, mêmes octets.")] = 1,
    noise: Annotated[
        bool,
        typer.Option(
            "--noise", help="Écrire les personnes comme sur le terrain : fautes, translittérations, autre numéro …"
        ),
    ] = False,
) -> None:
    """Générer des soumissions d'exemple, défauts compris, et la vérité attendue."""
    from meal_pipelines.display.screen import bars, console, french
    from meal_pipelines.project.load import load_projects
    from meal_pipelines.sample import generate
    from meal_pipelines.sample.noise import Noise

    loaded = load_projects(Settings.load(), [project])[project]
    if to.exists() and any(to.iterdir()):
        raise ConfigurationError(f"Le dossier {to} n'est pas vide. Choisissez-en un autre, ou videz-le.")
    with bars() as progress:
        task = progress.add_task("Soumissions", total=rows)
        summary = generate(
            loaded, rows, seed, to, noise=Noise() if noise else None,
            progress=lambda done, total: progress.update(task, completed=done, total=total),
        )  # fmt: skip
    console.print(
        f"{french(summary.received)} soumissions d'exemple dans {to} ; la vérité attendue est dans {to / 'truth'}."
    )


def _check_keys(settings: Settings, warehouse: Any) -> None:
    """Refuse before anything is written when the keys are missing or are not this warehouse's."""
    from meal_pipelines.protect.keys.keyring import Keyring

    ring = Keyring.of(settings)
    with warehouse.connect() as connection, connection.cursor() as cursor:
        ring.check_against(cursor)
