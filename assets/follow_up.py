"""The run that follows a failed one, with what only a form's failure kept from being done. Logic: `meal_pipelines/resumption.py`.

Dagster abandons whatever is downstream of a failed step, however far, and a step that fails without stopping them would have
to call a form materialised that is not. So the run that failed stays as it is, red where it failed, and this one computes the
marts, the indicators and the extracts from what is published. `meal run` does it itself; for runs started from the UI, by the
night or by a sensor, the sensor here does.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from meal_pipelines.invocation import MEAL
from meal_pipelines.resumption import SHARED, still_computable

FOLLOW_UP = "calculs_apres_un_echec"
FOLLOWS = "meal/suite_de"
"""Tag of a run: which failed run it follows."""
BY_COMMAND = "meal/process"
"""Tag of a run made by the command line, which sees to its own sequel: process id and start time."""

PLANNED = dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED
DONE = dg.DagsterEventType.ASSET_MATERIALIZATION
FAILED = dg.DagsterEventType.STEP_FAILURE


def follow_up_job(config: Mapping[str, Any]) -> Any:
    return dg.define_asset_job(
        FOLLOW_UP,
        selection=dg.AssetSelection.key_prefixes(*([stage] for stage in SHARED)),
        config=dict(config),
        description="Suit une exécution où un formulaire a échoué : marts, indicateurs et extraits sont calculés sur ce qui est "
        "publié, la table d'avant pour ce formulaire. Se lance de lui-même.",
    )


def left_behind(instance: dg.DagsterInstance, run_id: str, repository: dg.RepositoryDefinition) -> list[dg.AssetKey]:
    """What a run that failed left undone and can still be computed, sorted; which it was is read from its events."""
    steps: dict[str, str | None] = {}
    done, failed_steps = set(), set()
    for entry in instance.all_logs(run_id, of_type={PLANNED, DONE, FAILED}):
        event = entry.get_dagster_event()
        if event.event_type is FAILED:
            failed_steps.add(event.step_key)
        elif event.asset_key is not None and event.event_type is DONE:
            done.add(event.asset_key.to_user_string())
        elif event.asset_key is not None:
            steps[event.asset_key.to_user_string()] = event.step_key
    failed = {name for name, step in steps.items() if step in failed_steps} - done
    graph = repository.asset_graph
    parents = {
        key.to_user_string(): {parent.to_user_string() for parent in graph.get(key).parent_keys}
        for key in graph.get_all_asset_keys()
    }
    return [dg.AssetKey.from_user_string(name) for name in sorted(still_computable(steps, done, failed, parents))]


def announce(instance: dg.DagsterInstance, run: dg.DagsterRun, count: int) -> None:
    """Say in the log of the failed run, which Dagster ends with a red line for each thing it gave up, where these are made."""
    instance.report_engine_event(
        "Les marts, indicateurs et extraits que les lignes précédentes disent non exécutés (« Not executing ») ne sont pas perdus : "
        f"{count} d'entre eux, qu'un formulaire en échec retenait, sont calculés sur ce qui est publié, dans l'exécution qui suit "
        f"(« {FOLLOW_UP} », dans Runs).",
        run,
    )


def follow_up_sensor(job: Any, config: Mapping[str, Any]) -> dg.SensorDefinition:
    """On from the start, in a demonstration too: whoever presses the button there sees what happens elsewhere."""

    @dg.run_failure_sensor(
        name="suite_d_un_echec",
        request_job=job,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Après une exécution où un formulaire a échoué, lance les calculs qui n'ont pas besoin de lui ou peuvent se faire "
        "sur sa table d'avant. L'exécution en échec reste en échec.",
    )
    def follow(context: dg.RunFailureSensorContext) -> dg.RunRequest | dg.SkipReason:
        run = context.dagster_run
        if BY_COMMAND in run.tags:
            return dg.SkipReason(f"Lancée par « {MEAL} run », qui fait la suite.")
        assert context.repository_def is not None
        keys = left_behind(context.instance, run.run_id, context.repository_def)
        if not keys:
            return dg.SkipReason("Rien ne peut être calculé sans ce qui a échoué.")
        announce(context.instance, run, len(keys))
        return dg.RunRequest(
            run_key=run.run_id, asset_selection=keys, tags={FOLLOWS: run.run_id}, run_config=dict(config)
        )

    return follow
