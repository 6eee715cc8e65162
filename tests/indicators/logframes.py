"""A small project with every kind of measure, over one mart that the tests make and fill themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from meal_pipelines.project.load import load_project
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.warehouse.tables import Column, TableSpec

PROJECT = "essai_mesures"
MART = TableSpec(
    "marts",
    "essai_participation",
    "Participations d'essai. Une ligne par personne et par séance.",
    (
        Column("project", "text", "Projet."),
        Column("submission_id", "text", "Soumission."),
        Column("repeat_index", "int", "Rang."),
        Column("person_id", "text", "Personne."),
        Column("sex", "text", "Sexe."),
        Column("sector", "text", "Secteur."),
        Column("is_new", "boolean", "Première fois."),
        Column("score", "numeric", "Note."),
        Column("level", "smallint", "Niveau."),
        Column("done_on", "date", "Jour de la séance."),
        Column("sent_at", "timestamptz", "Moment de l'envoi."),
    ),
    (),
)
MARTS = {"participation": MART}

DIMENSIONS: dict[str, Any] = {
    "sex": {"label": "Sexe", "values": {"F": "Femmes", "H": "Hommes"}},
    "sector": {"label": "Secteur", "values": {}},
    "is_new": {"label": "Première fois", "values": {"true": "Oui", "false": "Non"}},
    "level": {"label": "Niveau", "values": {"0": "Aucun", "3": "Bon", "4": "Très bon"}},
}


def indicator(code: str, measure: Mapping[str, Any], **others: Any) -> dict[str, Any]:
    """One entry of a logframe, as the YAML has it."""
    over = {"mart": "participation", "date": "done_on"}
    if measure["kind"] == "ratio_of":
        measure = {**measure, **{part: {**over, **measure[part]} for part in ("numerator", "denominator")}}
    elif measure["kind"] not in ("derived", "sql"):
        measure = {**over, **measure}
    return {
        "code": code, "result": "R1", "label": f"Indicateur {code}", "unit": "unité", "measure": measure,
        "baseline": {"status": "à établir"}, "calculation": "Voir la mesure.", "verification": "Registre",
        "responsible": "Équipe SERA", "frequency": "Mensuelle", **others,
    }  # fmt: skip


ALL = ["sex", "sector", "is_new"]
INDICATORS = [
    indicator("U-1", {"kind": "count_unique", "unit": "person_id"}, disaggregations=ALL, crossings=[["sex", "sector"]]),
    indicator(
        "U-2", {"kind": "count_unique", "unit": "lower(sector)", "where": "score > 5 and is_new is not false"},
        disaggregations=["sex"],
    ),
    indicator("S-1", {"kind": "sum"}, disaggregations=ALL, crossings=[["sector", "is_new", "sex"]]),
    indicator("S-2", {"kind": "sum", "value": "2 * score"}, disaggregations=["sector"]),
    indicator(
        "T-1", {"kind": "ratio", "numerator": "case when level in (3, 4) then 1 else 0 end", "where": "sex = 'F'"},
        disaggregations=["sector", "is_new"],
    ),
    indicator("T-2", {"kind": "ratio", "numerator": "score", "denominator": "level", "scale": 1}, disaggregations=["sex"]),
    indicator("M-1", {"kind": "median", "value": "score"}, disaggregations=ALL, crossings=[["is_new", "sex"]]),
    indicator("L-1", {"kind": "latest", "unit": "sector", "value": "level"}, disaggregations=["sector", "sex"]),
    indicator("L-2", {"kind": "latest", "unit": "person_id", "value": "score", "total": "sum"}, disaggregations=ALL),
    indicator("L-3", {"kind": "latest", "unit": "person_id", "value": "score", "total": "mean"}, disaggregations=["sex"]),
    indicator("A-1", {"kind": "mean", "value": "score"}, disaggregations=["sex", "sector"]),
    indicator("Q-1", {"kind": "quantile", "value": "score", "quantile": 0.9}, disaggregations=["sex", "is_new"]),
    indicator("Q-2", {"kind": "quantile", "value": "level", "quantile": 0.25}, crossings=[["sex", "sector"]]),
    indicator("N-1", {"kind": "score", "unit": "person_id", "value": "level"}, disaggregations=ALL),
    indicator(
        "N-2", {"kind": "score", "unit": "person_id", "value": "level", "show": "distribution"},
        disaggregations=["level"], crossings=[["level", "sex"]],
    ),
    indicator(
        "R-1",
        {
            "kind": "ratio_of",
            "numerator": {"kind": "count_unique", "unit": "person_id", "where": "score > 5"},
            "denominator": {"kind": "sum", "value": "level"},
        },
        disaggregations=ALL, crossings=[["sex", "sector"]],
    ),
    indicator("E-1", {"kind": "survey_ratio", "numerator": "score > 5"}, disaggregations=["sex", "sector"]),
    indicator(
        "E-2", {"kind": "survey_ratio", "numerator": "level = 3", "denominator": "is_new", "stratum": "sector", "scale": 1},
        disaggregations=["sex"], crossings=[["sex", "is_new"]],
    ),
    indicator(
        "E-3",
        {
            "kind": "survey_ratio", "numerator": "score > 5", "stratum": "sector",
            "population": {"agri": 20, "l'hôtel": 3, "Agri": 700},
        },
        disaggregations=["sex"],
    ),
    indicator(
        "E-4", {"kind": "survey_ratio", "numerator": "score > 5", "stratum": "sex", "weight": "level"},
        disaggregations=["sector", "is_new"],
    ),
    indicator(
        "E-5", {"kind": "survey_ratio", "numerator": "score > 5", "stratum": "sex", "wave": "sector"},
        disaggregations=["sex", "is_new"],
    ),
    indicator(
        "D-2", {"kind": "derived", "numerator": "D-1", "denominator": "M-1", "scale": 1}, disaggregations=[],
    ),
    indicator(
        "D-1", {"kind": "derived", "numerator": "U-1", "numerator_where": {"sex": "F"}, "denominator": "U-1"},
        disaggregations=["sector"],
    ),
]  # fmt: skip
"""D-2 stands before D-1, which it divides: the order of the logframe is the officer's."""

