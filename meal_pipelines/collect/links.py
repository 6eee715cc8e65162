"""Where a submission is seen at its source, so that a person can correct or delete it there."""

from __future__ import annotations

from urllib.parse import quote

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.project.load import expand
from meal_pipelines.project.loaded import LoadedForm, LoadedProject
from meal_pipelines.settings import Settings


def at_source(settings: Settings, project: LoadedProject, form: LoadedForm, submission_id: str) -> str:
    """What to open and what to look for there; for files, which of them may hold the row."""
    source, server = form.form.source, project.project.sources[form.form.source.use]
    if server.kind in ("kobo", "odk") and not settings.demo:
        try:
            return _address(settings, project, form, submission_id)
        except ConfigurationError:
            return f"{form.name} : serveur « {source.use} », identifiant {submission_id}"
    if server.kind == "workbook":
        return f"{form.name} : les classeurs « {source.file or form.name + '*'} » déposés par le partenaire, ligne {submission_id}"
    return f"{form.name} : les exports déposés, identifiant {submission_id}"


def _address(settings: Settings, project: LoadedProject, form: LoadedForm, submission_id: str) -> str:
    source, server = form.form.source, project.project.sources[form.form.source.use]
    at = project.lines.at("forms", form.name, "source")
    url = expand(str(server.url), settings.variables, at).rstrip("/")
    if server.kind == "kobo":
        asset = expand(str(source.asset), settings.variables, at)
        return f"{form.name} : {url}/#/forms/{quote(asset, safe='')}/data/table (identifiant _id : {submission_id})"
    number = expand(str(source.project), settings.variables, at)
    if source.dataset is not None:
        dataset = quote(expand(source.dataset, settings.variables, at), safe="")
        return (
            f"{form.name} : {url}/#/projects/{number}/entity-lists/{dataset}/entities/{quote(submission_id, safe='')}"
        )
    name = quote(expand(str(source.form), settings.variables, at), safe="")
    return f"{form.name} : {url}/#/projects/{number}/forms/{name}/submissions/{quote(submission_id, safe='')}"
