"""(h) What protection costs: from exported pages to `pseudonymised`, beside the same stages with nothing to protect.

Without protection nothing is sealed, every question is open and nobody is a person: the same rows go through the same
stages, judged alike, and every answer, names included, stands in clear in the last tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.case import Case, Figures, stopwatch
from benchmarks.cleaning import forget
from benchmarks.place import PROJECT, Place, execute
from meal_pipelines.protect.keys.keyring import Keyring

if TYPE_CHECKING:
    from meal_pipelines.project.loaded import LoadedProject

FORMS = ("beneficiaires", "prestations")


class _Open:
    """Stands for a sealer, and leaves everything as it is."""

    def seal(self, values: Sequence[bytes], places: Sequence[str]) -> list[bytes]:
        return list(values)

    def unseal(self, sealed: Iterable[bytes | memoryview], places: Iterable[str]) -> list[bytes]:
        return list(map(bytes, sealed))


class _NoKeys(Keyring):
    """Seals nothing. Its hashes stay: they tell a version from the next, which has nothing to do with protection."""

    def sealer(self, project: str) -> Any:
        return _Open()


def through(
    place: Place, form: str, prepared: Callable[[LoadedProject, Keyring], tuple[LoadedProject, Keyring]]
) -> Figures:
    """Collect from pages that lie on the disk, clean, protect; all of it counted."""
    from meal_pipelines.clean import stage as clean
    from meal_pipelines.clean.corrections import read_log
    from meal_pipelines.collect.export import ExportedPages
    from meal_pipelines.collect.sync import synchronise
    from meal_pipelines.protect import stage as protect

    project, keyring = prepared(place.project(), place.keyring())
    loaded, workers, log = project.forms[form], place.settings.workers, read_log(Path("none"))
    with place.warehouse() as warehouse:
        execute(warehouse, "truncate raw.submission, raw.cursor, raw.missing")
        forget(warehouse, project, loaded)
        import pandera.pandas  # noqa: F401 - loaded once a night, whatever the rows

        with stopwatch() as watch:
            synchronise(warehouse, keyring, PROJECT, form, ExportedPages(place.pages(form)))
            cleaned = clean.prepare(warehouse, keyring, project, loaded, log, workers=workers)
            assert cleaned is not None
            clean.publish(warehouse, cleaned, log)
            protected = protect.prepare(warehouse, keyring, project, loaded, workers=workers)
            assert protected is not None
            protect.publish(warehouse, protected)
        forget(warehouse, project, loaded)
        execute(warehouse, "truncate raw.submission, raw.cursor, raw.missing")
    assert cleaned.submissions == place.count(form), "a submission is missing"
    return Figures(watch.seconds, cleaned.submissions, note=f"{protected.persons} personnes reconnues")


def _as_it_is(project: LoadedProject, keyring: Keyring) -> tuple[LoadedProject, Keyring]:
    return project, keyring


def _unsealed(project: LoadedProject, keyring: Keyring) -> tuple[LoadedProject, Keyring]:
    """Persons and identities as ever, but nothing is sealed: what is left is the work of pseudonymising."""
    return project, _NoKeys(keyring.current, keyring.sealing, keyring.pseudonym)


def _unprotected(project: LoadedProject, keyring: Keyring) -> tuple[LoadedProject, Keyring]:
    """The same project with every question open and no persons, and keys that seal nothing."""
    from meal_pipelines.project.privacy import Privacy

    forms = {
        name: replace(form, form=form.form.model_copy(update={"privacy": Privacy(open=["*"])}))
        for name, form in project.forms.items()
    }
    plan = project.project.model_copy(update={"persons": None})
    return replace(project, project=plan, forms=forms), _NoKeys(keyring.current, keyring.sealing, keyring.pseudonym)


def _cases() -> Iterator[Case]:
    for form in FORMS:
        group = f"protection.{form}"
        label = f"meal : collecter, nettoyer, protéger ({form})"
        yield Case(f"{group}.on", group, label, partial(through, form=form, prepared=_as_it_is), is_reference=True)
        unsealed, off = (partial(through, form=form, prepared=prepared) for prepared in (_unsealed, _unprotected))
        yield Case(f"{group}.unsealed", group, "le même en clair, personnes reconnues", unsealed)
        yield Case(f"{group}.off", group, "les mêmes étapes, sans reconnaître personne", off)


CASES = tuple(_cases())
