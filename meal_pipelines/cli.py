"""The command `meal`: words in, work done elsewhere, words out.

Exit codes: 0 all is well · 1 a step or a blocking check failed · 2 wrong use or configuration, nothing was done.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from meal_pipelines.commands import french
from meal_pipelines.commands.campaigns import campaign
from meal_pipelines.commands.collection import collection
from meal_pipelines.commands.installation import installation
from meal_pipelines.commands.keys import keys
from meal_pipelines.commands.logframe import logframe
from meal_pipelines.commands.persons import persons
from meal_pipelines.commands.questionnaires import forms
from meal_pipelines.commands.reports import reports
from meal_pipelines.commands.requests import privacy
from meal_pipelines.commands.roles import roles
from meal_pipelines.commands.running import running
from meal_pipelines.commands.trace import tracing

app = typer.Typer(
    help="Plateforme de données du suivi-évaluation (SERA) : collecte, qualité, pseudonymisation, indicateurs, extraits.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(running)
app.add_typer(installation)
app.add_typer(keys, name="keys")
app.add_typer(forms, name="forms")
app.add_typer(campaign, name="campaign")
app.add_typer(logframe, name="logframe")
app.add_typer(persons, name="persons")
app.add_typer(privacy, name="privacy")
app.add_typer(roles, name="roles")
app.add_typer(collection)
app.add_typer(reports)
app.add_typer(tracing)


@contextmanager
def _utf8() -> Iterator[None]:
    """Accents on a Windows console too."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
    yield


def main() -> None:
    with _utf8():
        french.run(app)
