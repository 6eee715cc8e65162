"""What `meal doctor` examines: files, questionnaires, classes, keys, connections, models, donor codes.

Reads everything, changes nothing. A finding says what is wrong and how to mend it; secrets are never shown.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from meal_pipelines.doctor.codes import Finding, catalogue_findings, donor_findings
from meal_pipelines.errors import MealError
from meal_pipelines.invocation import typed
from meal_pipelines.project.expression import UnsupportedExpression, parse
from meal_pipelines.project.load import load_projects
from meal_pipelines.project.loaded import LoadedForm, LoadedProject
from meal_pipelines.settings import CHECKOUT, Settings

if TYPE_CHECKING:
    from meal_pipelines.protect.keys.keyring import Keyring
    from meal_pipelines.warehouse.models import Models


def examine(settings: Settings) -> Iterator[Finding]:
    """Examine everything, from what is needed first; stops early only when the projects cannot be read."""
    yield Finding("ok", f"État : {settings.home} · projets : {settings.projects} · fichiers : {settings.out}")
    try:
        projects = load_projects(settings)
    except MealError as error:
        yield Finding("error", str(error))
        return
    for project in projects.values():
        yield Finding("ok", f"{project.project.name} : {len(project.forms)} formulaires lus.")
        for form in project.forms.values():
            yield from _form(form)
            yield from _attachments(settings, project, form)
        yield from _to_confirm(project)
        yield from _variables(settings, project)
        yield from _logframe(project)
    yield from _models(projects)
    yield from _warehouse(settings, projects)
    if not settings.demo:
        yield from _sources(settings, projects)


def _form(form: LoadedForm) -> Iterator[Finding]:
    name = f"{form.project}/{form.name}"
    unclassified = [question.name for question in form.questionnaire.questions() if form.class_of(question) is None]
    if unclassified:
        yield Finding(
            "warning",
            f"{name} : sans classe de confidentialité, donc scellées : {', '.join(unclassified)}. Ajoutez-les ({form.where}).",
        )
    retention = form.form.retention
    if retention is None and form.form.privacy.identifier:
        yield Finding(
            "warning", f"{name} : aucune durée de conservation (retention, {form.where}) ; rien n'est jamais effacé."
        )
    elif retention is not None and retention.is_open:
        yield Finding(
            "warning", f"{name} : conservation à confirmer ({retention.told()}) ; d'ici là rien n'est effacé."
        )
    for text in form.questionnaire.warnings:
        yield Finding("warning", text)
    for list_name, code in form.questionnaire.duplicate_choices:
        yield Finding(
            "warning",
            f"{name} : le choix « {code} » est plus d'une fois dans la liste « {list_name} ». Donnez à l'un un autre code.",
        )
    for what, expression in _expressions(form):
        try:
            parse(expression)
        except UnsupportedExpression as error:
            yield Finding("warning", f"{name}, {what} : la règle n'est pas évaluée au nettoyage ({error}).")
    yield from _pyxform(form, name)


def _attachments(settings: Settings, project: LoadedProject, form: LoadedForm) -> Iterator[Finding]:
    """Whether somebody has decided about the form's files, and whether there is a place for those to be kept."""
    from meal_pipelines.collect.attachments import FileStore, Limits, collects_files
    from meal_pipelines.collect.attachments.counts import undecided

    if not collects_files(project, form):
        return
    if form.form.attachments is None:
        yield Finding("warning", f"{form.where} : {undecided(form)}")
    limits = Limits.of(form)
    if limits is None:
        return
    store = FileStore.of(settings)
    try:
        store.check()
    except MealError as error:
        yield Finding("error", str(error))
        return
    yield Finding("ok", f"{form.project}/{form.name} : fichiers joints gardés ({limits}) dans {store.shown}.")


def _expressions(form: LoadedForm) -> Iterator[tuple[str, str]]:
    for question in form.questionnaire.questions():
        for expression in (*question.relevant, question.constraint):
            if expression:
                yield f"« {question.name} »", expression
    for rule in form.form.rules:
        yield f"règle « {rule.name} »", rule.check


