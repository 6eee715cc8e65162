"""A questionnaire goes to its server and comes back, and no answer already given loses its place on the way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg2.extras import Json

from meal_pipelines.warehouse import Warehouse
from tests.forms.house import KOBO, ODK, SURVEY, House, kobo_content, renamed, sheet, without
from tests.kobo_server import KoboServer
from tests.odk_server import OdkServer, questions

TOKEN = "0123456789abcdef0123456789abcdef01234567"
EMAIL = ["text", "courriel", "Courriel", "البريد", "", "", ""]


@pytest.fixture
def kobo() -> Iterator[KoboServer]:
    with KoboServer(token=TOKEN) as server:
        server.add_asset("aVisites", kobo_content())
        server.manage("aVisites")
        yield server


@pytest.fixture
def house(kobo: KoboServer, tmp_path: Path) -> House:
    found = House(tmp_path, {"KOBO_URL": kobo.url, "KOBO_TOKEN": TOKEN}, KOBO)
    found.ask()
    return found


@pytest.fixture
def central() -> Iterator[OdkServer]:
    with OdkServer() as server:
        server.add_form("visites", questions("/sexe:string"))
        yield server


@pytest.fixture
def odk_house(central: OdkServer, tmp_path: Path) -> House:
    variables = {"ODK_URL": central.url, "ODK_EMAIL": central.email, "ODK_PASSWORD": central.password}
    found = House(tmp_path, variables, ODK)
    found.ask(form_id="visites", version="1")
    return found


def deployed(kobo: KoboServer) -> str:
    return str(kobo.assets["aVisites"].versions[-1]["uid"])


def sent(kobo: KoboServer) -> list[str]:
    """What was asked of the server that changes something."""
    return [path for path, _ in kobo.requests if path.startswith(("POST", "PATCH"))]


def test_the_same_form_shows_no_difference_whoever_describes_it(house: House) -> None:
    """« yes » here, true there; an XLSX here, JSON there."""
    result = house.run("diff", "visites")
    assert (result.exit_code, "Aucune différence." in result.output) == (0, True), result.output


def test_each_difference_is_said_and_the_exit_code_tells(house: House) -> None:
    survey = [*renamed("telephone", "telephone_mobile"), EMAIL]
    survey[3] = ["decimal", "age", "Âge révolu", "العمر", "", "${sexe} = 'F'", ". >= 0"]
    house.ask(survey)
    result = house.run("diff", "visites")
    assert result.exit_code == 1
    for said in (
        "« telephone » ressemble à « telephone_mobile »", "type : integer → decimal", "obligatoire : oui → aucune",
        "condition d'affichage : aucune → ${sexe} = 'F'", "libellé [Français (fr)] : « Âge » → « Âge révolu »",
        "ajoutée (text) : « Courriel »", "# renamed: {telephone: telephone_mobile}",
    ):  # fmt: skip
        assert said in result.output, said
    assert not house.versions.exists(), "without --write nothing is written"


def test_without_the_network_the_newest_version_collected_is_compared(
    house: House, kobo: KoboServer, warehouse: Warehouse
) -> None:
    """On the road: the server is not asked, and need not be there."""
    house.environ["MEAL_DATABASE_URL"] = warehouse.url().render_as_string(hide_password=False)
    kept = "insert into raw.form_version (project, form, form_version, content) values ('essai', 'visites', %s, %s)"
    try:
        none = house.run("diff", "visites", "--offline")
        assert none.exit_code == 2 and "Aucune version de « visites »" in none.output
        with warehouse.connect() as connection, connection.cursor() as cursor:
            for version, survey in (("v1", SURVEY), ("v2", [*SURVEY, EMAIL])):
                cursor.execute(kept, (version, Json(kobo_content(survey))))
        result = house.run("diff", "visites", "--offline")
        assert result.exit_code == 1 and "version « v2 »" in result.output
        assert "retirée (text) : « Courriel »" in result.output and "until: [v1, v2]" in result.output
        assert kobo.requests == []
    finally:
        with warehouse.connect() as connection, connection.cursor() as cursor:
            cursor.execute("delete from raw.form_version where project = 'essai' and form = 'visites'")


def test_nothing_leaves_without_yes(house: House, kobo: KoboServer) -> None:
    house.run("diff", "visites", "--write")
    house.ask([*SURVEY, EMAIL])
    result = house.run("push", "visites")
    assert result.exit_code == 0 and "PATCH /api/v2/assets/aVisites/deployment/" in result.output
    assert sent(kobo) == [] and TOKEN not in result.output


def test_a_questionnaire_is_deployed_to_kobo_and_what_was_there_is_kept(house: House, kobo: KoboServer) -> None:
    before = deployed(kobo)
    house.run("diff", "visites", "--write")
    house.ask([*SURVEY, EMAIL])
    result = house.run("push", "visites", "--yes")
    assert result.exit_code == 0, result.output
    names = [line["name"] for line in kobo.assets["aVisites"].versions[-1]["content"]["survey"]]
    assert names == ["sexe", "telephone", "age", "courriel"] and deployed(kobo) != before
    copy = house.folder / "out" / "essai" / "formulaires" / "visites" / f"{before}.xlsx"
    assert [line[1] for line in sheet(copy)] == ["name", "sexe", "telephone", "age"]
    assert f'deployed: "{deployed(kobo)}"' in house.versions.read_text(encoding="utf-8")
    assert TOKEN not in result.output
    assert house.run("diff", "visites").exit_code == 0, "the server now has what is here"


def test_the_way_back_that_is_said_works(house: House, kobo: KoboServer) -> None:
    """The copy is a questionnaire that Kobo takes, and the question that came meanwhile must be settled first."""
    house.run("diff", "visites", "--write")
    first = deployed(kobo)
    house.ask([*SURVEY, EMAIL])
    assert house.run("push", "visites", "--yes").exit_code == 0
    copy = house.folder / "out" / "essai" / "formulaires" / "visites" / f"{first}.xlsx"
    refused = house.run("push", "visites", "--file", str(copy), "--yes")
    assert refused.exit_code == 2 and "« courriel » n'est plus dans le questionnaire" in refused.output.replace(
        "\n", " "
    )
    with house.versions.open("a", encoding="utf-8") as file:
        file.write(f"changes:\n  - until: [{deployed(kobo)}]\n    removed: [courriel]\n")
    house.ask()
    assert house.run("push", "visites", "--file", str(copy), "--yes").exit_code == 0
    assert len(kobo.assets["aVisites"].versions[-1]["content"]["survey"]) == 3


def test_what_somebody_changed_on_the_server_is_not_replaced(house: House, kobo: KoboServer) -> None:
    """In Kobo's own builder, last night; only whoever says so replaces it."""
    house.run("diff", "visites", "--write")
    kobo.deploy("aVisites", kobo_content([*SURVEY, EMAIL]))
    house.ask([*SURVEY, EMAIL, ["text", "note", "Note", "ملاحظة", "", "", ""]])
    refused = house.run("push", "visites", "--yes")
    assert refused.exit_code == 2 and "quelqu'un a changé le formulaire" in refused.output.replace("\n", " ")
    assert sent(kobo) == []
    assert house.run("push", "visites", "--yes", "--accept-changes").exit_code == 0


