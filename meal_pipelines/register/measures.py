"""The security measures, as the code takes them: each sentence here is held by a test somewhere.

Whoever changes what the system does changes its sentence. What the person who installs it decides is not promised here.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Measure:
    """One measure. name: a few words · text: what is done, as a sentence."""

    name: str
    text: str


MEASURES = (
    Measure(
        "Chiffrement",
        "Chaque réponse reçue est scellée (AES-256-GCM) avant d'être écrite ; les clés sont hors de la base et se renouvellent. Une copie "
        "volée de la base ne nomme personne.",
    ),
    Measure(
        "Fermé par défaut",
        "Une question que personne n'a classée reste scellée, et un contrôle la nomme.",
    ),
    Measure(
        "Pseudonymes",
        "Une personne est désignée par une empreinte à clé de ses identifiants. La clé diffère d'un projet à l'autre : personne n'est "
        "suivi de l'un à l'autre.",
    ),
    Measure(
        "Généralisation",
        "Ce qui permettrait de reconnaître quelqu'un par recoupement n'est montré qu'en plus grossier : tranche d'âge, province, mois.",
    ),
    Measure(
        "Petits effectifs",
        "Dans les extraits remis aux bailleurs, un chiffre sur trop peu de personnes est masqué, et d'autres avec lui pour qu'il ne se "
        "recalcule pas, même d'une publication à l'autre.",
    ),
    Measure(
        "Refus de consentement",
        "Quand la personne refuse, ce que sa réponse aurait de personnel est remplacé par une marque avant d'être scellé : "
        "rien n'en est gardé.",
    ),
    Measure(
        "Droits des personnes",
        "Une personne peut être effacée, retirer son consentement, ou obtenir que ses données ne servent plus. La collecte ne ramène pas "
        "ce qui a été effacé.",
    ),
    Measure(
        "Conservation",
        "Chaque mois, ce qui a dépassé la durée écrite et confirmée pour son formulaire est effacé partout, et vérifié.",
    ),
    Measure(
        "Droits d'accès",
        "Les analystes lisent les tables pseudonymisées et les résultats, sans pouvoir les modifier ; le coffre et le journal d'audit "
        "sont réservés à la protection des données.",
    ),
    Measure(
        "Journal des accès",
        "Chaque ouverture de données personnelles y laisse une ligne : qui, à quel titre, pourquoi, quand. Une ligne retirée ou changée "
        "se voit.",
    ),
    Measure(
        "Messages et journaux techniques",
        "Ni les erreurs, ni les journaux, ni les contrôles ne citent une réponse : seulement des nombres et des noms de questions.",
    ),
    Measure(
        "Fichiers joints",
        "Photos, sons et documents restent sur le serveur de collecte tant que personne n'a décidé de les garder ; gardés, ils sont "
        "scellés.",
    ),
    Measure(
        "Serveur",
        "La base embarquée n'est joignable que par l'utilisateur de la machine qui la fait tourner ; un port ouvert localement "
        "demande un mot de passe (SCRAM).",
    ),
)
