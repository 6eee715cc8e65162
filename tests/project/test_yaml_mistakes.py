"""What the officer reads when a project's files are wrong: file, line, key, what was expected, what to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.project.load import expand, load_project, load_projects
from meal_pipelines.settings import Settings
from tests.stage_cases import PROJECT, written


def refusal(folder: Path, text: str) -> list[str]:
    """The lines of the refusal of this project.yaml."""
    with pytest.raises(ConfigurationError) as caught:
        load_project(written(folder / "essai", "essai", text), {})
    return str(caught.value).splitlines()


def line_of(text: str, words: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), start=1) if words in line)


@pytest.mark.parametrize(
    ("right", "wrong", "key", "expected"),
    [
        ("frequency: monthly", "frequency: mensuel", "forms.visites.frequency", "écrivez l'un de : 'daily', 'weekly'"),
        ("code: F-VIS", "kode: F-VIS", "forms.visites.kode", "cette clé est inconnue"),
        ("code: F-VIS", "kode: F-VIS", "forms.visites.code", "cette clé est obligatoire ; ajoutez-la"),
        ("starts_on: 2026-03-01", "starts_on: mars 2026", "starts_on", "écrivez 2026-03-01"),
        ('age_bands: ["0-17", ', "age_bands: [enfants, ", "age_bands", "n'est pas une tranche d'âge ; écrivez 18-24 ou 60+"),
        ('["0-17", "18-34"', '["0-17", "20-34"', "age_bands", "ne suit pas la tranche précédente : elle doit commencer à 18"),
        ("sexe, duree, poids", "1, duree, poids", "forms.visites.privacy.open.2", "un texte est attendu"),
        (
            "dossier: {kind: export, path: donnees}", "dossier: {kind: kobo, url: x}", "sources.dossier",
            "une source « kobo » demande aussi : token",
        ),
        ("{to: age_band, of: birth_year, on: jour}", "{to: age_band}", "naissance", "une tranche d'âge demande « of »"),
        ("{to: age_band, of: birth_year, on: jour}", "{to: age_band, of: birth_date}", "naissance", "demande « on »"),
        (
            "tolerated: [poids]", "attachments: {keep: oui}", "forms.visites.attachments.keep",
            "true ou false est attendu",
        ),
        (
            "tolerated: [poids]", 'attachments: {keep: true, types: ["application/*"]}',
            "forms.visites.attachments.types", "« application/* » n'est pas un type de fichier ; écrivez image/*",
        ),
        ("commune: province", "commune: rounded", "quasi_identifier.commune", "« rounded » demande « step »"),
        ("commune: province", "commune: {to: province, step: 0.1}", "quasi_identifier.commune", "« rounded » demande « step »"),
        (
            "commune: province", "commune: {to: rounded, step: 0.0001}", "quasi_identifier.commune.step",
            "écrivez un pas de 0.01 à 10 degrés",
        ),
        ("commune: province", "commune: {to: band}", "quasi_identifier.commune", "« band » demande « bounds »"),
        (
            "commune: province", "commune: {to: band, bounds: [5, 1]}", "quasi_identifier.commune.bounds",
            "écrivez les bornes de la plus petite à la plus grande",
        ),
        (
            "tolerated: [poids]", "processing: {legal_basis: accord}",
            "forms.visites.processing.legal_basis", "écrivez l'un de : 'consent', 'contract'",
        ),
        ("project: PROJECT", "project: Mon Projet", "project", "le nom doit suivre la forme"),
    ],
)  # fmt: skip
def test_a_mistake_is_said_with_its_line_its_key_and_what_to_write(
    right: str, wrong: str, key: str, expected: str, tmp_path: Path
) -> None:
    assert right in PROJECT
    text = PROJECT.replace(right, wrong, 1)
    said = [line for line in refusal(tmp_path, text) if f"{key} »" in line]
    assert len(said) == 1 and expected in said[0]
    if "obligatoire" not in expected:
        assert said[0].startswith(f"essai/project.yaml, ligne {line_of(text, wrong)}, clé « ")


@pytest.mark.parametrize(
    ("right", "wrong", "expected"),
    [
        ("identifier: [telephone, nom,", "identifier: [telephonne, nom,", "la question « telephonne » n'existe pas dans visites.csv"),
        ("tolerated: [poids]", "attachments: {keep: true}", "une source « export » ne donne pas de fichiers joints"),
        ("duplicates: [jour, commune, sexe]", "duplicates: [jour, lien]", "la question « lien » du formulaire lui-même"),
        ("consent: accord = oui", "consent: acord = oui", "la question « acord » n'existe pas"),
        ("consent: accord = oui", "consent: accord", "écrivez la question et la réponse qui vaut accord"),
        ("consent: accord = oui", "refusal: acord = non", "la question « acord » n'existe pas"),
        ("consent: accord = oui", "refusal: accord", "écrivez la question et la réponse qui vaut refus"),
        ("tolerated: [poids]", "tolerated: [pois]", "la question « pois » n'existe pas"),
        ("birth_year, on: jour}", "birth_year, on: note}", "« on » nomme « note », qui n'est ni à côté de"),
        ("commune: province", "commune: {to: province, into: sexe}", "la colonne « sexe » existe déjà"),
        ('check: "${duree} <= ${poids}"', 'check: "${duree} <= ${pois}"', "nomme la question « pois », inconnue à cet endroit"),
        ('check: "${duree} <= ${poids}"', 'check: "pulldata(${duree})"', "ne peut pas être évaluée"),
        ("repeat: membres}", "repeat: membre}", "la répétition « membre » n'existe pas dans le questionnaire"),
        ("keys: [[telephone, naissance], [nom", "keys: [[tel, naissance], [nom", "la question « tel » n'existe dans aucun"),
        ("keys: [[telephone, naissance], [nom", "keys: [[sexe, naissance], [nom", "« sexe » sert à reconnaître une personne"),
        ("source: {use: dossier}", "source: {use: serveur}", "utilise la source « serveur », inconnue (dossier)"),
    ],
)  # fmt: skip
def test_what_the_project_says_of_the_questionnaire_must_be_true_of_it(
    right: str, wrong: str, expected: str, tmp_path: Path
) -> None:
    """A misspelt question would leave an identity unsealed by its rule, or a rule never judged."""
    assert right in PROJECT
    said = refusal(tmp_path, PROJECT.replace(right, wrong, 1))
    assert [line for line in said if expected in line and "essai/project.yaml, ligne " in line], said


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    """Whoever corrects one line after the other and relaunches each time gives up."""
    text = PROJECT.replace("code: F-VIS", "code: [1]").replace("frequency: monthly", "frequency: mensuel")
    assert len(refusal(tmp_path, text)) == 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("project: essai\n  name: x\n", "project.yaml, ligne 2, colonne 7 : YAML mal formé"),
        ('project: "essai\n', "YAML mal formé"),
        ("", "le fichier est vide ou n'est pas une liste de clés"),
        ("- a\n- b\n", "le fichier est vide ou n'est pas une liste de clés"),
        ("project: essai\nproject: essai\n", "project.yaml, ligne 2 : la clé « project » est écrite deux fois"),
    ],
)
def test_what_is_not_yaml_is_placed(text: str, expected: str, tmp_path: Path) -> None:
    [said, *_] = refusal(tmp_path, text)
    assert expected in said


def test_a_secret_written_twice_is_not_repeated_in_the_refusal(tmp_path: Path) -> None:
    """The YAML reader quotes both values of a doubled key."""
    text = PROJECT.replace("kind: export, path: donnees", "kind: kobo, url: u, token: secret123, token: secret456")
    assert "secret" not in "\n".join(refusal(tmp_path, text))


def test_files_of_another_encoding_are_named(tmp_path: Path) -> None:
    folder = written(tmp_path / "essai", "essai")
    (folder / "project.yaml").write_bytes("label: Coopération".encode("latin-1"))
    with pytest.raises(ConfigurationError, match=r"project\.yaml n'est pas en UTF-8"):
        load_project(folder, {})


def test_a_missing_variable_is_named_and_values_never_are() -> None:
    assert expand("${A}/x/${B}", {"A": "1", "B": "2"}, "ici") == "1/x/2"
    with pytest.raises(ConfigurationError) as caught:
        expand("${KOBO_URL}/${KOBO_TOKEN}", {"KOBO_URL": "https://secret.example"}, "project.yaml, ligne 3")
    assert "project.yaml, ligne 3" in str(caught.value) and "KOBO_TOKEN" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_projects_are_found_by_folder_and_asked_for_by_name(tmp_path: Path) -> None:
    settings = Settings.load(environ={"MEAL_HOME": str(tmp_path), "MEAL_PROJECTS": str(tmp_path / "projets")})
    with pytest.raises(ConfigurationError, match="Le dossier des projets n'existe pas"):
        load_projects(settings)
    (tmp_path / "projets").mkdir()
    with pytest.raises(ConfigurationError, match="Aucun projet dans"):
        load_projects(settings)
    written(tmp_path / "projets" / "a", "essai")
    assert list(load_projects(settings)) == ["essai"]
    with pytest.raises(ConfigurationError, match=r"Projet inconnu : autre\. Connus : essai\."):
        load_projects(settings, ["autre"])
    written(tmp_path / "projets" / "b", "essai")
    with pytest.raises(ConfigurationError, match="Deux dossiers déclarent le projet « essai »"):
        load_projects(settings)


def test_a_pattern_generalises_every_question_it_reaches_and_an_identifier_none(tmp_path: Path) -> None:
    """The strictest class decides: what identifies is never shown coarser by a line that says more."""
    text = PROJECT.replace("        commune: province", '        "comm*": province\n        nom: year')
    form = load_project(written(tmp_path / "essai", "essai", text), {}).forms["visites"]
    commune, nom = (form.questionnaire.main.question(name) for name in ("commune", "nom"))
    assert commune is not None and nom is not None
    coarser = form.generalisation(commune)
    assert coarser is not None and coarser.to == "province"
    assert form.class_of(nom) == "identifier" and form.generalisation(nom) is None


def test_a_question_that_recognises_persons_is_not_renamed_in_one_form_only(tmp_path: Path) -> None:
    """The form would go on without that key, and its persons would have other pseudonyms than in the other forms."""
    folder = written(tmp_path / "essai", "essai", PROJECT.replace("identifier: [telephone,", "identifier: [gsm,", 1))
    survey = folder / "visites.csv"
    survey.write_text(survey.read_text(encoding="utf-8").replace("text,telephone,", "text,gsm,", 1), encoding="utf-8")
    (folder / "forms").mkdir()
    (folder / "forms" / "visites.yaml").write_text(
        "changes:\n  - until: [v1]\n    renamed: {telephone: gsm}\n", encoding="utf-8"
    )
    with pytest.raises(ConfigurationError) as refused:
        load_project(folder, {})
    assert "« telephone » sert à reconnaître une personne, et « visites » l'appelle désormais « gsm »" in str(
        refused.value
    )
