"""Which line of a sheet is its header, and which column answers which question; never by a guess.

A header is a question's name, one of its labels or an older wording that `project.yaml` gives under `headers:`, whatever
the order, the accents, the case and the stars. What could be two things is refused, naming both.
"""

from __future__ import annotations

import difflib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from meal_pipelines.collect.sheets.book import Cell, Grid
from meal_pipelines.collect.sheets.receipt import Refused
from meal_pipelines.collect.sheets.spelling import bare
from meal_pipelines.invocation import typed
from meal_pipelines.project.questionnaire import Question

SEARCHED = 60
"""Lines at the top of a sheet among which the header is looked for."""
TWO_LANGUAGES = re.compile(r"\s*[\n\r|]+\s*|\s+[/–—-]\s+")
"""What stands between two wordings in one cell: « Nom / الاسم »."""


class Names:
    """What a header may say for each of some questions.

    wordings: question → further wordings, older labels for instance.
    """

    def __init__(self, questions: Iterable[Question], wordings: Mapping[str, Sequence[str]]) -> None:
        self.questions = {question.name: question for question in questions}
        self._exact: dict[str, str] = {}
        self._alike: dict[str, set[str]] = defaultdict(set)
        for name, question in self.questions.items():
            self._exact[question.path] = self._exact[name] = name
            for text in (name, *question.labels.values(), *wordings.get(name, ())):
                self._alike[bare(text)].add(name)
        self._alike.pop("", None)

    def meant(self, header: str) -> frozenset[str]:
        """The questions that a header may stand for: none, one, or several when it is ambiguous."""
        if header in self._exact:
            return frozenset([self._exact[header]])
        whole = self._alike.get(bare(header))
        if whole:
            return frozenset(whole)
        parts = [self._alike.get(bare(part), set()) for part in TWO_LANGUAGES.split(header) if bare(part)]
        return frozenset(set.intersection(*parts)) if len(parts) > 1 and all(parts) else frozenset()

    def likeness(self, lines: Sequence[Sequence[Cell]]) -> int:
        """How many questions the best of these lines names."""
        return max((self.named(line) for line in lines[:SEARCHED]), default=0)

    def named(self, line: Sequence[Cell]) -> int:
        return len({name for cell in line if isinstance(cell, str) and cell for name in self.meant(cell)})

    def resembling(self, question: str, headers: Iterable[str]) -> str | None:
        """The header most like the question's wordings: to point at it in a message, never for reading."""
        known = {bare(header): header for header in headers if bare(header)}
        wordings = [text for text, names in self._alike.items() if question in names]
        for wording in wordings:
            near = difflib.get_close_matches(wording, known, n=1, cutoff=0.6)
            if near:
                return known[near[0]]
        return next((known[text] for text in known for wording in wordings if wording in text), None)


@dataclass(frozen=True)
class Header:
    """columns: place → question · strays: place → the header (or the letter) of a column that no question explains.

    lines: the lines, from 0, that make up the header; the first data come after the last.
    """

    lines: tuple[int, ...]
    columns: dict[int, str]
    strays: dict[int, str]
    texts: dict[int, str] = field(default_factory=dict)

    @property
    def end(self) -> int:
        return self.lines[-1]


def find_header(file: str, grid: Grid, names: Names, required: Sequence[str], identifying: Sequence[str]) -> Header:
    """The header of a sheet: the line, among the first, that names most questions.

    required: questions that must have a column · identifying: those of the row's key, among them.
    Raises: Refused when a required question has no column, or a column and a question do not go two by two.
    """
    where = f"{file}, feuille « {grid.sheet} »"
    best = max(range(min(SEARCHED, len(grid.lines))), key=lambda n: (names.named(grid.lines[n]), -n), default=None)
    if best is None or not names.named(grid.lines[best]):
        raise Refused(
            f"{where} : aucune ligne d'en-têtes n'a été reconnue parmi les {SEARCHED} premières lignes. Écrivez les "
            f"intitulés du modèle ({typed('forms template')}), par exemple {_spoken(names, identifying)}. Rien n'a été lu de "
            f"ce fichier."
        )
    texts = {place: str(cell) for place, cell in enumerate(grid.lines[best]) if cell != ""}
    columns = _columns(where, best, texts, names)
    _require(where, best, texts, columns, names, required, identifying)
    lines = [best]
    while lines[-1] + 1 < len(grid.lines) and repeats_header(grid.lines[lines[-1] + 1], columns, names):
        lines.append(lines[-1] + 1)
    return Header(tuple(lines), columns, _strays(grid, best, texts, columns), texts)


