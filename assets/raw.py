"""Stage 1, raw: one asset per form, which collects it. Logic: `meal_pipelines/collect/`."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from assets.audit import ERROR, WARN
from assets.failures import explained, noted
from meal_pipelines.collect.history import as_markdown, collections_of, delay_told, last_collections, moment_told
from meal_pipelines.collect.position import Load
from meal_pipelines.collect.punctuality import FREQUENCIES, LATE, next_night
from meal_pipelines.collect.received import FileSource
from meal_pipelines.collect.sheets.receipt import Receipt, counted
from meal_pipelines.collect.silences import silent_before, told
from meal_pipelines.collect.sources import open_sources
from meal_pipelines.collect.sync import synchronise
from meal_pipelines.project.loaded import LoadedForm, LoadedProject
from resources import Platform

REGULAR = "collecte_reguliere"
REGULAR_MEANS = "ODK Central a été lu avant d'effacer pour de bon ce qui y avait été supprimé."
SHOWN = 10
"""Collections listed on the page of an asset."""
FILES = "fichiers_lus"
FILES_MEANS = (
    "Chaque fichier reçu a été compris et lu en entier ; un fichier refusé n'enlève rien de ce qui était connu."
)


def raw_asset(project: LoadedProject, form: LoadedForm, server: str) -> dg.AssetsDefinition:
    """The asset that brings `raw.submission` level with the source of one form; server: whose turn it takes."""
    key = dg.AssetKey(["raw", project.id, form.name])
    late = LATE[form.form.frequency]
    kind = project.project.sources[form.form.source.use].kind
    has_files = kind == "workbook" or (kind == "export" and form.form.source.sheet is not None)

    @dg.asset(
        key=key,
        group_name=f"{project.id}_1_raw",
        description=f"{form.form.label} ({form.form.code}) : chaque version de chaque soumission, scellée. "
        f"Source : {kind}. Grain : une ligne par version d'une soumission.",
        owners=form.form.owners or project.project.owners,
        tags={"projet": project.id, "formulaire": form.name, "etape": "raw"},
        kinds={kind, "postgres"} if kind != "export" else {"postgres", "file"},
        metadata={"dagster/table_name": "meal.raw.submission", "fréquence": FREQUENCIES[form.form.frequency]},
        pool=server,
        freshness_policy=dg.FreshnessPolicy.time_window(fail_window=late, warn_window=late * 3 / 4),
        check_specs=[
            *([dg.AssetCheckSpec(REGULAR, asset=key, description=REGULAR_MEANS)] if kind == "odk" else []),
            *([dg.AssetCheckSpec(FILES, asset=key, description=FILES_MEANS)] if has_files else []),
            dg.AssetCheckSpec(
                "suppressions_plausibles", asset=key,
                description="La source n'a pas perdu d'un coup une grande part de ses soumissions.",
            ),
            dg.AssetCheckSpec(
                "compte_du_serveur", asset=key,
                description="Le nombre de soumissions présentes est celui que le serveur annonce.",
            ),
        ],
    )  # fmt: skip
    def collect(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[Any]:
        name = key.to_user_string()
        platform.begin(name)
        with (
            noted(context, platform, project.id, form.name, "raw"),
            explained(context),
            platform.reading(server, name),
        ):
            loads, receipts = _collect(context, platform, project.id, form.name)
        platform.end(name, _told(loads, receipts))
        yield from _checks(key, loads)
        if has_files:
            yield _files(key, receipts)
        if kind == "odk":
            yield _regular(platform, key, project.id, form.name)
        yield dg.MaterializeResult(metadata=_metadata(platform, project.id, form.name, loads, receipts))

    return collect


def _collect(
    context: dg.AssetExecutionContext, platform: Platform, project_id: str, form_name: str
) -> tuple[list[Load], list[Receipt]]:
    project, form = platform.form(project_id, form_name)
    name = f"raw/{project_id}/{form_name}"
    loads: list[Load] = []
    receipts: list[Receipt] = []
    for export, source in open_sources(platform.settings, project, form, platform.keyring, platform.warehouse):
        load = None
        try:
            load = synchronise(
                platform.warehouse,
                platform.keyring,
                project_id,
                form_name,
                source,
                run_id=context.run_id,
                export=export,
                accept_deletions=platform.accept_deletions,
                sweep_every=timedelta(days=project.project.sources[form.form.source.use].sweep_days),
                frequency=form.form.frequency,
                loaded=project,
                progress=lambda done, total: platform.advance(name, done, total),
            )
        finally:
            if isinstance(source, FileSource):
                source.record(load.load_id if load is not None else None)
                receipts += source.receipts
        if load is not None:
            loads.append(load)
    return loads, receipts


def _told(loads: list[Load], receipts: list[Receipt]) -> str:
    changes = [
        (sum(load.added for load in loads), "nouvelle"),
        (sum(load.changed for load in loads), "modifiée"),
        (sum(load.removed for load in loads), "supprimée"),
        (sum(load.restored for load in loads), "rétablie"),
    ]
    parts = [counted(count, word, f"{word}s") for count, word in changes if count] or ["rien de nouveau"]
    refused = sum(receipt.refused is not None for receipt in receipts)
    if refused:
        parts.append(counted(refused, "fichier refusé", "fichiers refusés"))
    return ", ".join(parts)


def _checks(key: dg.AssetKey, loads: list[Load]) -> Iterator[dg.AssetCheckResult]:
    refused = [load.refused for load in loads if load.refused]
    yield dg.AssetCheckResult(
        passed=not refused, asset_key=key, check_name="suppressions_plausibles", severity=WARN,
        description=refused[0] if refused else "Aucune disparition massive.",
    )  # fmt: skip
    differing = [
        load for load in loads if load.server_count not in (None, load.present + load.erased) and not load.refused
    ]
    yield dg.AssetCheckResult(
        passed=not differing, asset_key=key, check_name="compte_du_serveur", severity=WARN,
        description="Le compte du serveur et les soumissions présentes diffèrent." if differing else "Les comptes concordent.",
        metadata={"reçues": sum(load.received for load in loads)},
    )  # fmt: skip


def _files(key: dg.AssetKey, receipts: list[Receipt]) -> dg.AssetCheckResult:
    """A refused file is an error that stops nothing: what the other files brought goes on."""
    refused = any(receipt.refused is not None for receipt in receipts)
    trouble = [receipt.trouble for receipt in receipts if receipt.trouble is not None]
    return dg.AssetCheckResult(
        passed=not trouble, asset_key=key, check_name=FILES, severity=ERROR if refused else WARN,
        description="\n".join(trouble) or "Tous les fichiers ont été lus.",
    )  # fmt: skip


def _regular(platform: Platform, key: dg.AssetKey, project: str, form: str) -> dg.AssetCheckResult:
    with platform.warehouse.connect() as connection, connection.cursor() as cursor:
        days = silent_before(cursor, project, form)
    return dg.AssetCheckResult(
        passed=days is None, asset_key=key, check_name=REGULAR, severity=WARN,
        description=told(days) if days is not None else "La collecte précédente est assez proche.",
    )  # fmt: skip


def _metadata(
    platform: Platform, project: str, form: str, loads: list[Load], receipts: list[Receipt]
) -> dict[str, Any]:
    with platform.warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "select count(*), count(*) filter (where state = 'present') from (select distinct on (submission_id) state"
            " from raw.submission where project = %s and form = %s order by submission_id, version desc) as last",
            (project, form),
        )
        ever, present = cursor.fetchone() or (0, 0)
    return {
        "dagster/row_count": present,
        "reçues": sum(load.received for load in loads),
        "nouvelles": sum(load.added for load in loads),
        "modifiées": sum(load.changed for load in loads),
        "supprimées": sum(load.removed for load in loads),
        "rétablies": sum(load.restored for load in loads),
        "présentes": present,
        "supprimées à la source, en tout": ever - present,
        "effacées ici, encore à la source": loads[-1].erased if loads else 0,
        **_seen(platform, project, form),
        **(
            {"fichiers": dg.MetadataValue.md("\n".join(f"- {receipt.told}" for receipt in receipts))}
            if receipts
            else {}
        ),
    }


def _seen(platform: Platform, project: str, form: str) -> dict[str, Any]:
    """What `raw.load` says of the last collections: refusals, delays, what is expected and when."""
    history = collections_of(platform.warehouse, project, form, SHOWN)
    [(last, stands)] = last_collections(platform.warehouse, [(project, form)])
    return {
        "refusées": last.refused,
        "délai (max.)": delay_told(last),
        "prochaine collecte": moment_told(next_night(datetime.now(UTC))),
        "suite attendue": moment_told(stands.next_expected_at)[:10] + (" — en retard" if stands.is_late else ""),
        "dernières collectes": dg.MetadataValue.md(as_markdown(history)),
    }
