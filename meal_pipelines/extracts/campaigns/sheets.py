"""The controls and the sheets of a campaign's workbook, the same for every recipient."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from meal_pipelines.extracts.control_sheet import checks_table
from meal_pipelines.extracts.declared import APART
from meal_pipelines.extracts.disclosed import Disclosed
from meal_pipelines.extracts.donor_codes import MODES, TO_CONFIRM, VERIFIED
from meal_pipelines.extracts.extract import Check
from meal_pipelines.extracts.standing import SECTION
from meal_pipelines.extracts.table import Column, Table, Tone
from meal_pipelines.extracts.wording import ILLUSTRATIVE, day, number
from meal_pipelines.project.catalogue import Catalogue
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.project.logframe import Logframe

if TYPE_CHECKING:
    from meal_pipelines.extracts.campaigns.rows import CampaignRow

STATUSES = {"open": "ouverte", "frozen": "figée", "sent": "envoyée"}
RULES = {"full": "Totalité", "pro_rata": "Au prorata"}


@dataclass(frozen=True)
class Recipient:
    """Who a campaign is for. name: as the logframe's `donors`, the table and the file call it."""

    name: str
    title: str
    purpose: str
    about: str

    @property
    def table(self) -> str:
        return f"extracts.{self.name}"


RECIPIENTS = {
    at.name: at
    for at in (
        Recipient(
            "thema", "THEMA", "Collecte annuelle des indicateurs thématiques (Expertise France)",
            "Le modèle officiel de THEMA n'est pas public",
        ),
        Recipient(
            "tei", "TEI Talent Partnerships", "Indicateurs communs de l'initiative Équipe Europe",
            "La liste des indicateurs communs n'est pas connue de la plateforme",
        ),
        Recipient(
            "afd", "AFD", "Indicateurs agrégeables de l'AFD", "La liste actuelle de l'AFD n'est pas connue de la plateforme",
        ),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Campaign:
    """Everything that an extract shows of one recipient, project and year. standing: what it says of forms that stand still."""

    project: LoadedProject
    recipient: Recipient
    catalogue: Catalogue
    logframe: Logframe
    year: int
    reporting_date: dt.date
    rows: list[CampaignRow]
    checks: list[Check]
    may_show: Disclosed
    is_open: bool
    standing: list[str]

    @property
    def title(self) -> str:
        return f"{self.project.project.name} — {self.recipient.title}, campagne {self.year}"


def campaign_checks(
    recipient: Recipient,
    catalogue: Catalogue,
    logframe: Logframe,
    rows: Sequence[CampaignRow],
    year: int,
    closed: str | None,
    since: Sequence[str],
) -> list[Check]:
    """closed: the status of a campaign that is no longer open · since: what changed after that.

    Messages name indicators and never figures.
    """
    missing = [row.indicator for row in rows if row.value_year is None and row.value_year_mark is None]
    complete = all(row.is_year_complete for row in rows)
    return [
        Check(
            "campagne_ouverte", "Une campagne figée ou envoyée n'est plus réécrite", None if closed else True,
            f"Campagne {STATUSES[closed]} : rien n'a été réécrit." if closed else f"La campagne {year} est ouverte.",
        ),
        Check(
            "ecarts_depuis_la_cloture", "Ce qui a été remis est encore ce que disent les données",
            not since if closed else None,
            f"Différent aujourd'hui, à signaler au destinataire ou à figer de nouveau : {', '.join(since)}." if since
            else "Aucun écart." if closed else "La campagne est ouverte : rien n'a été remis.",
        ),
        _codes(recipient, rows),
        *_catalogue(recipient, catalogue, logframe, rows),
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
        _attribution(recipient, rows),
    ]  # fmt: skip


def _codes(recipient: Recipient, rows: Sequence[CampaignRow]) -> Check:
    unverified = [row.indicator for row in rows if row.code_status != VERIFIED]
    return Check(
        "codes_verifies", f"Les codes {recipient.title} ont été vérifiés par une personne sur le catalogue officiel",
        not unverified if rows else None,
        f"À confirmer, à ne pas présenter comme officiels : {', '.join(unverified)}." if unverified
        else "Tous les codes sont vérifiés." if rows else f"Aucun indicateur n'est rattaché à {recipient.title}.",
    )  # fmt: skip


def _catalogue(
    recipient: Recipient, catalogue: Catalogue, logframe: Logframe, rows: Sequence[CampaignRow]
) -> list[Check]:
    """What the recipient's list asks, where there is one."""
    file = f"projects/catalogue_{recipient.name}.yaml"
    name, asked = (
        "catalogue",
        "Chaque code est une ligne du catalogue, dans son unité et avec les ventilations demandées",
    )
    if not catalogue.lines:
        return [Check(name, asked, None, f"Catalogue vide ({file}). {recipient.about}.", by_hand=True)]
    dimensions = {at.code: at.disaggregations for at in logframe.indicators}
    wrong = []
    for row in rows:
        line = catalogue.line(row.code or row.proposed_code or "")
        if line is None:
            wrong.append(f"{row.indicator} (code absent du catalogue)")
            continue
        if line.unit and line.unit != row.unit:
            wrong.append(f"{row.indicator} (unité)")
        lacking = [at for at in line.disaggregations if at not in dimensions.get(row.indicator, [])]
        wrong += [f"{row.indicator} (ventilation {at})" for at in lacking]
    message = f"À revoir dans {file} ou dans logframe.yaml : {', '.join(wrong)}." if wrong else "Tout concorde."
    return [Check(name, asked, not wrong, message)]


def _attribution(recipient: Recipient, rows: Sequence[CampaignRow]) -> Check:
    name = "regle_d_attribution"
    asked = f"La règle d'attribution (totalité, ou part du bailleur) est celle de {recipient.title}"
    if any(TO_CONFIRM in row.attribution_status.lower() for row in rows):
        message = "La règle n'est pas confirmée : celle du catalogue est appliquée, à confirmer avec le siège."
        return Check(name, asked, None, message, by_hand=True)
    return Check(name, asked, True if rows else None, "La règle du catalogue est confirmée." if rows else "Sans objet.")


def readme(campaign: Campaign) -> dict[str, list[str]]:
    """What the first sheet says; a name that ends in « ! » stands out."""
    year = campaign.year
    sections = {SECTION: campaign.standing} if campaign.standing else {}
    sections |= {
        "À quoi sert ce classeur": [
            f"Les indicateurs du projet rattachés à la campagne annuelle {campaign.recipient.title}, pour l'année civile {year}. "
            f"Données arrêtées au {day(campaign.reporting_date)}.",
            f"{campaign.recipient.about} : ce classeur prépare la réponse, il ne remplace pas le modèle du destinataire. Il est "
            "refait quand les données changent, tant que la campagne est ouverte : n'y écrivez rien que vous vouliez garder.",
        ],
        "Petits effectifs !": campaign.may_show.notes,
    }
    if campaign.may_show.frozen_notes:
        sections["Chiffres figés !"] = campaign.may_show.frozen_notes
    elif campaign.is_open:
        sections["Chiffres provisoires !"] = [
            f"Aucun rapport figé ne couvre l'année {year} : ces chiffres suivent encore les données. Figez l'année avant de "
            "remettre la campagne ; ce classeur est alors refait avec les chiffres figés."
        ]
    if campaign.logframe.illustrative:
        sections["Valeurs illustratives !"] = [ILLUSTRATIVE]
    return sections | {
        "Codes à confirmer !": [
            "Aucun code n'est officiel tant qu'une personne ne l'a pas vérifié sur le catalogue du destinataire (« verified_on » "
            "et « verified_by » dans logframe.yaml). Un code pressenti n'engage personne.",
        ],
        "Comment lire": [
            f"Valeur {year} : ce qui s'est passé dans l'année civile ; pour un taux ou une médiane, la valeur de "
            "l'année. Des unités uniques de deux années ne s'additionnent pas.",
            "Valeur cumulée : depuis le démarrage, au dernier mois de l'année compris dans les données.",
            "Part de femmes : en % des unités de l'année dont le sexe est connu. « – » : pas de chiffre, jamais zéro.",
        ],
        "Attribution": [_attribution_told(campaign)],
        "Déclaré": [APART],
        "Cadre logique": [f"Version {campaign.logframe.version}. {campaign.logframe.source}."],
    }


def _attribution_told(campaign: Campaign) -> str:
    rule, catalogue = campaign.catalogue.attribution, f"projects/catalogue_{campaign.recipient.name}.yaml"
    share = number(rule.share_of(campaign.project.id))
    return (
        f"{RULES[rule.rule]} ({share} %), statut : {rule.status} ({catalogue}). Un taux ou un niveau ne se partage pas."
    )


def tables(campaign: Campaign) -> list[Table]:
    """Indicateurs, Codes and Controles."""
    return [_indicators(campaign), _code_table(campaign), checks_table(campaign.title, campaign.checks)]


def _code_table(campaign: Campaign) -> Table:
    """Where each code comes from, and who has verified it."""
    columns = [
        Column("indicator", "Indicateur", 12), Column("framework", "Référentiel", 30, "wrap"),
        Column("version", "Version", 14, "center"), Column("code", "Code", 20, "wrap"),
        Column("status", "Statut du code", 15, "center"),
        Column("label", "Libellé du référentiel (tel que noté)", 46, "wrap"), Column("mode", "Lien", 16, "center"),
        Column("source", "Source", 46, "wrap"), Column("verified_on", "Vérifié le", 12, "date"),
        Column("verified_by", "Vérifié par", 22, "wrap"),
    ]  # fmt: skip
    rows: list[Sequence[Any]] = []
    tones: dict[tuple[int, int], Tone] = {}
    indicators = {at.code: at for at in campaign.logframe.indicators}
    for index, row in enumerate(campaign.rows):
        indicator = indicators.get(row.indicator)
        donor = indicator.donor(campaign.recipient.name) if indicator else None
        line = campaign.catalogue.line(row.code or row.proposed_code or "")
        tones[index, 4] = "good" if row.code else "warning"
        rows.append((
            row.indicator, donor.framework if donor else campaign.catalogue.framework or None,
            (donor.version if donor else "") or campaign.catalogue.version, row.code or row.proposed_code or TO_CONFIRM,
            row.code_status, row.theme, MODES[donor.mode] if donor else None,
            (line.source if line else "") or (donor.source if donor else "") or campaign.catalogue.source or None,
            row.verified_on, row.verified_by,
        ))  # fmt: skip
    note = "Un code n'est officiel que vérifié par une personne ; les autres ne sont que des pistes."
    empty = f"Aucun indicateur du cadre logique n'est rattaché à {campaign.recipient.title}."
    return Table("Codes", campaign.title, note, columns, rows, cell_tones=tones, empty=empty)


def _indicators(campaign: Campaign) -> Table:
    columns = [
        Column("indicator", "Indicateur", 12), Column("code", f"Code {campaign.recipient.title}", 13, "center"),
        Column("proposed_code", "Code pressenti (non vérifié)", 16, "wrap"),
        Column("theme", "Thème pressenti", 24, "wrap"),
        Column("label", "Libellé", 52, "wrap"), Column("unit", "Unité", 15, "wrap"),
        Column("value_year", f"Valeur {campaign.year}", 12, "decimal"),
        Column("value_cumulative", "Valeur cumulée", 12, "decimal"),
        Column("cumulative_until", "Cumul au", 12, "date"),
        Column("share_of_women_pct", "Part de femmes (%)", 11, "decimal"),
        Column("declared", "Déclaré par des partenaires", 26, "wrap"), Column("attribution_rule", "Attribution", 12),
        Column("attribution_share_pct", "Part attribuée (%)", 11, "number"),
        Column("attributed_year", f"Part {campaign.year}", 11, "decimal"),
        Column("attributed_cumulative", "Part cumulée", 11, "decimal"),
        Column("attribution_status", "Règle", 13, "center"), Column("status", "Campagne", 11, "center"),
        Column("confidence", "Confiance", 20, "wrap"), Column("comment", "Commentaire", 60, "wrap"),
    ]  # fmt: skip
    rows: list[Sequence[Any]] = []
    tones: dict[tuple[int, int], Tone] = {}
    for index, row in enumerate(campaign.rows):
        tones[index, 1] = "good" if row.code else "warning"
        if row.declared is not None:
            tones[index, 10] = "caution"
        if TO_CONFIRM in row.attribution_status.lower():
            tones[index, 15] = "warning"
        rows.append((
            row.indicator, row.code or TO_CONFIRM, row.proposed_code, row.theme, row.label, row.unit,
            row.value_year_mark or row.value_year, row.value_cumulative_mark or row.value_cumulative,
            row.cumulative_until, row.share_of_women_mark or row.share_of_women_pct, row.declared,
            RULES[row.attribution_rule], row.attribution_share_pct, row.value_year_mark or row.attributed_year,
            row.value_cumulative_mark or row.attributed_cumulative, row.attribution_status,
            STATUSES[row.status], row.confidence, row.comment,
        ))  # fmt: skip
    note = f"Année civile {campaign.year} ; données arrêtées au {day(campaign.reporting_date)}."
    empty = f"Aucun indicateur du cadre logique n'est rattaché à {campaign.recipient.title}."
    return Table("Indicateurs", campaign.title, note, columns, rows, cell_tones=tones, empty=empty)
