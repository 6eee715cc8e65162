"""The command line in French: what Typer says by itself, in its help and in its refusals.

Typer 0.29 has no French: its words are constants of its modules, messages of its exceptions and of pydantic. What each command
says of itself is in its own module. Private names of Typer are used here and nowhere else; that no English is left is under test.
"""

from __future__ import annotations

import datetime as dt
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from typer import rich_utils
from typer._click import Context, HelpFormatter
from typer._click import exceptions as refused
from typer._click.exceptions import ClickException

from meal_pipelines.display.screen import errors, refuse
from meal_pipelines.invocation import MEAL

TYPES = {str: "texte", int: "nombre", float: "nombre", Path: "chemin"}
MESSAGES = (
    (r"No such command (?P<what>.+?)\.?(?: Did you mean (?P<near>.+)\?)?", "La commande « {what} » n'existe pas."),
    (r"Missing command\.", "Il manque la commande."),
    (r"Got unexpected extra argument\(?s?\)? \((?P<what>.*)\)", "En trop : « {what} ». Mettez entre \" un texte de plusieurs mots."),
    (r"Option (?P<what>.+) does not take a value\.", "L'option « {what} » s'écrit seule, sans valeur."),
    (r"Option (?P<what>.+) requires an argument\.", "L'option « {what} » attend une valeur."),
)  # fmt: skip
"""Messages that Typer gives as a text only, and what they are in French."""


class _Formatter(HelpFormatter):
    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(prog, args, prefix or "Usage : ")


class _Context(Context):
    formatter_class = _Formatter


def run(app: typer.Typer) -> None:
    """Run the command of this process's arguments, and end it with its exit code (2 for a line that is not understood)."""
    command = spoken(app)
    try:
        code = command(prog_name=MEAL, standalone_mode=False)
    except ClickException as error:
        refuse_line(error)
        sys.exit(error.exit_code)
    except typer.Abort:
        refuse("Interrompu.")
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)


def spoken(app: typer.Typer) -> Any:
    """The command, with French titles, names of types and help of `--help`, in every command below it."""
    rich_utils.ARGUMENTS_PANEL_TITLE = "Arguments"
    rich_utils.OPTIONS_PANEL_TITLE = "Options"
    rich_utils.COMMANDS_PANEL_TITLE = "Commandes"
    rich_utils.DEFAULT_STRING = "[par défaut : {}]"
    rich_utils.REQUIRED_LONG_STRING = "[obligatoire]"
    command: Any = typer.main.get_command(app)
    for each in _with_those_below(command):
        each.context_class = _Context
        if hasattr(each, "commands"):
            each.subcommand_metavar = "COMMANDE [ARGUMENTS]…"
        helping = each.get_help_option(_Context(each, help_option_names=["-h", "--help"]))
        helping.help = "Afficher cette aide."
        for parameter in [*each.params, helping]:
            name = _type_of(parameter)
            parameter.display_type = lambda ctx, name=name: name
    return command


def _with_those_below(command: Any) -> Iterator[Any]:
    yield command
    for each in getattr(command, "commands", {}).values():
        yield from _with_those_below(each)


def _type_of(parameter: Any) -> str:
    """What is to be written after an option; nothing after one that stands alone."""
    if getattr(parameter, "is_flag", False):
        return ""
    kind = parameter.type_descriptor
    if kind.choices:
        return f"<{'|'.join(_choices(kind))}>"
    if kind.annotation is dt.datetime:
        return "<AAAA-MM-JJ>"
    each = kind.annotation.__args__[0] if kind.is_list else kind.annotation
    return f"<{TYPES[each]}>"


def _choices(kind: Any) -> list[str]:
    return [str(getattr(each, "value", each)) for each in kind.choices]


def refuse_line(error: ClickException) -> None:
    """How the command is written, what is wrong with this line, and how to ask for help; nothing where help was shown already."""
    if isinstance(error, refused.NoArgsIsHelpError):
        return
    context = getattr(error, "ctx", None)
    if context is not None:
        errors.print(context.get_usage(), markup=False, soft_wrap=True)
    refuse(told(error))
    if context is not None:
        errors.print(f"Aide : {context.command_path} --help", markup=False, soft_wrap=True)


def told(error: ClickException) -> str:
    """One sentence on a line that is not understood."""
    if isinstance(error, refused.NoSuchOption):
        near = ", ".join(f"« {each} »" for each in sorted(error.possibilities or ()))
        return f"L'option « {error.option_name} » n'existe pas." + (f" Vouliez-vous dire {near} ?" if near else "")
    if isinstance(error, refused.MissingParameter):
        return f"Il manque {_named(error.param)}."
    if isinstance(error, refused.BadParameter):
        return f"La valeur de {_named(error.param)} n'est pas acceptée : {_wrong(error)}."
    for pattern, sentence in MESSAGES:
        if (found := re.fullmatch(pattern, error.message)) is not None:
            parts = {name: (text or "").strip("'") for name, text in found.groupdict().items()}
            near = parts.get("near", "").replace("'", "")
            return sentence.format(**parts) + (f" Vouliez-vous dire « {near} » ?" if near else "")
    return "Cette ligne n'est pas comprise."


def _named(parameter: Any) -> str:
    if parameter is None:
        return "un argument"
    if parameter.param_type_name == "argument":
        return f"l'argument « {parameter.display_name_raw} »"
    return f"l'option « {max(parameter.opts, key=len)} »"


def _wrong(error: refused.BadParameter) -> str:
    """What would be accepted; the value itself stands on the line that was typed."""
    parameter: Any = error.param
    kind = getattr(parameter, "type_descriptor", None)
    if kind is not None and kind.choices:
        return "choisissez parmi " + ", ".join(_choices(kind))
    if kind is not None and kind.annotation is dt.datetime:
        return "une date, année-mois-jour, par exemple 2028-12-31"
    if kind is not None and kind.annotation in (int, float):
        lowest, highest = parameter.min, parameter.max
        bounds = [
            *([f"au moins {lowest}"] if lowest is not None else []),
            *([f"au plus {highest}"] if highest is not None else []),
        ]
        return ", ".join(["un nombre entier" if kind.annotation is int else "un nombre", *bounds])
    return "elle n'a pas la forme attendue"
