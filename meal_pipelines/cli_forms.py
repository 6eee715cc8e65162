"""The commands `meal forms …`: what the officer does with a form, from its questionnaire to its files.

Words in, work done elsewhere, words out, as in `cli.py`.
"""

from __future__ import annotations

import typer

forms = typer.Typer(help="Les formulaires : questionnaires, modèles de classeur, retours.", no_args_is_help=True)
