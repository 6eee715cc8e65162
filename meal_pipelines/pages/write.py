"""Write the pages of a project: one for each indicator, and the index. A page that says the same is not written again."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meal_pipelines.extracts.donor_codes import MODES, code_status
from meal_pipelines.extracts.internal import INTERNAL, folder_of, keep_private
from meal_pipelines.extracts.opsys.rows import baseline_text
from meal_pipelines.extracts.too_few import is_enough
from meal_pipelines.extracts.values import Labels
from meal_pipelines.extracts.wording import LEVELS, day, half_up, number, signed
from meal_pipelines.indicators.formula import formula_sentences
from meal_pipelines.indicators.lineage import Lineage, lineages
from meal_pipelines.invocation import line
from meal_pipelines.pages.chart import Series, chart
from meal_pipelines.pages.content import (
    CheckCount,
    Figures,
    FormQuality,
    Point,
    check_counts,
    figures,
    form_quality,
    goals,
    last_cells,
    main_cells,
    tables_of,
    to_date,
)
from meal_pipelines.pages.graph import graph
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.project.logframe import Indicator
from meal_pipelines.warehouse.tables import TableSpec

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"
PAGES = "indicateurs"
"""The folder of the pages, in the one of what is not sent."""
SHOWN_CATEGORIES = 15
"""Of a dimension with many categories (communes), those with the highest values."""


def page_of(out: Path, project: str, code: str | None = None) -> Path:
    """Where the page of an indicator lies; the index without a code."""
    return out / project / INTERNAL / PAGES / f"{code or 'index'}.html"


def write_pages(connection: Any, project: LoadedProject, marts: Mapping[str, TableSpec], out: Path) -> list[Path]:
    """Write what changed. marts: by name, each column with its lineage. Returns: every page, the index first.

    Reads only, in a transaction that ends in nothing.
    """
    assert project.logframe is not None
    with connection.cursor() as cursor:
        found, labels = figures(cursor, project.id), Labels.read(cursor, project.logframe)
        quality, checks = form_quality(cursor, project), check_counts(cursor, project.id)
    connection.rollback()
    origins = lineages(project, marts)
    pages = {page_of(out, project.id): _index(project, found)}
    for indicator in project.logframe.indicators:
        figures_of, origin = found[indicator.code], origins[indicator.code]
        content = _history(indicator, figures_of, labels) | _quality(origin, quality, checks)
        pages[page_of(out, project.id, indicator.code)] = _render(
            "fiche.html", project=project, indicator=indicator, figures=figures_of, labels=labels, graph=graph(indicator, origin),
            formula=formula_sentences(indicator, marts, project.logframe.dimensions),
            donors=_donors(indicator), result=_result(project, indicator), **content,
        )  # fmt: skip
    folder_of(out, project.id, PAGES)
    _put(pages)
    return list(pages)


def _put(pages: Mapping[Path, str]) -> None:
    """Write what differs, the index (the first) last: without it, what a full disk left unwritten is written the next time."""
    changed = [path for path, text in pages.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    if not changed:
        return
    index = next(iter(pages))
    index.unlink(missing_ok=True)
    for path in [*(path for path in changed if path != index), index]:
        path.write_text(pages[path], encoding="utf-8")
        keep_private(path)


def _index(project: LoadedProject, found: Mapping[str, Figures]) -> str:
    assert project.logframe is not None
    lines = []
    for result in project.logframe.results:
        for indicator in project.logframe.indicators:
            if indicator.result == result.code:
                lines.append((result, indicator, _headline(indicator, found[indicator.code])))
    return _render("index.html", project=project, lines=lines)


def _headline(indicator: Indicator, found: Figures) -> dict[str, Any]:
    """The last value to date, and the target it goes towards."""
    known = [point for point in to_date(found.series.get((), [])) if point.value is not None]
    last = known[-1] if known else None
    targets = [target for target in found.targets.get((), []) if target.value is not None]
    coming = next(
        (target for target in targets if last is not None and target.end >= last.end), targets[-1] if targets else None
    )
    pct = (
        half_up(100 * last.value / coming.value)
        if last and last.value is not None and coming and coming.value
        else None
    )
    in_words = [target for target in found.targets.get((), []) if target.text]
    told = next((target for target in in_words if last and target.end >= last.end), in_words[-1] if in_words else None)
    return {"last": last, "target": coming, "told": told, "pct": pct, "falls": indicator.direction == "desc"}


def _is_too_few(indicator: Indicator, point: Point) -> bool:
    """Whether fewer records are behind a figure than its extracts let out."""
    return point.value is not None and not is_enough(point.units, indicator.publish_from)


def _history(indicator: Indicator, found: Figures, labels: Labels) -> dict[str, Any]:
    cells = main_cells(indicator, found)
    series = [Series(labels.pair(*cell[0]) if cell else "", to_date(found.series[cell])) for cell in cells]
    targets = found.targets.get(cells[0], []) if len(cells) == 1 else []
    total = found.series.get((), [])
    quarters = [point for point in total if point.kind == "quarter"][-8:]
    breakdown = {
        name: sorted(given, key=lambda pair: pair[1].value or 0, reverse=True)[:SHOWN_CATEGORIES] if len(given) > SHOWN_CATEGORIES
        else [(code, by_code[code]) for by_code in [dict(given)] for code in labels.ordered(name, by_code)]
        for name, given in last_cells(found, indicator).items() if given
    }  # fmt: skip
    return {
        "headline": _headline(indicator, found), "chart": chart(series, targets, found.reported, indicator.unit),
        "quarters": quarters, "has_interval": any(point.low is not None for point in quarters),
        "goals": goals(indicator, labels), "few": partial(_is_too_few, indicator), "breakdown": breakdown,
        "counts": {name: len(given) for name, given in last_cells(found, indicator).items()},
    }  # fmt: skip


def _quality(origin: Lineage, quality: Mapping[str, FormQuality], checks: Mapping[str, CheckCount]) -> dict[str, Any]:
    tables = tables_of(origin)
    return {
        "forms": [quality[name] for name in origin.forms],
        "checks": [checks[name] for name in [*_cleaned(tables), *tables] if name in checks],
    }


def _cleaned(tables: list[str]) -> list[str]:
    return [name.replace("pseudonymised.", "cleaned.") for name in tables if name.startswith("pseudonymised.")]


def _donors(indicator: Indicator) -> list[dict[str, Any]]:
    found = []
    for name, donor in indicator.donors.items():
        status = code_status(donor)
        found.append({"name": name.upper(), "donor": donor, "mode": MODES[donor.mode], "status": status,
                      "to_verify": status == "non vérifié"})  # fmt: skip
    return found


def _result(project: LoadedProject, indicator: Indicator) -> dict[str, Any]:
    assert project.logframe is not None
    result = next(result for result in project.logframe.results if result.code == indicator.result)
    return {
        "code": result.code,
        "label": result.label,
        "level": LEVELS[result.level],
        "assumptions": result.assumptions,
    }


def _render(name: str, **content: Any) -> str:
    template = _environment().get_template(name)
    return template.render(**content)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"number": lambda value: "–" if value is None else number(value), "day": day, "signed": signed}
    made.filters["without_figure"] = baseline_text
    made.filters["line"] = line
    return made
