"""One form of a KoboToolbox server: its address and account, what they refuse, and how rows are asked for.

What to ask, and when, is `kobo.py`; what rows say, `kobo_rows.py`; waiting and trying again, `transport.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import orjson

from meal_pipelines.collect.kobo_rows import DataPage, read_page
from meal_pipelines.collect.network import server_root
from meal_pipelines.collect.transport import Client, Patience, Query
from meal_pipelines.errors import ConfigurationError, MealError, TransientError

ASSET = "/api/v2/assets/{asset}/"
DATA = "/api/v2/assets/{asset}/data/"

WORD = re.compile(r"[A-Za-z0-9_-]+")
"""What a token and a uid are made of; nothing that would mean something in a header or a path."""

PAGE_SIZE = 1000
"""Kobo has served at most 1,000 rows a page since 2026-03-09 (30,000 before); more is cut without a word."""


@dataclass(frozen=True)
class KoboForm:
    """One form of one KoboToolbox server.

    asset: the form's uid in Kobo. form: its name in the project, for messages. token_variable: where the token
    came from, for messages. page_size: rows asked for at once. sleep: replaces the pauses between tries.
    Raises: ConfigurationError, when the address, the token or the uid cannot be right.
    """

    server_url: str
    token: str = field(repr=False)
    asset: str
    form: str = ""
    token_variable: str = "KOBO_TOKEN"
    page_size: int = PAGE_SIZE
    patience: Patience = field(default_factory=Patience)
    sleep: Callable[[float], object] | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        server_root(self.server_url)
        if not WORD.fullmatch(self.token):
            raise ConfigurationError(
                f"La variable {self.token_variable} est vide ou n'est pas un jeton Kobo (des lettres et des chiffres, "
                "sans espace). Copiez-le de Kobo : Paramètres du compte → Sécurité → Clé API."
            )
        if not WORD.fullmatch(self.asset):
            raise ConfigurationError(
                f"L'identifiant Kobo « {self.asset} » ne peut pas être juste : il est fait de lettres et de chiffres, "
                "et se lit dans l'adresse du formulaire (…/#/forms/a…). Corrigez-le dans la configuration du projet."
            )
        if self.page_size < 1:
            raise ConfigurationError("La taille des pages demandées à Kobo doit être d'au moins 1 ligne.")

    def newest(self, client: Client, count: int, media: Sequence[str] = ()) -> DataPage:
        """The last rows, newest first; its `count` is that of all rows the account sees."""
        params = {"format": "json", "limit": str(count), "sort": '{"_id":-1}'}
        return self.rows(client, params, media)

    def found(self, client: Client, query: dict[str, Any], media: Sequence[str]) -> Iterator[DataPage]:
        """Every row that meets a query, by increasing `_id`, page after page however few a page shows."""
        after: str | None = None
        while True:
            bounds = query.get("_id", {}) if after is None else {**query.get("_id", {}), "$gt": int(after)}
            text = orjson.dumps({**query, "_id": bounds} if bounds else query).decode()
            params = {"format": "json", "limit": str(self.page_size), "sort": '{"_id":1}', "query": text}
            page = self.rows(client, params, media)
            self.check_order(page.keys, after)
            yield page
            if (page.count is not None and page.count <= len(page.submissions)) or not page.submissions:
                return
            after = page.submissions[-1].submission_id

    def rows(self, client: Client, params: Query, media: Sequence[str]) -> DataPage:
        """Raises: TransientError, when the server counts rows and shows none: that is not the end of them."""
        page = client.read(DATA.format(asset=self.asset), params, partial(read_page, media=media))
        if page.count and not page.submissions:
            raise TransientError(
                f"Le serveur {client.server} annonce {page.count} soumissions de plus pour {self.about} et n'en rend "
                "aucune. Ce qui était déjà reçu est gardé ; relancez plus tard."
            )
        return page

    def check_order(self, keys: list[Any], after: str | None) -> None:
        last = None if after is None else int(after)
        for key in keys:
            if type(key) is not int or (last is not None and key <= last):
                raise MealError(
                    f"Le serveur {self.server_url} ne rend pas {self.about} dans l'ordre demandé : la lecture "
                    "s'arrête pour ne rien perdre. Vérifiez la version de KoboToolbox (API v2)."
                )
            last = key

    def check_asset(self, client: Client) -> dict[str, Any]:
        """The server's description of the form. Refuse one that cannot be read whole: not deployed, encrypted, or shared in part."""
        asset = client.get(ASSET.format(asset=self.asset), {"format": "json"}, holds="uid", kind=str)
        if asset.get("has_deployment") is False:
            raise ConfigurationError(
                f"Impossible de lire {self.about} : il n'est pas déployé sur {client.server}. Déployez-le dans Kobo, "
                "puis relancez."
            )
        if asset.get("deployment__encrypted"):
            raise MealError(
                f"Impossible de lire {self.about} : il est chiffré sur {client.server}, et seule la clé privée de "
                "l'équipe ouvre ses soumissions. Retirez la clé publique du questionnaire et redéployez-le, ou "
                "importez un export déchiffré comme classeur."
            )
        names = permissions(asset)
        if "partial_submissions" in names and "view_submissions" not in names:
            raise ConfigurationError(
                f"Impossible de lire {self.about} en entier sur {client.server} : le compte du jeton "
                f"{self.token_variable} ne voit qu'une partie des soumissions, et les autres passeraient pour "
                "supprimées. Donnez-lui dans Kobo la permission « Voir les soumissions » sans restriction, puis "
                "relancez."
            )
        return {**asset, "content": asset.get("content") or {}}

    @property
    def about(self) -> str:
        return f"le formulaire « {self.form} » ({self.asset})" if self.form else f"le formulaire {self.asset}"

    def client(self, refuse: Callable[[int], MealError | None] | None = None) -> Client:
        return Client(
            self.server_url,
            authorization=f"Token {self.token}",
            about=self.about,
            refuse=refuse or self.refusal,
            patience=self.patience,
            sleep=self.sleep,
        )

    def refusal(self, status: int) -> MealError | None:
        """The exception for a status that no new try will change; None for one of no particular meaning."""
        if status == 401:
            return ConfigurationError(
                f"Jeton refusé par {self.server_url} : impossible de lire {self.about}. Copiez la clé API du compte "
                f"(Kobo : Paramètres du compte → Sécurité) dans la variable {self.token_variable}, puis relancez."
            )
        if status in (403, 404):
            # Kobo answers 404 to a permission it does not grant, as to a form it does not have.
            return ConfigurationError(
                f"Impossible de lire {self.about} : il est introuvable sur {self.server_url}, ou le compte du jeton "
                f"{self.token_variable} n'a pas la permission de voir ses soumissions. Vérifiez l'identifiant dans la "
                "configuration du projet et le partage du formulaire dans Kobo, puis relancez."
            )
        return None


def permissions(asset: dict[str, Any]) -> set[Any]:
    """What the account may do with the form, in Kobo's words."""
    permissions = asset.get("effective_permissions") or []
    return {item.get("codename") for item in permissions if isinstance(item, dict)}
