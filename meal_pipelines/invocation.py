"""How a command is written wherever a person is told to run one: as README has it typed.

One place, so that what a message says can be copied as it stands. It knows no command: that each one told exists, and takes the
options told, is under test.
"""

from __future__ import annotations

import os

MEAL = "uv run meal"
"""`uv run` finds the command of the clone without anything being activated, on Windows too."""

DEMO = "MEAL_DEMO"
"""The variable that says, in this process and those it starts, that the work is on the demonstration."""

WITHOUT_DEMO = (
    "demo", "sample", "logframe", "forms template", "forms lint", "forms diff", "forms push", "forms pull",
    "privacy register", "privacy documents",
)  # fmt: skip
"""Commands about the files of a project, the same for the demonstration: they have no `--demo`."""


def line(words: str) -> str:
    """The whole line, `uv run meal run -p prim2`; with `--demo` where this process works on the demonstration."""
    takes_it = not any(f"{words} ".startswith(f"{each} ") for each in WITHOUT_DEMO) and "--demo" not in words.split()
    return f"{MEAL} {words}" + (" --demo" if takes_it and os.environ.get(DEMO) == "1" else "")


def typed(words: str) -> str:
    """The line within a sentence: « uv run meal run -p prim2 »."""
    return f"« {line(words)} »"
