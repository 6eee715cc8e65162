"""The monthly purge as a job of three steps: what is due, the purge, the proof. Logic: `meal_pipelines/protect/rights/retention.py`."""

from typing import Any

import dagster as dg

from assets.failures import explained
from meal_pipelines.display.retention import as_markdown, proven, told
from meal_pipelines.protect.rights.access import Actor
from meal_pipelines.protect.rights.retention import Due, find_due, prove, purge
from resources import Platform

RETENTION = "conservation"
REASON = "durée de conservation dépassée (project.yaml)"


@dg.op(out=dg.Out(dg.Nothing), description="Compte ce qui a dépassé sa durée de conservation ; n'efface rien.")
def echeances(context: dg.OpExecutionContext, platform: Platform) -> None:
    with explained(context):
        found = _found(platform)
    for due in found:
        context.log.info(f"{due.name} : {told(due)}")
    context.add_output_metadata(
        {
            "soumissions à échéance": sum(due.submissions for due in found),
            "dont à confirmer, gardées": sum(due.submissions for due in found if due.is_held),
            "détail": dg.MetadataValue.md(as_markdown(found)),
        }
    )


@dg.op(
    ins={"avant": dg.In(dg.Nothing)},
    out=dg.Out(dg.Nothing),
    description="Efface partout ce qui est à échéance, quand la règle est confirmée ; chaque lot laisse une ligne dans le journal "
    "d'audit.",
)
def effacement(context: dg.OpExecutionContext, platform: Platform) -> None:
    done: dict[str, Any] = {}
    with explained(context):
        for due in _found(platform):
            if due.submissions and not due.is_held:
                actor = Actor.here("admin", REASON)
                done[due.name] = purge(platform.settings, platform.warehouse, platform.keyring, due, actor)
    context.add_output_metadata({"soumissions effacées": sum(done.values()), **done})


@dg.op(
    ins={"apres": dg.In(dg.Nothing)},
    out=dg.Out(dg.Nothing),
    description="Compte, dans chaque table et dans les fichiers joints, ce qui reste de ce qui devait partir.",
)
def preuve(context: dg.OpExecutionContext, platform: Platform) -> None:
    with explained(context):
        decided = [due for due in _found(platform) if not due.is_held]
        proofs = {due.name: prove(platform.settings, platform.warehouse, platform.keyring, due) for due in decided}
    context.add_output_metadata({name: proven(proof) for name, proof in proofs.items()})
    failed = [f"{name} : {proven(proof)}" for name, proof in proofs.items() if not proof.holds]
    if failed:
        raise dg.Failure(description=". ".join(failed), allow_retries=False)


def _found(platform: Platform) -> list[Due]:
    return [due for project in platform.projects.values() for due in find_due(platform.warehouse, project)]


def retention_job(config: dict[str, Any]) -> dg.JobDefinition:
    """config: of the job's runs, such as how little they print."""

    @dg.job(
        name=RETENTION,
        config=config,
        description="Efface ce qui a dépassé la durée de conservation de son formulaire (retention, dans project.yaml) : dit d'abord "
        "quoi, efface, puis prouve en comptant. Une règle « à confirmer » n'efface rien.",
    )
    def conservation() -> None:
        preuve(effacement(echeances()))

    return conservation
