"""What a person is given on request: all of hers, files too, nothing of others; and her files go when she is erased."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest
from msgspec.structs import replace
from openpyxl import load_workbook

from meal_pipelines.collect.attachments import FileStore, fetch_files
from meal_pipelines.collect.source import Attachment, Submission
from meal_pipelines.errors import ConfigurationError, MealError
from meal_pipelines.protect.rights.access import Actor
from meal_pipelines.protect.rights.erasure import erase_person
from meal_pipelines.protect.rights.finding import Place, ids_of, places_of
from meal_pipelines.protect.rights.held import Held
from meal_pipelines.protect.rights.person_folder import write_folder
from meal_pipelines.settings import Settings
from meal_pipelines.warehouse import Warehouse
from tests.collect.file_cases import IMAGES, picture
from tests.stage_cases import ATELIERS, PROJECT, Bench, Memory, bench_of, visit

HER = {"nom": "Zineb Ouazzani-Planted", "telephone": "0699887766", "naissance": "1984"}
OTHER = {"nom": "Autre Personne", "telephone": "0611223344", "naissance": "1971"}
ACTOR = Actor("officer", "dpo", "demande n° 3")


@dataclass
class WithFiles(Memory):
    """Submissions with files, by submission and name."""

    files: dict[str, dict[str, bytes]] = field(default_factory=dict)

    def _submission(self, key: str) -> Submission:
        count = len(self.files.get(key, {}))
        return replace(super()._submission(key), attachments=count, attachments_present=count)

    def attachments(self, submission_ids: Sequence[str]) -> Iterator[tuple[str, list[Attachment]]]:
        for key in submission_ids:
            yield key, [Attachment(name, name) for name in self.files.get(key, {})]

    def read_attachment(self, submission_id: str, attachment: Attachment) -> Iterator[bytes]:
        yield self.files[submission_id][attachment.name]


@dataclass
class Registry:
    bench: Bench
    settings: Settings
    visits: WithFiles
    workshops: WithFiles

    def night(self) -> None:
        b = self.bench
        for form, source in (("visites", self.visits), ("ateliers", self.workshops)):
            b.sync(form, source)
            store = FileStore.of(self.settings)
            fetch_files(b.warehouse, b.keyring, store, b.project.id, form, source, IMAGES)
            b.clean(form)
            b.protect(form)

    def places(self) -> list[Place]:
        b = self.bench
        return places_of(b.warehouse, b.keyring, b.project, ids_of(b.project, b.keyring, HER)[:1])

    def export(self, folder: Path) -> Held:
        b = self.bench
        return write_folder(self.settings, b.warehouse, b.keyring, b.project, self.places(), folder, ACTOR)

    def sealed(self) -> set[bytes]:
        return FileStore.of(self.settings).addresses(self.bench.project.id)


@pytest.fixture
def registry(warehouse: Warehouse, settings: Settings, tmp_path: Path) -> Iterator[Registry]:
    ateliers = ATELIERS.replace(
        "integer,naissance,Année de naissance,\nend", "integer,naissance,Année de naissance,\nimage,photo,Photo,\nend"
    )
    text = PROJECT.replace("identifier: [telephone, nom]", "identifier: [telephone, nom, photo]").replace(
        "age_bands:", "erasure: cut_loose\nage_bands:"
    )
    with bench_of(warehouse, tmp_path, text, ateliers=ateliers) as bench:
        visits, workshops = WithFiles(), WithFiles()
        visits.rows = {"1": visit(**HER, remarques="première"), "2": visit(**OTHER)}
        visits.files = {"1": {"hers.png": picture(1)}, "2": {"other.png": picture(2)}}
        people = [OTHER | {"photo": "him.png"}, HER | {"photo": "her face.png"}]
        rows = [{f"participants/{name}": answer for name, answer in who.items()} for who in people]
        workshops.rows = {"10": {"theme": "droits", "participants": rows}}
        workshops.files = {"10": {"him.png": picture(3), "her face.png": picture(4)}}
        made = Registry(bench, settings, visits, workshops)
        made.night()
        visits.rows["1"] = visit(**HER, remarques="seconde")
        made.night()
        yield made


def test_all_that_is_hers_and_nothing_of_others_is_written_for_her_eyes(registry: Registry, tmp_path: Path) -> None:
    folder = tmp_path / "given"
    registry.export(folder)
    data: dict[str, Any] = orjson.loads((folder / "donnees.json").read_bytes())
    text = orjson.dumps(data).decode()
    assert "Autre Personne" not in text and "0611223344" not in text and "him.png" not in text
    assert text.count(HER["nom"]) >= 4 and "première" in text and "seconde" in text and "droits" in text
    visit_told, workshop = sorted(data["soumissions"], key=lambda each: each["formulaire"], reverse=True)
    assert [version["version"] for version in visit_told["versions"]] == [1, 2] and visit_told["étendue"] == "entière"
    [sex] = [answer for answer in visit_told["versions"][0]["réponses"] if answer["question"] == "identite/sexe"]
    assert (sex["réponse"], sex["en clair"], sex["intitulé"]) == ("F", "Femme", "Sexe")
    assert {answer["où"] for answer in workshop["versions"][0]["réponses"]} == {"", "participants 2"}
    assert len(data["coffre"]) == 2 and len(data["tables"]) == 2 and not data["traitement limité"]
    written = sorted(path.read_bytes() for path in (folder / "fichiers").iterdir())
    assert written == sorted([picture(1), picture(4)]) and len(data["fichiers"]) == 2
    for path in (folder, folder / "fichiers"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*.*") if path.is_file()} == {0o600}


def test_the_workbook_says_the_same_in_words(registry: Registry, tmp_path: Path) -> None:
    registry.export(tmp_path / "given")
    book = load_workbook(tmp_path / "given" / "donnees.xlsx")
    lines = [[cell.value for cell in row] for row in book["Réponses"].iter_rows(min_row=2)]
    assert ["Téléphone", "0699887766"] in [line[-2:] for line in lines]
    assert any("à remettre à la personne elle-même" in str(row[1].value) for row in book["À lire"].iter_rows())


def test_an_export_is_recorded_before_it_is_made_and_never_written_over(registry: Registry, tmp_path: Path) -> None:
    registry.export(tmp_path / "given")
    query = "select what, person_id is not null, items from audit.access where project = %s"
    assert registry.bench.query(query, registry.bench.project.id) == [("export", True, 2)]
    with pytest.raises(ConfigurationError, match="existe déjà"):
        registry.export(tmp_path / "given")
    b = registry.bench
    with pytest.raises(MealError, match="rien à exporter"):
        write_folder(registry.settings, b.warehouse, b.keyring, b.project, [], tmp_path / "none", ACTOR)
    assert not (tmp_path / "none").exists()


def test_her_files_are_erased_with_her_and_those_of_others_stay(registry: Registry) -> None:
    b = registry.bench
    assert len(registry.sealed()) == 4
    persons = {place.person_id for place in registry.places()}
    done = erase_person(registry.settings, b.warehouse, b.keyring, b.project, persons, ACTOR, really=True)
    assert done.contents == 2 and len(registry.sealed()) == 2
    registry.workshops.files["10"]["late.png"] = picture(5)
    registry.workshops.rows["10"]["theme"] = "droits, la suite"
    registry.night()
    assert len(registry.sealed()) == 3
    assert registry.places() == []


def test_the_files_of_who_refuses_later_are_erased(registry: Registry) -> None:
    assert len(registry.sealed()) == 4
    registry.visits.rows["1"] = visit(**HER, accord="non")
    registry.night()
    assert len(registry.sealed()) == 3
    registry.visits.files["1"]["again.png"] = picture(6)
    registry.visits.rows["1"] = visit(**HER, accord="non", duree="31")
    registry.night()
    assert len(registry.sealed()) == 3
