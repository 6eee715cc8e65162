"""Whether `project.yaml` and the questionnaires beside it agree: questions, days, columns, rules, keys of persons.

What can be judged inside one file is in `model.py` and `questionnaire.py`; nothing here reads a file.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from meal_pipelines.project.loaded import LoadedForm, LoadedProject
from meal_pipelines.project.questionnaire import MAIN, Question
from meal_pipelines.project.version_agreement import versions_disagreements


def disagreements(loaded: LoadedProject) -> list[str]:
    """One sentence per disagreement, with the file and the line to mend; none when all is well."""
    found = [*_of_persons(loaded), *_places(loaded), *_of_disclosure(loaded)]
    for form in loaded.forms.values():
        found += _unknown_names(loaded, form)
        found += _two_classes(loaded, form)
        found += _not_places(loaded, form)
        found += _days(loaded, form)
        found += _coarser_columns(loaded, form)
        found += _rules(loaded, form)
        found += _files(loaded, form)
        found += versions_disagreements(form)
    return found


def _unknown_names(loaded: LoadedProject, form: LoadedForm) -> Iterator[str]:
    """What the project says of questions that the questionnaire does not have (a pattern may reach none)."""
    said: list[tuple[str, tuple[str, ...]]] = [(name, ("tolerated",)) for name in form.form.tolerated]
    said += [(name, ("privacy", privacy_class)) for privacy_class, name in form.form.privacy.patterns()]
    names = {question.name for question in form.questionnaire.questions()}
    for name, keys in said:
        if name not in names and not any(character in name for character in "*?["):
            yield _unknown(loaded, form, name, *keys)
    for name in form.form.source.headers:
        if name not in names:
            yield _unknown(loaded, form, name, "source", "headers")
    main = {question.name for question in form.questionnaire.main.questions}
    for name in form.form.duplicates:
        if name not in main:
            yield _unknown(loaded, form, name, "duplicates")
    for key, meant, example in (
        ("consent", form.form.consent, "la réponse qui vaut accord, par exemple « consentement = oui »"),
        ("refusal", form.form.refusal, "la réponse qui vaut refus, par exemple « consentement = non »"),
    ):
        if meant is None:
            continue
        question, equals, answer = (part.strip() for part in meant.partition("="))
        if question not in names:
            yield _unknown(loaded, form, question, key)
        if not equals or not answer:
            yield f"{loaded.lines.at('forms', form.name, key)} : écrivez la question et {example}."


def _unknown(loaded: LoadedProject, form: LoadedForm, question: str, *keys: str) -> str:
    where = loaded.lines.at("forms", form.name, *keys)
    place = "du formulaire lui-même, hors répétitions, " if keys == ("duplicates",) else ""
    return f"{where} : la question « {question} » {place}n'existe pas dans {form.questionnaire.file.name}. Corrigez le nom."


def _two_classes(loaded: LoadedProject, form: LoadedForm) -> Iterator[str]:
    """Two people decided otherwise about one question: neither is right by default, and a guess might show too much."""
    privacy = form.form.privacy
    for question in form.questionnaire.questions():
        given = form.class_of(question)
        if question.privacy is None or question.privacy == given:
            continue
        pattern = next(name for of, name in privacy.patterns() if of == given and fnmatchcase(question.name, name))
        listed = list(getattr(privacy, str(given)))
        place: tuple[str | int, ...] = (pattern,) if given == "quasi_identifier" else (listed.index(pattern),)
        where = loaded.lines.at("forms", form.name, "privacy", str(given), *place)
        yield (
            f"{where} : « {question.name} » est {given} ; {form.questionnaire.file.name}, feuille « survey », ligne "
            f"{question.line}, dit {question.privacy}. Écrivez la même classe aux deux endroits, ou à un seul."
        )


def _not_places(loaded: LoadedProject, form: LoadedForm) -> Iterator[str]:
    for question in form.questionnaire.questions():
        rule = form.generalisation(question)
        if rule is not None and rule.to == "rounded" and question.type != "geopoint":
            where = loaded.lines.at("forms", form.name, "privacy", "quasi_identifier", question.name)
            yield f"{where} : « {question.name} » n'est pas une position (geopoint) ; « rounded » n'en arrondit pas d'autre."


def _files(loaded: LoadedProject, form: LoadedForm) -> Iterator[str]:
    """Only servers give files."""
    kind = loaded.project.sources[form.form.source.use].kind
    if form.form.attachments is not None and form.form.attachments.keep and kind not in ("kobo", "odk"):
        where = loaded.lines.at("forms", form.name, "attachments")
        yield f"{where} : une source « {kind} » ne donne pas de fichiers joints. Écrivez « keep: false »."


def _days(loaded: LoadedProject, form: LoadedForm) -> Iterator[str]:
    """The day of a generalisation is read beside the answer, or among the shown answers of the form."""
    for table in form.questionnaire.tables.values():
        for question in table.questions:
            rule = form.generalisation(question)
            if rule is None or rule.on is None or table.question(rule.on) is not None:
                continue
            day = form.questionnaire.main.question(rule.on)
            where = loaded.lines.at("forms", form.name, "privacy", "quasi_identifier", question.name)
            if day is None:
                yield (
                    f"{where} : « on » nomme « {rule.on} », qui n'est ni à côté de « {question.name} » ni dans le "
                    f"formulaire lui-même. Nommez une question qui y est."
                )
            elif form.is_sealed(day):
                yield (
                    f"{where} : « on » nomme « {rule.on} », qui reste scellée et ne se lit pas depuis « {table.name} ». "
                    f"Nommez une question montrée (open ou sensitive)."
                )


def _coarser_columns(loaded: LoadedProject, form: LoadedForm) -> Iterator[str]:
    """Each coarser column needs a name of its own in its table."""
    for table in form.questionnaire.tables.values():
        taken = {question.column for question in form.shown(table)} | {"person_id"}
        for question in table.questions:
            rule = form.generalisation(question)
            column = rule.column(question.column) if rule is not None else None
            if column is None:
                continue
            if column in taken:
                where = loaded.lines.at("forms", form.name, "privacy", "quasi_identifier", question.name)
                yield (
                    f"{where} : la colonne « {column} » existe déjà dans cette table. Ajoutez « into: » avec un autre nom."
                )
            taken.add(column)


def _rules(loaded: LoadedProject, form: LoadedForm) -> Iterator[str]:
    """A rule that cannot be judged would pass in silence."""
    from meal_pipelines.project.expression import UnsupportedExpression, parse

    for position, rule in enumerate(form.form.rules):
        where = loaded.lines.at("forms", form.name, "rules", position)
        table = rule.repeat or MAIN
        if table not in form.questionnaire.tables:
            yield f"{where} : la répétition « {rule.repeat} » n'existe pas dans le questionnaire. Corrigez le nom."
            continue
        try:
            names = parse(rule.check).names
        except UnsupportedExpression as error:
            yield f"{where} : la règle « {rule.name} » ne peut pas être évaluée ({error}). Corrigez « check »."
            continue
        for name in sorted(names - form.questionnaire.scope(table).keys()):
            yield (
                f"{where} : la règle « {rule.name} » nomme la question « {name} », inconnue à cet endroit du "
                f"questionnaire. Corrigez « check »."
            )


def _asked(loaded: LoadedProject, name: str) -> list[tuple[LoadedForm, Question]]:
    """Every question of that name, with its form."""
    return [
        (form, question)
        for form in loaded.forms.values()
        for question in form.questionnaire.questions()
        if question.name == name
    ]


def _of_persons(loaded: LoadedProject) -> Iterator[str]:
    """The questions of a key must exist somewhere, and stay sealed: pseudonyms are made from sealed answers only."""
    if loaded.project.persons is None:
        return
    where = loaded.lines.at("persons")
    persons = loaded.project.persons
    for name in sorted({name for key in persons.every_key for name in key} | persons.links.questions):
        asked = _asked(loaded, name)
        if not asked:
            wrong = "known_by" if name == persons.known_by else "links" if name in persons.links.questions else "keys"
            yield f"{where} : la question « {name} » n'existe dans aucun formulaire. Corrigez « {wrong} »."
        # Without this, the form would go on without that key: its persons would have other pseudonyms, and a word of it nowhere.
        for form in loaded.forms.values():
            renamed = {old: new for change in form.versions.changes for old, new in change.renamed.items()}
            if name in renamed and name not in {question.name for question in form.questionnaire.questions()}:
                yield (
                    f"{where} : « {name} » sert à reconnaître une personne, et « {form.name} » l'appelle désormais "
                    f"« {renamed[name]} ». Gardez l'ancien nom dans ce questionnaire, ou renommez la question dans tous les "
                    f"formulaires, puis dans « persons »."
                )
        for form, question in asked:
            if not form.is_sealed(question):
                yield (
                    f"{where} : « {name} » sert à reconnaître une personne et est montrée en clair dans « {form.name} ». "
                    f"Classez-la identifier, quasi_identifier ou free_text."
                )


def _places(loaded: LoadedProject) -> Iterator[str]:
    """What a reviewer is shown of where a person was met stands in clear anyway."""
    if loaded.project.persons is None:
        return
    where = loaded.lines.at("persons")
    for name in loaded.project.persons.links.places:
        asked = _asked(loaded, name)
        if not asked:
            yield f"{where} : la question « {name} » n'existe dans aucun formulaire. Corrigez « places »."
        for form, question in asked:
            if form.is_sealed(question):
                yield (
                    f"{where} : « {name} » est scellée dans « {form.name} » et ne peut pas être montrée à qui relit. "
                    f"Nommez dans « places » une question montrée (open ou sensitive)."
                )


def _of_disclosure(loaded: LoadedProject) -> Iterator[str]:
    """A threshold for a dimension that is none, or an exception for an indicator that is none, would protect nothing."""
    settings = loaded.project.disclosure
    codes = [] if loaded.logframe is None else [indicator.code for indicator in loaded.logframe.indicators]
    dimensions = {} if loaded.logframe is None else loaded.logframe.dimensions
    for code in settings.without_persons:
        if code not in codes:
            where = loaded.lines.at("disclosure", "without_persons")
            yield f"{where} : l'indicateur « {code} » n'est pas dans logframe.yaml. Corrigez le code ou retirez-le."
    said: list[tuple[tuple[str, ...], dict[str, int]]] = [(("disclosure", "dimensions"), settings.dimensions)]
    said += [(("disclosure", "recipients", name), given.dimensions) for name, given in settings.recipients.items()]
    for keys, named in said:
        for name in named:
            if name not in dimensions:
                where = loaded.lines.at(*keys, name)
                yield f"{where} : la dimension « {name} » n'est pas dans logframe.yaml. Corrigez le nom ou retirez-la."
