"""The drawing of where an indicator comes from, from questions to extract cells: places and links; the template writes the SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from meal_pipelines.indicators.lineage import Lineage, MartColumn
from meal_pipelines.project.logframe import Indicator

COLUMNS = (0, 250, 500, 750, 960)
WIDTHS = (220, 220, 220, 180, 190)
HEADINGS = ("Questions", "Pseudonymisé", "Table d'analyse", "Indicateur", "Extraits")
LINE, GAP, TOP = 34, 8, 34
LETTERS = 31
"""How many letters a box holds."""


@dataclass(frozen=True)
class Box:
    """One thing on the way. kind: question, column, mart, indicator or extract · note: what is read when it is pointed at."""

    x: float
    y: float
    width: float
    title: str
    note: str
    kind: str

    @property
    def middle(self) -> float:
        return self.y + LINE / 2


@dataclass(frozen=True)
class Graph:
    """A drawing. links: paths, from left to right."""

    boxes: list[Box]
    links: list[str]
    headings: list[tuple[float, str]]
    width: float
    height: float
    description: str


def graph(indicator: Indicator, lineage: Lineage) -> Graph:
    """Questions, columns of `pseudonymised`, columns of marts, the indicator (and those it divides), extract cells."""
    marts = list(lineage.columns)
    sources = list(dict.fromkeys((each.table, each.column) for column in marts for each in column.sources))
    asked = {(each.table, each.column): each.questions for column in marts for each in column.sources}
    questions = list(dict.fromkeys(each for source in sources for each in asked[source]))
    receivers = extracts_of(indicator)
    layers: list[list[tuple[str, str, str]]] = [
        [(f"{each.code} · {each.label}", f"{each.label} — {each.form}, {each.path}", "question") for each in questions],
        [(column, f"{table}.{column}", "column") for table, column in sources],
        [(each.column, f"marts.{each.mart}.{each.column} — {each.description}", "mart") for each in marts],
        [(indicator.code, indicator.label, "indicator")],
        [(name, f"{name} : {indicator.code}", "extract") for name in receivers],
    ]
    height = TOP + max(len(layer) for layer in layers) * (LINE + GAP)
    placed = [_layer(place, layer, height) for place, layer in enumerate(layers)]
    links = _links(placed, marts, sources, [[questions.index(each) for each in asked[source]] for source in sources])
    return Graph(
        [box for layer in placed for box in layer], links,
        [(x, heading) for x, heading, layer in zip(COLUMNS, HEADINGS, layers, strict=True) if layer],
        COLUMNS[-1] + WIDTHS[-1] + 2, height, _described(indicator, marts, len(questions), receivers),
    )  # fmt: skip


def _links(
    placed: Sequence[Sequence[Box]],
    marts: Sequence[MartColumn],
    sources: list[tuple[str, str]],
    asked: Sequence[Sequence[int]],
) -> list[str]:
    """asked: the questions of each source, by their place."""
    asking, columns, tables, [indicator], extracts = placed
    links = [_link(asking[question], columns[at]) for at, questions in enumerate(asked) for question in questions]
    for box, column in zip(tables, marts, strict=True):
        links += [_link(columns[sources.index((each.table, each.column))], box) for each in column.sources]
    return [*links, *(_link(box, indicator) for box in tables), *(_link(indicator, box) for box in extracts)]


def extracts_of(indicator: Indicator) -> list[str]:
    """What is made of the indicator for others."""
    related = [
        key.upper()
        for key, donor in indicator.donors.items()
        if key in ("thema", "tei", "afd") and donor.mode != "none"
    ]
    return ["Tableau de suivi", "OPSYS", "IATI", *related]


def _described(indicator: Indicator, marts: Sequence[MartColumn], questions: int, receivers: Sequence[str]) -> str:
    tables = ", ".join(dict.fromkeys(f"marts.{each.mart}" for each in marts))
    return (
        f"{questions} questions mènent à {len(marts)} colonnes de {tables or 'aucune table'}, puis à {indicator.code}, puis à "
        f"{', '.join(receivers)}."
    )


def _layer(place: int, layer: Sequence[tuple[str, str, str]], height: float) -> list[Box]:
    """The boxes of one column, spread over the height of the highest one."""
    room = (height - TOP) / max(len(layer), 1)
    return [
        Box(
            COLUMNS[place], round(TOP + room * at + (room - LINE) / 2, 1), WIDTHS[place],
            title if len(title) <= LETTERS else title[: LETTERS - 1].rstrip() + "…", note, kind,
        )
        for at, (title, note, kind) in enumerate(layer)
    ]  # fmt: skip


def _link(one: Box, other: Box) -> str:
    start, end = one.x + one.width, other.x
    bend = (end - start) / 2
    return f"M{start} {one.middle:.1f} C{start + bend:.1f} {one.middle:.1f} {end - bend:.1f} {other.middle:.1f} {end} {other.middle:.1f}"
