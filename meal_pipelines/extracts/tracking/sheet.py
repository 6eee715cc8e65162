"""How the tracking workbook looks: an overview, then a sheet per result with its targets, its quarters and its notes.

A light says its word; bars tell the last quarters beside their figures. A hidden figure has its mark wherever it stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from meal_pipelines.extracts.declared import APART
from meal_pipelines.extracts.table import Kind, Tone
from meal_pipelines.extracts.too_few import is_too_few, rule_told
from meal_pipelines.extracts.tracking.drawn import BODY, HEADING, NOTE, QUIET, SECTION, TITLE, Book, Look, shaded
from meal_pipelines.extracts.tracking.lines import (
    DECLARED,
    LATE,
    NO_TARGET,
    NO_VALUE,
    ON_TRACK,
    TOO_FEW,
    WATCH,
    Line,
    Tracking,
    target_columns,
)
from meal_pipelines.extracts.wording import ILLUSTRATIVE, LEVELS, MASKED, day, measure_sentence, sentence
from meal_pipelines.project.logframe import Indicator, Result
from meal_pipelines.protect.disclosure import HIDDEN

OVERVIEW = "Tableau de suivi"
LIGHTS: dict[str, tuple[str, Tone]] = {
    ON_TRACK: ("● ", "good"),
    WATCH: ("◐ ", "warning"),
    LATE: ("○ ", "bad"),
    NO_TARGET: ("– ", "muted"),
    NO_VALUE: ("– ", "muted"),
    MASKED: ("– ", "muted"),
    TOO_FEW: ("– ", "muted"),
    DECLARED: ("◇ ", "caution"),
}
"""A shape and a word beside the colour: the sheet is also read in black and white."""
HEADER = 5
"""The line of the headings, from 0."""
QUARTERS_DRAWN, QUARTER_WIDTH = ("Trimestres", 16.0), 8.5
HEADROOM = 1.35
"""The height of a cell over its highest bar."""
OVERVIEW_COLUMNS: list[tuple[str, float]] = [
    ("Code", 12), ("Indicateur", 52), ("Unité", 13), ("Référence", 11), ("Statut de la référence", 22),
    ("Valeur à date", 11), ("Prochaine cible", 11), ("Échéance", 11), ("% de la prochaine cible", 10),
    ("Cible finale", 11), ("% de la cible finale", 10), ("Situation", 20), ("Tendance (dernier trimestre)", 12), QUARTERS_DRAWN,
]  # fmt: skip
Cells = Sequence[tuple[Any, Kind]]


def write_tracking_workbook(tracking: Tracking, path: Path) -> None:
    """The overview and a sheet for each result."""
    with Book(path, f"{tracking.project.project.name} — tableau de suivi") as book:
        _overview(book, tracking)
        for result in tracking.logframe.results:
            _result(book, tracking, result)


def _overview(book: Book, tracking: Tracking) -> None:
    sheet = book.sheet(OVERVIEW)
    said = tracking.project.project
    _title(book, sheet, tracking, f"{said.name} — Tableau de suivi", said.label)
    _lights(book, sheet, tracking.lines)
    _headings(book, sheet, tracking, OVERVIEW_COLUMNS)
    line = HEADER + 1
    for result in tracking.logframe.results:
        last = len(OVERVIEW_COLUMNS) + len(tracking.quarters) - 1
        _band(book, sheet, line, f"{LEVELS[result.level]} {result.code} — {result.label}", last)
        line += 1
        of_result = [at for at in tracking.lines if at.result == result.code]
        for index, at in enumerate(of_result):
            again = index > 0 and of_result[index - 1].indicator == at.indicator
            _line(book, sheet, line, at, _overview_cells(tracking, at, again=again))
            line += 1
        if not of_result:
            book.put(sheet, line, 1, "Aucun indicateur pour ce résultat.", {**QUIET, "italic": True})
            line += 1
    last_line = _notes(book, sheet, line + 1, _general_notes(tracking), 0, len(OVERVIEW_COLUMNS) - 2)
    book.fit(sheet, last_line, _width(tracking, OVERVIEW_COLUMNS))
    sheet.freeze_panes(HEADER + 1, 2)
    sheet.repeat_rows(HEADER - 1, HEADER)


def _overview_cells(tracking: Tracking, at: Line, *, again: bool) -> Cells:
    """again: a further category of the indicator above, whose name need not be repeated in full."""
    return [
        (at.indicator, "text"), (_label(at, again=again), "wrap"), (_unit(tracking, at), "wrap"), *_baseline(at),
        (at.mark or at.value, "decimal"), (_or(at.next_target, at.next_text), "decimal"), (at.next_date, "date"),
        (_hidden(at) or at.next_pct, "number"), (_or(at.final_target, at.final_text), "decimal"),
        (_hidden(at) or at.final_pct, "number"), (f"{LIGHTS[at.situation][0]}{at.situation}", "center"),
        (at.trend, "center"), ("", "text"),
    ]  # fmt: skip


def _result(book: Book, tracking: Tracking, result: Result) -> None:
    """One sheet: every target of the result's indicators, its quarters, and what must be known to read them."""
    sheet = book.sheet(result.code)
    _title(book, sheet, tracking, f"{LEVELS[result.level]} {result.code}", result.label)
    lines = [at for at in tracking.lines if at.result == result.code]
    months = target_columns(tracking, [at.indicator for at in lines])
    columns: list[tuple[str, float]] = [
        ("Code", 12), ("Indicateur", 52), ("Unité", 13), ("Référence", 11), ("Statut de la référence", 22),
        *((f"Cible M{month}\n{day(on)}", 12.0) for month, on in months), ("Valeur à date", 11), ("% de la cible finale", 10),
        ("Situation", 20), ("Tendance (dernier trimestre)", 12), QUARTERS_DRAWN,
    ]  # fmt: skip
    _headings(book, sheet, tracking, columns)
    _lights(book, sheet, lines)
    line = HEADER + 1
    for index, at in enumerate(lines):
        again = index > 0 and lines[index - 1].indicator == at.indicator
        cells: Cells = [
            (at.indicator, "text"), (_label(at, again=again), "wrap"), (_unit(tracking, at), "wrap"), *_baseline(at),
            *((at.targets.get(month), "decimal") for month, _ in months), (at.mark or at.value, "decimal"),
            (_hidden(at) or at.final_pct, "number"), (f"{LIGHTS[at.situation][0]}{at.situation}", "center"),
            (at.trend, "center"), ("", "text"),
        ]  # fmt: skip
        _line(book, sheet, line, at, cells)
        line += 1
    if not lines:
        book.put(sheet, line, 1, "Aucun indicateur pour ce résultat.", {**QUIET, "italic": True})
        line += 1
    hypotheses = [f"Hypothèse : {sentence(text)}" for text in result.assumptions]
    about = [text for code in dict.fromkeys(at.indicator for at in lines) for text in _about(tracking, code)]
    notes = [*hypotheses, *about, *tracking.standing, *tracking.may_show.frozen_notes, *tracking.may_show.notes]
    last_line = _notes(book, sheet, line + 1, notes, 0, len(columns) - 2)
    book.fit(sheet, last_line, _width(tracking, columns))
    sheet.freeze_panes(HEADER + 1, 2)
    sheet.repeat_rows(HEADER - 1, HEADER)


