"""The sheets of the OPSYS workbook; each is a `Table`, so that the JSON says exactly the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from meal_pipelines.extracts.control_sheet import checks_table
from meal_pipelines.extracts.declared import APART
from meal_pipelines.extracts.donor_codes import (
    CORRESPONDING,
    MODES,
    NOT_APPLICABLE,
    UNVERIFIED,
    VERIFIED,
    code_status,
    shown_code,
)
from meal_pipelines.extracts.opsys.changes import ADDED, REMOVED
from meal_pipelines.extracts.opsys.content import Content
from meal_pipelines.extracts.opsys.rows import VALUE_TYPES
from meal_pipelines.extracts.opsys.value_sheets import breakdowns_table, values_table
from meal_pipelines.extracts.standing import SECTION
from meal_pipelines.extracts.table import Column, Table, Tone
from meal_pipelines.extracts.wording import ILLUSTRATIVE, LEVELS, MEASURES, sentence

KINDS = {
    "predefined": "Prédéfini",
    "matched": "Propre au projet, apparié",
    "candidate": "Propre au projet, à apparier",
    "custom": "Propre au projet",
    "none": "Propre au projet",
}


def readme(content: Content) -> dict[str, list[str]]:
    """What the first sheet says, section by section; a name that ends in « ! » stands out."""
    failed = sum(check.passed is False for check in content.checks)
    sections = {SECTION: content.standing} if content.standing else {}
    sections |= {
        "À quoi sert ce classeur": [
            "À recopier dans OPSYS, feuille par feuille, dans l'ordre des lignes. Aucun format d'import officiel "
            "d'OPSYS n'est public : ce classeur est une aide à la saisie, pas un fichier à déposer.",
            "Il est refait quand les données ou le cadre logique changent : n'y écrivez rien que vous vouliez garder.",
        ],
        "Avant de saisir": [
            "Seul le partenaire chef de file (Lead Implementing Partner) soumet le cadre logique et les valeurs. "
            "Les valeurs ne se saisissent que si le cadre a le statut « Approved » ; une valeur supprimée est perdue.",
            f"Feuille Controles : {failed} contrôle(s) non conforme(s) sur {len(content.checks)}. Feuille Ecarts : "
            f"{len(content.changes)} écart(s) avec l'extrait précédent.",
        ],
        "Petits effectifs !": content.may_show.notes,
    }
    if content.may_show.frozen_notes:
        sections["Chiffres figés !"] = content.may_show.frozen_notes
    if content.logframe.illustrative:
        sections["Valeurs illustratives !"] = [ILLUSTRATIVE]
    sections |= {
        "Codes non vérifiés !": [
            "Un code marqué « non vérifié » n'a été contrôlé par personne sur la source officielle : ne le présentez "
            "jamais comme officiel. Les correspondances (feuille Appariements) ne font pas partie du cadre logique.",
        ],
        "Déclaré": [
            f"{APART} Feuille Valeurs : une ligne par source, au statut « déclaré », sous la valeur actuelle. OPSYS n'a pas de "
            "place pour un second chiffre : il se cite dans le commentaire de la valeur actuelle.",
        ],
        "Source des données": [
            "OPSYS demande un choix dans une liste déroulante qui n'est pas publique. "
            f"Choix proposés ({'vérifiés' if content.sources.is_verified else 'à confirmer'}) : "
            f"{' ; '.join(content.sources.choices) or 'aucun'}.",
        ],
        "Comment lire": [
            "« – » : pas de chiffre. « à établir » : chiffre attendu. Ni l'un ni l'autre ne veut dire zéro.",
            "Une case vide sous une ventilation : pas de chiffre pour cette catégorie sur cette ligne.",
        ],
        "Cadre logique": [f"Version {content.logframe.version}. {content.logframe.source}."],
        "Dates du projet": [sentence(content.project.project.dates_status)],
    }
    return sections


def tables(content: Content) -> list[Table]:
    """Resultats, Indicateurs, Valeurs, Ventilations, Appariements, Controles, Ecarts."""
    makers = (_results, _indicators, values_table, breakdowns_table, _matches, _checks, _changes)
    return [make(content) for make in makers]


def _results(content: Content) -> Table:
    columns = [
        Column("position", "Ordre", 8, "center"), Column("level", "Niveau", 12), Column("code", "Code", 13),
        Column("label", "Énoncé du résultat", 80, "wrap"), Column("assumptions", "Hypothèses", 70, "wrap"),
    ]  # fmt: skip
    rows: list[Sequence[Any]] = [
        (number, LEVELS[result.level], result.code, result.label, "\n".join(result.assumptions) or None)
        for number, result in enumerate(content.logframe.results, 1)
    ]
    note = "La chaîne de résultats, du plus haut niveau au plus bas."
    return Table("Resultats", content.title, note, columns, rows, frozen=3)


def _indicators(content: Content) -> Table:
    columns = [
        Column("position", "Ordre", 7, "center"), Column("result", "Résultat", 11),
        Column("indicator", "Code interne", 12),
        Column("label", "Libellé exact", 58, "wrap"), Column("kind", "Type", 17, "wrap"),
        Column("framework", "Référentiel", 14, "wrap"), Column("framework_version", "Version", 10),
        Column("code", "Code", 18, "wrap"), Column("code_status", "Statut du code", 13, "wrap"),
        Column("unit", "Unité", 14, "wrap"),
        Column("measure", "Mesure", 20, "wrap"), Column("disaggregations", "Ventilations", 36, "wrap"),
        Column("source", "Source des données (liste)", 26, "wrap"), Column("source_status", "Choix", 14, "wrap"),
        Column("profile", "Profil d'effet", 16, "wrap"),
    ]  # fmt: skip
    rows: list[Sequence[Any]] = []
    tones: dict[tuple[int, int], Tone] = {}
    for number, indicator in enumerate(content.indicators(), 1):
        donor = indicator.donors.get("opsys")
        predefined = donor is not None and donor.mode == "predefined"
        apart = "voir Appariements" if donor is not None and donor.mode in ("matched", "candidate") else None
        kind = KINDS[donor.mode if donor else "none"]
        status = code_status(donor) if predefined else None if apart else NOT_APPLICABLE
        rows.append((
            number, indicator.result, indicator.code, indicator.label, kind,
            donor.framework if donor and predefined else apart,
            (donor.version or None) if donor and predefined else None,
            shown_code(donor) if predefined else None, status, indicator.unit, MEASURES[indicator.measure.kind],
            ", ".join(content.labels.dimension(name) for name in indicator.disaggregations) or None,
            indicator.opsys_source or None, content.sources.status_of(indicator.opsys_source), "à choisir dans OPSYS",
        ))  # fmt: skip
        if status == UNVERIFIED:
            tones |= {(number - 1, 7): "bad", (number - 1, 8): "bad"}
    note = "Le libellé, le type et les ventilations ne se modifient plus une fois encodés : relisez avant de saisir."
    return Table("Indicateurs", content.title, note, columns, rows, frozen=3, cell_tones=tones)


def _matches(content: Content) -> Table:
    columns = [
        Column("indicator", "Indicateur", 12), Column("label", "Libellé dans le cadre logique", 46, "wrap"),
        Column("framework", "Référentiel", 14), Column("version", "Version", 12), Column("code", "Code", 20, "wrap"),
        Column("code_label", "Libellé du référentiel (tel que noté)", 46, "wrap"), Column("mode", "Lien", 13),
        Column("conversion", "Conversion", 20, "wrap"), Column("confidence", "Confiance", 36, "wrap"),
        Column("code_status", "Statut du code", 14), Column("verified_on", "Vérifié le", 12, "date"),
        Column("verified_by", "Vérifié par", 18), Column("source", "Source", 30, "wrap"),
    ]  # fmt: skip
    rows: list[Sequence[Any]] = []
    tones: dict[tuple[int, int], Tone] = {}
    for indicator in content.indicators():
        donor = indicator.donors.get("opsys")
        if donor is None or donor.mode not in CORRESPONDING:
            continue
        status = code_status(donor)
        shade: Tone = "good" if status == VERIFIED else "bad"
        tones |= {(len(rows), 4): shade, (len(rows), 9): shade}
        rows.append((
            indicator.code, indicator.label, donor.framework, donor.version or None, shown_code(donor),
            donor.label or None, MODES[donor.mode], "à confirmer", donor.confidence, status, donor.verified_on,
            donor.verified_by, donor.source or None,
        ))  # fmt: skip
    note = "Ces correspondances ne font pas partie du cadre logique ; OPSYS les permet une fois celui-ci « Approved »."
    empty = "Aucun indicateur n'est apparié."
    return Table("Appariements", content.title, note, columns, rows, cell_tones=tones, empty=empty)


def _checks(content: Content) -> Table:
    return checks_table(content.title, content.checks)


def _changes(content: Content) -> Table:
    columns = [
        Column("kind", "Nature", 14, "center"), Column("indicator", "Indicateur", 12),
        Column("value_type", "Type de valeur", 19),
        Column("date", "Date", 11, "date"), Column("what", "Ce qui change", 34, "wrap"),
        Column("old", "Avant", 24, "decimal"), Column("new", "Maintenant", 24, "decimal"),
        Column("difference", "Écart", 12, "decimal"), Column("reason", "Motif", 60, "wrap"),
    ]  # fmt: skip
    rows: list[Sequence[Any]] = []
    tones: dict[tuple[int, int], Tone] = {}
    for index, change in enumerate(content.changes):
        tones[index, 0] = "good" if change.kind == ADDED else "bad" if change.kind == REMOVED else "warning"
        kind = VALUE_TYPES.get(change.value_type, "Définition")
        rows.append((
            change.kind, change.indicator, kind, change.value_date, change.what, change.old, change.new,
            change.difference, change.reason,
        ))  # fmt: skip
    if content.previous is None:
        note, empty = "Premier extrait de ce projet.", "Aucun extrait antérieur à comparer."
    else:
        note, empty = f"Par rapport à l'extrait {content.previous.period} du même projet.", "Aucun écart."
    return Table("Ecarts", content.title, note, columns, rows, frozen=2, cell_tones=tones, empty=empty)
