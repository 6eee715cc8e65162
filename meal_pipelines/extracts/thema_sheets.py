"""The controls and the sheets of the THEMA workbook."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from meal_pipelines.extracts.control_sheet import checks_table
from meal_pipelines.extracts.disclosed import Disclosed
from meal_pipelines.extracts.donor_codes import TO_CONFIRM, VERIFIED
from meal_pipelines.extracts.extract import Check
from meal_pipelines.extracts.table import Column, Table, Tone
from meal_pipelines.extracts.wording import ILLUSTRATIVE, day
from meal_pipelines.project.load import LoadedProject
from meal_pipelines.project.logframe import Logframe

if TYPE_CHECKING:
    from meal_pipelines.extracts.thema import ThemaRow

STATUSES = {"open": "ouverte", "frozen": "figée", "sent": "envoyée"}
RULES = {"full": "Totalité", "pro_rata": "Au prorata"}


@dataclass(frozen=True)
class Campaign:
    """Everything that a THEMA extract shows of one project and year."""

    project: LoadedProject
    logframe: Logframe
    year: int
    reporting_date: dt.date
    rows: list[ThemaRow]
    checks: list[Check]
    may_show: Disclosed
    is_open: bool

    @property
    def title(self) -> str:
        return f"{self.project.project.name} — THEMA, campagne {self.year}"


def thema_checks(rows: Sequence[ThemaRow], year: int, closed: str | None) -> list[Check]:
    """closed: the status of a campaign that is no longer open. Messages name indicators and never figures."""
    unverified = [row.indicator for row in rows if row.code_status != VERIFIED]
    missing = [row.indicator for row in rows if row.value_year is None and row.value_year_mark is None]
    complete = all(row.is_year_complete for row in rows)
    return [
        Check(
            "campagne_ouverte", "Une campagne figée ou envoyée n'est plus réécrite", None if closed else True,
            f"Campagne {STATUSES[closed]} : rien n'a été réécrit." if closed else f"La campagne {year} est ouverte.",
        ),
        Check(
            "codes_verifies", "Les codes THEMA ont été vérifiés par une personne sur le catalogue officiel",
            not unverified if rows else None,
            f"À confirmer, à ne pas présenter comme officiels : {', '.join(unverified)}." if unverified
            else "Tous les codes sont vérifiés." if rows else "Aucun indicateur n'est rattaché à THEMA.",
        ),
        Check(
            "annee_complete", "Plus aucune donnée de l'année n'est attendue à l'arrêté", complete if rows else None,
            f"L'année {year}, ou la part que le projet en couvre, est finie."
            if complete
            else f"L'année {year} est en cours : valeurs provisoires.",
        ),
        Check(
            "valeurs_de_l_annee", "Une valeur de l'année pour chaque indicateur", not missing if rows else None,
            f"Sans valeur ou sans total : {', '.join(missing)}." if missing else "Chaque indicateur a une valeur.",
        ),
        Check(
            "regle_d_attribution", "La règle d'attribution (totalité, ou part du bailleur) est celle de THEMA", None,
            "La règle n'est pas connue : totalité à 100 % par défaut, à confirmer avec le siège.", by_hand=True,
        ),
    ]  # fmt: skip


def readme(campaign: Campaign) -> dict[str, list[str]]:
    """What the first sheet says; a name that ends in « ! » stands out."""
    year = campaign.year
    sections = {
        "À quoi sert ce classeur": [
            f"Les indicateurs du projet rattachés à la collecte annuelle THEMA, pour l'année civile {year}. Données "
            f"arrêtées au {day(campaign.reporting_date)}.",
            "Le modèle officiel de THEMA n'est pas public : ce classeur prépare la réponse, il ne remplace pas le "
            "modèle. Il est refait quand les données changent : n'y écrivez rien que vous vouliez garder.",
        ],
        "Petits effectifs !": campaign.may_show.notes,
    }
    if campaign.may_show.frozen_notes:
        sections["Chiffres figés !"] = campaign.may_show.frozen_notes
    if campaign.logframe.illustrative:
        sections["Valeurs illustratives !"] = [ILLUSTRATIVE]
    return sections | {
        "Codes à confirmer !": [
            "Aucun code n'est officiel tant qu'une personne ne l'a pas vérifié sur le catalogue THEMA (« verified_on » "
            "et « verified_by » dans logframe.yaml). Un code pressenti n'engage personne.",
        ],
        "Comment lire": [
            f"Valeur {year} : ce qui s'est passé dans l'année civile ; pour un taux ou une médiane, la valeur de "
            "l'année. Des unités uniques de deux années ne s'additionnent pas.",
            "Valeur cumulée : depuis le démarrage, au dernier mois de l'année compris dans les données.",
            "Part de femmes : en % des unités de l'année dont le sexe est connu. « – » : pas de chiffre, jamais zéro.",
        ],
        "Attribution": [
            "Totalité (100 %) par défaut. La règle de cofinancement de THEMA n'est pas connue : à confirmer.",
        ],
        "Cadre logique": [f"Version {campaign.logframe.version}. {campaign.logframe.source}."],
    }


def tables(campaign: Campaign) -> list[Table]:
    """Indicateurs and Controles."""
    return [_indicators(campaign), checks_table(campaign.title, campaign.checks)]


def _indicators(campaign: Campaign) -> Table:
    columns = [
        Column("indicator", "Indicateur", 12), Column("code", "Code THEMA", 13, "center"),
        Column("proposed_code", "Code pressenti (non vérifié)", 16, "wrap"),
        Column("theme", "Thème pressenti", 24, "wrap"),
        Column("label", "Libellé", 52, "wrap"), Column("unit", "Unité", 15, "wrap"),
        Column("value_year", f"Valeur {campaign.year}", 12, "decimal"),
        Column("value_cumulative", "Valeur cumulée", 12, "decimal"),
        Column("cumulative_until", "Cumul au", 12, "date"),
        Column("share_of_women_pct", "Part de femmes (%)", 11, "decimal"),
        Column("attribution_rule", "Attribution", 12),
        Column("attribution_share_pct", "Part attribuée (%)", 11, "number"),
        Column("attribution_status", "Règle", 13, "center"), Column("status", "Campagne", 11, "center"),
        Column("confidence", "Confiance", 20, "wrap"), Column("comment", "Commentaire", 60, "wrap"),
    ]  # fmt: skip
    rows: list[Sequence[Any]] = []
    tones: dict[tuple[int, int], Tone] = {}
    for index, row in enumerate(campaign.rows):
        tones[index, 1] = "good" if row.code else "warning"
        tones[index, 12] = "warning"
        rows.append((
            row.indicator, row.code or TO_CONFIRM, row.proposed_code, row.theme, row.label, row.unit,
            row.value_year_mark or row.value_year, row.value_cumulative_mark or row.value_cumulative,
            row.cumulative_until, row.share_of_women_mark or row.share_of_women_pct, RULES[row.attribution_rule],
            row.attribution_share_pct, row.attribution_status, STATUSES[row.status], row.confidence, row.comment,
        ))  # fmt: skip
    note = f"Année civile {campaign.year} ; données arrêtées au {day(campaign.reporting_date)}."
    empty = "Aucun indicateur du cadre logique n'est rattaché à THEMA."
    return Table("Indicateurs", campaign.title, note, columns, rows, cell_tones=tones, empty=empty)