def _about(tracking: Tracking, code: str) -> list[str]:
    """The notes of one indicator: how it is counted, how it is verified, what it does not say."""
    indicator: Indicator = next(at for at in tracking.logframe.indicators if at.code == code)
    limits, proof = sentence(indicator.limits), sentence(indicator.verification)
    parts = [measure_sentence(indicator.measure), sentence(indicator.calculation), rule_told(indicator)]
    parts += [f"Vérification : {proof}" if proof else "", f"Limites : {limits}" if limits else ""]
    return [f"{code} — {' '.join(part for part in parts if part)}"]


def _hidden(at: Line) -> str | None:
    """What stands in the place of a percentage that would tell a hidden value."""
    return HIDDEN if at.mark and at.declared is None and not is_too_few(at.mark) else None


def _unit(tracking: Tracking, at: Line) -> str:
    """Beside an indicator that is to fall, that it is: a bar that shrinks, and 124 % of a target, would be read the other way."""
    indicator = next(one for one in tracking.logframe.indicators if one.code == at.indicator)
    return f"{at.unit}, à faire baisser" if indicator.direction == "desc" else at.unit


def _label(at: Line, *, again: bool) -> str:
    if at.declared is not None:
        return f"    — {at.declared}"
    if again:
        return f"    — {at.category}"
    return at.label if at.category is None else f"{at.label} — {at.category}"


def _baseline(at: Line) -> Cells:
    return [(_or(at.baseline, at.baseline_text), "decimal"), (at.baseline_status, "wrap")]


def _or(value: Any, text: Any) -> Any:
    return value if value is not None else text


def _title(book: Book, sheet: Any, tracking: Tracking, title: str, below: str) -> None:
    book.high(sheet, 0, 32)
    book.put(sheet, 0, 0, title, TITLE)
    frozen = tracking.may_show.frozen
    status = f" · figé le {day(frozen.frozen_at)}, version {frozen.version}" if frozen is not None else ""
    below = f"{below} · données arrêtées au {day(tracking.reporting_date)}{status}"
    book.put(sheet, 1, 0, below, {**QUIET, "font_size": 11})
    illustrative = f"VALEURS ILLUSTRATIVES. {ILLUSTRATIVE} " if tracking.logframe.illustrative else ""
    book.put(sheet, 2, 0, illustrative + tracking.may_show.notes[0], {"bold": True, "font_color": "#7F6000"})
    if tracking.standing:
        book.put(sheet, HEADER - 1, 0, " ".join(tracking.standing), {"bold": True, "font_color": "#7F6000"})


