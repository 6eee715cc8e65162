"""The 35 indicators that are measured: kinds, filters and disaggregations as the two real logframes have them.

Beside each stands what an analyst would write for it by hand. They are spread over the marts as participations are: fourteen
count persons, eight add, seven divide, three estimate a share, three rank. A derived indicator or a level per region reads
too little to be measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

COMMON = ["sex", "age_band", "sector", "region_code"]
PRIM, THAMM = "prim2", "thamm_plus"


@dataclass(frozen=True)
class Table:
    """A mart, its project, the date that indicators count by, and the usual disaggregations."""

    mart: str
    project: str
    date: str
    dimensions: tuple[str, ...]
    crossings: tuple[tuple[str, ...], ...] = ()


SERVICES = Table(
    "service_delivery", PRIM, "delivered_on", ("sex", "age_band", "target_group", "region_code", "province_code"),
    (("sex", "target_group"), ("sex", "region_code")),
)  # fmt: skip
STEPS = Table(
    "mobility_step",
    THAMM,
    "step_on",
    (*COMMON, "is_renewal", "contract_type"),
    (("sex", "sector"), ("sex", "region_code")),
)
TRAININGS = Table("training_attendance", THAMM, "held_on", tuple(COMMON))
ORIENTATIONS = Table("orientation", THAMM, "oriented_on", (*COMMON, "is_renewal", "contract_type"))
SURVEYS = Table("return_survey", THAMM, "surveyed_on", (*COMMON, "is_renewal", "contract_type"))


@dataclass(frozen=True)
class Measured:
    """One indicator. measure: as the logframe says it · by_hand: the aggregate an analyst would write."""

    code: str
    table: Table
    measure: dict[str, Any]
    by_hand: str

    def entry(self) -> dict[str, Any]:
        """As it stands in a logframe."""
        over = {"mart": self.table.mart, "date": self.table.date}
        return {
            "code": self.code, "result": "R1", "label": self.code, "unit": "unité", "measure": {**over, **self.measure},
            "disaggregations": list(self.table.dimensions), "crossings": [list(each) for each in self.table.crossings],
            "baseline": {"status": "mesure de vitesse"}, "calculation": "-", "verification": "-", "responsible": "-",
            "frequency": "-",
        }  # fmt: skip

    def groupings(self) -> list[tuple[str, ...]]:
        return [(), *((name,) for name in self.table.dimensions), *self.table.crossings]


def _persons(code: str, table: Table, where: str | None = None) -> Measured:
    measure = {"kind": "count_unique", "unit": "person_id", **({"where": where} if where else {})}
    return Measured(code, table, measure, "count(distinct person_id)")


def _records(code: str, table: Table, where: str | None = None) -> Measured:
    return Measured(code, table, {"kind": "sum", **({"where": where} if where else {})}, "count(*)")


def _share(code: str, table: Table, condition: str, where: str | None = None, kind: str = "ratio") -> Measured:
    flag = condition if kind == "survey_ratio" else f"case when {condition} then 1 else 0 end"
    measure = {"kind": kind, "numerator": flag, **({"where": where} if where else {})}
    return Measured(code, table, measure, f"100.0 * count(*) filter (where {condition}) / count(*)")


def _place(code: str, table: Table, value: str, quantile: float, where: str | None = None) -> Measured:
    kind: dict[str, Any] = {"kind": "median"} if quantile == 0.5 else {"kind": "quantile", "quantile": quantile}
    by_hand = f"percentile_cont({quantile}) within group (order by {value})"
    return Measured(code, table, {**kind, "value": value, **({"where": where} if where else {})}, by_hand)


OSC = "left(organisation, 4) = 'osc_'"
LEFT, ARRIVED = "step = 'depart' and is_confirmed", "step = 'arrivee_poste'"
INDICATORS = (
    _persons("P-01", SERVICES),
    _persons("P-02", SERVICES, OSC),
    _persons("P-03", SERVICES, "not left(organisation, 4) = 'osc_'"),
    _persons("P-04", SERVICES, "service_type in ('juridique', 'administratif')"),
    _persons("P-05", SERVICES, "service_type in ('sante', 'psychosocial')"),
    _persons("P-06", SERVICES, "service_type in ('formation', 'emploi', 'entrepreneuriat')"),
    _persons("P-07", STEPS, LEFT),
    _persons("P-08", STEPS, ARRIVED),
    _persons("P-09", STEPS),
    _persons("P-10", TRAININGS, "is_completed"),
    _persons("P-11", TRAININGS, "is_certified"),
    _persons("P-12", ORIENTATIONS),
    _persons("P-13", SURVEYS, "was_supported"),
    _persons("P-14", SURVEYS),
    _records("S-01", SERVICES),
    _records("S-02", SERVICES, OSC),
    _records("S-03", SERVICES, "service_type = 'langue'"),
    _records("S-04", STEPS, LEFT),
    _records("S-05", TRAININGS),
    _records("S-06", TRAININGS, "is_completed"),
    _records("S-07", ORIENTATIONS),
    _records("S-08", SURVEYS, "was_supported"),
    _share("T-01", SERVICES, OSC),
    _share("T-02", SERVICES, "service_type = 'juridique'", OSC),
    _share("T-03", TRAININGS, "is_certified", "was_presented"),
    _share("T-04", TRAININGS, "is_completed"),
    _share("T-05", STEPS, "is_confirmed", "step = 'depart'"),
    _share("T-06", ORIENTATIONS, "is_renewal"),
    Measured("T-07", STEPS, {"kind": "mean", "value": "delay_days", "where": ARRIVED}, "avg(delay_days)"),
    _share("E-01", SURVEYS, "was_supported", kind="survey_ratio"),
    _share("E-02", SURVEYS, "cost_in_months <= 3", kind="survey_ratio"),
    _share("E-03", SURVEYS, "is_renewal", kind="survey_ratio"),
    _place("M-01", SURVEYS, "cost_in_months", 0.5),
    _place("M-02", STEPS, "delay_days", 0.5, ARRIVED),
    _place("M-03", STEPS, "delay_days", 0.9, ARRIVED),
)
