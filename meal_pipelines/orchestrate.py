"""Dagster from the command line: its instance, and one run in this process. Its UI and daemon are in `serving.py`.

With these two and `definitions.py`, nothing else here knows Dagster. What a run does is in `assets/`.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

from meal_pipelines.invocation import DEMO, typed
from meal_pipelines.settings import Settings

if TYPE_CHECKING:
    import dagster as dg

    from resources import Reporter

INSTANCE = """\
# Written by `meal`; a setting changed here is written again at the next start.
telemetry: {enabled: false}
nux: {enabled: false}
event_log_storage: {module: resources.event_log, class: OpenEventLog, config: {base_dir: BASE}}
concurrency:
  runs: {max_concurrent_runs: 1}
  # Two runs that collect from one server never run together, however many may. Of the whole run rather than of a step:
  # a step's slot outlives a killed process, and the next run would wait for it for ever.
  pools: {granularity: run, default_limit: 1}
run_retries: {enabled: true, max_retries: 1, retry_on_asset_or_op_failure: false}
run_monitoring: {enabled: true}
# The text of a step may quote an answer: it is kept nowhere.
compute_logs: {module: dagster._core.storage.noop_compute_log_manager, class: NoOpComputeLogManager}
retention:
  schedule: {purge_after_days: 90}
  sensor: {purge_after_days: {skipped: 7, failure: 30, success: 90}}
"""


@dataclass(frozen=True)
class Outcome:
    """How one run went. failures: (asset, what to read) of the steps that failed, in order, then of the checks that found
    an error without stopping anything. outdated: the assets that are made from a form's table of another day."""

    run_id: str
    succeeded: bool
    failures: list[tuple[str, str]]
    skipped: list[str]
    outdated: list[str]
    changed: bool
    seconds: float


def prepare_instance(settings: Settings) -> None:
    """Write Dagster's own configuration, and set what every Dagster process must inherit."""
    home = settings.dagster_home
    home.mkdir(parents=True, exist_ok=True)
    file, text = home / "dagster.yaml", INSTANCE.replace("BASE", json.dumps(str(home / "history" / "runs")))
    if not file.exists() or file.read_text(encoding="utf-8") != text:
        file.write_text(text, encoding="utf-8")
    os.environ["DAGSTER_HOME"] = str(home)
    os.environ["GX_ANALYTICS_ENABLED"] = "False"
    base = settings.home.parent if settings.demo else settings.home
    out = settings.out.parent if settings.demo else settings.out
    os.environ |= {"MEAL_HOME": str(base), "MEAL_OUT": str(out), "MEAL_PROJECTS": str(settings.projects)}
    os.environ[DEMO] = "1" if settings.demo else "0"
    if not settings.demo:
        os.environ["MEAL_KEYRING"] = str(settings.keyring)


def launch(
    settings: Settings,
    *,
    projects: Sequence[str] = (),
    stages: Sequence[str] = (),
    reporter: Reporter | None = None,
    accept_deletions: bool = False,
) -> Outcome:
    """Run the nightly job in this process, on a selection, and wait for its end; then what follows a form's failure.

    projects, stages: what to run; nothing means all. Marts are shared: they are part of every project.
    Raises: ConfigurationError (nothing is done), MealError.
    """
    prepare_instance(settings)
    import dagster as dg

    from assets.follow_up import FOLLOW_UP, FOLLOWS, announce, left_behind
    from meal_pipelines.definitions import NIGHTLY, build_definitions
    from resources import Platform, followed

    _silence()
    started = time.monotonic()
    definitions = build_definitions(settings, resources={"platform": Platform(accept_deletions=accept_deletions)})
    job = definitions.resolve_job_def(NIGHTLY)
    keys = [key for key in job.asset_layer.executable_asset_keys if _is_selected(key.path, projects, stages)]
    with dg.DagsterInstance.get() as instance, followed(settings, reporter):
        bury_dead_runs(instance, all_untagged=False)
        results = [_execute(job, instance, keys, {})]
        run = results[0].dagster_run
        rest = [] if results[0].success else left_behind(instance, run.run_id, definitions.get_repository_def())
        if rest:
            announce(instance, run, len(rest))
            follow_up = definitions.resolve_job_def(FOLLOW_UP)
            results.append(_execute(follow_up, instance, rest, {FOLLOWS: run.run_id}))
    return _outcome(results, {key.to_user_string() for key in keys}, time.monotonic() - started)