def _pyxform(form: LoadedForm, name: str) -> Iterator[Finding]:
    """Whether the form can be deployed: pyxform's own judgement."""
    if form.questionnaire.file.suffix.lower() not in (".xlsx", ".xls"):
        return
    from pyxform.errors import PyXFormError
    from pyxform.xls2xform import convert

    try:
        warnings = convert(form.questionnaire.file).warnings
    except (PyXFormError, ValueError, KeyError) as error:
        yield Finding("error", f"{name} : le questionnaire n'est pas un XLSForm valide : {error}")
        return
    for warning in warnings or []:
        yield Finding("warning", f"{name} : {warning}")
    yield Finding("ok", f"{name} : questionnaire valide pour pyxform.")


def _to_confirm(project: LoadedProject) -> Iterator[Finding]:
    """What the register of processing activities still shows as to be confirmed."""
    said = project.project.data_protection
    places = [key for key in type(said).model_fields if getattr(said, key).is_open]
    places += [f"{name}.{key}" for name, form in project.forms.items() for key in form.form.processing.open_points()]
    if places:
        yield Finding(
            "warning",
            f"{project.project.name} : à confirmer pour le registre des traitements : {', '.join(places)} "
            f"({project.lines.at('data_protection')}).",
        )


def _variables(settings: Settings, project: LoadedProject) -> Iterator[Finding]:
    """Which environment variables the sources name and nobody has set."""
    text = project.lines.path.read_text(encoding="utf-8")
    code = "\n".join(line.split("#")[0] for line in text.splitlines())
    sources = code[code.find("\nsources:") :]
    names = sorted(set(re.findall(r"\$\{([A-Z0-9_]+)\}", sources)))
    missing = [name for name in names if not settings.variables.get(name)]
    if missing and not settings.demo:
        yield Finding(
            "warning", f"{project.project.name} : variables à définir (.env) avant de collecter : {', '.join(missing)}."
        )


def _logframe(project: LoadedProject) -> Iterator[Finding]:
    logframe = project.logframe
    if logframe is None:
        yield Finding("warning", f"{project.project.name} : pas de cadre logique (logframe.yaml) ; rien à mesurer.")
        return
    status = " Valeurs ILLUSTRATIVES, à remplacer par le cadre logique validé." if logframe.illustrative else ""
    yield Finding(
        "warning" if status else "ok", f"{project.project.name} : {len(logframe.indicators)} indicateurs.{status}"
    )
    yield from donor_findings(project.project.name, logframe)
    yield from catalogue_findings(project, logframe)
    open_baselines = [at.code for at in logframe.indicators if at.baseline.value is None and not at.baseline.by]
    if open_baselines:
        yield Finding(
            "warning",
            f"{project.project.name} : {len(open_baselines)} référence(s) sans valeur (à établir, ou sans objet) : "
            f"{', '.join(open_baselines)}.",
        )


def models_of(projects: Mapping[str, LoadedProject]) -> Models:
    """The SQL models over the tables of all projects. Raises: ConfigurationError, when they do not agree."""
    from meal_pipelines.protect.tables import pseudonymised_spec
    from meal_pipelines.warehouse.models import load_models

    specs = [
        pseudonymised_spec(project, form, table)
        for project in projects.values()
        for form in project.forms.values()
        for table in form.questionnaire.tables.values()
    ]
    return load_models(CHECKOUT / "dbt_like_sql", {spec.qualified: spec for spec in specs}, set(projects))


def _models(projects: dict[str, LoadedProject]) -> Iterator[Finding]:
    from meal_pipelines.indicators.compile import check_logframe

    try:
        models = models_of(projects)
        for project in projects.values():
            check_logframe(project, {name: mart.spec for name, mart in models.marts.items()})
    except MealError as error:
        yield Finding("error", str(error))
        return
    yield Finding("ok", f"Modèles SQL : {len(models.marts)} marts, {len(models.seeds)} tables de référence.")


