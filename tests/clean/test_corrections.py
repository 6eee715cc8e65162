"""The cleaning log: applied where the answer is still the one that was judged wrong, refused with a reason elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from meal_pipelines.clean.corrections import read_log
from meal_pipelines.errors import ConfigurationError
from tests.stage_cases import Bench, visit

HEADER = "submission_id,repeat,repeat_index,question,old_value,new_value,issue,author\n"


def log(bench: Bench, *lines: str) -> None:
    (bench.folder / "visites.corrections.csv").write_text(HEADER + "\n".join(lines), encoding="utf-8-sig")


def outcomes(bench: Bench) -> list[tuple[str, str, str, str, int]]:
    """(submission, question, action, state, line) of every line of the log."""
    return bench.query(  # type: ignore[return-value]
        "select submission_id, question, action, state, line from quality.correction where project = %s order by line",
        bench.project.id,
    )


def test_a_line_whose_old_value_is_the_answer_is_applied(bench: Bench) -> None:
    """In the form and in a repeat; an empty new value takes the answer away, an empty old one fills a gap."""
    log(
        bench,
        "a,,,duree,900,90,saisie,sera",
        "a,,,remarques,bavardage,,hors sujet,sera",
        "a,,,heure,,10:30:00,oubli,sera",
        "a,membres,2,age,700,7,saisie,sera",
    )
    members = [{"membres/lien": "enfant", "membres/age": "8"}, {"membres/lien": "enfant", "membres/age": "700"}]
    build = bench.run(a=visit(duree="900", poids="95", remarques="bavardage", membres=members))
    [row] = bench.table("cleaned")
    assert (row["duree"], str(row["heure"])) == (90, "10:30:00") and "remarques" not in row["personal"]
    assert [member["age"] for member in bench.table("cleaned", "__membres")] == [8, 7]
    assert bench.faults() == set()
    assert [(action, state) for _, _, action, state, _ in outcomes(bench)] == [
        ("change_response", "applied"), ("blank_response", "applied"), ("change_response", "applied"),
        ("change_response", "applied"),
    ]  # fmt: skip
    assert len(build.corrections) == 4


def test_a_line_that_no_longer_fits_is_refused_with_its_reason(bench: Bench) -> None:
    """Someone corrected the form on the server meanwhile: the log must not undo it."""
    log(
        bench,
        "a,,,duree,900,90,,",
        "a,,,dureee,30,31,,",
        "a,membres,4,age,7,8,,",
        "z,,,duree,30,31,,",
    )
    bench.run(a=visit())
    assert [state for *_, state, _ in outcomes(bench)] == ["refused"] * 4
    [row] = bench.table("cleaned")
    assert row["duree"] == 30
    reasons = bench.query("select reason from quality.correction where project = %s order by line", bench.project.id)
    assert [text for (text,) in reasons] == [
        "La réponse n'est plus celle que le journal voulait corriger.",
        "La question ou la répétition n'existe pas dans le questionnaire.",
        "La ligne de cette répétition n'existe plus.",
        "La soumission n'existe pas, ou a été supprimée à la source.",
    ]


def test_a_correction_never_touches_raw(bench: Bench) -> None:
    log(bench, "a,,,duree,900,90,,")
    bench.run(a=visit(duree="900"))
    [(payload,)] = bench.query("select payload from raw.submission where project = %s", bench.project.id)
    assert bench.unsealed(payload, f"raw|{bench.project.id}|visites|a|1")["duree"] == "900"


def test_a_changed_log_cleans_the_form_again_and_an_unchanged_one_does_not(bench: Bench) -> None:
    bench.run(a=visit(duree="900"))
    assert ("a", "", 0, "duree", "constraint", "warning") in bench.faults()
    assert bench.clean() is None
    log(bench, "a,,,duree,900,60,,")
    build = bench.clean()
    assert build is not None and build.whole
    assert bench.table("cleaned")[0]["duree"] == 60 and bench.faults() == set()
    assert bench.clean() is None


def test_the_account_of_the_log_follows_the_submissions(bench: Bench) -> None:
    """A submission that is deleted, or comes, changes what its lines do; nothing is told twice."""
    log(bench, "a,,,duree,30,31,,", "b,,,duree,30,32,,")
    bench.run(a=visit())
    assert [state for *_, state, _ in outcomes(bench)] == ["applied", "refused"]
    bench.run(b=visit())
    assert [state for *_, state, _ in outcomes(bench)] == ["refused", "applied"]
    bench.run(a=visit(), b=visit(duree="40"))
    assert [state for *_, state, _ in outcomes(bench)] == ["applied", "refused"]


def test_a_log_that_cannot_be_read_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "visites.csv"
    path.write_text("submission_id,question,old_value\na,duree,1\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"visites\.csv : il manque la colonne « new_value »"):
        read_log(path)
    path.write_text(HEADER + "a,,1,duree,1,2,,\na,membres,deux,age,1,2,,\n", encoding="utf-8")
    with pytest.raises(
        ConfigurationError, match=r"visites\.csv, ligne 3 : « repeat_index » doit être un nombre entier"
    ):
        read_log(path)
    path.write_bytes(HEADER.encode() + "a,,,remarques,Été,été,,\n".encode("latin-1"))
    with pytest.raises(ConfigurationError, match="pas en UTF-8"):
        read_log(path)


def test_a_value_of_several_lines_stays_one_line_of_the_log(tmp_path: Path) -> None:
    """Excel quotes a remark with a line break; it is one correction."""
    path = tmp_path / "visites.csv"
    path.write_text(HEADER + 'a,,,remarques,"un\ndeux",trois,,\n', encoding="utf-8")
    [correction] = read_log(path).by_submission["a"]
    assert (correction.old, correction.new) == ("un\ndeux", "trois")


def test_the_semicolons_of_a_french_excel_are_understood(tmp_path: Path) -> None:
    path = tmp_path / "visites.csv"
    path.write_text(HEADER.replace(",", ";") + "a;;;poids;61,5;62,5;;\n", encoding="utf-8-sig")
    [correction] = read_log(path).by_submission["a"]
    assert (correction.question, correction.old, correction.new) == ("poids", "61,5", "62,5")


def test_the_values_of_a_correction_are_never_shown(tmp_path: Path) -> None:
    path = tmp_path / "visites.csv"
    path.write_text(HEADER + "a,,,nom,Tazi,Alami,,\n", encoding="utf-8")
    told = repr(read_log(path))
    assert "Tazi" not in told and "Alami" not in told
