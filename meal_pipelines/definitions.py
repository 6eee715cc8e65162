"""Where everything meets: assets, checks, the resource, jobs and schedules, explicitly, on one screen.

Nothing happens at import but reading the projects' files: no connection, no key, no server.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import Any

import dagster as dg

from assets.attachments import attachments_asset
from assets.cleaned import cleaned_asset
from assets.extracts import extract_assets
from assets.follow_up import follow_up_job, follow_up_sensor
from assets.freezing import freezing_job
from assets.indicators import indicators_asset
from assets.marts import choice_asset, mart_asset, mart_key, reference_asset
from assets.pseudonymised import pseudonymised_asset
from assets.raw import raw_asset
from assets.retention import RETENTION, retention_job
from assets.sensors import sensors
from expectations.marts import suite_for
from meal_pipelines.collect.attachments import collects_files
from meal_pipelines.collect.punctuality import NIGHT, TIMEZONE
from meal_pipelines.collect.servers import server_name
from meal_pipelines.extracts.campaigns.sheets import RECIPIENTS, Recipient
from meal_pipelines.extracts.donor_codes import is_concerned
from meal_pipelines.indicators.reports.contributing import figure_forms
from meal_pipelines.project.load import load_projects
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.protect.tables import pseudonymised_spec
from meal_pipelines.settings import CHECKOUT, Settings
from meal_pipelines.warehouse.models import load_models
from resources import Platform

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
"""Dagster otherwise prints every event of a run on the terminal of `meal up`; the UI shows them all."""
NIGHTLY = "collecte_et_calculs"
CAMPAIGN_DAYS = {"thema": 15, "tei": 16, "afd": 17}
"""Recipient of an annual campaign → the day of January on which it is prepared; a day apart, since one is read at a time."""


def build_definitions(
    settings: Settings | None = None, *, resources: Mapping[str, Any] | None = None
) -> dg.Definitions:
    """Everything Dagster knows of: one chain of assets per form, the marts they share, indicators and extracts per project.

    settings: which projects; by default the environment's. resources: replaces `platform` in tests and in the command line.
    """
    settings = settings or Settings.load()
    projects = load_projects(settings)
    nightly, follow_up = nightly_job(), follow_up_job(QUIET)
    campaigns = [
        at for at in RECIPIENTS.values() if any(is_concerned(project, at.name) for project in projects.values())
    ]
    jobs = [nightly, follow_up, *(campaign_job(at) for at in campaigns)]
    definitions = dg.Definitions(
        assets=_assets(settings, projects),
        jobs=[*jobs, retention_job(QUIET), freezing_job(QUIET, projects)],
        schedules=[*_schedules(), *(_campaign_schedule(at) for at in campaigns)],
        sensors=[*sensors(settings, projects, nightly, QUIET), follow_up_sensor(follow_up, QUIET)],
        resources={"platform": Platform(), **(resources or {})},
        executor=_executor(settings),
    )
    _mask_errors()
    return definitions


def _assets(settings: Settings, projects: Mapping[str, LoadedProject]) -> list[dg.AssetsDefinition]:
    forms = [(project, form) for project in projects.values() for form in project.forms.values()]
    tables = {
        spec.qualified: (dg.AssetKey(["pseudonymised", project.id, form.name]), spec)
        for project, form in forms
        for spec in (pseudonymised_spec(project, form, table) for table in form.questionnaire.tables.values())
    }
    models = load_models(CHECKOUT / "dbt_like_sql", {name: spec for name, (_, spec) in tables.items()}, set(projects))
    keys = {name: key for name, (key, _) in tables.items()}
    keys |= {f"marts.{name}": mart_key(name) for name in (*models.marts, *models.seeds)}
    marts = {name: mart.spec for name, mart in models.marts.items()}
    forms_of = models.forms_of({name: (key.path[1], key.path[2]) for name, (key, _) in tables.items()})
    with_logframe = [project for project in projects.values() if project.logframe is not None]
    figures = {project.id: figure_forms(project, models.marts) for project in with_logframe}
    return [
        *(raw_asset(project, form, server_name(settings, project, form)) for project, form in forms),
        *(
            attachments_asset(project, form, server_name(settings, project, form))
            for project, form in forms
            if collects_files(project, form)
        ),
        *(cleaned_asset(project, form) for project, form in forms),
        *(pseudonymised_asset(project, form) for project, form in forms),
        reference_asset(models.seeds),
        choice_asset(models.marts),
        *(mart_asset(mart, suite_for(mart.spec), keys, forms_of[name]) for name, mart in models.marts.items()),
        *(indicators_asset(project, marts, figures[project.id]) for project in with_logframe),
        *(asset for project in with_logframe for asset in extract_assets(project, figures[project.id])),
    ]


def nightly_job() -> Any:
    return dg.define_asset_job(
        NIGHTLY,
        selection=dg.AssetSelection.all(),
        config=QUIET,
        description="Collecte, nettoyage, pseudonymisation, marts, indicateurs et extraits des deux projets. Chaque étape ne "
        "traite que ce qui a changé ; relancer une exécution interrompue la termine.",
    )


def campaign_job(recipient: Recipient) -> Any:
    """One of each kind, so that the officer launches the campaign that is asked for and no other."""
    return dg.define_asset_job(
        f"campagne_{recipient.name}",
        selection=dg.AssetSelection.kind(recipient.name),
        config=QUIET,
        description=f"Campagne annuelle {recipient.title} de chaque projet concerné : {recipient.purpose}. Refait le classeur de la "
        "dernière année civile que les données couvrent, tant que la campagne est ouverte.",
    )


def _campaign_schedule(recipient: Recipient) -> dg.ScheduleDefinition:
    day = CAMPAIGN_DAYS[recipient.name]
    return dg.ScheduleDefinition(
        name=f"campagne_{recipient.name}_annuelle",
        job_name=f"campagne_{recipient.name}",
        cron_schedule=f"0 6 {day} 1 *",
        execution_timezone=TIMEZONE,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Le {day} janvier à 6 h (date à confirmer par le siège).",
    )


def _schedules() -> list[dg.ScheduleDefinition]:
    return [
        dg.ScheduleDefinition(
            name="chaque_nuit",
            job_name=NIGHTLY,
            cron_schedule=NIGHT,
            execution_timezone=TIMEZONE,
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description="Chaque nuit à 2 h (heure de Casablanca).",
        ),
        dg.ScheduleDefinition(
            name="conservation_mensuelle",
            job_name=RETENTION,
            cron_schedule="0 5 1 * *",
            execution_timezone=TIMEZONE,
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description="Le 1er de chaque mois à 5 h.",
        ),
    ]


def _executor(settings: Settings) -> dg.ExecutorDefinition:
    """In one process by default: a new process per step costs seconds. `MEAL_EXECUTOR=multiprocess` for a larger machine."""
    if settings.variables.get("MEAL_EXECUTOR") == "multiprocess":
        return dg.multiprocess_executor
    return dg.in_process_executor


def _mask_errors() -> None:
    """From here on this process runs steps, and the text of their errors may quote an answer: none is stored or logged.

    What fails before, while definitions load, speaks of configuration files only and stays readable.
    """
    os.environ["DAGSTER_REDACT_USER_CODE_ERRORS"] = "1"
    masked = logging.getLogger("dagster.redacted_errors")
    masked.addHandler(logging.NullHandler())
    masked.propagate = False


@dg.definitions
def defs() -> dg.Definitions:
    """What `workspace.yaml` and `dg` load; made when they ask for it."""
    return build_definitions()
