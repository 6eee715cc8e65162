"""What starts the chain of one form besides the night: a workbook that was put down, a call of Kobo. Dagster sensors only.

When a chain is due is decided in `meal_pipelines/collect/wakings.py`. ODK Central calls nobody: its forms wait for the night.
"""

import time
from collections.abc import Mapping
from typing import Any

import dagster as dg

from meal_pipelines.collect.sources import inbox_of
from meal_pipelines.collect.wakings import Calls, Deposits, woken_at
from meal_pipelines.errors import MealError
from meal_pipelines.invocation import typed
from meal_pipelines.project.loaded import LoadedForm, LoadedProject
from meal_pipelines.settings import Settings

Forms = Mapping[str, tuple[LoadedProject, LoadedForm]]
FORM_TAG = "meal/formulaire"


def sensors(
    settings: Settings, projects: Mapping[str, LoadedProject], job: Any, config: Mapping[str, Any]
) -> list[dg.SensorDefinition]:
    """One sensor for the inboxes and one for Kobo, when some form has use for it. config: of the runs they ask for."""
    workbooks, kobo = _forms(projects, "workbook"), _forms(projects, "kobo")
    return [
        *([_deposits(settings, workbooks, job, config)] if workbooks else []),
        *([_calls(settings, kobo, job, config)] if kobo else []),
    ]


def _forms(projects: Mapping[str, LoadedProject], kind: str) -> Forms:
    return {
        f"{project.id}/{form.name}": (project, form)
        for project in projects.values()
        for form in project.forms.values()
        if project.project.sources[form.form.source.use].kind == kind
    }


def _status(settings: Settings) -> dg.DefaultSensorStatus:
    """The demonstration waits for nobody."""
    return dg.DefaultSensorStatus.STOPPED if settings.demo else dg.DefaultSensorStatus.RUNNING


def _deposits(settings: Settings, forms: Forms, job: Any, config: Mapping[str, Any]) -> dg.SensorDefinition:
    @dg.sensor(
        name="classeurs_deposes",
        job=job,
        minimum_interval_seconds=60,
        default_status=_status(settings),
        description="Collecte et recalcule un formulaire quand un classeur est déposé dans sa boîte, ou changé, une minute après "
        "qu'il a fini d'être copié. Formulaires : " + ", ".join(forms) + ".",
    )
    def look(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        deposits, due, silent = Deposits.read(context.cursor), [], []
        for name, (project, form) in forms.items():
            try:
                seen = inbox_of(settings, project, form).digests()
            except MealError as error:
                silent.append(str(error))
                continue
            if deposits.is_due(name, seen):
                due.append(name)
        requests = [_request(context, name, f"{name} {deposits.count}", config) for name in due]
        waiting = f"Copie en cours : {', '.join(deposits.settling)}." if deposits.settling else "Rien de nouveau."
        return _result(requests, deposits.text(), "\n".join([waiting, *dict.fromkeys(silent)]))

    return look


def _calls(settings: Settings, forms: Forms, job: Any, config: Mapping[str, Any]) -> dg.SensorDefinition:
    @dg.sensor(
        name="appels_de_kobo",
        job=job,
        minimum_interval_seconds=30,
        default_status=_status(settings),
        description=f"Collecte et recalcule un formulaire quand Kobo annonce une soumission ({typed('hook')} donne l'adresse à "
        f"déclarer, {typed('up --hook-port 3002')} écoute), une demi-minute après la dernière annonce. Les modifications et les "
        "suppressions, que Kobo n'annonce pas, attendent la nuit. Formulaires : " + ", ".join(forms) + ".",
    )
    def hear(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        calls = Calls.read(context.cursor)
        heard = {name: woken_at(settings.home, *name.split("/")) for name in forms}
        due = calls.due({name: at for name, at in heard.items() if at is not None}, time.time())
        requests = [_request(context, name, f"{name} {calls.handled[name]}", config) for name in due]
        waiting = f"Des soumissions arrivent encore : {', '.join(calls.waiting)}." if calls.waiting else "Aucun appel."
        return _result(requests, calls.text(), waiting)

    return hear


def _request(
    context: dg.SensorEvaluationContext, name: str, key: str, config: Mapping[str, Any]
) -> dg.RunRequest | None:
    """A run of what follows from one form, from collection to extracts; None when one waits already, which will see all."""
    waiting = dg.RunsFilter(
        tags={FORM_TAG: name}, statuses=[dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED]
    )
    if context.instance.get_runs(waiting, limit=1):
        return None
    assert context.repository_def is not None
    chain = dg.AssetSelection.assets(dg.AssetKey(["raw", *name.split("/")])).downstream()
    keys = sorted(chain.resolve(context.repository_def.asset_graph))
    return dg.RunRequest(run_key=key, asset_selection=keys, tags={FORM_TAG: name}, run_config=dict(config))


def _result(requests: list[dg.RunRequest | None], cursor: str, otherwise: str) -> dg.SensorResult:
    asked = [request for request in requests if request is not None]
    if asked:
        return dg.SensorResult(run_requests=asked, cursor=cursor)
    return dg.SensorResult(skip_reason=otherwise, cursor=cursor)
