"""A form on KoboToolbox: its version in force, and another in its place, through the API v2.

Source: kpi, views `import_task` and `asset` (deployment): an import with a destination replaces the content of the
asset and deploys nothing; only the newest `version_id` can be deployed.
"""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson

from meal_pipelines.collect.answer import Malformed
from meal_pipelines.collect.kobo import VERSION, KoboSource
from meal_pipelines.collect.kobo_form import ASSET, permissions
from meal_pipelines.collect.transport import Client, Patience
from meal_pipelines.errors import ConfigurationError, MealError, TransientError
from meal_pipelines.invocation import typed
from meal_pipelines.project.deployed import deployed_sheets
from meal_pipelines.project.sheets import write_workbook

IMPORTS = "/api/v2/imports/"
IMPORT = "/api/v2/imports/{uid}/"
DEPLOYMENT = "/api/v2/assets/{asset}/deployment/"
WAITS = 60
"""How often an import is asked about, once a second: kpi does it in the background."""


@dataclass(frozen=True)
class KoboDeployment:
    """The form that a source reads."""

    source: KoboSource
    pause: float = field(default=1.0)

    def deployed(self) -> tuple[str, dict[str, Any], str]:
        with self._client() as client:
            asset = self._asset(client)
            version = str(asset.get("deployed_version_id") or "")
            if not version:
                raise ConfigurationError(
                    f"Le formulaire « {self.source.form} » ({self.source.asset}) n'a jamais été déployé sur {client.server}. "
                    "Déployez-le une première fois dans Kobo."
                )
            path = VERSION.format(asset=self.source.asset, version=version)
            content = client.get(path, {"format": "json"}, holds="content", kind=dict)["content"]
            newest = str(asset.get("version_id") or version)
            draft = "" if newest == version else f"une version enregistrée et non déployée ({newest})"
            return version, content, draft

    def copy(self, version: str, content: dict[str, Any], path: Path) -> Path:
        file = path.with_name(f"{path.name}.xlsx")
        write_workbook(file, deployed_sheets(content))
        path.with_name(f"{path.name}.json").write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2))
        return file

    def calls(self) -> list[str]:
        asset = self.source.asset
        return [
            f"POST {IMPORTS} (le questionnaire, destination {ASSET.format(asset=asset)})",
            f"GET {IMPORT.format(uid='…')} jusqu'à « complete »",
            f"PATCH {DEPLOYMENT.format(asset=asset)} (la version ainsi faite, active)",
        ]

    def push(self, file: Path, known: set[str]) -> str:
        with self._client() as client:
            self._check_right(client)
            self._import(client, file)
            version = str(self._asset(client)["version_id"])
            document = {"active": True, "version_id": version}
            client.send("PATCH", DEPLOYMENT.format(asset=self.source.asset), _object, json=document)
            deployed = str(self._asset(client).get("deployed_version_id") or "")
        if deployed in known:
            raise MealError(
                f"{client.server} a reçu le questionnaire et montre encore la version « {deployed} ». Ouvrez le formulaire "
                "dans Kobo, onglet Formulaire, et vérifiez avant de recommencer."
            )
        return deployed

    def _import(self, client: Client, file: Path) -> None:
        sent = {
            "name": file.name,
            "library": "false",
            "destination": f"{client.root}{ASSET.format(asset=self.source.asset)}",
            "base64Encoded": f"data:application/octet-stream;base64,{base64.b64encode(file.read_bytes()).decode()}",
        }
        uid = str(client.send("POST", IMPORTS, _object, data=sent)["uid"])
        for _ in range(WAITS):
            state = client.get(IMPORT.format(uid=uid), {"format": "json"}, holds="status", kind=str)["status"]
            if state == "complete":
                return
            if state == "error":
                raise ConfigurationError(
                    f"{client.server} ne comprend pas {file.name} et n'a rien changé. {typed('forms lint')} dit pourquoi."
                )
            time.sleep(self.pause)
        raise TransientError(
            f"{client.server} n'a pas fini d'importer {file.name}. Rien n'est déployé ; regardez dans Kobo, puis relancez."
        )

    def _check_right(self, client: Client) -> None:
        if "manage_asset" not in permissions(self._asset(client)):
            raise _may_not(self.source.form, client.server, self.source.token_variable)

    def _asset(self, client: Client) -> dict[str, Any]:
        return client.get(ASSET.format(asset=self.source.asset), {"format": "json"}, holds="uid", kind=str)

    def _client(self) -> Client:
        return replace(self.source, patience=Patience(tries=3)).client(self._refusal)

    def _refusal(self, status: int) -> MealError | None:
        if status == 400:
            return ConfigurationError(
                f"Kobo ({self.source.server_url}) refuse ce questionnaire. {typed('forms lint')} dit ce qu'il faut y corriger."
            )
        if status in (401, 403, 404):
            return _may_not(self.source.form, self.source.server_url, self.source.token_variable)
        return None


def _may_not(form: str, server: str, variable: str) -> ConfigurationError:
    return ConfigurationError(
        f"Le compte du jeton {variable} ne peut pas déployer « {form} » sur {server}, ou le formulaire y est introuvable. "
        "Donnez-lui dans Kobo la permission « Gérer le projet », ou mettez dans la variable le jeton de qui l'a."
    )


def _object(body: bytes) -> dict[str, Any]:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        answer = None
    if not isinstance(answer, dict):
        raise Malformed("sa réponse n'a pas la forme attendue")
    return answer
