"""Freezing a report as a job of one step, configured by who asks. Logic: `meal_pipelines/extracts/hand_over.py`."""

from collections.abc import Iterable
from contextlib import closing
from typing import Any

import dagster as dg
from pydantic import Field

from assets.failures import explained
from meal_pipelines.display.standing import frozen_behind
from meal_pipelines.errors import ConfigurationError
from meal_pipelines.extracts.hand_over import hand_over
from meal_pipelines.indicators.reports.freeze import Asked
from resources import Platform

FREEZING = "figer_un_rapport"


class Report(dg.Config):
    """What `meal freeze` is told, under the same names."""

    project: str = Field(description="Le projet, par exemple prim2.")
    period: str = Field(description="La période, finie : 2028-12, 2028-Q4, 2028-S2, 2028 ou A3.")
    label: str = Field(description="Le nom du rapport remis.")
    by: str = Field(description="Le nom de la personne qui fige.")
    reason: str = Field(default="", description="Pourquoi la période est figée de nouveau (nouvelle version).")


@dg.op(
    out=dg.Out(dg.Nothing),
    description="Copie les valeurs, les définitions et les lignes d'une période close ; rien n'y change plus.",
)
def figer(context: dg.OpExecutionContext, config: Report, platform: Platform) -> None:
    asked = Asked(config.period, config.label, config.by, config.reason)
    with (
        explained(context),
        platform.exclusive(f"indicators/{config.project}"),
        closing(platform.warehouse.psycopg()) as connection,
    ):
        if config.project not in platform.projects:
            raise ConfigurationError(f"Projet inconnu. Projets : {', '.join(platform.projects)}.")
        project = platform.projects[config.project]
        made, files = hand_over(connection, project, asked, out=platform.settings.out, run_id=context.run_id)
        behind = frozen_behind(made, project)
    for sentence in behind:
        context.log.warning(sentence)
    context.add_output_metadata(
        {
            "gel": made.freeze_id,
            "période": made.period,
            "version": made.version,
            "données reçues jusqu'au": made.cutoff.isoformat(),
            "programme": made.code_version,
            "formulaires en retard": dg.MetadataValue.md("\n".join(behind) or "aucun"),
            **{path.name: dg.MetadataValue.path(str(path.resolve())) for path in files},
        }
    )


def freezing_job(config: dict[str, Any], projects: Iterable[str]) -> dg.JobDefinition:
    """config: of the job's runs, such as how little they print; the launchpad shows it with what is to be filled in."""
    asked = {"project": next(iter(projects), ""), "period": "", "label": "", "by": "", "reason": ""}

    @dg.job(
        name=FREEZING,
        config={**config, "ops": {"figer": {"config": asked}}},
        description="Fige les chiffres d'une période close, tels qu'ils sont remis, et refait ses extraits. Le nom du rapport et celui "
        "de la personne qui fige sont demandés ; figer de nouveau fait une nouvelle version.",
    )
    def figer_un_rapport() -> None:
        figer()

    return figer_un_rapport
