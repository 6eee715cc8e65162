"""The controls of an OPSYS extract: what its rules demand of a logframe and its values, before a person types them.

Source: the Commission's public guidance on OPSYS (encoding of indicators, baselines, intermediate targets; annex E3d).
What only OPSYS itself knows (approval, evidence) is left to a person. Messages name indicators and never figures.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from meal_pipelines.extracts.donor_codes import UNVERIFIED
from meal_pipelines.extracts.extract import Check
from meal_pipelines.extracts.opsys.changes import DEFINITION, Previous
from meal_pipelines.extracts.opsys.rows import OpsysRow
from meal_pipelines.extracts.opsys.sources import FILE, Sources
from meal_pipelines.extracts.values import ADDITIVE
from meal_pipelines.extracts.wording import NO_TOTAL, NOT_MEASURED, TO_ESTABLISH, day, is_placeholder
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.project.logframe import Logframe

MAX_RESULTS = 10
LOCKED = ("label", "measure", "dimensions", "mode")
"""OPSYS forbids altering name, type and disaggregation of an encoded indicator."""


def opsys_checks(
    project: LoadedProject,
    logframe: Logframe,
    rows: Sequence[OpsysRow],
    previous: Previous | None,
    sources: Sources,
    reporting_date: dt.date,
) -> list[Check]:
    """The fifteen controls, always in this order. rows: with every figure, those that are hidden from readers too."""
    return [
        Check(
            "cadre_approuve", "Le cadre logique a le statut « Approved » dans OPSYS avant toute saisie de valeur", None,
            "Le statut n'est connu que d'OPSYS : vérifiez-le avant de saisir.", by_hand=True,
        ),
        _unchanged(rows, previous),
        _one_unit(rows),
        _sums(rows),
        _comments(logframe, rows),
        _source(rows, sources),
        _results_have_indicators(logframe),
        _few_results(logframe),
        _dates(project, rows, reporting_date),
        Check(
            "preuve_narrative", "Chaque valeur actuelle renvoie à un rapport narratif", None,
            "Le paragraphe du rapport n'est pas connu de la plateforme : indiquez-le dans OPSYS.", by_hand=True,
        ),
        _baseline_dates(project, rows),
        _intermediate_targets(rows),
        _established(rows),
        _measured(rows),
        _codes(rows),
    ]  # fmt: skip


def _judge(
    name: str, description: str, wrong: Sequence[str], right: str, problem: str, *, applies: bool = True
) -> Check:
    """One check over several indicators: conforming when none is wrong, not applicable when there is none to judge."""
    if not applies:
        return Check(name, description, None, right)
    if not wrong:
        return Check(name, description, True, right)
    return Check(name, description, False, f"{problem} : {', '.join(dict.fromkeys(wrong))}.")


def _unchanged(rows: Sequence[OpsysRow], previous: Previous | None) -> Check:
    name = "definition_inchangee"
    description = "Libellé, type et ventilations inchangés depuis l'extrait précédent (OPSYS les verrouille)"
    if previous is None:
        return Check(name, description, None, "Premier extrait de ce projet : rien à comparer.")
    before = {row["indicator"]: row for row in previous.rows}
    wrong = [
        f"{row.indicator} ({DEFINITION[field].lower()})"
        for row in rows
        for field in LOCKED
        if row.indicator in before and before[row.indicator][field] != getattr(row, field)
    ]
    return _judge(
        name, description, wrong, f"Inchangés depuis l'extrait {previous.period}.",
        "À supprimer puis à encoder de nouveau dans OPSYS, avec une nouvelle approbation",
    )  # fmt: skip


def _one_unit(rows: Sequence[OpsysRow]) -> Check:
    wrong = [
        row.indicator
        for row in rows
        if row.total is None and row.total_text and "%" in row.total_text and "%" not in row.unit
    ]
    return _judge(
        "unite_unique", "Une seule unité par indicateur, de la référence aux ventilations", wrong,
        "Toutes les valeurs d'un indicateur sont dans son unité.",
        "Cible exprimée en pourcentage alors que l'unité n'est pas « % »",
    )  # fmt: skip


def _sums(rows: Sequence[OpsysRow]) -> Check:
    """A person may be in two categories, so unique units may add up to more than the total; never to less."""
    judged, wrong = False, []
    for row in rows:
        if row.value_type != "current" or row.measure not in ADDITIVE or row.total is None:
            continue
        for dimension in row.dimensions:
            judged = True
            total = sum(f for f in row.disaggregation.get(dimension, {}).values() if not isinstance(f, str))
            if total < row.total or (row.measure == "sum" and total != row.total):
                wrong.append(f"{row.indicator} ({dimension})")
    return _judge(
        "somme_des_ventilations", "Les ventilations redonnent le total, « non précisé » compris", wrong,
        "Chaque ventilation redonne le total (ou plus, quand une unité compte dans deux catégories)."
        if judged else "Aucune valeur actuelle à ventiler.",
        "L'écart au total doit être déclaré « non précisé »", applies=judged,
    )  # fmt: skip


def _comments(logframe: Logframe, rows: Sequence[OpsysRow]) -> Check:
    wrong = [indicator.code for indicator in logframe.indicators if is_placeholder(indicator.calculation)]
    wrong += [row.indicator for row in rows if is_placeholder(row.comment)]
    return _judge(
        "commentaire_present", "Chaque valeur porte un commentaire qui dit comment elle est calculée", wrong,
        "Un commentaire est proposé pour chaque valeur : à relire avant saisie.",
        "« À compléter » ne vaut pas commentaire ; écrivez « calculation » dans logframe.yaml",
    )  # fmt: skip


def _source(rows: Sequence[OpsysRow], sources: Sources) -> Check:
    name, description = "source_des_donnees", "La source des données est un choix de la liste déroulante d'OPSYS"
    if not sources.choices:
        return Check(name, description, False, f"La liste des choix est vide : remplissez projects/{FILE}.")
    own = [row for row in rows if row.declared_source is None]
    wrong = [row.indicator for row in own if row.source_of_data not in sources.choices]
    if wrong:
        problem = f"Choisissez « opsys_source » dans la liste de projects/{FILE}"
        return _judge(name, description, wrong, "", problem)
    if not sources.is_verified:
        message = f"La liste de projects/{FILE} n'a pas été vérifiée dans OPSYS : à confirmer."
        return Check(name, description, False, message)
    return Check(name, description, True, "Chaque indicateur a un choix de la liste vérifiée.")


def _results_have_indicators(logframe: Logframe) -> Check:
    used = {indicator.result for indicator in logframe.indicators}
    return _judge(
        "indicateur_par_resultat", "Au moins un indicateur par résultat",
        [result.code for result in logframe.results if result.code not in used],
        "Chaque résultat a au moins un indicateur.", "Résultat sans indicateur",
    )  # fmt: skip


def _few_results(logframe: Logframe) -> Check:
    count = len(logframe.results)
    message = f"{count} résultats." if count <= MAX_RESULTS else f"{count} résultats : regroupez-les."
    return Check("dix_resultats_au_plus", f"{MAX_RESULTS} résultats au plus", count <= MAX_RESULTS, message)


def _dates(project: LoadedProject, rows: Sequence[OpsysRow], reporting_date: dt.date) -> Check:
    measured = [row for row in rows if row.value_type == "current" and row.status != NOT_MEASURED]
    start = project.project.starts_on
    return _judge(
        "date_dans_la_periode", f"Valeurs actuelles arrêtées au {day(reporting_date)}, le projet ayant commencé",
        [row.indicator for row in measured if row.value_date != reporting_date or reporting_date < start],
        "Toutes les valeurs actuelles sont à la date de rapportage." if measured else "Aucune valeur actuelle.",
        "Valeur arrêtée à une autre date (relancez le calcul des indicateurs)", applies=bool(measured),
    )  # fmt: skip


def _baseline_dates(project: LoadedProject, rows: Sequence[OpsysRow]) -> Check:
    baselines = [row for row in rows if row.value_type == "baseline" and row.result_level in ("outcome", "output")]
    start = project.project.starts_on
    return _judge(
        "reference_au_demarrage", f"Référence des effets et produits datée au plus tard du démarrage ({day(start)})",
        [row.indicator for row in baselines if row.value_date is None or row.value_date > start],
        "Les références des effets et produits sont datées au plus tard du démarrage.",
        "Date absente ou postérieure au démarrage, à justifier dans le commentaire", applies=bool(baselines),
    )  # fmt: skip


def _intermediate_targets(rows: Sequence[OpsysRow]) -> Check:
    needed = dict.fromkeys(row.indicator for row in rows if row.result_level in ("outcome", "output"))
    given = {row.indicator for row in rows if row.value_type == "intermediate_target"}
    return _judge(
        "cibles_intermediaires", "Des cibles intermédiaires pour chaque effet et produit (facultatives pour l'impact)",
        [code for code in needed if code not in given],
        "Chaque effet et produit a des cibles intermédiaires ; OPSYS en propose selon le profil d'effet, à ajuster.",
        "Sans cible intermédiaire", applies=bool(needed),
    )  # fmt: skip


def _established(rows: Sequence[OpsysRow]) -> Check:
    wrong = [
        row.indicator
        for row in rows
        if (row.value_type == "baseline" and row.total_text == TO_ESTABLISH)
        or (row.value_type.endswith("target") and row.total is None and row.total_text != NO_TOTAL)
    ]
    return _judge(
        "references_et_cibles_chiffrees", "Références et cibles chiffrées (dues à la signature ou au premier rapport)",
        wrong,
        "Toutes les références et cibles sont chiffrées ou sans objet.", "À établir",
    )  # fmt: skip


def _measured(rows: Sequence[OpsysRow]) -> Check:
    current = [row for row in rows if row.value_type == "current"]
    return _judge(
        "valeurs_actuelles", "Une valeur actuelle par indicateur",
        [row.indicator for row in current if row.status == NOT_MEASURED],
        "Chaque indicateur a une valeur actuelle.", "Non mesuré à cette date", applies=bool(current),
    )  # fmt: skip


def _codes(rows: Sequence[OpsysRow]) -> Check:
    matched = [row for row in rows if row.code_status != "sans objet"]
    return _judge(
        "codes_verifies", "Les codes de référentiel ont été vérifiés par une personne sur la source officielle",
        [row.indicator for row in matched if row.code_status == UNVERIFIED],
        "Tous les codes sont vérifiés." if matched else "Aucun indicateur n'est rattaché à un référentiel.",
        "Codes non vérifiés, à ne pas présenter comme officiels", applies=bool(matched),
    )  # fmt: skip