def test_a_draft_that_somebody_has_saved_is_not_replaced(house: House, kobo: KoboServer) -> None:
    house.run("diff", "visites", "--write")
    kobo.drafts["aVisites"] = ("vBrouillon", kobo_content())
    refused = house.run("push", "visites", "--yes")
    assert refused.exit_code == 2 and "vBrouillon" in refused.output and sent(kobo) == []


def test_a_question_that_loses_its_place_must_be_settled_first(house: House, kobo: KoboServer) -> None:
    """Renamed, cut, joined or removed for good: somebody says which, and the file keeps it."""
    house.run("diff", "visites", "--write")
    house.ask(without("telephone"))
    refused = house.run("push", "visites", "--yes", "--accept-changes")
    assert refused.exit_code == 2 and sent(kobo) == []
    with house.versions.open("a", encoding="utf-8") as file:
        file.write(f"changes:\n  - until: [{deployed(kobo)}]\n    removed: [telephone]\n")
    assert house.run("push", "visites", "--yes").exit_code == 0


def test_the_proposal_settles_nothing_before_a_person_has_read_it(house: House, kobo: KoboServer) -> None:
    """A likeness is no decision: as written it refuses, with its « # » taken away it deploys."""
    house.ask(renamed("telephone", "telephone_mobile"))
    assert house.run("diff", "visites", "--write").exit_code == 1
    assert house.run("push", "visites", "--yes").exit_code == 2
    text = house.versions.read_text(encoding="utf-8")
    house.versions.write_text(text.replace("# renamed:", "renamed:"), encoding="utf-8")
    assert house.run("push", "visites", "--yes").exit_code == 0
    _, form = house.loaded()
    assert form.versions.changes[0].renamed == {"telephone": "telephone_mobile"}


def test_comments_that_people_wrote_stay(house: House, kobo: KoboServer) -> None:
    house.versions.write_text(
        "# décidé en réunion\ndeployed: ancien  # relu\nchanges:\n  - until: [v0]\n    note: vu\n"
    )
    house.ask(renamed("telephone", "telephone_mobile"))
    house.run("diff", "visites", "--write")
    text = house.versions.read_text(encoding="utf-8")
    assert text.startswith("# décidé en réunion\n") and "note: vu" in text
    _, form = house.loaded()
    assert [change.until for change in form.versions.changes] == [["v0"], [deployed(kobo)]]
    assert form.versions.deployed == deployed(kobo)


def test_who_may_only_look_is_told_which_right_is_missing(house: House, kobo: KoboServer) -> None:
    house.run("diff", "visites", "--write")
    kobo.manage("aVisites", False)
    house.ask([*SURVEY, EMAIL])
    refused = house.run("push", "visites", "--yes")
    assert refused.exit_code == 2 and "« Gérer le projet »" in refused.output.replace("\n", " ")
    assert sent(kobo) == [] and TOKEN not in refused.output