def _warehouse(settings: Settings, projects: Mapping[str, LoadedProject]) -> Iterator[Finding]:
    from meal_pipelines.collect.silences import silent_since, told
    from meal_pipelines.protect.keys.keyring import Keyring
    from meal_pipelines.warehouse.connection import Warehouse

    try:
        with Warehouse.open(settings) as warehouse, warehouse.connect() as connection, connection.cursor() as cursor:
            cursor.execute("show server_version")
            row = cursor.fetchone()
            kind = "embarqué" if settings.database_url is None else "MEAL_DATABASE_URL"
            yield Finding("ok", f"PostgreSQL {row[0] if row else '?'} ({kind}) répond ; schémas et rôles en place.")
            keyring = Keyring.of(settings)
            keyring.check_against(cursor)
            yield from _keys(keyring)
            for each in projects.values():
                yield from _crowds(cursor, each)
            for (project, form), days in silent_since(cursor).items():
                yield Finding("warning", f"{project}/{form} : {told(days)}")
    except MealError as error:
        yield Finding("error", str(error))


def _crowds(cursor: Any, project: LoadedProject) -> Iterator[Finding]:
    """Whether keys by which persons are recognised say nothing any more: counts only."""
    from meal_pipelines.project.links import CROWD
    from meal_pipelines.protect.persons.crowds import crowded_keys

    if project.project.persons is None or not (count := crowded_keys(cursor, project.id)):
        return
    several = count > 1
    yield Finding(
        "warning",
        f"{project.project.name} : {count} clé{'s' if several else ''} de rapprochement {'sont' if several else 'est'} partagée"
        f"{'s' if several else ''} par plus de {CROWD} pseudonymes et ne réuni{'ssent' if several else 't'} donc personne. C'est le "
        "signe d'une réponse de remplacement : demandez aux équipes ce qu'elles écrivent quand une personne n'a pas de téléphone ou "
        "ne dit pas son nom.",
    )


def _keys(keyring: Keyring) -> Iterator[Finding]:
    """The ring, once it has proved to be this warehouse's."""
    where = keyring.path or "variable MEAL_KEYRING_JSON"
    yield Finding("ok", f"Trousseau de clés : {where}, celui de cet entrepôt ; la clé n° {keyring.current} scelle.")
    if len(keyring.sealing) > 1:
        yield Finding(
            "warning",
            f"Trousseau de clés : {len(keyring.sealing)} clés, une rotation n'est pas finie. {typed('keys rotate')} la continue.",
        )
    if os.name != "posix" and keyring.path is not None:
        yield Finding(
            "warning",
            f"Trousseau de clés : sous Windows les droits du fichier ne sont pas vérifiés d'ici. Gardez-le dans un dossier à vous "
            f'seul·e : icacls "{keyring.path}" /inheritance:r /grant:r "%USERNAME%:F"',
        )


def _keyring(settings: Settings) -> Keyring | None:
    """None when there is none to be read, which `_warehouse` has told."""
    from meal_pipelines.protect.keys.keyring import Keyring

    try:
        return Keyring.of(settings)
    except MealError:
        return None


def _sources(settings: Settings, projects: dict[str, LoadedProject]) -> Iterator[Finding]:
    """Whether each configured source answers; those whose variables are missing have been named already."""
    from meal_pipelines.collect.received import FileSource
    from meal_pipelines.collect.sources import open_sources

    keyring = _keyring(settings)
    for project in projects.values():
        for form in project.forms.values():
            try:
                for _, source in open_sources(settings, project, form, keyring):
                    next(iter(source.sweep(None)), None)
                    if isinstance(source, FileSource):
                        yield from (Finding("warning", f"{project.id}/{form.name} : {t}") for t in source.remarks())
                yield Finding("ok", f"{project.id}/{form.name} : la source répond.")
            except MealError as error:
                yield Finding("warning", f"{project.id}/{form.name} : {error}")
