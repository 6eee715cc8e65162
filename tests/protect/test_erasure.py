"""A person is erased everywhere, does not come back, and takes nobody else along.

Her identifiers are looked for in a dump of the database, in every sealed payload, in the vault and among the hashes of
pseudonyms, by means that share no code with what erases.
"""

from __future__ import annotations

import base64
import hmac
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from meal_pipelines.errors import MealError
from meal_pipelines.protect.rights.access import Actor
from meal_pipelines.protect.rights.erasure import Erasure, erase_person
from meal_pipelines.protect.rights.finding import ids_of, places_of
from meal_pipelines.settings import Settings
from meal_pipelines.warehouse import Warehouse
from meal_pipelines.warehouse.binaries import programs
from tests.stage_cases import PROJECT, Bench, Memory, bench_of, visit

HER = {"nom": "Zineb Ouazzani-Planted", "telephone": "0699887766", "naissance": "1984"}
OTHER = {"nom": "Autre Personne", "telephone": "0611223344", "naissance": "1971"}
ACTOR = Actor("officer", "dpo", "demande n° 1")


@dataclass
class Registry:
    """A bench whose persons may be erased."""

    bench: Bench
    settings: Settings
    ateliers: Memory

    def night(self) -> None:
        """Collect, clean and protect both forms."""
        for form, source in (("visites", self.bench.source), ("ateliers", self.ateliers)):
            self.bench.sync(form, source)
            self.bench.clean(form)
            self.bench.protect(form)

    def person(self) -> str:
        return ids_of(self.bench.project, self.bench.keyring, HER)[0]

    def erase(self, *, really: bool = True, **options: Any) -> Erasure:
        b = self.bench
        return erase_person(
            self.settings, b.warehouse, b.keyring, b.project, [self.person()], ACTOR, really=really, **options
        )

    def opened(self) -> Iterator[tuple[str, bytes]]:
        """Every sealed payload of the project, opened with the keys of the file alone."""
        ring = orjson.loads((self.bench.folder.parent / f"{self.bench.project.id}.json").read_bytes())
        keys = {int(number): base64.b64decode(key) for number, key in ring["sealing"].items()}
        info = f"seal:{self.bench.project.id}".encode()
        query = "select form, submission_id, version, payload from raw.submission where project = %s and payload is not null"
        for form, submission_id, version, payload in self.bench.query(query, self.bench.project.id):
            blob = bytes(payload)
            key = HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(keys[blob[0]])
            place = f"raw|{self.bench.project.id}|{form}|{submission_id}|{version}".encode()
            yield f"{form}/{submission_id}", AESGCM(key).decrypt(blob[1:13], blob[13:], place)

    def hashes(self) -> list[str]:
        """Her pseudonyms, computed anew from the key file."""
        ring = orjson.loads((self.bench.folder.parent / f"{self.bench.project.id}.json").read_bytes())
        info = f"person:{self.bench.project.id}".encode()
        key = HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(base64.b64decode(ring["pseudonym"]))
        told = ("telephone+naissance|+212699887766|1984", "nom+naissance|ouazzani planted zineb|1984")
        return [hmac.digest(key, each.encode(), "sha256")[:16].hex() for each in told]

    def traces(self) -> list[str]:
        """Where anything of hers is met."""
        words = [b"Ouazzani", b"0699887766", b"699887766", b"ouazzani", *(each.encode() for each in self.hashes())]
        met = [where for where, payload in self.opened() if any(word in payload for word in words)]
        dump = self.dump()
        return met + [f"dump: {word!r}" for word in words if word in dump]

    def dump(self) -> bytes:
        url = self.bench.warehouse.url("pipeline")
        host, port = str(url.query["host"]), str(url.query["port"])
        command = [str(programs().folder / "pg_dump"), "-h", host, "-p", port, "-U", str(url.username), "--inserts"]
        return subprocess.run([*command, str(url.database)], check=True, capture_output=True).stdout


