"""What the command line says by itself: in French, with the exit codes people rely on, and with commands that can be typed."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meal_pipelines import invocation
from meal_pipelines.cli import app
from meal_pipelines.commands import french

ROOT = Path(__file__).parent.parent
ENGLISH = re.compile(
    r"Usage:|Show this|\[default|\[required|Commands|COMMAND |ARGS|Error|Try |Missing|No such|Invalid|should be|<(bool|str|int|path)"
)


def _leaves(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not hasattr(command, "commands"):
        yield words, command
    for name, each in getattr(command, "commands", {}).items():
        yield from _leaves(each, (*words, name))


COMMANDS = dict(_leaves(french.spoken(app)))


def _typed(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["meal", *words])
    with pytest.raises(SystemExit) as ended:
        french.run(app)
    return int(str(ended.value.code))


def test_the_help_of_every_command_is_in_french(capsys, monkeypatch):
    """Typer's own words are English, and so are the names of Python's types."""
    for words in [(), *{command[:1] for command in COMMANDS}, *COMMANDS]:
        assert _typed(monkeypatch, *words, "--help") == 0
        said = capsys.readouterr().out
        assert "Usage : uv run meal" in said and "Afficher cette aide." in said
        assert ENGLISH.search(said) is None, (words, said)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("trace", "Il manque l'argument « INDICATEUR »."),
        ("trace P2-OC-2", "Il manque l'option « --period »."),
        ("trace P2-OC-2 --perod 2028", "L'option « --perod » n'existe pas. Vouliez-vous dire « --period » ?"),
        ("tracer", "La commande « tracer » n'existe pas. Vouliez-vous dire « trace » ?"),
        ("run --stage charger", "« --stage » n'est pas acceptée : choisissez parmi raw, cleaned"),
        ("up --port 0", "« --port » n'est pas acceptée : un nombre entier, au moins 1, au plus 65535."),
        ("restatements prim2 --told-on hier", "« --told-on » n'est pas acceptée : une date, année-mois-jour"),
        ("url --role", "L'option « --role » attend une valeur."),
        ("url --demo=oui", "L'option « --demo » s'écrit seule, sans valeur."),
        ("url analyste", "En trop : « analyste »."),
    ],
)
def test_a_line_that_is_not_understood_is_refused_in_french_with_code_2(line, sentence, capsys, monkeypatch):
    assert _typed(monkeypatch, *line.split()) == 2
    said = capsys.readouterr()
    assert sentence in said.err and not said.out
    assert ENGLISH.search(said.err) is None


def test_a_group_without_a_command_shows_its_help_with_code_2(capsys, monkeypatch):
    assert _typed(monkeypatch, "privacy") == 2
    said = capsys.readouterr()
    assert "Commandes" in said.out and not said.err


def _told_commands() -> Iterator[tuple[str, str]]:
    """Every line that the program tells somebody to type, read from its own text: (where, words); X for what is filled in."""
    for file in [*ROOT.glob("meal_pipelines/**/*.py"), *ROOT.glob("assets/*.py")]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("typed", "line"):
                parts = node.args[0].values if isinstance(node.args[0], ast.JoinedStr) else [node.args[0]]
                told = "".join(str(part.value) if isinstance(part, ast.Constant) else "X" for part in parts)
                if all(isinstance(part, (ast.Constant, ast.FormattedValue)) for part in parts):
                    yield f"{file.name}:{node.lineno}", told


def test_every_command_that_is_told_exists_and_takes_the_options_that_are_told():
    """An option that takes a value is told with one: « up --hook-port --demo », once told, is refused."""
    found = [(where, told) for where, told in _told_commands() if not told.startswith("X")]
    assert len(found) > 40
    for where, told in found:
        words = told.split()
        command = next((each for name, each in COMMANDS.items() if tuple(words[: len(name)]) == name), None)
        assert command is not None, (where, told)
        known = {option: parameter for parameter in command.params for option in parameter.opts}
        for place, word in enumerate(words):
            assert not word.startswith("-") or word in known, (where, told)
            if word.startswith("-") and not known[word].is_flag:
                assert len(words) > place + 1 and not words[place + 1].startswith("-"), (where, told)


def test_on_the_demonstration_each_told_command_that_can_be_is_one_on_the_demonstration(monkeypatch):
    monkeypatch.setenv(invocation.DEMO, "1")
    for name, command in COMMANDS.items():
        takes_it = "--demo" in {option for parameter in command.params for option in parameter.opts}
        assert invocation.line(" ".join(name)).endswith(" --demo") == takes_it, name
    monkeypatch.setenv(invocation.DEMO, "0")
    assert invocation.typed("run -p prim2") == "« uv run meal run -p prim2 »"


def test_nothing_else_writes_how_a_command_is_typed():
    """A message that says « meal run » cannot be copied: in a clone, the command is « uv run meal run »."""
    for file in [*ROOT.glob("meal_pipelines/**/*.py"), *ROOT.glob("assets/*.py")]:
        if "migrations" in file.parts or file.name == "invocation.py":
            continue
        tree = ast.parse(file.read_text(encoding="utf-8"))
        described = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in described:
                assert not re.search(r"(« |uv run |\()meal [a-z]", node.value), f"{file.name}:{node.lineno}"
