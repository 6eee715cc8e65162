"""Every column that analysts read says what it holds: project, period and value as much as the rarer ones."""

from meal_pipelines.warehouse.migrations import as_owner, describe_columns

revision = "0033"
down_revision = "0032"

IDENTIFICATION = {
    "project": "projet (prim2 ou thamm_plus)",
    "form": "formulaire, par exemple beneficiaires",
    "indicator": "code de l'indicateur dans le cadre logique, par exemple P2-OC-2",
    "label": "libellé de l'indicateur",
    "unit": "unité dans laquelle la valeur se lit",
    "result": "code du résultat du cadre logique que l'indicateur mesure",
    "position": "rang dans le cadre logique",
    "freeze_id": "numéro du gel (indicators.freeze)",
    "run_id": "numéro de l'exécution dans Dagster ; vide hors de Dagster",
}
PERIOD = {
    "period_kind": "durée : month, quarter, semester, year, project_year, ou to_date (cumul depuis le démarrage du projet)",
    "period": "mois 2028-12, trimestre 2028-Q4, semestre 2028-S2, année 2028 ou année du projet A3 ; pour to_date, le mois d'arrêté",
    "period_start": "premier jour de la période",
    "period_end": "dernier jour de la période",
    "disaggregation": 'ventilation, par exemple {"sex": "F"} ; {} pour le total',
}
VALUE = {
    "numerator": "numérateur d'un taux ; vide pour les autres mesures",
    "denominator": "dénominateur d'un taux ; vide pour les autres mesures",
    "value": "valeur, dans l'unité de l'indicateur (un taux est en %) ; vide : non mesurée, jamais zéro",
    "units": "nombre d'unités comptées (personnes, actes …)",
    "computed_at": "moment du calcul",
}
SUBMISSION = {
    "submission_id": "identifiant de la soumission à sa source",
    "repeat_index": "rang dans la répétition, à partir de 1 ; 0 : la soumission elle-même",
    "question": "nom de la question dans le questionnaire",
}
DONOR_CODE = {
    "code_status": "où en est le code : vérifié, non vérifié ou à confirmer",
    "confidence": "à quel point la correspondance avec l'indicateur du bailleur est sûre, et pourquoi",
    "verified_on": "jour où une personne a vérifié le code sur la source officielle ; vide : personne",
    "verified_by": "qui l'a vérifié",
}
WRITTEN = {
    "illustrative": "vrai : référence ou cible d'exemple, à remplacer par celle du projet",
    "written_at": "moment où l'extrait a été écrit",
}
CAMPAIGN = {
    **DONOR_CODE,
    **WRITTEN,
    "year_start": "premier jour de l'année compris dans le projet",
    "year_end": "dernier jour de l'année compris dans le projet",
    "attribution_share_pct": "part du bailleur, en % ; vide quand la règle n'en demande pas",
    "comment": "ce que disent la valeur de l'année et le cumul, et comment ils sont calculés",
}


def upgrade() -> None:
    as_owner()
    _indicators()
    _reports()
    _donors()
    _disclosure()
    _quality()


def _chosen(meanings: dict[str, str], names: str) -> dict[str, str]:
    """Those of some meanings that a relation has columns for."""
    return {name: meanings[name] for name in names.split()}


def _indicators() -> None:
    known, period, value = IDENTIFICATION, PERIOD, VALUE
    measured = "numerator denominator value computed_at"
    describe_columns(
        "indicators.definition",
        **_chosen(known, "project indicator label unit result"),
        level="niveau du résultat : impact, outcome (effet) ou output (produit)",
        result_label="libellé du résultat",
        aggregation="manière de compter : count_unique, sum, ratio, survey_ratio, median, latest, derived …",
        direction="sens souhaité : asc (plus haut est mieux) ou desc (plus bas est mieux)",
        cumulative="vrai : la cible se compare au cumul depuis le démarrage",
        baseline_status="statut de la valeur de référence, tel que le cadre logique le dit",
        baseline_date="date de la valeur de référence",
        method="règle de calcul, en mots",
    )
    describe_columns(
        "indicators.value", **period, **_chosen(known, "project indicator run_id"), **_chosen(value, measured)
    )
    describe_columns(
        "indicators.target",
        **_chosen(known, "project indicator"),
        **_chosen(period, "period_kind period period_end disaggregation"),
        target="cible, dans l'unité de l'indicateur ; vide : pas de nombre (voir label)",
        status="statut de la cible, par exemple illustratif",
        label="la cible telle que le cadre logique l'écrit, par exemple M36",
    )
    describe_columns(
        "indicators.progress",
        **period,
        **_chosen(known, "project indicator position label unit run_id"),
        **_chosen(value, measured),
        direction="sens souhaité : asc (plus haut est mieux) ou desc (plus bas est mieux)",
        previous_value="valeur de la période précédente de même durée et de même ventilation",
        target="cible à atteindre, dans l'unité de l'indicateur ; vide : pas de nombre (voir target_label)",
        target_status="statut de la cible, par exemple illustratif",
        target_label="la cible telle que le cadre logique l'écrit, par exemple M36",
        percentage="valeur en % de la cible ; avec direction = desc, plus de 100 veut dire que la cible n'est pas tenue ; vide sans "
        "cible ou avec une cible nulle",
    )
    describe_columns(
        "indicators.declared",
        **_chosen(known, "project indicator"),
        **_chosen(period, "period_kind period period_start period_end"),
    )


