"""A form on ODK Central: its version in force, and another in its place, through a draft that is published.

Source: central-backend, `resources/forms.js`; deploying takes the verb `form.update`, which « Project Manager » has and
« Project Viewer », enough for collecting, has not.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson

from meal_pipelines.collect.answer import Malformed
from meal_pipelines.collect.odk import FORM, UNNAMED, VERSION_FIELDS, VERSION_XML, VERSIONS, OdkForm
from meal_pipelines.collect.transport import Client, Patience
from meal_pipelines.errors import ConfigurationError, MealError
from meal_pipelines.invocation import typed
from meal_pipelines.project.xlsform import read_questionnaire

DRAFT = FORM + "/draft"
PUBLISH = FORM + "/draft/publish"
VERSION_FILE = FORM + "/versions/{version}.{suffix}"
MEDIA = {
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".xls": "application/vnd.ms-excel",
    ".xml": "application/xml",
}


class _Absent(MealError):
    """Nothing under this address."""


@dataclass(frozen=True)
class OdkDeployment:
    """The form that a source reads."""

    source: OdkForm

    def deployed(self) -> tuple[str, dict[str, Any], str]:
        with self._client() as client:
            version = str(client.get(self._at(FORM), {}, holds="version", kind=str)["version"])
            asked = version or UNNAMED
            fields = client.read(self._at(VERSION_FIELDS, version=asked), {}, _json)
            xform = client.read(self._at(VERSION_XML, version=asked), {}, bytes.decode)
        return version, {"fields": fields, "xform": xform}, self._draft()

    def copy(self, version: str, content: dict[str, Any], path: Path) -> Path:
        """As XLSX or XLS when the form was made from one, else as its XForm."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._client(self._absent) as client:
            for suffix in ("xlsx", "xls"):
                address = self._at(VERSION_FILE, version=version or UNNAMED, suffix=suffix)
                try:
                    body = client.read(address, {}, bytes)
                except _Absent:
                    continue
                file = path.with_name(f"{path.name}.{suffix}")
                file.write_bytes(body)
                return file
        file = path.with_name(f"{path.name}.xml")
        file.write_text(content["xform"], encoding="utf-8")
        return file

    def calls(self) -> list[str]:
        return [
            f"POST {self._at(DRAFT)}?ignoreWarnings=true (le questionnaire, comme brouillon)",
            f"POST {self._at(PUBLISH)}?version=… (le brouillon entre en vigueur)",
        ]

    def push(self, file: Path, known: set[str]) -> str:
        if file.suffix.lower() not in MEDIA:
            raise ConfigurationError(f"{file.name} : ODK Central prend un XLSX, un XLS ou un XForm (.xml).")
        declared = "" if file.suffix.lower() == ".xml" else self._declared(file)
        headers = {
            "Content-Type": MEDIA[file.suffix.lower()],
            "X-XlsForm-FormId-Fallback": quote(self.source.name, safe=""),
        }
        with self._client() as client:
            # A name serves once (409.6), were it ages ago, and a refusal to publish leaves the draft behind.
            published = {item["version"] for item in client.read(self._at(VERSIONS), {}, _json)} | known
            version = declared if declared and declared not in published else f"{datetime.now(UTC):%Y%m%d%H%M%S}"
            body = file.read_bytes()
            client.send("POST", self._at(DRAFT), _json, params={"ignoreWarnings": "true"}, data=body, headers=headers)
            client.send("POST", self._at(PUBLISH), _json, params={"version": version})
            found = str(client.get(self._at(FORM), {}, holds="version", kind=str)["version"])
        if found != version:
            raise MealError(
                f"ODK Central montre la version « {found} » et non « {version} ». Ouvrez le formulaire avant de recommencer."
            )
        return found

    def _declared(self, file: Path) -> str:
        """The version that a workbook declares; its form_id must be the server's."""
        settings = dict(next(iter(read_questionnaire(file).sheets.get("settings", [])), (0, {}))[1])
        if settings.get("form_id", self.source.name) != self.source.name:
            raise ConfigurationError(
                f"{file.name}, feuille « settings » : form_id est « {settings['form_id']} », le formulaire d'ODK Central "
                f"s'appelle « {self.source.name} ». Écrivez le même."
            )
        return settings.get("version", "")

    def _draft(self) -> str:
        """Whether somebody has begun a draft; who may not deploy may not see it either."""
        with self._client(self._absent) as client:
            try:
                draft = client.get(self._at(DRAFT), {}, holds="version", kind=str)
            except _Absent:
                return ""
        return f"un brouillon non publié (version « {draft['version']} »)"

    def _client(self, refuse: Any = None) -> Client:
        return Client(
            self.source.session.root,
            authorization=self.source.session,
            about=f"le formulaire « {self.source.form} » ({self.source.name})",
            refuse=refuse or self._refusal,
            patience=Patience(tries=3),
        )

    def _absent(self, status: int) -> MealError | None:
        return _Absent("absent") if status in (403, 404) else self._refusal(status)

    def _refusal(self, status: int) -> MealError | None:
        name, root = self.source.name, self.source.session.root
        if status in (401, 403):
            return ConfigurationError(
                f"Le compte ({self.source.session.variables}) ne peut pas changer le formulaire « {name} » sur {root} : "
                "« Project Viewer » suffit pour collecter ; pour déployer il faut « Project Manager » sur ce projet."
            )
        if status == 404:
            return ConfigurationError(
                f"Le formulaire « {name} » du projet {self.source.project} est introuvable sur {root}. Vérifiez « source »."
            )
        if status in (400, 409, 422):
            return ConfigurationError(
                f"ODK Central ({root}) refuse ce questionnaire pour « {name} » (réponse {status}) ; la version en vigueur n'a "
                f"pas changé. {typed('forms lint')} dit ce qu'il faut corriger ; un champ ne peut pas changer de genre entre "
                "groupe, répétition et question."
            )
        return None

    def _at(self, template: str, **parts: str) -> str:
        filled = {name: quote(part, safe="") for name, part in parts.items()}
        return template.format(project=self.source.project, name=quote(self.source.name, safe=""), **filled)


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Malformed("sa réponse n'est pas du JSON") from None