@pytest.fixture(params=["delete", "cut_loose"])
def registry(
    request: pytest.FixtureRequest, settings: Settings, warehouse: Warehouse, tmp_path: Path
) -> Iterator[Registry]:
    text = PROJECT.replace("age_bands:", f"erasure: {request.param}\nwithdrawal: {request.param}\nage_bands:")
    with bench_of(warehouse, tmp_path, text) as bench:
        source, ateliers = Memory(), Memory()
        bench.source = source
        source.rows = {
            "1": visit(**HER, remarques="Zineb Ouazzani-Planted veut bien", _submitted_by="ouazzani"),
            "2": visit(**OTHER),
            "3": visit(**HER, jour="2026-05-20"),
        }
        ateliers.rows = {
            "10": {"theme": "droits", "participants": [_taking_part(OTHER), _taking_part(HER)]},
            "11": {"theme": "emploi", "participants": [_taking_part(OTHER)]},
        }
        made = Registry(bench, settings, ateliers)
        made.night()
        yield made


def _taking_part(who: dict[str, str]) -> dict[str, str]:
    return {f"participants/{name}": answer for name, answer in who.items()}


def test_nothing_of_an_erased_person_is_left_anywhere_and_a_whole_reading_brings_nothing_back(
    registry: Registry,
) -> None:
    assert registry.traces() != []
    done = registry.erase()
    assert (done.submissions, done.rows) == (2, 1) and len(done.links) == 3
    assert registry.traces() == []
    registry.night()
    assert registry.traces() == []
    keep = "delete" if registry.bench.project.project.erasure == "delete" else "cut_loose"
    visits = registry.bench.table("pseudonymised")
    assert len(visits) == (1 if keep == "delete" else 3)
    registry.bench.source.rows["1"]["duree"] = "45"
    registry.bench.source.rows["1"]["_edited"] = "yes"
    registry.night()
    assert registry.traces() == [] and len(registry.bench.table("pseudonymised")) == len(visits)


def test_what_stays_counted_is_one_person_whom_nobody_can_compute(registry: Registry) -> None:
    if registry.bench.project.project.erasure == "delete":
        registry.erase()
        registry.night()
        assert [row["submission_id"] for row in registry.bench.table("pseudonymised")] == ["2"]
        assert [row["repeat_index"] for row in registry.bench.table("pseudonymised", "__participants", "ateliers")] == [
            1,
            1,
        ]
        return
    registry.erase()
    registry.night()
    visits = registry.bench.table("pseudonymised")
    taking_part = registry.bench.table("pseudonymised", "__participants", "ateliers")
    people = {row["person_id"] for row in visits} | {row["person_id"] for row in taking_part}
    assert len(people) == 2 and registry.person() not in people
    [left, again, other] = sorted(visits, key=lambda row: row["submission_id"] == "2")
    assert (
        left["submission_id"].startswith("anonyme-") and left["person_id"] == again["person_id"] != other["person_id"]
    )
    assert (left["sexe"], left["duree"], left["age_band"], left["province_code"]) == ("F", 30, None, None)
    assert [row["person_id"] for row in taking_part][1] == left["person_id"]
    assert registry.bench.faults() == set()


def test_a_frozen_report_keeps_its_totals_and_nothing_of_her(registry: Registry) -> None:
    """What is kept for ten years is kept of somebody whom nobody can compute, the same in every table of the report."""
    b = registry.bench
    _freeze_rows(b)
    before = _frozen_rows(b)
    assert registry.person() in {row[3] for row in before} and registry.traces() != []
    done = registry.erase()
    # Her three rows, and the visit that looks like one of hers: the imprint they share tells of hers too.
    assert done.counts["indicators.reported_record"] == 4 and registry.traces() == []
    after = _frozen_rows(b)
    people = [[row[3] for row in rows] for rows in (before, after)]
    assert len(before) == len(after) == 6
    same = [[whose.index(one) for one in whose] for whose in people]
    assert same[0] == same[1], "who was one person stays one"
    others = [row for row in before if row[3] != registry.person()]
    assert [row for row in after if not row[3].startswith("anonyme-")] == others
    assert {row[1] for row in after} & {"1", "3"} == set(), "nor which submissions of the source were hers"


