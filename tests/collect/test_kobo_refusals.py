"""What a person must mend before a Kobo form can be read, and how they are told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from meal_pipelines.collect.kobo import KoboSource
from meal_pipelines.errors import ConfigurationError, MealError
from tests.collect.kobo_cases import ASSET, everything_told, fill, source
from tests.kobo_server import KoboServer


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[KoboServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with KoboServer() as kobo:
        kobo.add_asset(ASSET)
        yield kobo


def test_a_refused_token_names_its_variable_and_is_tried_once(server: KoboServer) -> None:
    """A permanent failure that is retried hides for days."""
    there = source(server, token="unautrejeton", token_variable="KOBO_TOKEN_PRIM2")
    with pytest.raises(ConfigurationError, match="Jeton refusé") as failure:
        list(there.sweep())
    assert "KOBO_TOKEN_PRIM2" in str(failure.value)
    assert "unautrejeton" not in everything_told(failure.value) + repr(there)
    assert len(server.requests) == 1


def test_a_missing_permission_and_an_unknown_form_get_the_same_advice(server: KoboServer) -> None:
    """Kobo answers 404 to both, as JSON or as an HTML page."""
    server.lose_permission(ASSET)
    for asset in (ASSET, "aInconnu"):
        with pytest.raises(ConfigurationError, match="introuvable") as failure:
            list(source(server, asset=asset).sweep())
        assert asset in str(failure.value) and "KOBO_TOKEN" in str(failure.value)


def test_a_permission_lost_on_the_way_is_not_a_deletion(server: KoboServer) -> None:
    """The pages already given stay true; nothing is said of the rest."""
    fill(server, 30)
    server.after_answer.append(lambda: server.lose_permission(ASSET))
    pages = source(server, page_size=10).sweep()
    assert next(pages).through is not None
    with pytest.raises(ConfigurationError, match="permission"):
        list(pages)


def test_an_account_that_sees_a_part_of_the_rows_is_refused(server: KoboServer) -> None:
    """Kobo answers 200 and a subset: the rest would be taken for deleted."""
    fill(server, 3)
    server.share(ASSET, lambda row: row["age"] == "1")
    with pytest.raises(ConfigurationError, match="qu'une partie"):
        list(source(server).sweep())


@pytest.mark.parametrize("visible", [lambda row: int(row["age"]) % 2 == 0, lambda row: False])
def test_a_view_narrowed_on_the_way_never_shows_as_a_page(server: KoboServer, visible: Any) -> None:
    """Between the first check and the end, an administrator may restrict the account."""
    keys = fill(server, 40)
    server.after_answer.append(lambda: server.share(ASSET, visible))
    seen: list[int] = []
    with pytest.raises(ConfigurationError, match="qu'une partie"):
        for page in source(server, page_size=10).sweep():
            seen.extend(int(submission.submission_id) for submission in page.submissions)
    assert seen == keys[:10]


def test_an_encrypted_form_is_refused_with_a_way_out(server: KoboServer) -> None:
    """Its rows hold a cipher text that no stage could read."""
    server.add_asset("aChiffre", encrypted=True)
    with pytest.raises(MealError, match="chiffré") as failure:
        list(source(server, asset="aChiffre").sweep())
    assert not isinstance(failure.value, ConfigurationError)


@pytest.mark.parametrize("address", ["http://kf.kobotoolbox.org", "kf.kobotoolbox.org", "https://a:b@kobo.example", ""])
def test_an_address_that_would_expose_the_token_is_refused(address: str) -> None:
    """Over http the token and every row cross the network in clear."""
    with pytest.raises(ConfigurationError, match="https://"):
        KoboSource(address, "jeton", ASSET)


@pytest.mark.parametrize("token", ["", "deux mots", "jeton\n"])
def test_a_token_that_cannot_be_one_is_refused_without_being_shown(token: str) -> None:
    """A newline pasted with the token would end up quoted in an error of the HTTP library."""
    with pytest.raises(ConfigurationError) as failure:
        KoboSource("https://kobo.example", token, ASSET)
    assert "deux mots" not in str(failure.value)


def test_a_token_never_follows_a_redirection(server: KoboServer) -> None:
    """It belongs to the server it was given for."""
    with KoboServer() as elsewhere:
        server.moved_to = elsewhere.url
        with pytest.raises(ConfigurationError, match=f"redirige vers {elsewhere.url.partition('://')[2]}"):
            list(source(server).sweep())
        assert elsewhere.requests == []
