"""Stage 2, cleaned: one asset per form, written, audited, published. Logic: `meal_pipelines/clean/`."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from assets.audit import Audited, Verdict, audit, check_specs, condemned, keep, previous, results
from assets.failures import explained, noted
from assets.metadata import column_lineage, from_questions, rows_published, table_metadata
from expectations.cleaned import suite_for
from meal_pipelines.clean import stage
from meal_pipelines.clean.build import CleanBuild
from meal_pipelines.clean.findings import unknown_questions, unknown_versions
from meal_pipelines.clean.readings import Readings
from meal_pipelines.clean.tables import cleaned_spec
from meal_pipelines.project.loaded import LoadedForm, LoadedProject
from resources import Platform

UNCLASSIFIED, VERSIONS = "questions_classees", "versions_connues"
"""Checks beside those of the suites."""


def audited(project: LoadedProject, form: LoadedForm, readings: Readings | None = None) -> list[Audited]:
    """The tables of the form with their suites, main first; with `readings`, each row is judged by what its version asked."""
    found = []
    for name, table in form.questionnaire.tables.items():
        spec = cleaned_spec(form, table)
        found.append(Audited(spec, suite_for(project.project, form, table, spec, readings), name))
    return found


def cleaned_asset(project: LoadedProject, form: LoadedForm) -> dg.AssetsDefinition:
    """The asset that makes `cleaned.<project>_<form>` and its repeats."""
    key = dg.AssetKey(["cleaned", project.id, form.name])
    tables = audited(project, form)
    checks = [*check_specs(key, tables), *_of_the_questionnaire(key)]
    main = tables[0].spec

    @dg.asset(
        key=key,
        deps=[dg.AssetKey(["raw", project.id, form.name])],
        group_name=f"{project.id}_2_cleaned",
        description=f"{main.description} Les réponses personnelles restent scellées ; les lignes en défaut sont en quarantaine "
        f"dans quality.rejection.",
        owners=form.form.owners or project.project.owners,
        tags={"projet": project.id, "formulaire": form.name, "etape": "cleaned"},
        kinds={"postgres", "pandas", "greatexpectations"},
        metadata=table_metadata(main, tables=", ".join(item.spec.qualified for item in tables)),
        check_specs=checks,
    )
    def clean(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[Any]:
        name = key.to_user_string()
        platform.begin(name)
        loaded, current = platform.form(project.id, form.name)
        with (
            noted(context, platform, project.id, form.name, "cleaned") as outcome,
            explained(context),
            platform.exclusive(name),
        ):
            log = platform.cleaning_log(loaded, current)
            build = stage.prepare(
                platform.warehouse, platform.keyring, loaded, current, log, run_id=context.run_id,
                progress=lambda done, total: platform.advance(name, done, total),
                workers=platform.settings.workers,
            )  # fmt: skip
            if build is None:
                verdicts, refusal = previous(platform, [item.spec.qualified for item in tables]), None
            else:
                verdicts = audit(platform, audited(loaded, current, build.readings), whole=build.whole)
                verdicts.append(_unclassified(platform, current, main.qualified, build))
                verdicts.append(_versions(platform, current, main.qualified, build))
                refusal = condemned(verdicts)
                # Before the publication: a run killed between the two judges again; the other way round it never would.
                keep(platform, "cleaned", project.id, form.name, verdicts, context.run_id)
                if refusal is None:
                    stage.publish(platform.warehouse, build, log)
                else:
                    stage.discard(platform.warehouse, build)
            outcome.refused = refusal is not None
        yield from results(key, verdicts, checks, unchanged=build is None)
        if refusal is not None:
            raise dg.Failure(description=refusal, allow_retries=False)
        platform.end(name, "à jour" if build is None else _told(build))
        lineage = column_lineage(main, {column.name: from_questions(column) for column in main.columns})
        yield dg.MaterializeResult(metadata={**_metadata(platform, build, current), "dagster/column_lineage": lineage})

    return clean


def _of_the_questionnaire(key: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    told = {
        UNCLASSIFIED: "Chaque question reçue est dans le questionnaire et a une classe de confidentialité.",
        VERSIONS: "Chaque version du questionnaire avec laquelle on a répondu est décrite par le serveur ou par le projet.",
    }
    return [dg.AssetCheckSpec(name, asset=key, description=description) for name, description in told.items()]


def _told(build: CleanBuild) -> str:
    kept = build.rows[build.specs[0].qualified]
    return f"{kept} lignes, {build.quarantined} en quarantaine" + ("" if build.whole else " (différence)")


def _unclassified(platform: Platform, form: LoadedForm, table: str, build: CleanBuild) -> Verdict:
    """Name the questions nobody has declared or classified: their answers are kept, sealed, and shown to nobody."""
    unclassified = {question.name for question in form.questionnaire.questions() if form.class_of(question) is None}
    met_before = set() if build.whole else set(unknown_questions(platform.warehouse, form))
    names = sorted(unclassified | build.unknown | met_before)
    text = "Toutes les questions reçues sont déclarées et classées."
    if names:
        text = (
            f"Question(s) sans classe de confidentialité ou absente(s) du questionnaire local : {', '.join(names)}. Leurs "
            f"réponses restent scellées. Ajoutez-les au questionnaire {form.questionnaire.file.name}, puis donnez-leur une "
            f"classe ({form.where}, sous « privacy »), et relancez."
        )
    return Verdict(table, UNCLASSIFIED, text, "warning", passed=not names)


def _versions(platform: Platform, form: LoadedForm, table: str, build: CleanBuild) -> Verdict:
    """Name the versions that nothing describes: how their submissions were read is an assumption."""
    met_before = [] if build.whole else unknown_versions(platform.warehouse, form)
    names = sorted(build.readings.unknown | {version for version in met_before if build.readings.is_unknown(version)})
    text = "Chaque version du questionnaire est connue."
    if names:
        read_as = form.versions.unknown_as
        how = f"comme la version « {read_as} »" if read_as else "comme le questionnaire d'aujourd'hui"
        text = (
            f"Version(s) du questionnaire que ni le serveur ni le projet ne décrit : {', '.join(names)}. Leurs soumissions "
            f"sont lues {how}. Nommez-les sous « until » dans forms/{form.name}.yaml, avec ce qui a changé depuis, puis relancez."
        )
    return Verdict(table, VERSIONS, text, "warning", passed=not names)


def _metadata(platform: Platform, build: CleanBuild | None, form: LoadedForm) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "dagster/row_count": rows_published(platform, f"cleaned.{form.table}"),
        "changement": build is not None,
    }
    if build is not None:
        metadata |= {
            "reconstruction complète": build.whole,
            "soumissions examinées": build.submissions,
            "en quarantaine": build.quarantined,
            "supprimées à la source": build.deleted,
            "corrections appliquées": sum(outcome.state == "applied" for outcome in build.corrections),
            "corrections refusées": sum(outcome.state == "refused" for outcome in build.corrections),
            "choix d'autres versions, acceptés": ", ".join(build.readings.undecided_choices()) or "aucun",
            "règles non évaluées": ", ".join(sorted(build.not_judged)) or "aucune",
            "rejets par règle": {
                f"{rule} ({severity})": count for (rule, severity), count in sorted(build.faults.items())
            },
        }
    return metadata
