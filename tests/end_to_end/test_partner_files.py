"""Partners' files from the command line: one that is refused, what was received, the copy that goes back."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import openpyxl
import pytest

from tests.end_to_end.conftest import Demo
from tests.end_to_end.state import builds


@pytest.fixture
def inbox(demo: Demo) -> Iterator[Path]:
    """The demonstration's own inbox, as it was afterwards."""
    folder = demo.sample / "thamm_plus" / "candidats"
    before = set(folder.iterdir())
    yield folder
    for file in set(folder.iterdir()) - before:
        file.unlink()


def test_a_file_that_is_refused_ends_the_run_with_one_and_stops_nothing(demo: Demo, inbox: Path) -> None:
    """The other files are read, what follows is calculated; the next run, without it, is all well."""
    book = openpyxl.load_workbook(inbox / "candidats-001.xlsx")
    key = next(cell for cell in book["Candidats"][1] if cell.value == "numero_dossier")
    key.value = "Dossier"
    book.save(inbox / "candidats-002.xlsx")
    modified = datetime.fromtimestamp((inbox / "candidats-002.xlsx").stat().st_mtime, ZoneInfo("Africa/Casablanca"))
    written = f"{modified:%d/%m/%Y %H:%M}"
    before = builds(demo.warehouse)
    refused = demo.house.run("run", "--demo")
    assert refused.code == 1, refused.said
    named = re.search(r"raw/thamm_plus/candidats : (\S+), feuille « Candidats », ligne 1", refused.err)
    assert named and re.fullmatch(r"fichier-[0-9a-f]{10}\.xlsx", named[1]), (
        "a name that a partner gave is said nowhere else"
    )
    assert "la colonne « Numéro de dossier ANAPEC » (numero_dossier), qui identifie les lignes, manque" in refused.err
    assert "thamm_plus/candidats — rien de nouveau, 1 fichier refusé (" in refused.out
    assert "Non exécuté" not in refused.err and refused.err.count("✗") == 1
    assert builds(demo.warehouse) == before
    with demo.warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute("select state from raw.load where form = 'candidats' order by load_id desc limit 1")
        assert cursor.fetchone() == ("refused",)
    told = demo.house.run("forms", "received", "--demo")
    assert told.code == 0 and f"✗ thamm_plus/candidats · {written} · " in told.out and "✓ prim2/subventions" in told.out
    assert f"{named[1]} = candidats-002.xlsx" in told.out, told.said
    (inbox / "candidats-002.xlsx").unlink()
    again = demo.house.run("run", "--demo")
    assert again.code == 0, again.said


def test_the_copy_that_goes_back_marks_every_rejection_of_its_rows(demo: Demo, inbox: Path, tmp_path: Path) -> None:
    """As many marks as the warehouse has open rejections; and the command warns that the copy holds personal data."""
    file = inbox / "candidats-001.xlsx"
    ran = demo.house.run(
        "forms", "annotate", "candidats", str(file), "-p", "thamm_plus", "--demo", "--to", str(tmp_path / "r")
    )
    assert ran.code == 0, ran.said
    assert "Elle contient les données personnelles du fichier" in ran.out
    copy = tmp_path / "r" / "candidats-001_annoté.xlsx"
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    with demo.warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute("select count(*) from quality.rejection where form = 'candidats' and state = 'open'")
        [(count,)] = cursor.fetchall()
    listed = list(openpyxl.load_workbook(copy, read_only=True)["À corriger"].iter_rows(min_row=5, values_only=True))
    assert len(listed) == count > 0
    refused = demo.house.run(
        "forms", "annotate", "candidats", str(tmp_path / "rien.xlsx"), "-p", "thamm_plus", "--demo"
    )
    assert refused.code == 2 and "Fichier introuvable" in refused.err
