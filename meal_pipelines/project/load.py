"""Read whole projects: the YAML files, the questionnaires beside them, and whether they agree.

A project is a folder; nothing here knows which projects exist. What has been read is in `loaded.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.project.agreement import disagreements
from meal_pipelines.project.files import Lines, read_yaml
from meal_pipelines.project.form_versions import FormVersions
from meal_pipelines.project.loaded import LoadedForm, LoadedProject
from meal_pipelines.project.logframe import Logframe
from meal_pipelines.project.model import Form, Project
from meal_pipelines.project.questionnaire import Questionnaire
from meal_pipelines.project.xlsform import read_questionnaire
from meal_pipelines.settings import Settings


def load_projects(settings: Settings, only: Iterable[str] | None = None) -> dict[str, LoadedProject]:
    """Every project of `MEAL_PROJECTS`, by name, in alphabetical order.

    Raises: ConfigurationError when there is none, when `only` names one that is not there, or when a file is wrong.
    """
    if not settings.projects.is_dir():
        raise ConfigurationError(f"Le dossier des projets n'existe pas : {settings.projects}. Corrigez MEAL_PROJECTS.")
    folders = sorted(path.parent for path in settings.projects.glob("*/project.yaml"))
    if not folders:
        raise ConfigurationError(f"Aucun projet dans {settings.projects} : il faut un dossier avec un project.yaml.")
    projects = {}
    for folder in folders:
        loaded = load_project(folder, settings.variables)
        if loaded.id in projects:
            raise ConfigurationError(f"Deux dossiers déclarent le projet « {loaded.id} ». Renommez-en un.")
        projects[loaded.id] = loaded
    return projects if only is None else chosen(projects, only)


def chosen(projects: Mapping[str, LoadedProject], names: Iterable[str]) -> dict[str, LoadedProject]:
    """Those of the projects that are named, in the order of the projects.

    Raises: ConfigurationError when one is named that is not there.
    """
    wanted = set(names)
    unknown = sorted(wanted - set(projects))
    if unknown:
        raise ConfigurationError(f"Projet inconnu : {', '.join(unknown)}. Connus : {', '.join(projects)}.")
    return {name: loaded for name, loaded in projects.items() if name in wanted}


def load_project(folder: Path, variables: Mapping[str, str]) -> LoadedProject:
    """Read one project folder and judge that its files agree with one another."""
    project, lines = read_yaml(folder / "project.yaml", Project)
    forms = {name: _form(folder, project.project, name, form, variables, lines) for name, form in project.forms.items()}
    logframe, logframe_lines = None, None
    if (folder / "logframe.yaml").exists():
        logframe, logframe_lines = read_yaml(folder / "logframe.yaml", Logframe)
        if logframe.project != project.project:
            raise ConfigurationError(
                f"{logframe_lines.at('project')} : le cadre logique nomme le projet « {logframe.project} », "
                f"le dossier « {project.project} ». Écrivez le même nom."
            )
    loaded = LoadedProject(folder, project, logframe, forms, lines, logframe_lines)
    problems = disagreements(loaded)
    if problems:
        raise ConfigurationError("\n".join(problems))
    return loaded


def _form(folder: Path, project: str, name: str, form: Form, variables: Mapping[str, str], lines: Lines) -> LoadedForm:
    questionnaire, where = _questionnaire(folder, form, variables, lines, name), lines.at("forms", name)
    path = versions_file(folder, name)
    if not path.exists():
        return LoadedForm(project, name, form, questionnaire, where)
    versions, version_lines = read_yaml(path, FormVersions)
    return LoadedForm(project, name, form, questionnaire, where, versions, version_lines)


def versions_file(folder: Path, form: str) -> Path:
    """Where a project says how the versions of a form follow one another."""
    return folder / "forms" / f"{form}.yaml"


def _questionnaire(folder: Path, form: Form, variables: Mapping[str, str], lines: Lines, name: str) -> Questionnaire:
    declared = form.questionnaire
    where = lines.at("forms", name, "questionnaire")
    if isinstance(declared, str):
        return read_questionnaire(folder / expand(declared, variables, where))
    if set(declared) != {"survey", "choices"}:
        raise ConfigurationError(f"{where} : il faut « survey » et « choices ».")
    return read_questionnaire(
        folder / expand(declared["survey"], variables, where), folder / expand(declared["choices"], variables, where)
    )


def expand(text: str, variables: Mapping[str, str], where: str) -> str:
    """Replace `${NAME}` by the environment's value.

    Raises: ConfigurationError naming the variable (never a value) when it is not set.
    """
    parts = text.split("${")
    done = [parts[0]]
    for part in parts[1:]:
        name, closed, rest = part.partition("}")
        if not closed or not variables.get(name):
            raise ConfigurationError(
                f"{where} : la variable d'environnement {name} n'est pas définie. "
                f"Définissez-la (ou écrivez-la dans le fichier .env), puis relancez."
            )
        done += [variables[name], rest]
    return "".join(done)