def repeats_header(line: Sequence[Cell], columns: Mapping[int, str], names: Names) -> bool:
    """Whether a line says the header again, in another language or on another page, and nothing else."""
    said = {place: cell for place, cell in enumerate(line) if cell != "" and place in columns}
    if not said or len(said) < min(2, len(columns)):
        return False
    return all(isinstance(cell, str) and columns[place] in names.meant(cell) for place, cell in said.items())


def _columns(where: str, line: int, texts: dict[int, str], names: Names) -> dict[int, str]:
    columns: dict[int, str] = {}
    for place, text in texts.items():
        meant = names.meant(text)
        if len(meant) > 1:
            raise Refused(
                f"{where}, ligne {line + 1} : l'en-tête « {text} » (colonne {letter(place)}) peut désigner plusieurs "
                f"questions : {', '.join(sorted(meant))}. Écrivez à sa place le nom de la question voulue. Rien n'a été lu de "
                f"ce fichier."
            )
        for name in meant:
            twin = next((other for other, taken in columns.items() if taken == name), None)
            if twin is not None:
                raise Refused(
                    f"{where}, ligne {line + 1} : deux colonnes répondent à la même question ({name}) : « {texts[twin]} » "
                    f"(colonne {letter(twin)}) et « {text} » (colonne {letter(place)}). Gardez-en une, et donnez à l'autre un "
                    f"en-tête à elle. Rien n'a été lu de ce fichier."
                )
            columns[place] = name
    return columns


def _require(
    where: str, line: int, texts: dict[int, str], columns: dict[int, str], names: Names, required: Sequence[str],
    identifying: Sequence[str],
) -> None:  # fmt: skip
    missing = [name for name in dict.fromkeys((*identifying, *required)) if name not in columns.values()]
    if not missing:
        return
    # A line that names few questions may be one of data. Even of a header only the place is told: it may name somebody.
    unknown = [text for place, text in texts.items() if place not in columns]
    comparable = unknown if len(columns) >= max(2, len(texts) / 2) else []
    said = []
    for name in missing:
        near = names.resembling(name, comparable)
        column = next((letter(place) for place, text in texts.items() if text == near), None)
        role = ", qui identifie les lignes," if name in identifying else ""
        said.append(
            f"la colonne « {names.questions[name].label} » ({name}){role} manque"
            + (f" ; l'en-tête de la colonne {column} lui ressemble" if column is not None else "")
        )
    raise Refused(
        f"{where}, ligne {line + 1} : {' ; '.join(said)}. Écrivez {'cet en-tête' if len(missing) == 1 else 'ces en-têtes'} "
        f"comme dans le modèle, ou déclarez l'ancien intitulé sous « headers: » dans project.yaml. Rien n'a été lu de ce "
        f"fichier."
    )


def _strays(grid: Grid, line: int, texts: dict[int, str], columns: dict[int, str]) -> dict[int, str]:
    """A name of its own for each column that no question explains: its header, else its letter."""
    strays: dict[int, str] = {}
    width = max((len(cells) for cells in grid.lines[line:]), default=0)
    taken: set[str] = set(columns.values())
    for place in range(width):
        if place in columns:
            continue
        # A server's own keys begin with these signs; a header is none of them.
        text = texts.get(place, f"colonne {letter(place)}").lstrip("_$").strip() or f"colonne {letter(place)}"
        name, number = text, 2
        while name in taken:
            name, number = f"{text} ({number})", number + 1
        taken.add(name)
        strays[place] = name
    return strays


def _spoken(names: Names, questions: Sequence[str]) -> str:
    return ", ".join(f"« {names.questions[name].label} »" for name in questions)


def letter(place: int) -> str:
    """The name of a column, as a spreadsheet shows it."""
    text = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        text = chr(65 + rest) + text
    return text
