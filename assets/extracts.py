"""Stage 6, extracts: per project, one asset per recipient. Logic: `meal_pipelines/extracts/`."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import dagster as dg

from assets.audit import ERROR, WARN
from assets.failures import explained
from meal_pipelines.extracts import Extract, opsys, thema, tracking
from meal_pipelines.project.load import LoadedProject
from resources import Platform

RECIPIENTS: dict[str, tuple[Any, str, set[str]]] = {
    "opsys": (opsys, "Feuille de saisie OPSYS (Commission européenne)", {"excel", "postgres", "opsys"}),
    "thema": (thema, "Campagne annuelle THEMA (Expertise France)", {"excel", "postgres", "thema"}),
    "tableau_de_suivi": (tracking, "Tableau de suivi des indicateurs", {"excel", "tracking"}),
}


def extract_assets(project: LoadedProject) -> list[dg.AssetsDefinition]:
    return [_extract_asset(project, name, *recipient) for name, recipient in RECIPIENTS.items()]


def _extract_asset(project: LoadedProject, name: str, module: Any, label: str, kinds: set[str]) -> dg.AssetsDefinition:
    key = dg.AssetKey(["extracts", project.id, name])
    write: Callable[..., Extract] = module.write

    @dg.asset(
        key=key,
        deps=[dg.AssetKey(["indicators", project.id])],
        group_name=f"{project.id}_6_extraits",
        description=f"{label}, {project.project.name}. Les codes de bailleur non vérifiés y sont montrés comme tels.",
        owners=project.project.owners,
        tags={"projet": project.id, "etape": "extracts"},
        kinds=kinds,
        metadata={"dagster/table_name": f"meal.extracts.{name}"} if name != "tableau_de_suivi" else {},
        check_specs=[
            dg.AssetCheckSpec(check, asset=key, description=description) for check, description in module.CHECKS.items()
        ],
    )
    def extract(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[Any]:
        asset = key.to_user_string()
        platform.begin(asset)
        with explained(context), platform.exclusive(asset), closing(platform.warehouse.psycopg()) as connection:
            loaded = platform.projects[project.id]
            done = write(connection, loaded, out=platform.settings.out, run_id=context.run_id)
        for check in done.checks:
            yield dg.AssetCheckResult(
                passed=check.passed is not False, asset_key=key, check_name=check.name, description=check.message,
                severity=ERROR if check.critical else WARN,
            )  # fmt: skip
        platform.end(asset, _told(done))
        yield dg.MaterializeResult(
            metadata={
                "dagster/row_count": done.rows,
                "changement": done.changed,
                **{path.name: dg.MetadataValue.path(str(Path(path).resolve())) for path in done.files},
            }
        )

    return extract


def _told(done: Extract) -> str:
    names = ", ".join(path.name for path in done.files)
    return names if done.changed else f"à jour ({names})"
