"""What a person must mend before ODK Central can be read, and how they are told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from meal_pipelines.collect.odk_session import OdkSession
from meal_pipelines.errors import ConfigurationError, MealError
from tests.collect.odk_cases import NAME, add_form, entities, everything_told, fill, ids, session, source
from tests.odk_server import OdkServer
from tests.odk_state import Form


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[OdkServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with OdkServer() as central:
        add_form(central)
        yield central


@pytest.fixture
def form(server: OdkServer) -> Form:
    return server.forms[2, NAME]


def test_a_refused_account_names_its_variables_and_is_tried_once(server: OdkServer) -> None:
    """A permanent failure that is retried hides for days, and may lock an account."""
    wrong = session(server, password="un mauvais mot de passe")
    with pytest.raises(ConfigurationError, match="ODK_EMAIL et ODK_PASSWORD") as failure:
        list(source(server, session=wrong).sweep())
    assert "mauvais" not in everything_told(failure.value) + repr(wrong) + repr(source(server, session=wrong))
    assert len(server.requests) == 1


def test_neither_password_nor_token_shows_anywhere(server: OdkServer, form: Form) -> None:
    there = source(server)
    list(there.sweep())
    [token] = server.tokens
    for shown in (repr(there), repr(there.session), str(vars(there).keys())):
        assert token not in shown and server.password not in shown


def test_the_password_is_sent_once_and_never_with_a_request_for_data(server: OdkServer, form: Form) -> None:
    fill(server, form, 30)
    list(source(server, page_size=10).sweep())
    assert [method for method, _, _ in server.requests].count("POST") == 1


def test_a_server_with_single_sign_on_is_said_to_be_one(server: OdkServer) -> None:
    server.has_passwords = False
    with pytest.raises(ConfigurationError, match="OIDC"):
        list(source(server).sweep())


def test_an_account_without_the_right_is_told_which_role_it_needs(server: OdkServer, form: Form) -> None:
    server.lose_permission(form)
    there = source(server)
    for read in (there.sweep, there.mark, lambda: list(there.form_versions())):
        with pytest.raises(ConfigurationError, match="Project Viewer"):
            list(read() or [])


def test_a_permission_lost_on_the_way_is_not_a_deletion(server: OdkServer, form: Form) -> None:
    """The pages already given stay true; nothing is said of the rest."""
    fill(server, form, 30)
    server.after_answer.append(lambda: server.lose_permission(form))
    pages = source(server, page_size=10).sweep()
    assert next(pages).through is not None
    with pytest.raises(ConfigurationError, match="Project Viewer"):
        list(pages)


@pytest.mark.parametrize(("project", "name"), [("2", "inconnu"), ("3", NAME), ("2", "inconnu/../x")])
def test_an_unknown_form_or_project_is_said_with_where_to_look(server: OdkServer, project: str, name: str) -> None:
    with pytest.raises(ConfigurationError, match="aucune version publiée") as failure:
        list(source(server, name, project=project).sweep())
    assert name in str(failure.value) and f"projet {project}" in str(failure.value)


def test_an_unknown_list_of_entities_is_said_to_be_one(server: OdkServer) -> None:
    with pytest.raises(ConfigurationError, match="la liste d'entités"):
        entities(server, "personnes").mark()


def test_an_encrypted_form_is_reported_as_what_it_is(server: OdkServer, form: Form) -> None:
    """Its rows have no answers: read as they come they would all look emptied."""
    fill(server, form, 3)
    mark = source(server).mark()
    assert mark is not None
    server.publish(form, form.current.fields, version="1[encrypted:ab12]", key_id=4)
    with pytest.raises(MealError, match="chiffré") as failure:
        list(source(server).sweep())
    assert "Exportez" in str(failure.value)
    with pytest.raises(MealError, match="chiffré"):
        list(source(server).changes(mark))


def test_encrypted_rows_of_a_form_that_is_so_no_more_are_kept_and_counted(server: OdkServer, form: Form) -> None:
    roots = fill(server, form, 3)
    roots += [server.submit(form, {}, is_encrypted=True, files=["submission.xml.enc"]) for _ in range(2)]
    there = source(server)
    assert sorted(ids(there.sweep())) == sorted(roots)
    [remark] = there.remarks()
    assert remark.startswith("Soumissions chiffrées dans le formulaire") and ": 2." in remark
    plain = source(server)
    server.delete(form, roots[3])
    server.delete(form, roots[4])
    list(plain.sweep())
    assert plain.remarks() == []


def test_a_server_that_answers_something_else_is_not_taken_for_odk_central(server: OdkServer, form: Form) -> None:
    form.name = "x"
    with (
        pytest.MonkeyPatch.context() as patch,
        pytest.raises(MealError, match="ne décrit pas"),
    ):
        patch.setattr("tests.odk_answers._describe", lambda *_: {"submissions": 3})
        source(server).mark()


def test_a_server_too_old_to_order_rows_is_said_to_be_so(
    server: OdkServer, form: Form, monkeypatch: pytest.MonkeyPatch
) -> None:
    """501 is « not implemented »: another try would be told the same."""
    monkeypatch.setattr("tests.odk_answers._ordered", lambda *_: column_refused())
    fill(server, form, 1)
    with pytest.raises(MealError, match="plus récent"):
        list(source(server).sweep())
    assert len(server.asked(".svc/Submissions")) == 1


def column_refused() -> None:
    from tests.odk_state import Problem

    raise Problem(501.5, "not supported")


@pytest.mark.parametrize(
    "url", ["http://central.example.org", "ftp://central.example.org", "central", "https://a@b.org"]
)
def test_an_address_that_would_show_the_password_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError):
        OdkSession(url, "a@b.org", "secret")


@pytest.mark.parametrize(("email", "password"), [("", "x"), ("a@b.org", ""), ("sans arobase", "x")])
def test_an_account_that_cannot_be_right_is_refused_before_anything_is_sent(email: str, password: str) -> None:
    with pytest.raises(ConfigurationError, match="ODK_EMAIL"):
        OdkSession("https://central.example.org", email, password)


@pytest.mark.parametrize(("project", "name"), [("", "a"), ("deux", "a"), ("²", "a"), ("2/../3", "a"), ("2", " ")])
def test_a_place_that_cannot_be_right_is_refused_before_anything_is_sent(
    server: OdkServer, project: str, name: str
) -> None:
    with pytest.raises(ConfigurationError):
        source(server, name, project=project)
    assert server.requests == []
