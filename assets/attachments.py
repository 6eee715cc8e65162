"""Stage 1, raw: the files of a form, where it has some. Logic: `meal_pipelines/collect/attachments/`."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from assets.audit import WARN
from assets.failures import explained
from meal_pipelines.collect.attachments import FileStore, Limits, Tally, fetch_files
from meal_pipelines.collect.attachments.counts import count_files, verdict
from meal_pipelines.collect.sources import open_sources
from meal_pipelines.project.loaded import LoadedForm, LoadedProject
from resources import Platform

CHECK = "fichiers_joints"
MEANS = (
    "Quelqu'un a décidé de ce que deviennent les fichiers du formulaire ; ceux qui doivent être gardés le sont tous."
)


def attachments_asset(project: LoadedProject, form: LoadedForm, server: str) -> dg.AssetsDefinition:
    """The asset that fetches a form's files. Nothing waits for it: in a run, whatever else is ready goes first."""
    key = dg.AssetKey(["raw", project.id, form.name, "fichiers"])

    @dg.asset(
        key=key,
        deps=[dg.AssetKey(["raw", project.id, form.name])],
        group_name=f"{project.id}_1_raw",
        description=f"{form.form.label} ({form.form.code}) : les fichiers (photos, sons, documents) que nomment les soumissions, "
        "scellés hors de la base, jamais ouverts. Grain : un fichier d'une soumission.",
        owners=form.form.owners or project.project.owners,
        tags={"projet": project.id, "formulaire": form.name, "etape": "raw"},
        kinds={project.project.sources[form.form.source.use].kind, "file"},
        metadata={"dagster/table_name": "meal.raw.attachment"},
        pool=server,
        op_tags={"dagster/priority": "-1"},
        check_specs=[dg.AssetCheckSpec(CHECK, asset=key, description=MEANS)],
    )
    def fetch(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[Any]:
        name = key.to_user_string()
        platform.begin(name)
        with explained(context):
            tally = _fetch(platform, project.id, form.name, server, name)
            _, current = platform.form(project.id, form.name)
            counts = count_files(platform.warehouse, current)
        platform.end(name, tally.told if tally is not None else "restent sur le serveur")
        passed, description = verdict(current, counts, tally)
        yield dg.AssetCheckResult(
            passed=passed, asset_key=key, check_name=CHECK, severity=WARN, description=description,
        )  # fmt: skip
        yield dg.MaterializeResult(
            metadata={
                "dagster/row_count": counts.kept,
                **counts.table,
                **({} if tally is None else tally.table),
            }
        )

    return fetch


def _fetch(platform: Platform, project_id: str, form_name: str, server: str, name: str) -> Tally | None:
    """None when the files stay where they are."""
    project, form = platform.form(project_id, form_name)
    limits = Limits.of(form)
    if limits is None:
        return None
    store = FileStore.of(platform.settings)
    sources = open_sources(platform.settings, project, form, platform.keyring, platform.warehouse)
    with platform.reading(server, name):
        return fetch_files(
            platform.warehouse,
            platform.keyring,
            store,
            project_id,
            form_name,
            sources[-1][1],
            limits,
            progress=lambda done, total: platform.advance(name, done, total),
        )
