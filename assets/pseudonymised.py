"""Stage 3, pseudonymised: one asset per form, written, audited, published. Logic: `meal_pipelines/protect/`."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from assets.audit import Audited, audit, check_specs, condemned, keep, previous, results
from assets.failures import explained, noted
from assets.metadata import column_lineage, rows_published, table_metadata
from expectations.pseudonymised import suite_for
from meal_pipelines.project.loaded import LoadedForm, LoadedProject
from meal_pipelines.protect import stage
from meal_pipelines.protect.build import ProtectBuild
from meal_pipelines.protect.persons.linking import Relinked
from meal_pipelines.protect.tables import derived_columns, pseudonymised_spec
from resources import Platform


def audited(project: LoadedProject, form: LoadedForm) -> list[Audited]:
    """The tables of the form with their suites, main first."""
    found = []
    for name, table in form.questionnaire.tables.items():
        spec = pseudonymised_spec(project, form, table)
        found.append(Audited(spec, suite_for(project.project, form, table, spec), name))
    return found


def pseudonymised_asset(project: LoadedProject, form: LoadedForm) -> dg.AssetsDefinition:
    """The asset that makes `pseudonymised.<project>_<form>` and its repeats, and fills the vault."""
    key = dg.AssetKey(["pseudonymised", project.id, form.name])
    cleaned = dg.AssetKey(["cleaned", project.id, form.name])
    tables = audited(project, form)
    checks = check_specs(key, tables)
    main = tables[0].spec
    derived = {column.name for column in derived_columns(project, form, form.questionnaire.main)}

    @dg.asset(
        key=key,
        deps=[cleaned],
        group_name=f"{project.id}_3_pseudonymised",
        description=f"{main.description} Les identités sont au coffre (vault), lisibles par le seul rôle DPO avec la clé.",
        owners=form.form.owners or project.project.owners,
        tags={"projet": project.id, "formulaire": form.name, "etape": "pseudonymised"},
        kinds={"postgres", "greatexpectations"},
        metadata=table_metadata(main, tables=", ".join(item.spec.qualified for item in tables)),
        check_specs=checks,
    )
    def protect(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[Any]:
        name = key.to_user_string()
        platform.begin(name)
        with (
            noted(context, platform, project.id, form.name, "pseudonymised") as outcome,
            explained(context),
            platform.exclusive(name),
        ):
            loaded, current = platform.form(project.id, form.name)
            build = stage.prepare(
                platform.warehouse, platform.keyring, loaded, current, run_id=context.run_id,
                progress=lambda done, total: platform.advance(name, done, total),
                workers=platform.settings.workers,
            )  # fmt: skip
            joined = None
            if build is None:
                verdicts, refusal = previous(platform, [item.spec.qualified for item in tables]), None
            else:
                verdicts = audit(platform, tables, whole=build.whole)
                refusal = condemned(verdicts)
                keep(platform, "pseudonymised", project.id, form.name, verdicts, context.run_id)
                if refusal is None:
                    joined = stage.publish(platform.warehouse, build)
                else:
                    stage.discard(platform.warehouse, build)
            outcome.refused = refusal is not None
        yield from results(key, verdicts, checks, unchanged=build is None)
        if refusal is not None:
            raise dg.Failure(description=refusal, allow_retries=False)
        platform.end(name, "à jour" if build is None else _told(build))
        lineage = {
            column.name: [(cleaned, "personal" if column.name in derived else column.name)] for column in main.columns
        }
        told: dict[str, Any] = {
            "dagster/row_count": rows_published(platform, main.qualified),
            "dagster/column_lineage": column_lineage(main, lineage),
        }
        yield dg.MaterializeResult(metadata={**told, **_metadata(build, joined)})

    return protect


def _told(build: ProtectBuild) -> str:
    return f"{build.rows} lignes" + ("" if build.whole else " (différence)")


def _metadata(build: ProtectBuild | None, joined: Relinked | None) -> dict[str, Any]:
    metadata: dict[str, Any] = {"changement": build is not None}
    if build is not None:
        metadata |= {"personnes reconnues": build.persons, "sans pseudonyme": build.without_person}
    if joined is not None:
        metadata |= {"pseudonymes réunis": joined.merged, "réunions défaites": joined.undone}
    return metadata