def _reports() -> None:
    known, period = IDENTIFICATION, PERIOD
    describe_columns(
        "indicators.freeze",
        **_chosen(known, "project"),
        freeze_id="numéro du gel",
        period_kind="durée du rapport : month, quarter, semester, year ou project_year",
        frozen_at="moment du gel",
        starts_on="premier jour du projet, tel que le cadre logique le disait alors",
        ends_on="dernier jour du projet, tel que le cadre logique le disait alors",
        logframe_version="version du cadre logique",
        illustrative="vrai : le cadre logique avait encore des valeurs d'exemple",
    )
    describe_columns("indicators.reported", **period, **VALUE, **_chosen(known, "freeze_id project indicator"))
    describe_columns(
        "indicators.reported_declared",
        **period,
        **_chosen(known, "freeze_id project indicator"),
        value="la valeur telle que le partenaire l'a donnée",
        units="nombre d'unités derrière la valeur, quand le partenaire le dit",
        method="comment le partenaire a évité les doubles comptes",
        source="l'organisme qui déclare",
        declared_by="la fonction de qui déclare, jamais un nom",
        received_on="jour où la déclaration a été reçue",
    )
    describe_columns(
        "indicators.reported_definition", **_chosen(known, "freeze_id project indicator position label unit")
    )
    describe_columns(
        "indicators.reported_model",
        **_chosen(known, "freeze_id project"),
        mart="table de marts que la requête construit",
        columns="ses colonnes et leurs types",
    )
    describe_columns(
        "indicators.reported_record",
        **_chosen(known, "project"),
        **_chosen(SUBMISSION, "repeat_index"),
        record_id="numéro de la ligne gardée",
    )
    describe_columns(
        "indicators.reported_removal",
        **_chosen(known, "project"),
        freeze_id="premier gel où la ligne n'est plus",
        record_id="la ligne (indicators.reported_record)",
    )
    describe_columns(
        "indicators.restatement",
        **_chosen(known, "project freeze_id indicator"),
        **_chosen(period, "period_kind period disaggregation"),
        restatement_id="numéro de l'écart inscrit",
        recorded_by="qui l'a inscrit",
        recorded_at="quand il a été inscrit",
    )


def _donors() -> None:
    known, period = IDENTIFICATION, PERIOD
    for recipient in ("afd", "tei", "thema"):
        describe_columns(
            f"extracts.{recipient}", **CAMPAIGN, **_chosen(known, "project indicator position label unit run_id")
        )
    describe_columns(
        "extracts.campaign",
        **_chosen(known, "project"),
        recipient="destinataire : afd, tei ou thema",
        year="année civile de la campagne",
        frozen_at="quand elle a été figée",
        sent_at="quand elle a été envoyée ; vide : pas encore",
        sent_to="à qui elle a été envoyée",
    )
    describe_columns(
        "extracts.opsys",
        **WRITTEN_OF_OPSYS,
        **_chosen(known, "project result indicator label unit run_id"),
        **_chosen(DONOR_CODE, "confidence code_status"),
    )
    describe_columns(
        "extracts.iati",
        **WRITTEN,
        **_chosen(known, "project result indicator run_id"),
        **_chosen(period, "period_start period_end"),
        reporting_date="dernier jour du mois d'arrêté des données",
        is_ascending="vrai : plus haut est mieux ; faux : plus bas est mieux",
        category="catégorie de la ventilation, telle qu'elle se lit ; vide : total",
        computed_at="quand la valeur actuelle a été calculée ; vide pour une référence ou une cible",
    )