def _execute(
    job: dg.JobDefinition, instance: dg.DagsterInstance, keys: Sequence[dg.AssetKey], tags: Mapping[str, str]
) -> dg.ExecuteInProcessResult:
    from assets.follow_up import BY_COMMAND

    tags = {"meal/no_retry": "1", BY_COMMAND: _this_process(), **tags}
    return job.execute_in_process(instance=instance, asset_selection=list(keys), raise_on_error=False, tags=tags)


def _is_selected(path: Sequence[str], projects: Sequence[str], stages: Sequence[str]) -> bool:
    stage = path[0]
    is_of_project = stage == "marts" or not projects or path[1] in projects
    return is_of_project and (not stages or stage in stages)


def _this_process() -> str:
    return f"{os.getpid()}:{psutil.Process().create_time():.2f}"


def _is_alive(process: str) -> bool:
    pid, _, created = process.partition(":")
    try:
        return f"{psutil.Process(int(pid)).create_time():.2f}" == created
    except psutil.NoSuchProcess:
        return False


def bury_dead_runs(instance: dg.DagsterInstance, *, all_untagged: bool) -> None:
    """Mark as failed the runs whose process was killed: to Dagster they would be running for ever, and hold the queue.

    all_untagged: also the runs that were launched from the UI, when no UI can be running.
    """
    import dagster as dg

    from assets.follow_up import BY_COMMAND

    active = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
    for run in instance.get_runs(dg.RunsFilter(statuses=active)):
        process = run.tags.get(BY_COMMAND)
        is_dead = all_untagged if process is None else not _is_alive(process)
        if is_dead:
            instance.report_run_failed(run, "Interrompue : son processus n'existe plus. Relancez ; rien n'est perdu.")


def _outcome(results: Sequence[dg.ExecuteInProcessResult], wanted: set[str], seconds: float) -> Outcome:
    """results: of the run, then of the one that followed it where a form failed."""
    import dagster as dg

    from assets.standing import CHECK

    failures = [failure for result in results for failure in _step_failures(result)]
    failed = {asset for asset, _ in failures}
    outdated = set()
    for check in (check for result in results for check in result.get_asset_check_evaluations() if not check.passed):
        name = check.asset_key.to_user_string()
        if check.check_name == CHECK:
            outdated.add(name)
        elif check.severity == dg.AssetCheckSeverity.ERROR and name not in failed:
            failures.append((name, check.description or check.check_name))
    events = [event for result in results for event in result.get_asset_materialization_events()]
    made = [event.step_materialization_data.materialization for event in events]
    done = {materialization.asset_key.to_user_string() for materialization in made}
    changed = any(bool(entry.value) for each in made if (entry := each.metadata.get("changement")) is not None)
    succeeded = all(result.success for result in results) and not failures
    skipped = sorted(wanted - done - failed)
    return Outcome(results[0].run_id, succeeded, failures, skipped, sorted(outdated), changed, seconds)


def _step_failures(result: dg.ExecuteInProcessResult) -> list[tuple[str, str]]:
    """(asset, what to read) of the steps of one run that failed, in order."""
    failures = []
    for event in result.all_events:
        if event.is_step_failure:
            user = event.step_failure_data.user_failure_data
            text = user.description if user is not None and user.description else "Défaut inattendu du programme."
            failures.append((_asset(event.step_key), text))
    if not result.success and not failures:
        failures = [("démarrage", _startup_failure(result))]
    return failures


def _startup_failure(result: dg.ExecuteInProcessResult) -> str:
    """Why nothing could start: our own refusal, where the resource met one."""
    for event in result.all_events:
        error = getattr(event.event_specific_data, "error", None)
        cause = error.cause if error is not None and error.cause is not None else error
        if cause is not None and cause.cls_name in ("ConfigurationError", "MealError", "TransientError"):
            return str(cause.message).split(": ", 1)[-1].strip()
    return f"L'exécution n'a pas pu démarrer. Lancez {typed('doctor')}."


def _asset(step_key: str | None) -> str:
    return (step_key or "").replace("__", "/")


def _silence() -> None:
    """Dagster's own lines do not reach the terminal; ours do. Masked errors are written nowhere."""
    for name in ("dagster", "dagster.redacted_errors", "alembic"):
        logger = logging.getLogger(name)
        logger.setLevel(logging.CRITICAL + 1)
        logger.propagate = False