def _freeze_rows(bench: Bench) -> None:
    """Keep the rows of both forms, as a freeze does."""
    from meal_pipelines.indicators.reports.contributing import Input, keep_rows
    from meal_pipelines.protect.tables import pseudonymised_spec

    inputs = [
        Input(spec, form.name, name, tuple(column for column in spec.names() if column != "load_id"))
        for form in bench.project.forms.values()
        for name, spec in ((name, pseudonymised_spec(bench.project, form, table)) for name, table in form.questionnaire.tables.items())
        if spec.column("person_id") is not None
    ]  # fmt: skip
    with bench.warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "insert into indicators.freeze (project, period_kind, period, period_end, version, label, frozen_by, cutoff, starts_on,"
            " ends_on, code_version, logframe_version, illustrative, inputs, values_hash, definitions_hash, reference_hash)"
            " values (%s, 'month', '2026-05', '2026-05-31', 1, 'e', 'e', now(), now(), now(), '', '', true, '{}', '', '', '')"
            " returning freeze_id", (bench.project.id,),
        )  # fmt: skip
        row = cursor.fetchone()
        assert row is not None
        keep_rows(cursor, row[0], bench.project.id, inputs)


def _frozen_rows(bench: Bench) -> list[tuple[Any, ...]]:
    return bench.query(
        "select table_name, submission_id, repeat_index, answers->>'person_id' from indicators.reported_record"
        " where project = %s order by record_id", bench.project.id,
    )  # fmt: skip


def test_others_keep_everything_where_they_were(registry: Registry) -> None:
    def others() -> list[Any]:
        visits = [row for row in registry.bench.table("pseudonymised") if row["submission_id"] == "2"]
        rows = registry.bench.table("pseudonymised", "__participants", "ateliers")
        return [visits, [row for row in rows if (row["submission_id"], row["repeat_index"]) != ("10", 2)]]

    before = others()
    registry.erase()
    registry.night()
    after = others()
    for table in (*before, *after):
        for row in table:
            row.pop("version", None), row.pop("load_id", None)
    assert before == after
    [row] = [
        row for row in registry.bench.table("cleaned", "__participants", "ateliers") if row["submission_id"] == "11"
    ]
    assert row["personal"]["nom"] == OTHER["nom"]


def test_a_dry_run_changes_nothing_and_tells_what_it_would_do(registry: Registry) -> None:
    before = registry.bench.query("select count(*) from raw.submission where project = %s", registry.bench.project.id)
    done = registry.erase(really=False)
    assert (
        (done.submissions, done.rows) == (2, 1)
        and done.counts["raw.submission"] >= 3
        and done.counts["vault.identity"] == 3
    )
    assert (
        registry.bench.query("select count(*) from raw.submission where project = %s", registry.bench.project.id)
        == before
    )
    assert registry.traces() != []


def test_earlier_versions_and_quarantined_rows_are_erased_too(registry: Registry) -> None:
    """The phone was hers before an edit; a visit refused for a fault is in no table that has a pseudonym."""
    registry.bench.source.rows["2"] = visit(**HER)
    registry.bench.source.rows["4"] = visit(**HER, sexe=None)
    registry.night()
    registry.bench.source.rows["2"] = visit(**OTHER)
    registry.night()
    assert ("4", "", 0, "sexe", "required", "critical") in registry.bench.faults()
    registry.erase()
    assert registry.traces() == []
    assert [row["submission_id"] for row in registry.bench.table("pseudonymised") if row["submission_id"] == "2"] == [
        "2"
    ]
    registry.night()
    assert registry.traces() == [] and "4" not in {key for key, *_ in registry.bench.faults()}


