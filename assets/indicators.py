"""Stage 5, indicators: one asset per project, which computes its logframe. Logic: `meal_pipelines/indicators/`."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from typing import Any

import dagster as dg

from assets.failures import explained
from assets.marts import mart_key
from assets.standing import behind_now, standing, standing_spec
from meal_pipelines.indicators import compute
from meal_pipelines.indicators.reports.contributing import marts_read
from meal_pipelines.pages import write_pages
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.project.logframe import Logframe
from meal_pipelines.warehouse.outcomes import Form
from meal_pipelines.warehouse.tables import TableSpec
from resources import Platform


def _counted(count: int) -> str:
    return "1 indicateur calculé" if count == 1 else f"{count} indicateurs calculés"


def indicators_asset(
    project: LoadedProject, marts: Mapping[str, TableSpec], forms: Collection[Form]
) -> dg.AssetsDefinition:
    """The asset that fills `indicators.value` for one project. forms: those of the project that its figures are made from."""
    key = dg.AssetKey(["indicators", project.id])
    logframe = project.logframe
    assert logframe is not None

    @dg.asset(
        key=key,
        deps=[mart_key(name) for name in sorted(marts_read(project))],
        group_name=f"{project.id}_5_indicators",
        description=_described(project.project.name, logframe),
        owners=project.project.owners,
        tags={"projet": project.id, "etape": "indicators"},
        kinds={"postgres", "sql"},
        metadata={
            "dagster/table_name": "meal.indicators.value",
            "cadre logique": f"projects/{project.id}/logframe.yaml",
        },
        check_specs=[
            *(
                dg.AssetCheckSpec(name, asset=key, description=description, blocking=True)
                for name, description in compute.CHECKS.items()
            ),
            standing_spec(key),
        ],
    )
    def measure(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[Any]:
        name = key.to_user_string()
        platform.begin(name)
        with explained(context), platform.exclusive(name), closing(platform.warehouse.psycopg()) as connection:
            computation = compute.prepare(connection, platform.projects[project.id], marts, run_id=context.run_id)
            found = compute.audit(connection, computation)
            if all(passed for passed, _ in found.values()):
                compute.publish(connection, computation)
            else:
                compute.discard(connection, computation)
            rows = compute.rows(connection, project.id)
            # Each time: a target or the quality of a source may have changed where no figure did. Equal pages stay as they are.
            index = write_pages(connection, platform.projects[project.id], marts, platform.settings.out)[0]
        for check, (passed, text) in found.items():
            yield dg.AssetCheckResult(passed=passed, asset_key=key, check_name=check, description=text)
        yield standing(platform, key, behind_now(platform, forms))
        failed = [text for passed, text in found.values() if not passed]
        if failed:
            raise dg.Failure(description=f"{' '.join(failed)} Rien n'a été publié.", allow_retries=False)
        done = computation.computed
        platform.end(name, _counted(len(done)) if done else "à jour")
        yield dg.MaterializeResult(
            metadata={
                "dagster/row_count": rows,
                "indicateurs calculés": ", ".join(done) or "aucun : rien n'a changé",
                "fiches indicateurs (internes)": dg.MetadataValue.path(str(index.resolve())),
            }
        )

    return measure


def _described(project: str, logframe: Logframe) -> str:
    listed = "\n".join(f"- **{each.code}** {each.label} ({each.unit})" for each in logframe.indicators)
    status = " Valeurs cibles et de référence **illustratives**." if logframe.illustrative else ""
    counted = f"Les {len(logframe.indicators)} indicateurs du cadre logique de {project}"
    return f"{counted}, par période et désagrégation.{status}\n\n{listed}"
