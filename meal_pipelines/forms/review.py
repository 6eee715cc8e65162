"""The reviewed file `forms/<form>.yaml`: what is proposed for it, what it does not settle yet, and writing into it.

The text that people wrote is never written anew: a change is added at its end, the reviewed version in its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import yaml

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.forms.difference import Comparison, name_in
from meal_pipelines.project.files import read_yaml
from meal_pipelines.project.form_versions import FormVersions, name_of, named
from meal_pipelines.project.load import versions_file
from meal_pipelines.project.loaded import LoadedForm
from meal_pipelines.project.origins import History, asked_in
from meal_pipelines.project.questionnaire import Questionnaire

COMPATIBLE = {("integer", "decimal"), ("integer", "text"), ("decimal", "text"), ("select_one", "select_multiple"),
    ("select_one", "text"), ("date", "text"), ("note", "text"), ("calculate", "text"), ("text", "calculate"),
    ("text", "barcode"), ("barcode", "text"), ("hidden", "calculate"), ("range", "decimal"), ("integer", "range")}  # fmt: skip
"""Changes of type under which every old answer is one of the new type as well."""


def proposal(comparison: Comparison, until: Iterable[str]) -> str:
    """The change to add to the file, in YAML. What is only likely stands in comments: nothing counts before a person said so."""
    lines = [f"- until: {_flow(list(until))}"]
    likeness = {each.question: each.like for each in comparison.differences if each.kind == "renamed"}
    if comparison.renamed:
        sure = ", ".join(f"{new} {100 * (likeness[new] or 0):.0f}\u202f%" for new in comparison.renamed.values())
        lines += [f"  # À confirmer ({sure} de ressemblance) : la même question ? Retirez alors le « # ».",
                  f"  # renamed: {_flow(comparison.renamed)}"]  # fmt: skip
    if comparison.choices:
        lines += ["  # À confirmer : les mêmes choix, sous d'autres codes ? Retirez alors le « # ».",
                  f"  # choices: {_flow(comparison.choices)}"]  # fmt: skip
    if comparison.retyped:
        found = {key: {"from": was} for key, was in comparison.retyped.items()}
        lines += ["  # À décider : comment lire les anciennes réponses (values, factor, format), ou telles quelles.",
                  f"  # retyped: {_flow(found)}"]  # fmt: skip
    if comparison.removed:
        lines += ["  # À décider : partagées, réunies (split, merged), ou retirées pour de bon ? Dans ce dernier cas, retirez le « # ».",
                  f"  # removed: {_flow(comparison.removed)}"]  # fmt: skip
    if comparison.added:
        lines.append(f"  # Ajoutées, rien à décider : {', '.join(comparison.added)}")
    return "".join(f"  {line}\n" for line in lines)


def _flow(value: object) -> str:
    return yaml.safe_dump(value, allow_unicode=True, sort_keys=False, default_flow_style=True, width=10_000).strip()


def unsettled(form: LoadedForm, deployed: str, before: Questionnaire) -> list[str]:
    """What answers of the deployed version would lose under the local questionnaire, that the file does not settle."""
    after = form.questionnaire
    repeats = {table.name for each in (before, after) for table in each.repeats}
    history = History(form.versions.since(deployed), frozenset(repeats))
    origins = {
        (question.table, question.name): history.origin_of(question.table, question.name)
        for question in after.questions()
    }
    read = {
        (history.table_before(table), name_of(asked.name))
        for (table, _), origin in origins.items()
        for asked in asked_in(origin)
    }
    removed = history.removed()
    found = [
        f"la question « {name_in(question)} » n'est plus dans le questionnaire, et rien ne dit où vont ses réponses"
        for question in before.questions()
        if (question.table, question.name) not in read
        and not named(removed, question.table, question.name)
        and not any(question.path.endswith(written) for written in removed)
        and question.table not in removed
    ]
    return found + _retyped(form, deployed, before)


def _retyped(form: LoadedForm, deployed: str, before: Questionnaire) -> list[str]:
    """Questions whose old answers may not be of the new type, and of which nobody said so."""
    reviewed = [name for change in form.versions.since(deployed) for name in change.retyped]
    old = {(question.table, question.name): question.type for question in before.questions()}
    return [
        f"la question « {name_in(question)} » passe de {was} à {question.type}, et rien ne dit comment lire ses réponses"
        for question in form.questionnaire.questions()
        if (was := old.get((question.table, question.name), question.type)) != question.type
        and (was, question.type) not in COMPATIBLE
        and not named(reviewed, question.table, question.name)
    ]


def write_change(folder: Path, form: str, change: str) -> Path:
    """Add a change at the end of the file, which is made when there is none.

    Raises: ConfigurationError when the file would no longer be readable; it is then left as it was.
    """
    path = versions_file(folder, form)
    text = path.read_text(encoding="utf-8-sig") if path.exists() else _heading(form)
    if re.search(r"^changes:\s*(\[\])?\s*(#.*)?$", text, re.MULTILINE) is None:
        text = text.rstrip("\n") + "\n\nchanges:\n"
    elif re.search(r"^\w+:", text.split("changes:", 1)[1], re.MULTILINE):
        raise ConfigurationError(
            f"forms/{path.name} : mettez la clé « changes » à la fin du fichier, puis relancez ; rien n'a été écrit."
        )
    text = re.sub(r"^changes:\s*\[\]", "changes:", text, flags=re.MULTILINE)
    return _written(path, text.rstrip("\n") + "\n" + change)


def write_deployed(folder: Path, form: str, version: str) -> Path:
    """Note which deployed version people have reviewed."""
    path = versions_file(folder, form)
    text = path.read_text(encoding="utf-8-sig") if path.exists() else _heading(form)
    line = f"deployed: {yaml.safe_dump(version, default_style=chr(34)).strip()}"
    if re.search(r"^deployed:", text, re.MULTILINE):
        return _written(path, re.sub(r"^deployed:.*$", lambda _: line, text, count=1, flags=re.MULTILINE))
    head, separator, tail = text.partition("\nchanges:")
    return _written(path, f"{head.rstrip(chr(10))}\n{line}\n{separator}{tail}")


def _heading(form: str) -> str:
    return (
        f"# Comment les versions du formulaire « {form} » se suivent. Fichier relu par des personnes ; voir le guide,\n"
        "# « Changer un questionnaire sans rien perdre ».\n"
    )


def _written(path: Path, text: str) -> Path:
    """Write the file if it still reads; otherwise leave what was there."""
    before = path.read_bytes() if path.exists() else None
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    try:
        read_yaml(path, FormVersions)
    except ConfigurationError:
        if before is None:
            path.unlink()
        else:
            path.write_bytes(before)
        raise
    return path