@pytest.mark.parametrize(
    ("shown", "left"),
    [
        ([OTHER, HER], 1),  # unchanged
        ([HER, OTHER], 1),  # in another order
        ([OTHER, OTHER | {"telephone": "0622334455"}, HER], 2),  # after another one
        ([OTHER, HER | {"nom": "Z. Ouazzani", "telephone": None}], 1),  # written otherwise, in the same place
        ([OTHER], 1),  # taken out at the source as well
    ],
)
def test_an_edit_of_a_submission_with_others_does_not_bring_her_back(
    registry: Registry, shown: list[dict[str, Any]], left: int
) -> None:
    registry.erase()
    rows = [{key: answer for key, answer in _taking_part(who).items() if answer is not None} for who in shown]
    registry.ateliers.rows["10"] = {"theme": "droits, la suite", "participants": rows}
    registry.night()
    assert registry.traces() == []
    [opened] = [payload for where, payload in registry.opened() if where == "ateliers/10" and b"la suite" in payload]
    assert opened.count(b"participants/nom") - opened.count('participants/nom":"⌫'.encode()) == left


def test_counts_stay_explained(registry: Registry) -> None:
    """What the source holds is what is present here and what was erased."""
    registry.erase()
    load = registry.bench.sync()
    assert (load.received, load.present, load.erased) == (3, 1, 2)
    del registry.bench.source.rows["1"]
    load = registry.bench.sync()
    assert (load.received, load.present, load.erased, load.removed) == (2, 1, 1, 0)


def test_nobody_is_erased_under_a_collection(registry: Registry) -> None:
    from contextlib import closing

    with closing(registry.bench.warehouse.psycopg()) as other, other.cursor() as cursor:
        name = f"{registry.bench.project.id}/visites"
        cursor.execute("select pg_advisory_lock(hashtext('collect'), hashtext(%s))", (name,))
        with pytest.raises(MealError, match="déjà en cours de collecte") as failure:
            registry.erase()
    assert "Ouazzani" not in str(failure.value) and registry.traces() != []


def test_the_log_of_openings_says_that_somebody_was_erased_and_not_who(registry: Registry) -> None:
    registry.erase()
    query = "select who, what, why, form, submission_id, person_id, items from audit.access where project = %s"
    assert registry.bench.query(query, registry.bench.project.id) == [
        ("officer", "erase", "demande n° 1", None, None, None, 3)
    ]


def test_the_lines_of_the_cleaning_log_about_her_are_erased(registry: Registry) -> None:
    folder = registry.bench.folder / "corrections"
    folder.mkdir()
    lines = [
        "submission_id,repeat,repeat_index,question,old_value,new_value,issue,author",
        "1,,0,nom,Zineb Ouazzani-Planted,Zineb,,a", "2,,0,nom,Autre Personne,Autre,,a",
    ]  # fmt: skip
    (folder / "visites.csv").write_text("\n".join(lines), encoding="utf-8")
    assert registry.erase().lines == 1
    text = (folder / "visites.csv").read_text(encoding="utf-8-sig")
    assert "Ouazzani" not in text and "2,,0,nom,Autre Personne,Autre" in text


def test_whoever_shares_a_name_and_a_year_is_shown_and_not_taken(registry: Registry) -> None:
    """A name and a birth year are two people's more often than a telephone is."""
    registry.bench.source.rows["5"] = visit(**HER | {"telephone": "0655443322"})
    registry.night()
    b = registry.bench
    ids = ids_of(b.project, b.keyring, HER)
    near = places_of(b.warehouse, b.keyring, b.project, ids, by_any_key=True)
    assert {place.submission_id for place in near} == {"1", "3", "5", "10"}
    registry.erase()
    registry.night()
    assert "5" in {row["submission_id"] for row in b.table("pseudonymised")}