EXPRESSIONS: dict[str, dict[str, Callable[[Mapping[str, Any]], Any]]] = {
    "U-2": {
        "unit": lambda record: record["sector"] and record["sector"].lower(),
        "where": lambda record: record["score"] is not None and record["score"] > 5 and record["is_new"] is not False,
    },
    "S-2": {"value": lambda record: None if record["score"] is None else 2 * record["score"]},
    "R-1/numerator": {"where": lambda record: record["score"] is not None and record["score"] > 5},
    "E-1": {"numerator": lambda record: None if record["score"] is None else record["score"] > 5},
    "E-2": {
        "numerator": lambda record: None if record["level"] is None else record["level"] == 3,
        "denominator": lambda record: record["is_new"],
    },
    "E-3": {"numerator": lambda record: None if record["score"] is None else record["score"] > 5},
    "E-4": {"numerator": lambda record: None if record["score"] is None else record["score"] > 5},
    "E-5": {"numerator": lambda record: None if record["score"] is None else record["score"] > 5},
    "T-1": {
        "numerator": lambda record: 1 if record["level"] in (3, 4) else 0,
        "where": lambda record: record["sex"] == "F",
    },
}


def write_project(folder: Path, indicators: list[dict[str, Any]], **project: Any) -> LoadedProject:
    """Write `project.yaml` and `logframe.yaml` (YAML is a superset of what is written here) and load them."""
    from ruamel.yaml import YAML

    folder.mkdir(parents=True, exist_ok=True)
    yaml = YAML(typ="safe")
    yaml.default_flow_style = False
    described = {
        "project": PROJECT, "name": "Essai", "label": "Projet d'essai", "starts_on": "2026-03-01",
        "ends_on": "2029-02-28", "dates_status": "essai", "sources": {}, "forms": {}, **project,
    }  # fmt: skip
    logframe = {
        "project": PROJECT, "version": "1", "illustrative": True, "source": "Essai", "dimensions": DIMENSIONS,
        "results": [{"code": "R1", "level": "output", "label": "Résultat"}], "indicators": indicators,
    }  # fmt: skip
    for name, content in (("project", described), ("logframe", logframe)):
        with (folder / f"{name}.yaml").open("w", encoding="utf-8") as file:
            yaml.dump(content, file)
    return load_project(folder, {})
