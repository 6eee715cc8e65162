"""Stage 6, extracts: per project, one asset per recipient. Logic: `meal_pipelines/extracts/`."""

from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from typing import Any

import dagster as dg

from assets.audit import WARN, Verdict, keep
from assets.failures import explained
from assets.standing import behind_now, standing, standing_spec
from meal_pipelines.extracts import Extract, write_afd, write_iati, write_opsys, write_tei, write_thema, write_tracking
from meal_pipelines.extracts.donor_codes import is_concerned
from meal_pipelines.indicators.compute import cutoff
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.warehouse.outcomes import Form
from resources import Platform

RECIPIENTS: dict[str, tuple[Callable[..., Extract], str, set[str]]] = {
    "opsys": (write_opsys, "Feuille de saisie OPSYS (Commission européenne)", {"excel", "postgres", "opsys"}),
    "thema": (write_thema, "Campagne annuelle THEMA (Expertise France)", {"excel", "postgres", "thema"}),
    "tei": (write_tei, "Campagne annuelle de l'Équipe Europe (Talent Partnerships)", {"excel", "postgres", "tei"}),
    "afd": (write_afd, "Campagne annuelle des indicateurs agrégeables de l'AFD", {"excel", "postgres", "afd"}),
    "iati": (write_iati, "Résultats au format IATI 2.03 (échange public)", {"xml", "postgres", "iati"}),
    "tableau_de_suivi": (write_tracking, "Tableau de suivi des indicateurs", {"excel", "tracking"}),
}
WHERE_RELATED = ("tei", "afd")
CONTROLS = "controles_conformes"
DISCLOSURE = "petits_effectifs"


def extract_assets(project: LoadedProject, forms: Collection[Form]) -> list[dg.AssetsDefinition]:
    """One asset per recipient of the project's figures; an annual campaign only where the logframe relates to it.

    forms: those that the project's figures are made from.
    """
    return [
        _extract_asset(project, forms, name, *recipient)
        for name, recipient in RECIPIENTS.items()
        if name not in WHERE_RELATED or is_concerned(project, name)
    ]


def _extract_asset(
    project: LoadedProject,
    forms: Collection[Form],
    name: str,
    write: Callable[..., Extract],
    label: str,
    kinds: set[str],
) -> dg.AssetsDefinition:
    key = dg.AssetKey(["extracts", project.id, name])

    @dg.asset(
        key=key,
        deps=[dg.AssetKey(["indicators", project.id])],
        group_name=f"{project.id}_6_extracts",
        description=f"{label}, {project.project.name}. Les codes de bailleur non vérifiés y sont montrés comme tels.",
        owners=project.project.owners,
        tags={"projet": project.id, "etape": "extracts"},
        kinds=kinds,
        metadata={"dagster/table_name": f"meal.extracts.{name}"} if "postgres" in kinds else {},
        check_specs=[
            dg.AssetCheckSpec(CONTROLS, asset=key, description="Les contrôles propres à cet extrait sont conformes."),
            dg.AssetCheckSpec(DISCLOSURE, asset=key, description="Aucune cellule masquée ne peut être recalculée."),
            standing_spec(key),
        ],
    )
    def extract(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[Any]:
        asset = key.to_user_string()
        platform.begin(asset)
        with explained(context), platform.exclusive(asset), closing(platform.warehouse.psycopg()) as connection:
            loaded = platform.projects[project.id]
            with connection.cursor() as cursor:
                until = cutoff(cursor, loaded)
            connection.rollback()
            done, behind = None, behind_now(platform, forms)
            if until is not None:
                done = write(
                    connection, loaded, cutoff=until, out=platform.settings.out, run_id=context.run_id, behind=behind
                )
            verdict, disclosure = _controls(project.id, name, done), _disclosure(project.id, name, done)
            keep(platform, "extracts", project.id, None, [verdict, disclosure], context.run_id)
        yield dg.AssetCheckResult(
            passed=verdict.passed,
            asset_key=key,
            check_name=CONTROLS,
            severity=WARN,
            description=verdict.description,
            metadata={check.name: f"{check.outcome} — {check.message}" for check in (done.checks if done else [])},
        )
        yield dg.AssetCheckResult(
            passed=disclosure.passed,
            asset_key=key,
            check_name=DISCLOSURE,
            severity=WARN,
            description=disclosure.description,
        )
        yield standing(platform, key, behind)
        platform.end(asset, _told(done))
        yield dg.MaterializeResult(metadata=_metadata(done))

    return extract


def _controls(project: str, name: str, done: Extract | None) -> Verdict:
    """The extract's own controls as one verdict, kept in the check history with the others."""
    failed = [check for check in (done.checks if done else []) if check.passed is False]
    text = " ".join(f"Non conforme : {check.description}. {check.message}" for check in failed)
    description = text or "Tous les contrôles applicables sont conformes."
    return Verdict(
        f"extracts.{name}:{project}", CONTROLS, description, "warning", passed=not failed, failing=len(failed)
    )


def _disclosure(project: str, name: str, done: Extract | None) -> Verdict:
    """Whether what this extract hides can be worked out, with counts and no figure."""
    passed = done is None or done.disclosure.passed is not False
    description = done.disclosure.message if done else "Rien n'a été extrait."
    return Verdict(
        f"extracts.{name}:{project}", DISCLOSURE, description, "warning", passed=passed, failing=int(not passed)
    )


def _told(done: Extract | None) -> str:
    if done is None:
        return "aucune soumission : rien à extraire"
    names = ", ".join(path.name for path in done.files)
    return names if done.changed else f"à jour ({names})"


def _metadata(done: Extract | None) -> dict[str, Any]:
    if done is None:
        return {"changement": False}
    files = {path.name: dg.MetadataValue.path(str(path.resolve())) for path in done.files}
    return {"dagster/row_count": done.rows, "changement": done.changed, **files}
