"""Which source a form is read from: what `project.yaml` says, or the generated files of a demonstration."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath

from meal_pipelines.collect.export import ExportedPages, ExportedWorkbook
from meal_pipelines.collect.received import Received
from meal_pipelines.collect.sheets.book import TEXTS, WORKBOOKS
from meal_pipelines.collect.sheets.inbox import Inbox
from meal_pipelines.collect.source import Source
from meal_pipelines.collect.workbook import PartnerWorkbooks
from meal_pipelines.errors import ConfigurationError
from meal_pipelines.project.load import expand
from meal_pipelines.project.loaded import LoadedForm, LoadedProject
from meal_pipelines.project.model import Server
from meal_pipelines.protect.keys.keyring import Keyring
from meal_pipelines.settings import Settings
from meal_pipelines.warehouse.connection import Warehouse


def open_sources(
    settings: Settings,
    project: LoadedProject,
    form: LoadedForm,
    keyring: Keyring | None = None,
    warehouse: Warehouse | None = None,
) -> list[tuple[str | None, Source]]:
    """The sources to sweep, in order, each with the name of its export when it need not be read twice.

    A server or an inbox is one source. A folder of exports is one source per export, of which all but the last are
    finished for good. Without a keyring and a warehouse, sources may be tried but not stored: what identifies a row may
    name somebody, and an inbox must know what its earlier files brought.
    Raises: ConfigurationError when a variable, a folder or a setting is missing.
    """
    server = project.project.sources[form.form.source.use]
    if server.kind == "workbook":
        return [(None, _workbooks(inbox_of(settings, project, form, keyring), form, keyring, warehouse))]
    if settings.demo:
        return _exports(settings.sample / project.id / form.name)
    if server.kind == "kobo":
        return [(None, _kobo(settings, project, form, server))]
    if server.kind == "odk":
        return [(None, _odk(settings, project, form, server))]
    where = project.lines.at("sources", form.form.source.use)
    path = expand(str(server.path), settings.variables, where)
    folder = project.folder / path
    if form.form.source.sheet:
        return [(None, _exported_workbook(folder, form, _received(form, keyring, warehouse)))]
    return _exports(folder / form.name)


def check_sources(settings: Settings, projects: Iterable[LoadedProject]) -> None:
    """Refuse before anything is collected when a source is not configured; no source is contacted.

    Raises: ConfigurationError, one line for each variable, folder or setting that is missing.
    """
    missing: dict[str, None] = {}
    for project in projects:
        for form in project.forms.values():
            try:
                open_sources(settings, project, form)
            except ConfigurationError as error:
                missing[str(error)] = None
    if missing:
        raise ConfigurationError("\n".join(missing))


def _kobo(settings: Settings, project: LoadedProject, form: LoadedForm, server: Server) -> Source:
    from meal_pipelines.collect.kobo import KoboSource

    at = project.lines.at("sources", form.form.source.use)
    asset_at = project.lines.at("forms", form.name, "source")
    if form.form.source.asset is None:
        raise ConfigurationError(f"{asset_at} : « asset » manque ; écrivez l'identifiant du formulaire dans Kobo.")
    return KoboSource(
        server_url=expand(str(server.url), settings.variables, at),
        token=expand(str(server.token), settings.variables, at),
        asset=expand(form.form.source.asset, settings.variables, asset_at),
        form=form.name,
        token_variable=_variable(server.token, "token"),
    )


def _odk(settings: Settings, project: LoadedProject, form: LoadedForm, server: Server) -> Source:
    from meal_pipelines.collect.odk import OdkEntities, OdkForm
    from meal_pipelines.collect.odk_session import shared_session

    at = project.lines.at("sources", form.form.source.use)
    table_at = project.lines.at("forms", form.name, "source")
    source = form.form.source
    if source.project is None or (source.form is None) == (source.dataset is None):
        raise ConfigurationError(
            f"{table_at} : écrivez le numéro du projet dans ODK Central (« project ») et, de lui, l'identifiant d'un "
            "formulaire (« form ») ou le nom d'une liste d'entités (« dataset »)."
        )
    session = shared_session(
        expand(str(server.url), settings.variables, at),
        expand(str(server.email), settings.variables, at),
        expand(str(server.password), settings.variables, at),
        (_variable(server.email, "email"), _variable(server.password, "password")),
    )
    number = expand(source.project, settings.variables, table_at)
    if source.dataset is not None:
        return OdkEntities(session, number, expand(source.dataset, settings.variables, table_at), form.name)
    return OdkForm(session, number, expand(str(source.form), settings.variables, table_at), form.name)


def _variable(value: str | None, key: str) -> str:
    """The name of the variable that a secret like `${ODK_PASSWORD}` stands for; of one written out, only its key."""
    named = re.fullmatch(r"\$\{(\w+)\}", str(value))
    return named[1] if named else f"« {key} »"


def concealer(form: LoadedForm, keyring: Keyring) -> Callable[[str], str] | None:
    """How a row's key becomes its `submission_id` when the key itself identifies somebody; None when it does not.

    `submission_id` is shown to analysts and stands in every table: a file number is replaced by a keyed hash.
    """
    named = {question.name: question for question in form.questionnaire.main.questions}
    if all(name in named and form.class_of(named[name]) == "open" for name in form.form.source.key):
        return None
    hasher = keyring.hasher(form.project, "submission")
    return lambda key: hasher(key.encode())[:12].hex()


def alias_of_files(project: str, keyring: Keyring) -> Callable[[str], str]:
    """How a partner's file is called in the warehouse, in Dagster and in every message: `fichier-3f2a9c1b0d.xlsx`.

    Partners name files after people. The same name always gives the same alias, and without the key no alias tells its
    name; « meal forms received » shows both, as long as the file lies in its inbox.
    """
    hasher = keyring.hasher(project, "file")

    def alias(name: str) -> str:
        suffix = PurePosixPath(name).suffix.lower()
        told = suffix if suffix in (*WORKBOOKS, *TEXTS) else ""
        return f"fichier-{hasher(unicodedata.normalize('NFC', name).encode())[:5].hex()}{told}"

    return alias


def inbox_of(settings: Settings, project: LoadedProject, form: LoadedForm, keyring: Keyring | None = None) -> Inbox:
    """The folder of a form's workbooks, which other forms of the project may share.

    keyring: gives files the names by which they may be told and kept.
    Raises: ConfigurationError when a variable is missing.
    """
    alias = alias_of_files(project.id, keyring) if keyring is not None else None
    if settings.demo:
        return Inbox(str(settings.sample / project.id / form.name), f"{form.name}-*", alias=alias)
    use = form.form.source.use
    path = expand(str(project.project.sources[use].path), settings.variables, project.lines.at("sources", use))
    address = path if "://" in path else str(project.folder / path)
    patterns = {
        other.name: _pattern(other)
        for other in project.forms.values()
        if other.form.source.use == form.form.source.use and other.name != form.name
    }
    return Inbox(address, _pattern(form), tuple(patterns.values()), alias=alias)


def _pattern(form: LoadedForm) -> str:
    return form.form.source.file or f"{form.name}*"


def _workbooks(inbox: Inbox, form: LoadedForm, keyring: Keyring | None, warehouse: Warehouse | None) -> Source:
    source = form.form.source
    if not source.sheet or not source.key:
        raise ConfigurationError(f"{form.where} : un classeur demande « sheet » et « key » dans « source ».")
    main = {question.name for question in form.questionnaire.main.questions}
    if unknown := [name for name in source.key if name not in main]:
        raise ConfigurationError(
            f"{form.where} : « key » nomme « {unknown[0]} », qui n'est pas une question du formulaire. Corrigez la source."
        )
    tables = {table.name for table in form.questionnaire.repeats}
    if unknown := [name for name in source.repeats if name not in tables]:
        raise ConfigurationError(
            f"{form.where} : « repeats » nomme « {unknown[0]} », qui n'est pas une répétition du questionnaire. Corrigez la source."
        )
    conceal = concealer(form, keyring) if keyring is not None else None
    return PartnerWorkbooks(inbox, form, conceal, _received(form, keyring, warehouse))


def _received(form: LoadedForm, keyring: Keyring | None, warehouse: Warehouse | None) -> Received | None:
    if keyring is None or warehouse is None:
        return None
    return Received(warehouse, keyring, form.project, form.name)


def _exported_workbook(folder: Path, form: LoadedForm, received: Received | None) -> Source:
    source = form.form.source
    if not source.file or not source.sheet or not source.key:
        raise ConfigurationError(f"{form.where} : un export demande « file », « sheet » et « key » dans « source ».")
    return ExportedWorkbook(
        folder / source.file,
        source.sheet,
        tuple(source.key),
        source.repeats,
        submitted_at=source.submitted_at,
        duplicate_choices=form.questionnaire.duplicate_choices,
        received=received,
    )


def _exports(folder: Path) -> list[tuple[str | None, Source]]:
    if not folder.is_dir():
        raise ConfigurationError(f"Le dossier d'exports n'existe pas : {folder}. Corrigez la source, puis relancez.")
    parts = sorted(path for path in folder.iterdir() if path.is_dir()) or [folder]
    finished: list[tuple[str | None, Source]] = [(path.name, ExportedPages(path)) for path in parts[:-1]]
    return [*finished, (None, ExportedPages(parts[-1]))]
