"""(f) Nights when nobody sent anything, form by form, and what ODK Central costs the first time.

Forms are collected for real before the night that is measured: its marks and counts are those of a night before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from benchmarks.case import Case, Figures, stopwatch
from benchmarks.collection import FORM
from benchmarks.kobo import asset_name
from benchmarks.loopback import Loopback, started
from benchmarks.odk import PROJECT as ODK_PROJECT
from benchmarks.odk import form_name
from benchmarks.place import PROJECT, Place, execute
from benchmarks.report import number

if TYPE_CHECKING:
    from meal_pipelines.collect.odk_session import OdkSession
    from meal_pipelines.collect.source import Source

FORMS = 25
KOBO_SHARE = 0.4
"""Rows of each Kobo form for one of `--rows`: a million on record for 100,000."""

ODK_SHARE = 0.004
"""Rows of each form of ODK Central, each of which takes the server a document of its own before the night."""

FIRST_SHARE = 0.05
"""Rows of the form of ODK Central that is collected for the first time."""

REQUESTS = 2
"""Aimed at, for each form."""


def kobo(place: Place) -> Figures:
    """25 forms of KoboToolbox whose history the account may read."""
    from meal_pipelines.collect.kobo import KoboSource

    rows = max(round(place.rows * KOBO_SHARE), 1)
    with started("benchmarks.kobo", str(place.pages(FORM)), str(FORMS), str(rows)) as server:
        url, token = server.words
        return _quiet_night(place, server, rows, lambda form: KoboSource(url, token, asset_name(form)))


def odk(place: Place) -> Figures:
    """25 forms of ODK Central, in one session."""
    from meal_pipelines.collect.odk import OdkForm

    rows = max(round(place.rows * ODK_SHARE), 1)
    with started("benchmarks.odk", str(place.pages(FORM)), str(FORMS), str(rows)) as server:
        session = _session(server)
        return _quiet_night(
            place, server, rows, lambda form: OdkForm(session=session, project=ODK_PROJECT, name=form_name(form))
        )


def odk_first(place: Place) -> Figures:
    """One form of ODK Central, from nothing: its rows page by page, and a document for each."""
    from meal_pipelines.collect.odk import OdkForm
    from meal_pipelines.collect.sync import synchronise

    rows, keyring = max(round(place.rows * FIRST_SHARE), 1), place.keyring()
    with started("benchmarks.odk", str(place.pages(FORM)), "1", str(rows)) as server, place.warehouse() as warehouse:
        source = OdkForm(session=_session(server), project=ODK_PROJECT, name=form_name(0))
        execute(warehouse, "truncate raw.submission, raw.cursor, raw.missing", "checkpoint")
        with stopwatch() as watch:
            load = synchronise(warehouse, keyring, PROJECT, FORM, source)
        assert load is not None and load.added == rows, "a row is missing"
        return Figures(watch.seconds, rows, note=f"{server.asked()} requêtes")


def _session(server: Loopback) -> OdkSession:
    from meal_pipelines.collect.odk_session import OdkSession

    url, email, password = server.words
    return OdkSession(url, email, password)


def _quiet_night(place: Place, server: Loopback, rows: int, source: Callable[[int], Source]) -> Figures:
    """Every form collected, then collected again: the second time is measured."""
    from meal_pipelines.collect.sync import synchronise

    keyring = place.keyring()
    with place.warehouse() as warehouse:

        def night() -> int:
            loads = [synchronise(warehouse, keyring, PROJECT, f"{FORM}_{form}", source(form)) for form in range(FORMS)]
            return sum(load.written for load in loads if load is not None)

        execute(warehouse, "truncate raw.submission, raw.cursor, raw.missing", "checkpoint")
        with stopwatch() as before:
            written = night()
        assert written == FORMS * rows, "a row is missing"
        execute(warehouse, "checkpoint")
        asked = server.asked()
        with stopwatch() as watch:
            written = night()
        asked = server.asked() - asked
    assert written == 0, "something was taken for new"
    assert asked <= REQUESTS * FORMS, f"{asked} requests for {FORMS} forms"
    note = f"{asked} requêtes, {number(FORMS * rows)} soumissions en base, collectées en {before.seconds:.0f} s"
    return Figures(watch.seconds, 0, note=note)


CASES = (
    Case("odk.first", "odk.first", "ODK Central : première collecte, un document par soumission", odk_first, repeats=1),
    Case("idle.kobo", "idle.kobo", f"Kobo : {FORMS} formulaires, rien de nouveau", kobo, repeats=1),
    Case("idle.odk", "idle.odk", f"ODK Central : {FORMS} formulaires, rien de nouveau", odk, repeats=1),
)
