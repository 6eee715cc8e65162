"""A small project from submissions to published indicators, by the pipeline's own stages: what the tests of reports share.

Visits are deduplicated, valued with a rate kept as reference data, and measured in every way; models, seed and logframe are of
the project's own name, so that the session's one warehouse serves all tests.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from psycopg2 import extensions, sql

from meal_pipelines.indicators import compute
from meal_pipelines.indicators.reports.contributing import marts_of
from meal_pipelines.indicators.reports.freeze import Asked, freeze
from meal_pipelines.indicators.reports.frozen import Freeze
from meal_pipelines.project.load import load_project
from meal_pipelines.warehouse import Warehouse
from meal_pipelines.warehouse.models import prepare_mart, publish_mart
from meal_pipelines.warehouse.seeds import load_seeds
from tests.stage_cases import PROJECT, Bench, bench_of, visit
from tests.warehouse.model_folder import model

STAGING = """select
    cast('PROJECT' as text) as project,
    submission_id,
    cast(person_id as text) as person_id,
    cast(duplicate_key as text) as duplicate_key,
    cast(sexe as text) as sex,
    cast(province_code as text) as province_code,
    cast(duree as numeric) as duration_min,
    cast(poids as numeric) as weight_kg,
    cast(submitted_at as timestamptz) as submitted_at,
    cast(jour as date) as seen_on
from pseudonymised.PROJECT_visites
"""
MART = """-- A visit sent twice counts once; what it costs is its minutes times the rate of its province.
with

visits as (

    select
        project, submission_id, person_id, sex, province_code, duration_min, weight_kg, seen_on,
        row_number() over (
            partition by project, coalesce(duplicate_key, submission_id) order by submitted_at asc, submission_id asc
        ) as sending
    from staging.PROJECT_visit

),

rates as (

    select code, mad_per_min from marts.rate_PROJECT

),

final as (

    select
        visits.project, visits.submission_id, visits.person_id, visits.sex, visits.province_code, visits.duration_min,
        visits.weight_kg, visits.duration_min * rates.mad_per_min as amount_mad, visits.seen_on
    from visits
    left join rates
        on visits.province_code = rates.code
    where visits.sending = 1

)

