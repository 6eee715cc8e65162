"""Whether `forms/<form>.yaml` and the questionnaire agree: what a change makes must be asked after it.

What can be judged inside the file is in `form_versions.py`; nothing here reads a file.
"""

from __future__ import annotations

from collections.abc import Iterator

from meal_pipelines.project.form_versions import name_of
from meal_pipelines.project.loaded import LoadedForm


def versions_disagreements(form: LoadedForm) -> Iterator[str]:
    """One sentence per disagreement, with the file and the line to mend."""
    if form.version_lines is None:
        return
    changes = form.versions.changes
    for position, change in enumerate(changes):
        later = changes[position + 1 :]
        gone = {name_of(written) for each in later for written in (*each.read(), *each.removed)}
        for name in dict.fromkeys([*change.made(), *change.choices, *change.retyped]):
            if name_of(name) not in gone:
                yield from _not_asked(form, position, name)
        moved = {old for each in later for old in each.repeats} | {name for each in later for name in each.removed}
        for name in change.repeats.values():
            if name not in form.questionnaire.tables and name not in moved:
                yield (
                    f"{form.version_lines.at('changes', position, 'repeats')} : la répétition « {name} » n'existe pas dans "
                    f"{form.questionnaire.file.name} ; son nom s'écrit en minuscules. Corrigez-le."
                )


def _not_asked(form: LoadedForm, position: int, written: str) -> Iterator[str]:
    """A name that no question has, or several have."""
    assert form.version_lines is not None
    name, where = name_of(written), form.version_lines.at("changes", position)
    tables = {question.table for question in form.questionnaire.questions() if question.name == name}
    meant = tables if written == name else {table for table in tables if written == f"{table}/{name}"}
    if not meant:
        yield (
            f"{where} : la question « {written} » n'existe ni dans {form.questionnaire.file.name} ni dans un changement "
            "plus récent. Corrigez le nom."
        )
    elif len(meant) > 1:
        places = ", ".join(f"« {table}/{name} »" for table in sorted(meant) if table)
        yield f"{where} : la question « {name} » existe à plusieurs endroits. Écrivez {places} pour celle d'une répétition."
