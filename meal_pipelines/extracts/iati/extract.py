"""The IATI extract of one project at one reporting date: a table, and an activity file valid against IATI 2.03.

Nobody asks for it today: it is an interchange file, for whoever publishes to the IATI registry. A file that the schema
refuses is never put in place.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.extracts import extract as made
from meal_pipelines.extracts.declared import declared_to_date
from meal_pipelines.extracts.disclosed import IATI, disclosed
from meal_pipelines.extracts.donor_codes import CORRESPONDING, is_verified
from meal_pipelines.extracts.extract import Check, Extract
from meal_pipelines.extracts.iati.document import Activity, iati_document, validity
from meal_pipelines.extracts.iati.rows import IatiRow, iati_rows
from meal_pipelines.extracts.standing import standing_notes
from meal_pipelines.extracts.values import Labels, campaign_year, label_of, month_end, to_date
from meal_pipelines.extracts.wording import day, sentence
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.project.logframe import Logframe
from meal_pipelines.warehouse.outcomes import Behind

NAME = "iati"
HIDING = (
    "Les chiffres qui feraient retrouver de petits groupes de personnes sont absents, jamais remplacés par zéro ; le "
    "commentaire de l'indicateur dit combien. Ne les recalculez pas par différence.",
)


def write_iati(
    connection: Any,
    project: LoadedProject,
    *,
    cutoff: dt.date,
    out: Path,
    run_id: str | None,
    behind: Sequence[Behind] = (),
) -> Extract:
    """Publish `extracts.iati` for one reporting period and write `<out>/<project>/<period>/iati.xml`.

    One row per (project, period, indicator, kind of value, span, dimension, category, source that declares), in the unit of
    the indicator.

    Args: connection, psycopg2 as the pipeline, without a transaction of its own: this commits · cutoff, any day of the
    last month of data; the period is that month (`2029-02`) · behind: the forms of its figures that stand still.
    Returns: the extract; `changed` is False when the content was the same and the file was there.
    Raises: ConfigurationError, without a logframe, or when the file would not be valid: nothing has changed then.
    """
    reporting_date = month_end(cutoff)
    file = out / project.id / label_of(reporting_date) / "iati.xml"
    with connection.cursor() as cursor:
        made.lock(cursor, NAME, project.id)
        logframe = made.logframe_of(project)
        may_show = disclosed(
            cursor, project, logframe, IATI, until=reporting_date, year=campaign_year(project, reporting_date)
        )
        values = may_show.values(to_date(cursor, project.id, reporting_date), "to_date")
        labels = Labels.read(cursor, logframe)
        rows = iati_rows(
            project, logframe, values, declared_to_date(cursor, project, reporting_date, IATI), labels,
            period=label_of(reporting_date), reporting_date=reporting_date,
        )  # fmt: skip
        activity = Activity(
            project,
            logframe,
            reporting_date,
            rows,
            [
                *standing_notes(project, behind, may_show.frozen),
                *(HIDING if may_show.protects else []),
                may_show.notes[-1],
                *may_show.frozen_notes,
            ],
        )
        wanted = made.fingerprint(iati_document(activity, made_at=dt.datetime.min).decode())
        current = made.is_current(cursor, NAME, project.id, wanted, [file])
    document = iati_document(activity, made_at=dt.datetime.now(dt.UTC))
    checks = iati_checks(project, logframe, rows, _judged(connection, document))
    if current:
        connection.commit()  # lets the lock go; nothing was written
        return Extract([file], len(rows), checks, changed=False, disclosure=may_show.check())
    made.publish(
        connection, NAME, project.id, wanted=wanted, count=len(rows), run_id=run_id,
        rows=made.Rows(
            "extracts.iati", [*IatiRow.columns(), "run_id"], [[*row.values(), run_id] for row in rows],
            {"project": project.id, "period": label_of(reporting_date)},
        ),
        writers={file: lambda path: _write(document, path)},
    )  # fmt: skip
    return Extract([file], len(rows), checks, changed=True, disclosure=may_show.check())


def _write(document: bytes, path: Path) -> None:
    path.write_bytes(document)


def _judged(connection: Any, document: bytes) -> Check:
    """Raises: ConfigurationError, when the schema refuses the file: what is in place stays there."""
    problems = validity(document)
    if problems:
        connection.rollback()
        raise ConfigurationError(
            "Le fichier IATI ne serait pas valide (norme 2.03), rien n'a été écrit. Corrigez « iati » dans project.yaml ou le "
            f"cadre logique : {' ; '.join(problems[:5])}"
        )
    return Check("schema_iati", "Le fichier est valide selon le schéma IATI 2.03", True, "Valide.")


def iati_checks(project: LoadedProject, logframe: Logframe, rows: Sequence[IatiRow], valid: Check) -> list[Check]:
    """Messages name indicators and never figures."""
    points = project.project.iati.open_points()
    used = {indicator.result for indicator in logframe.indicators}
    alone = [result.code for result in logframe.results if result.code not in used]
    measured = {row.indicator for row in rows if row.value_type == "actual"}
    missing = [indicator.code for indicator in logframe.indicators if indicator.code not in measured]
    unverified = [
        f"{indicator.code} ({donor.framework} {donor.code})"
        for indicator in logframe.indicators
        for donor in indicator.donors.values()
        if donor.mode in CORRESPONDING and donor.code and not is_verified(donor)
    ]
    return [
        valid,
        Check(
            "identifiants_iati", "Les identifiants de l'activité et des organisations sont confirmés", not points,
            f"À confirmer dans project.yaml (iati) : {', '.join(points)}." if points else "Tous sont confirmés.",
        ),
        Check(
            "indicateur_par_resultat", "IATI veut au moins un indicateur par résultat", not alone,
            f"Absents du fichier, sans indicateur : {', '.join(alone)}." if alone else "Chaque résultat en a un.",
        ),
        Check(
            "valeurs_actuelles", "Une valeur actuelle pour chaque indicateur", not missing,
            f"Sans valeur : {', '.join(missing)}." if missing else "Chaque indicateur a une valeur.",
        ),
        Check(
            "codes_verifies", "Seuls les codes de bailleurs vérifiés par une personne sont dans le fichier", True,
            f"Laissés de côté, non vérifiés : {', '.join(unverified)}." if unverified else "Aucun n'est laissé de côté.",
        ),
        Check(
            "cadre_definitif", "Les valeurs de référence et les cibles sont celles du cadre logique validé",
            not logframe.illustrative,
            "Valeurs illustratives : ne publiez pas ce fichier." if logframe.illustrative else "Cadre logique validé.",
        ),
        Check(
            "dates_du_projet", "Les dates de l'activité sont celles de la convention", None,
            f"{sentence(project.project.dates_status)} Données arrêtées au {day(rows[0].reporting_date) if rows else '–'}.",
            by_hand=True,
        ),
    ]  # fmt: skip