select * from final
"""
TEXT, NUMBER = "text", "numeric"
COLUMNS = {
    "project": TEXT, "submission_id": TEXT, "person_id": TEXT, "sex": TEXT, "province_code": TEXT, "duration_min": NUMBER,
    "weight_kg": NUMBER, "amount_mad": NUMBER, "seen_on": "date",
}  # fmt: skip
STAGED = {
    "project": TEXT, "submission_id": TEXT, "person_id": TEXT, "duplicate_key": TEXT, "sex": TEXT, "province_code": TEXT,
    "duration_min": NUMBER, "weight_kg": NUMBER, "submitted_at": "timestamptz", "seen_on": "date",
}  # fmt: skip
RATES = {"02.411": "2", "04.421": "3"}
BOTH = ["sex", "province_code"]


def measured(code: str, measure: Mapping[str, Any], **others: Any) -> dict[str, Any]:
    """One entry of the logframe."""
    if measure["kind"] != "derived":
        measure = {"mart": "MART", "date": "seen_on", **measure}
    return {
        "code": code, "result": "R1", "label": f"Indicateur {code}", "unit": "unité", "measure": measure,
        "baseline": {"status": "à établir"}, "calculation": "Voir la mesure.", "verification": "Registre",
        "responsible": "Équipe SERA", "frequency": "Mensuelle", **others,
    }  # fmt: skip


INDICATORS = [
    measured("U-1", {"kind": "count_unique", "unit": "person_id"}, disaggregations=BOTH, crossings=[BOTH]),
    measured("S-1", {"kind": "sum", "value": "amount_mad"}, disaggregations=["province_code"]),
    measured("T-1", {"kind": "ratio", "numerator": "duration_min", "denominator": "weight_kg"}, disaggregations=["sex"]),
    measured("M-1", {"kind": "median", "value": "duration_min"}, disaggregations=["sex"]),
    measured("L-1", {"kind": "latest", "unit": "person_id", "value": "weight_kg", "total": "sum"}, disaggregations=["sex"]),
    measured(
        "D-1", {"kind": "derived", "numerator": "U-1", "numerator_where": {"sex": "F"}, "denominator": "U-1"},
        disaggregations=["province_code"],
    ),
]  # fmt: skip
DIMENSIONS: dict[str, Any] = {
    "sex": {"label": "Sexe", "values": {"F": "Femmes", "H": "Hommes"}},
    "province_code": {"label": "Province", "values": {}},
}


@dataclass
class House:
    """One project. rows: its submissions as the source shows them · rates: the reference data · indicators: its logframe."""

    bench: Bench
    connection: extensions.connection
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    rates: dict[str, str] = field(default_factory=lambda: dict(RATES))
    indicators: list[dict[str, Any]] = field(default_factory=lambda: [dict(entry) for entry in INDICATORS])

    @property
    def name(self) -> str:
        return self.bench.project.id

    @property
    def models(self) -> Path:
        return self.bench.folder.parent / "models"

    def night(self) -> None:
        """Everything that a run does, from collection to the published indicators."""
        self.declare()
        self.bench.source.rows = self.rows
        self.bench.sync()
        self.bench.clean()
        self.bench.protect()
        self.measure()

    def measure(self) -> None:
        """Marts and indicators, from what is pseudonymised."""
        load_seeds(self.connection, self.models)
        for mart in marts_of(self.bench.project, self.models).values():
            build = prepare_mart(self.connection, mart)
            if build is not None:
                publish_mart(self.connection, build)
        marts = {name: mart.spec for name, mart in marts_of(self.bench.project, self.models).items()}
        computation = compute.prepare(self.connection, self.bench.project, marts, run_id="essai")
        assert all(passed for passed, _ in compute.audit(self.connection, computation).values())
        compute.publish(self.connection, computation)

    def declare(self) -> None:
        """Write models, seed and logframe as they are now, and read the project again."""
        write_models(self.models, self.name, self.rates)
        write_logframe(self.bench.folder, self.name, self.indicators)
        self.bench.project = load_project(self.bench.folder, {})

    def freeze(self, period: str = "2026-05", **asked: str) -> Freeze:
        wanted = Asked(period, **({"label": "Rapport de mai", "by": "Personne d'essai"} | asked))
        return freeze(self.connection, self.bench.project, marts_of(self.bench.project, self.models), wanted)

    def query(self, text: str, *values: Any) -> list[tuple[Any, ...]]:
        return self.bench.query(text, *values)


def write_models(folder: Path, project: str, rates: Mapping[str, str]) -> None:
    """One staging model, one mart and one seed."""
    schema = "version: 2\n"
    files = {
        f"staging/{project}_visit.sql": STAGING.replace("PROJECT", project),
        f"staging/schema_{project}.yml": schema + "models:\n"
        + model(f"{project}_visit", "Visites. Une ligne par visite.", STAGED, project=project),
        f"marts/visit_{project}.sql": MART.replace("PROJECT", project),
        "marts/schema.yml": schema + "models:\n"
        + model(f"visit_{project}", "Visites comptées. Une ligne par visite.", COLUMNS, key="[project, submission_id]"),
        f"seeds/rate_{project}.csv": "code,mad_per_min\n" + "".join(f"{code},{rate}\n" for code, rate in rates.items()),
        "seeds/schema.yml": schema + "seeds:\n"
        + model(f"rate_{project}", "Tarifs. Une ligne par province.", {"code": TEXT, "mad_per_min": NUMBER}, key="[code]"),
    }  # fmt: skip
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content, encoding="utf-8")


def write_logframe(folder: Path, project: str, indicators: list[dict[str, Any]]) -> None:
    from ruamel.yaml import YAML

    entries = [
        {
            **entry,
            "measure": {**entry["measure"], **({"mart": f"visit_{project}"} if "mart" in entry["measure"] else {})},
        }
        for entry in indicators
    ]
    content = {
        "project": project, "version": "1", "illustrative": True, "source": "Essai", "dimensions": DIMENSIONS,
        "results": [{"code": "R1", "level": "output", "label": "Résultat"}], "indicators": entries,
    }  # fmt: skip
    yaml = YAML(typ="safe")
    yaml.default_flow_style = False
    with (folder / "logframe.yaml").open("w", encoding="utf-8") as file:
        yaml.dump(content, file)


@contextmanager
def house_of(warehouse: Warehouse, folder: Path, text: str = PROJECT) -> Iterator[House]:
    """A house of its own on the session's warehouse; only what was frozen stays behind."""
    with bench_of(warehouse, folder, text) as bench, closing(warehouse.psycopg()) as connection:
        made = House(bench, connection)
        try:
            yield made
        finally:
            connection.rollback()
            with connection, connection.cursor() as cursor:
                for table in (f"visit_{made.name}", f"rate_{made.name}"):
                    cursor.execute(sql.SQL("drop table if exists {} cascade").format(sql.Identifier("marts", table)))
                cursor.execute("delete from quality.build where table_name = any(%s)",
                               ([f"marts.visit_{made.name}", f"marts.rate_{made.name}"],))  # fmt: skip
                for table in ("value", "target", "definition"):
                    cursor.execute(sql.SQL("delete from {} where project = %s").format(
                        sql.Identifier("indicators", table)), (made.name,))  # fmt: skip


def some_visits() -> dict[str, dict[str, Any]]:
    """Eight persons, two provinces, two months; the last two are one visit sent twice."""
    found = {}
    for number in range(8):
        found[f"v{number}"] = visit(
            nom=f"Personne {number}", telephone=f"061234560{number}", sexe="F" if number % 2 else "H",
            jour=f"2026-0{4 + number % 2}-1{number}", duree=str(10 + 3 * number), poids=str(50 + number),
            commune="02.411.01.23" if number < 5 else "04.421.01.01",
        )  # fmt: skip
    found["v8"] = dict(found["v7"])
    return found
