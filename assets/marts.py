"""Stage 4, marts: one asset per model of `dbt_like_sql/`, the reference tables, and what codes mean.

Logic: `warehouse/models.py`, `warehouse/seeds.py`, `protect/choices.py`.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from typing import Any

import dagster as dg

from assets.audit import Audited, audit, check_specs, condemned, keep, previous, results
from assets.failures import explained
from assets.metadata import column_lineage, from_tables, rows_published, table_metadata
from assets.standing import behind_now, standing, standing_spec
from expectations.model import Suite
from meal_pipelines.protect.choices import CHOICE, load_choices
from meal_pipelines.warehouse.models import Mart, discard_mart, prepare_mart, publish_mart
from meal_pipelines.warehouse.outcomes import Form
from meal_pipelines.warehouse.seeds import Seed, load_seeds
from resources import Platform

GROUP = "marts"


def mart_key(name: str) -> dg.AssetKey:
    return dg.AssetKey(["marts", name])


def reference_asset(seeds: Mapping[str, Seed]) -> dg.AssetsDefinition:
    """The reference tables: geography, exchange rates."""

    @dg.multi_asset(
        name="marts__reference",
        specs=[
            dg.AssetSpec(
                mart_key(name),
                group_name=GROUP,
                description=seed.spec.description,
                owners=[seed.owner],
                kinds={"postgres", "csv"},
                metadata=table_metadata(seed.spec, fichier=f"dbt_like_sql/seeds/{name}.csv"),
                tags={"etape": "marts"},
            )
            for name, seed in seeds.items()
        ],
    )
    def reference(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[Any]:
        platform.begin("marts/reference")
        with (
            explained(context),
            platform.exclusive("marts/reference"),
            closing(platform.warehouse.psycopg()) as connection,
        ):
            loaded = load_seeds(connection, run_id=context.run_id)
        platform.end("marts/reference", f"{len(loaded)} tables chargées" if loaded else "à jour")
        for name, seed in seeds.items():
            yield dg.MaterializeResult(
                asset_key=mart_key(name),
                metadata={
                    "dagster/row_count": rows_published(platform, seed.spec.qualified),
                    "changement": name in loaded,
                },
            )

    return reference


def choice_asset(marts: Mapping[str, Mart]) -> dg.AssetsDefinition:
    """What the codes of choice lists mean, in the forms' tables and in the marts.

    It waits for no form: one that fails leaves the codes of the others explained.
    """
    key = mart_key(CHOICE.name)

    @dg.asset(
        key=key,
        group_name=GROUP,
        description=CHOICE.description,
        owners=["team:sera"],
        tags={"etape": "marts"},
        kinds={"postgres", "python"},
        op_tags={"dagster/priority": "-1"},  # after the collections, which bring the versions that servers deployed
        metadata=table_metadata(CHOICE, fichier="projects/<projet>/forms/"),
    )
    def choices(context: dg.AssetExecutionContext, platform: Platform) -> dg.MaterializeResult[None]:
        name = key.to_user_string()
        platform.begin(name)
        with explained(context), platform.exclusive(name), closing(platform.warehouse.psycopg()) as connection:
            specs = [mart.spec for mart in marts.values()]
            rows = load_choices(connection, platform.projects, specs, run_id=context.run_id)
        platform.end(name, "à jour" if rows is None else f"{rows} lignes")
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": rows_published(platform, CHOICE.qualified),
                "changement": rows is not None,
            }
        )

    return choices


def mart_asset(
    mart: Mart, suite: Suite, tables: Mapping[str, dg.AssetKey], forms: Collection[Form]
) -> dg.AssetsDefinition:
    """One mart. tables: the asset of every qualified table it may read. forms: those it is made from, near or far."""
    key = mart_key(mart.name)
    item = Audited(mart.spec, suite)
    checks = check_specs(key, [item])

    @dg.asset(
        key=key,
        deps=sorted({tables[name] for name in mart.reads}),
        group_name=GROUP,
        description=mart.spec.description,
        owners=[mart.owner],
        tags={"etape": "marts"},
        kinds={"postgres", "sql", "greatexpectations"},
        # After every form that may still join two of a mart's persons: the mart would otherwise follow a night later.
        op_tags={"dagster/priority": "-1"},
        metadata=table_metadata(
            mart.spec, modèle=f"dbt_like_sql/{mart.file}", requête=dg.MetadataValue.md(f"```sql\n{mart.sql}\n```")
        ),
        check_specs=[*checks, standing_spec(key)],
    )
    def build(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[Any]:
        name = key.to_user_string()
        platform.begin(name)
        with explained(context), platform.exclusive(name), closing(platform.warehouse.psycopg()) as connection:
            made = prepare_mart(connection, mart, run_id=context.run_id)
            refusal = None
            if made is None:
                verdicts = previous(platform, [mart.spec.qualified])
            else:
                verdicts = audit(platform, [item], whole=True)
                refusal = condemned(verdicts)
                keep(platform, "marts", None, None, verdicts, context.run_id)
                if refusal is None:
                    publish_mart(connection, made)
                else:
                    discard_mart(connection, made)
        yield from results(key, verdicts, checks, unchanged=made is None)
        yield standing(platform, key, behind_now(platform, forms))
        if refusal is not None:
            raise dg.Failure(description=refusal, allow_retries=False)
        platform.end(name, "à jour" if made is None else f"{made.rows} lignes")
        lineage = {column.name: from_tables(column, tables) for column in mart.spec.columns}
        yield dg.MaterializeResult(
            metadata={
                "dagster/row_count": rows_published(platform, mart.spec.qualified),
                "dagster/column_lineage": column_lineage(mart.spec, lineage),
                "changement": made is not None,
            }
        )

    return build
