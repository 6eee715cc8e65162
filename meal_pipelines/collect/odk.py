"""ODK Central as a source: the submissions of a form, with its questionnaires and its files, and the entities of a list.

How rows are read and followed is in `odk_table.py`, what they say in `odk_rows.py`, the login in `odk_session.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar
from urllib.parse import quote
from xml.etree.ElementTree import Element

import orjson

from meal_pipelines.collect.answer import Malformed
from meal_pipelines.collect.odk_rows import (
    STATUS,
    groups_of,
    parsed_xml,
    read_entity,
    read_submission,
    version_of,
    with_answers,
)
from meal_pipelines.collect.odk_table import OdkTable
from meal_pipelines.collect.source import Attachment, FileGone, FormVersion, Submission
from meal_pipelines.collect.transport import Client
from meal_pipelines.errors import ConfigurationError, MealError

FORM = "/v1/projects/{project}/forms/{name}"
ROWS = FORM + ".svc/Submissions"
VERSIONS = FORM + "/versions"
VERSION_FIELDS = FORM + "/versions/{version}/fields"
VERSION_XML = FORM + "/versions/{version}.xml"
EDITION_XML = FORM + "/submissions/{root}/versions/{instance}.xml"
FILES = FORM + "/submissions/{root}/attachments"
FILE = FORM + "/submissions/{root}/attachments/{file}"
LIST = "/v1/projects/{project}/datasets/{name}"

READERS = 4
"""How many documents are asked for at a time when each submission has its own."""


@dataclass
class OdkForm(OdkTable):
    """The submissions of one form: drafts and what was deleted excluded, whatever the form's state.

    Raises: ConfigurationError, when the project or the form cannot be right.
    """

    rows_path: ClassVar[str] = ROWS
    about_path: ClassVar[str] = FORM
    came: ClassVar[str] = "submissionDate"
    counted: ClassVar[str] = "submissions"
    shown: ClassVar[dict[str, str]] = {"$select": "__id,__system,meta/instanceID"}

    _structures: dict[str | None, dict[str, str]] = field(default_factory=dict, init=False, repr=False)
    _sealed: set[str] = field(default_factory=set, init=False, repr=False)

    def __post_init__(self) -> None:
        _check_place(self.project, self.name)

    def _reader(self, client: Client) -> Callable[[dict[str, Any]], Submission]:
        self._sealed.clear()
        self._structures.clear()
        return self._read

    def _read(self, row: dict[str, Any]) -> Submission:
        if row["__system"].get("status") is not None:
            self._sealed.add(row["__id"])
        return read_submission(row)

    def remarks(self) -> list[str]:
        """How many of the submissions just read are encrypted: a form may have had a key for a time only."""
        if not self._sealed:
            return []
        return [
            f"Soumissions chiffrées dans {self._about} : {len(self._sealed)}. Elles sont gardées telles quelles, sans "
            "réponses ; pour les lire, exportez-les déchiffrées depuis ODK Central."
        ]

    def completed(self, submissions: Sequence[Submission]) -> Sequence[Submission]:
        """With their answers, each from the XML of its edition: one request for each; an encrypted one has none."""
        shares = [submissions[first::READERS] for first in range(min(READERS, len(submissions)))]
        with ThreadPoolExecutor(READERS, thread_name_prefix="odk-xml") as pool:
            return [submission for share in pool.map(self._answered, shares) for submission in share]

    def _answered(self, submissions: Sequence[Submission]) -> list[Submission]:
        found = []
        with self._client(self._gone) as client:
            for submission in submissions:
                if STATUS in orjson.loads(submission.payload):
                    found.append(submission)
                    continue
                path = self._where(EDITION_XML, root=submission.submission_id, instance=str(submission.instance_id))
                try:
                    document = client.read(path, {}, parsed_xml)
                except FileGone:
                    continue
                found.append(with_answers(submission, document, self._repeats(client, document)))
        return found

    def _repeats(self, client: Client, document: Element) -> set[str]:
        """The paths of a document's repeats: those of its version, of any version when it has groups of another's."""
        structures = self._structures_of(client, version_of(document))
        if not groups_of(document) <= structures.keys():
            structures = self._structures_of(client, None)
        return {path for path, kind in structures.items() if kind == "repeat"}

    def _structures_of(self, client: Client, version: str | None) -> dict[str, str]:
        """Path → kind of the groups and repeats of one version, or (None) of all; a path never changes its kind."""
        if version not in self._structures:
            published = [item["version"] for item in client.read(self._where(VERSIONS), {}, _list)]
            wanted = published if version is None else [version] if version in published else []
            fields = [item for one in wanted for item in self._fields(client, one)]
            kinds = {item["path"].removeprefix("/"): item["type"] for item in fields}
            self._structures[version] = {p: kind for p, kind in kinds.items() if kind in ("structure", "repeat")}
        return self._structures[version]

    def _fields(self, client: Client, version: str) -> list[dict[str, Any]]:
        return client.read(self._where(VERSION_FIELDS, version=version or UNNAMED), {}, _list)

    def form_versions(self, known: Container[str] = ()) -> Iterator[FormVersion]:
        """The published versions, oldest first: their fields and their XForm; those in `known` are not fetched.

        Raises: as `sweep`.
        """
        with self._client() as client:
            for item in reversed(client.read(self._where(VERSIONS), {}, _list)):
                version = item["version"]
                if version in known:
                    continue
                xform = client.read(self._where(VERSION_XML, version=version or UNNAMED), {}, _whole_xml)
                content = {"fields": self._fields(client, version), "xform": xform}
                yield FormVersion(version, content, item.get("publishedAt"))

    def attachments(self, submission_ids: Sequence[str]) -> Iterator[tuple[str, list[Attachment]]]:
        """The files that each submission names, received or not: one request for each submission."""
        with self._client(self._gone) as client:
            for root in submission_ids:
                try:
                    files = client.read(self._where(FILES, root=root), {}, _list)
                except FileGone:
                    continue
                yield root, [self._attachment(root, item) for item in files]

    def _attachment(self, root: str, item: dict[str, Any]) -> Attachment:
        name = str(item["name"])
        return Attachment(name, self._where(FILE, root=root, file=name), is_there=bool(item["exists"]))

    def read_attachment(self, submission_id: str, attachment: Attachment) -> Iterator[bytes]:
        """The bytes of one file, held against the MD5 that the server gives.

        Raises: as `sweep`; FileGone when the file is not there.
        """
        with self._client(self._gone) as client:
            yield from client.stream(attachment.address)

    def _describe(self, client: Client) -> dict[str, Any]:
        described = super()._describe(client)
        if described.get("keyId") is not None:
            raise MealError(
                f"Impossible de lire {self._about} : il est chiffré sur {self.session.root}, et ses réponses ne s'ouvrent "
                "qu'avec la phrase secrète de l'équipe. Rien n'est effacé de ce qui était déjà collecté. Exportez ses "
                "soumissions déchiffrées depuis ODK Central et donnez-les comme source « export »."
            )
        return described

    def _gone(self, status: int) -> MealError | None:
        if status == 404:
            return FileGone(
                f"Dans {self._about}, une soumission ou l'un de ses fichiers n'est plus sur {self.session.root}."
            )
        return self._refusal(status)

    def _where(self, template: str, **parts: str) -> str:
        return _filled(template, project=self.project, name=self.name, **parts)

    @property
    def _about(self) -> str:
        return f"le formulaire « {self.form} » ({self.name})" if self.form else f"le formulaire « {self.name} »"


UNNAMED = "___"
"""How a version without a name is asked for."""


@dataclass
class OdkEntities(OdkTable):
    """The entities of one list, each as a submission that answers `label` and one question per property.

    Central makes them some seconds after the submission that asks for one.
    """

    rows_path: ClassVar[str] = LIST + ".svc/Entities"
    about_path: ClassVar[str] = LIST
    came: ClassVar[str] = "createdAt"
    counted: ClassVar[str] = "entities"

    def __post_init__(self) -> None:
        _check_place(self.project, self.name)

    def _reader(self, client: Client) -> Callable[[dict[str, Any]], Submission]:
        described = client.get(self._where(LIST), {}, holds="properties", kind=list)
        return partial(read_entity, names={item["odataName"]: item["name"] for item in described["properties"]})

    def _where(self, template: str, **parts: str) -> str:
        return _filled(template, project=self.project, name=self.name, **parts)

    @property
    def _about(self) -> str:
        return (
            f"la liste d'entités « {self.form} » ({self.name})" if self.form else f"la liste d'entités « {self.name} »"
        )


def _check_place(project: str, name: str) -> None:
    if not project.isascii() or not project.isdigit():
        raise ConfigurationError(
            f"« {project} » n'est pas un numéro de projet d'ODK Central. Il se lit dans l'adresse du projet "
            "(…/projects/<numéro>) ; corrigez-le dans la configuration du projet."
        )
    if not name.strip():
        raise ConfigurationError("L'identifiant d'un formulaire ou d'une liste d'entités d'ODK Central est vide.")


def _filled(template: str, **parts: str) -> str:
    return template.format(**{name: quote(part, safe="") for name, part in parts.items()})


def _list(body: bytes) -> list[dict[str, Any]]:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        answer = None
    if not isinstance(answer, list) or not all(isinstance(item, dict) for item in answer):
        raise Malformed("sa réponse est incomplète ou n'a pas la forme attendue")
    return answer


def _whole_xml(body: bytes) -> str:
    parsed_xml(body)
    return body.decode()