WRITTEN_OF_OPSYS = {
    "written_at": WRITTEN["written_at"],
    "result_level": "niveau du résultat : impact, outcome (effet) ou output (produit)",
    "source_of_data": "choix proposé dans la liste « source de données » d'OPSYS, d'après projects/opsys_sources.yaml",
    "framework": "référentiel d'où vient le code : GERF, GAP III, ODD …",
    "framework_version": "version du référentiel ; vide quand personne ne l'a donnée",
    "code_label": "libellé du code, tel qu'il est déclaré dans le cadre logique",
    "logframe_version": "version du cadre logique",
}


def _disclosure() -> None:
    describe_columns(
        "extracts.disclosure",
        **_chosen(IDENTIFICATION, "project"),
        fingerprint="empreinte SHA-256 de ce qui a été décidé : la même tant que rien ne change",
        primary_cells="chiffres masqués parce que trop petits",
        secondary_cells="chiffres masqués pour en protéger d'autres",
        seconds="durée de la recherche, en secondes",
        decided_at="moment de la décision",
    )
    describe_columns(
        "extracts.suppression",
        **_chosen(IDENTIFICATION, "project indicator"),
        **_chosen(PERIOD, "period_kind period disaggregation"),
        recipient="extrait où le chiffre est masqué : opsys, thema, tei, afd, iati ou tracking (tableau de suivi)",
        publication="mois d'arrêté ou année de cet extrait",
        version="version de cette publication, à partir de 1",
        quantity="ce qui est masqué : value (valeur), numerator, denominator ou share_of_women (part de femmes)",
        threshold="seuil appliqué, en personnes",
        released_at="quand l'extrait a été remis ; vide : pas encore",
    )


def _quality() -> None:
    known = IDENTIFICATION
    describe_columns(
        "quality.build",
        **_chosen(known, "project form run_id"),
        stage="étape : cleaned, pseudonymised, marts, indicators ou extracts",
        build_no="combien de fois la table a été refaite",
        built_at="quand elle l'a été pour la dernière fois",
    )
    describe_columns(
        "quality.check_result",
        **_chosen(known, "project form run_id"),
        check_id="numéro du résultat",
        stage="étape : raw, cleaned, pseudonymised, marts, indicators ou extracts",
        table_name="table examinée",
        check_name="nom du contrôle, comme dans Dagster",
        description="ce que le contrôle demande, et ce qu'il a trouvé ; jamais une réponse",
        severity="critical : bloque la publication de la table ; warning : demande un coup d'œil",
        passed="vrai : rien à redire",
        failing_rows="nombre de lignes en défaut ; vide quand le contrôle ne porte pas sur des lignes",
        checked_rows="nombre de lignes examinées",
        evaluated_at="moment de l'examen",
    )
    describe_columns("quality.collection", **_chosen(known, "project form"), **COLLECTION)
    describe_columns(
        "quality.correction",
        **_chosen(known, "project form"),
        **_chosen(SUBMISSION, "submission_id repeat_index question"),
        repeat="répétition où est la ligne ; vide : le formulaire lui-même",
        action="ce que la ligne demande : change_response (changer la réponse) …",
        state="applied (appliquée) ou refused (refusée ; reason dit pourquoi)",
        author="qui a écrit la ligne du journal de nettoyage",
        recorded_at="quand la ligne a été lue",
    )
    describe_columns(
        "quality.rejection",
        **_chosen(known, "project form"),
        **_chosen(SUBMISSION, "submission_id repeat_index question"),
        rejection_id="numéro du rejet",
        rule="ce qui n'est pas respecté : required (réponse manquante), choice (hors de la liste), constraint, type, ou "
        "une règle du projet",
        load_id="collecte qui a apporté la soumission",
        detected_at="quand le défaut a été vu",
    )
    for table in ("stage_outcome", "unknown_question", "unknown_version"):
        describe_columns(f"quality.{table}", **_chosen(known, "project form"))


COLLECTION = {
    "source": "genre de source : kobo, odk, export (dossier d'exports) ou workbook (classeurs)",
    "received": "soumissions montrées par la source, y compris celles déjà connues",
    "added": "soumissions nouvelles",
    "changed": "soumissions modifiées depuis la collecte précédente",
    "removed": "soumissions supprimées à la source",
    "restored": "soumissions supprimées, puis revenues",
    "refused": "ce qui n'a pas été accepté : fichiers refusés, ou disparitions trop nombreuses pour être crues",
    "present": "soumissions gardées et toujours à la source",
    "server_count": "nombre que le serveur annonce ; vide quand la source ne le dit pas",
    "lag_max_h": "plus long délai entre l'arrivée à la source et la collecte, en heures",
}