def test_the_deployed_version_comes_down_beside_the_local_one(house: House, kobo: KoboServer) -> None:
    kobo.deploy("aVisites", kobo_content([*SURVEY, EMAIL]))
    local = house.questionnaire.read_bytes()
    assert house.run("pull", "visites").exit_code == 0
    beside = house.questionnaire.with_name(f"visites.{deployed(kobo)}.xlsx")
    assert [line[1] for line in sheet(beside)][1:] == ["sexe", "telephone", "age", "courriel"]
    assert house.questionnaire.read_bytes() == local
    assert house.run("pull", "visites", "--yes").exit_code == 0
    [kept] = (house.folder / "out" / "essai" / "formulaires" / "visites").glob("local-*.xlsx")
    assert kept.read_bytes() == local and house.run("diff", "visites").exit_code == 0


def test_a_questionnaire_is_deployed_to_odk_central(odk_house: House, central: OdkServer) -> None:
    """A draft, then its publication under the version that the workbook declares; the way back is the workbook itself."""
    form = central.forms[2, "visites"]
    odk_house.ask(form_id="visites", version="2")
    first = odk_house.run("push", "visites", "--yes", "--accept-changes")
    assert first.exit_code == 2 and "ne se lit pas comme un questionnaire" in first.output.replace("\n", " ")
    form.published[-1].xform = XFORM
    assert odk_house.run("push", "visites", "--yes", "--accept-changes").exit_code == 0
    assert form.current.version == "2" and "telephone" in form.current.xform
    odk_house.ask([*SURVEY, EMAIL], form_id="visites", version="2")
    result = odk_house.run("push", "visites", "--yes")
    assert result.exit_code == 0, result.output
    assert form.current.version not in ("1", "2") and "courriel" in form.current.xform
    copy = odk_house.folder / "out" / "essai" / "formulaires" / "visites" / "2.xlsx"
    assert [line[1] for line in sheet(copy)][1:] == ["sexe", "telephone", "age"]
    assert odk_house.run("diff", "visites").exit_code == 0
    assert central.password not in result.output


def test_a_version_published_long_ago_on_odk_central_is_not_declared_again(
    odk_house: House, central: OdkServer
) -> None:
    """Central takes a name once (409.6, seen live); who leaves « version » as it was may deploy a third and a fourth time."""
    form = central.forms[2, "visites"]
    form.published[-1].xform = XFORM
    other = [*EMAIL[:2], "Adresse électronique", *EMAIL[3:]]
    for number, survey in enumerate((SURVEY, [*SURVEY, EMAIL], [*SURVEY, other])):
        odk_house.ask(survey, form_id="visites", version="1")
        if number:
            form.published[-1].version = f"20261127{number}"  # as though a day had passed
        result = odk_house.run("push", "visites", "--yes", "--accept-changes")
        assert result.exit_code == 0, result.output
        assert not central.drafts and len(form.published) == number + 2


def test_a_label_that_nobody_is_shown_is_no_difference(odk_house: House, central: OdkServer) -> None:
    """Of « start » an XForm keeps no label: without this, what was just deployed would differ for ever (seen live)."""
    central.forms[2, "visites"].published[-1].xform = XFORM
    odk_house.ask([*SURVEY, ["start", "debut", "Début", "البداية", "", "", ""]], form_id="visites", version="2")
    assert odk_house.run("push", "visites", "--yes", "--accept-changes").exit_code == 0
    assert odk_house.run("diff", "visites").exit_code == 0


def test_a_viewer_of_odk_central_is_told_to_become_project_manager(odk_house: House, central: OdkServer) -> None:
    central.forms[2, "visites"].published[-1].xform = XFORM
    central.may_deploy = False
    refused = odk_house.run("push", "visites", "--yes", "--accept-changes")
    assert refused.exit_code == 2 and "« Project Manager »" in refused.output.replace("\n", " ")
    assert len(central.forms[2, "visites"].published) == 1


def test_another_form_id_than_the_servers_is_refused_before_anything_is_sent(
    odk_house: House, central: OdkServer
) -> None:
    central.forms[2, "visites"].published[-1].xform = XFORM
    odk_house.ask(form_id="autre", version="2")
    refused = odk_house.run("push", "visites", "--yes", "--accept-changes")
    assert refused.exit_code == 2 and "form_id est « autre »" in refused.output.replace("\n", " ")
    assert not central.drafts


XFORM = """<?xml version="1.0"?>
<h:html xmlns="http://www.w3.org/2002/xforms" xmlns:h="http://www.w3.org/1999/xhtml"><h:head><h:title>Visites</h:title>
<model><instance><data id="visites" version="1"><age/><meta><instanceID/></meta></data></instance>
<bind nodeset="/data/age" type="int" required="true()"/></model></h:head>
<h:body><input ref="/data/age"><label>Âge</label></input></h:body></h:html>"""
"""The first version, as XML: it was not made from a workbook."""