def _lights(book: Book, sheet: Any, lines: Sequence[Line]) -> None:
    """How many indicators have each light, in one cell of its colour each."""
    book.high(sheet, 3, 24)
    parts: list[Any] = []
    for word, (shape, shade) in LIGHTS.items():
        if count := sum(line.situation == word for line in lines):
            look = {"bold": True, "font_size": 12, "font_color": shaded(shade)["font_color"]}
            parts += [book.look(**look), f"{shape}{count} {word.lower()}        "]
    if len(parts) > 2:
        sheet.write_rich_string(3, 0, *parts, book.look(valign="vcenter"))
    elif parts:
        sheet.write_string(3, 0, parts[1], parts[0])


def _headings(book: Book, sheet: Any, tracking: Tracking, columns: Sequence[tuple[str, float]]) -> None:
    book.high(sheet, HEADER, 46)
    start = len(columns)
    book.put(sheet, HEADER - 1, start, "Valeur de chaque trimestre", {**QUIET, "bold": True})
    quarters = [(f"T{(first.month + 2) // 3} {first.year}", QUARTER_WIDTH) for first, _ in tracking.quarters]
    for number, (name, width) in enumerate([*columns, *quarters]):
        book.put(sheet, HEADER, number, name, HEADING)
        sheet.set_column(number, number, width)


def _band(book: Book, sheet: Any, line: int, text: str, last: int) -> None:
    book.high(sheet, line, 22)
    for number in range(last + 1):
        book.put(sheet, line, number, text if number == 0 else "", SECTION)


def _line(book: Book, sheet: Any, line: int, at: Line, cells: Cells) -> None:
    """The cells of one indicator or category, then its quarters, and bars of them where there are figures."""
    label = str(cells[1][0])
    book.high(
        sheet,
        line,
        15.0 * max(1, -(-len(label) // 50), -(-len(at.baseline_status) // 20), -(-len(str(cells[2][0])) // 12)) + 4,
    )
    situation = f"{LIGHTS[at.situation][0]}{at.situation}"
    for number, (value, kind) in enumerate(cells):
        text = kind in ("text", "wrap")
        look: Look = {**BODY, "align": "left" if text else "center", "text_wrap": text}
        if value is None:
            look["font_color"] = QUIET["font_color"]
        if value == situation:
            look |= shaded(LIGHTS[at.situation][1])
        elif value is not None and value == at.baseline_text:
            look |= {"font_color": "#7F6000", "italic": True}
        book.put(sheet, line, number, value, look, kind)
    first = len(cells)
    for number, figure in enumerate(at.quarterly, first):
        ink = {} if figure is not None else {"font_color": QUIET["font_color"]}
        book.put(sheet, line, number, figure, {**BODY, "align": "center", "font_size": 9, **ink}, "decimal")
    known = [float(figure) for figure in at.quarterly if figure is not None and not isinstance(figure, str)]
    if len(known) > 1 and min(known) >= 0 and max(known) > 0:
        book.bars(sheet, line, first - 1, first, first + len(at.quarterly) - 1, top=max(known) * HEADROOM)


def _width(tracking: Tracking, columns: Sequence[tuple[str, float]]) -> float:
    return sum(width for _, width in columns) + QUARTER_WIDTH * len(tracking.quarters)


def _notes(book: Book, sheet: Any, line: int, notes: Sequence[str], first: int, last: int) -> int:
    """Each over the width of the table, as high as it needs. Returns: the line of the last."""
    for offset, note in enumerate(notes):
        sheet.merge_range(line + offset, first, line + offset, last, "", book.look(**NOTE))
        book.put(sheet, line + offset, first, note, NOTE)
        book.high(sheet, line + offset, 13.0 * max(1, -(-len(note) // 260)) + 3)
    return line + len(notes) - 1


def _general_notes(tracking: Tracking) -> list[str]:
    return [
        *tracking.standing,
        *tracking.may_show.frozen_notes,
        *tracking.may_show.notes,
        "Valeur à date : depuis le démarrage pour un indicateur cumulé ; « – » : non mesuré, jamais zéro. "
        "« à établir » : la référence n'est pas encore connue.",
        "Situation : valeur à date rapportée à ce qui est attendu à cette date, sur la droite entre deux cibles pour "
        "un indicateur cumulé, à la prochaine cible sinon. ● à partir de 90 % ; ◐ de 60 à 90 % ; ○ en dessous de 60 %. "
        "Pour un indicateur à faire baisser, le rapport est inversé.",
        "Pourcentages : valeur à date ÷ cible. Pour un indicateur à faire baisser, un pourcentage supérieur à 100 "
        "n'est pas un succès : lisez la situation.",
        *([APART] if any(at.declared for at in tracking.lines) else []),
        "Trimestres : les huit derniers trimestres clos, à partir de zéro ; une case masquée ou non mesurée y est un vide. La barre "
        "foncée est le dernier trimestre, non une alerte ; pour un indicateur à faire baisser, une barre plus courte est un progrès.",
        f"Cadre logique : version {tracking.logframe.version}.",
        f"Dates du projet : {sentence(tracking.project.project.dates_status)}",
    ]
