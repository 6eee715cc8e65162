"""What deploying needs of a server, whichever it is: the version in force, a copy of it, a new one in its place.

How each server is asked is in `kobo.py` and `odk.py`; what may be pushed is decided in `push.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from meal_pipelines.collect.kobo import KoboSource
from meal_pipelines.collect.odk import OdkForm
from meal_pipelines.collect.sources import open_sources
from meal_pipelines.errors import ConfigurationError
from meal_pipelines.forms.kobo import KoboDeployment
from meal_pipelines.forms.odk import OdkDeployment
from meal_pipelines.invocation import typed
from meal_pipelines.project.deployed import deployed_questionnaire
from meal_pipelines.project.loaded import LoadedForm, LoadedProject
from meal_pipelines.project.questionnaire import Questionnaire
from meal_pipelines.settings import Settings
from meal_pipelines.warehouse.connection import Warehouse


@dataclass(frozen=True)
class Deployed:
    """The version in force. draft: what somebody changed on the server and has not deployed, in French; empty when nothing."""

    version: str
    content: dict[str, Any]
    draft: str = ""

    def questionnaire(self) -> Questionnaire:
        """Raises: ConfigurationError when the server's description is not understood."""
        found = deployed_questionnaire(self.version, self.content)
        if found is None:
            raise ConfigurationError(
                f"La version déployée « {self.version} » ne se lit pas comme un questionnaire : elle est vide, ou faite "
                "autrement qu'un XLSForm. Ouvrez-la sur le serveur."
            )
        return found


class Deployment(Protocol):
    """A form on a server. Every method raises ConfigurationError and TransientError, as sources do."""

    def deployed(self) -> tuple[str, dict[str, Any], str]:
        """The version in force, what describes it, and what was changed on the server since (empty: nothing)."""
        ...

    def copy(self, version: str, content: dict[str, Any], path: Path) -> Path:
        """Write the version as a file that can be deployed again; `path` has no suffix. Returns: the file."""
        ...

    def calls(self) -> list[str]:
        """The requests that `push` makes, for a dry run."""
        ...

    def push(self, file: Path, known: set[str]) -> str:
        """Put a questionnaire in force. known: versions that exist already. Returns: the new version."""
        ...


def deployment_of(settings: Settings, project: LoadedProject, form: LoadedForm) -> Deployment:
    """Raises: ConfigurationError when the form has no server, or one that is not configured."""
    kind = project.project.sources[form.form.source.use].kind
    if kind in ("kobo", "odk") and not settings.demo:
        [(_, source)] = open_sources(settings, project, form)
        if isinstance(source, KoboSource):
            return KoboDeployment(source)
        if isinstance(source, OdkForm):
            return OdkDeployment(source)
    raise ConfigurationError(
        f"{form.where} : « {form.name} » n'est pas sur un serveur Kobo ou ODK Central (source « {kind} ») : il n'y a rien à "
        f"déployer. Pour un registre de partenaire, donnez le nouveau modèle : {typed('forms template')}."
    )


def deployed_version(settings: Settings, project: LoadedProject, form: LoadedForm) -> Deployed:
    """The version in force, asked of the server."""
    return Deployed(*deployment_of(settings, project, form).deployed())


def kept_version(settings: Settings, form: LoadedForm) -> Deployed:
    """The newest version that a collection has kept, without asking anybody.

    Raises: ConfigurationError when none was ever kept.
    """
    with Warehouse.open(settings) as warehouse, warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute(NEWEST, (form.project, form.name))
        row = cursor.fetchone()
    if row is None:
        raise ConfigurationError(
            f"Aucune version de « {form.name} » n'a encore été collectée. Lancez {typed('run')}, ou interrogez le serveur "
            "(sans --offline)."
        )
    return Deployed(row[0], row[1])


def kept_versions(settings: Settings, form: LoadedForm) -> list[str]:
    """Every version that collections have kept, oldest first."""
    with Warehouse.open(settings) as warehouse, warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute(ALL, (form.project, form.name))
        return [row[0] for row in cursor.fetchall()]


# Versions met in one collection have the same stamp: the table keeps them in the order in which they came.
NEWEST = """
    select form_version, content from raw.form_version where project = %s and form = %s
    order by first_seen_at desc, ctid desc limit 1
"""
ALL = "select form_version from raw.form_version where project = %s and form = %s order by first_seen_at, ctid"
