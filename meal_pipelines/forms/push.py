"""Put the local questionnaire in force on its server, and bring the server's down, so that nothing is lost on the way.

What is refused here is refused before anything is sent. What a server is asked is in `kobo.py` and `odk.py`.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.forms.difference import Comparison, compare
from meal_pipelines.forms.review import unsettled, write_deployed
from meal_pipelines.forms.servers import Deployed, Deployment, deployment_of
from meal_pipelines.invocation import typed
from meal_pipelines.project.loaded import LoadedForm, LoadedProject
from meal_pipelines.project.questionnaire import Questionnaire
from meal_pipelines.project.xlsform import read_questionnaire
from meal_pipelines.settings import Settings


@dataclass(frozen=True)
class Plan:
    """A deployment that may be made. obstacles: why it may not, in French; none when it may."""

    project: LoadedProject
    form: LoadedForm
    server: Deployment
    deployed: Deployed
    file: Path
    comparison: Comparison
    obstacles: tuple[str, ...]


def plan(
    settings: Settings, project: LoadedProject, form: LoadedForm, *, file: Path | None = None, accept: bool = False
) -> Plan:
    """What deploying would do. Nothing is changed anywhere.

    file: another questionnaire than the form's own, a copy kept of an earlier version for instance.
    accept: whatever was changed on the server since the last review may be replaced.
    """
    server = deployment_of(settings, project, form)
    deployed = Deployed(*server.deployed())
    path = file or form.questionnaire.file
    local = _local(form, path)
    before = deployed.questionnaire()
    pushed = replace(form, questionnaire=local) if local is not None else form
    comparison = compare(before, local) if local is not None else Comparison()
    obstacles = [] if accept else _changed_there(form, deployed)
    obstacles += [f"{text} ({_versions(form)})" for text in unsettled(pushed, deployed.version, before)]
    return Plan(project, form, server, deployed, path, comparison, tuple(obstacles))


def _local(form: LoadedForm, path: Path) -> Questionnaire | None:
    """The questionnaire to push; None for an XForm, which is pushed as it is."""
    if path.suffix.lower() == ".xml":
        return None
    if path.suffix.lower() not in (".xlsx", ".xls"):
        raise ConfigurationError(
            f"{path.name} : un serveur prend un classeur XLSX ou XLS. Réunissez les CSV en un XLSForm, puis relancez."
        )
    return form.questionnaire if path == form.questionnaire.file else read_questionnaire(path)


def _changed_there(form: LoadedForm, deployed: Deployed) -> list[str]:
    """What somebody did on the server that nobody has reviewed here."""
    found = []
    compare = f"forms diff {form.name} -p {form.project}"
    if deployed.draft:
        found.append(
            f"le serveur garde {deployed.draft} : quelqu'un y travaille. Reprenez-la ({typed('forms pull')}) ou faites-la "
            "supprimer ; « --accept-changes » la remplace"
        )
    if form.versions.deployed is None:
        found.append(
            f"la version déployée « {deployed.version} » n'a jamais été revue ici. Comparez : {typed(compare)}, "
            f"puis notez-le : {typed(f'{compare} --write')}"
        )
    elif form.versions.deployed != deployed.version:
        found.append(
            f"la version déployée est « {deployed.version} », et celle qui a été revue « {form.versions.deployed} » : "
            f"quelqu'un a changé le formulaire sur le serveur. Comparez et notez : "
            f"{typed(f'{compare} --write')} ; « --accept-changes » remplace ces changements"
        )
    return found


def _versions(form: LoadedForm) -> str:
    return f"forms/{form.name}.yaml, changement « until » de la version déployée"


@dataclass(frozen=True)
class Pushed:
    """What was done. copy: the version that was in force before, as a file that can be deployed again."""

    version: str
    copy: Path


def push(settings: Settings, made: Plan) -> Pushed:
    """Deploy. The version in force is copied first, and the new one noted as reviewed.

    Raises: ConfigurationError with the obstacles; nothing was sent then.
    """
    if made.obstacles:
        raise ConfigurationError("\n".join(f"Rien n'a été déployé : {text}." for text in made.obstacles))
    form = made.form
    copy = made.server.copy(
        made.deployed.version, made.deployed.content, copy_path(settings, form, made.deployed.version)
    )
    version = made.server.push(made.file, {made.deployed.version})
    write_deployed(made.project.folder, form.name, version)
    return Pushed(version, copy)


def pull(settings: Settings, project: LoadedProject, form: LoadedForm, *, over: bool) -> tuple[Path, Path | None]:
    """Bring the deployed version down, beside the local file, or in its place with `over`.

    Returns: the file written, and the copy of what it replaced.
    """
    server = deployment_of(settings, project, form)
    deployed = Deployed(*server.deployed())
    local = form.questionnaire.file
    beside = local.with_name(f"{local.stem}.{_word(deployed.version)}")
    written = server.copy(deployed.version, deployed.content, beside)
    beside.with_name(f"{beside.name}.json").unlink(missing_ok=True)
    if not over:
        return written, None
    if written.suffix != local.suffix:
        raise ConfigurationError(
            f"La version déployée est un {written.suffix} et le questionnaire local un {local.suffix} : elle reste à côté, "
            f"dans {written.name}."
        )
    kept = copy_path(settings, form, f"local-{datetime.now(UTC):%Y%m%dT%H%M%S}")
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept = Path(shutil.copy2(local, kept.with_name(f"{kept.name}{local.suffix}")))
    written.replace(local)
    write_deployed(project.folder, form.name, deployed.version)
    return local, kept


def copy_path(settings: Settings, form: LoadedForm, version: str) -> Path:
    """Where copies of what was in force stand, without a suffix."""
    return settings.out / form.project / "formulaires" / form.name / _word(version)


def _word(version: str) -> str:
    """A version as a part of a file's name."""
    return "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in version) or "sans_nom"
