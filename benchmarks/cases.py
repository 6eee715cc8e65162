"""Every case there is, in the order of the table; each part runs its groups, each group alternates its cases."""

from __future__ import annotations

from collections.abc import Iterable

from benchmarks import (
    cleaning,
    collection,
    disclosure,
    idle,
    linkage,
    measuring,
    nightly,
    protection,
    rotation,
    setup,
    startup,
)
from benchmarks.case import Case

PARTS: dict[str, tuple[str, tuple[Case, ...]]] = {
    "collect": ("(a) Collecte, d'un serveur HTTP local à PostgreSQL", collection.CASES),
    "clean": ("(b) De raw à pseudonymised", cleaning.CASES),
    "indicators": ("(c) 35 indicateurs", measuring.CASES),
    "nightly": ("(d) Une nuit après l'autre, deux projets", nightly.CASES),
    "startup": ("(e) Démarrage", startup.CASES),
    "idle": ("(f) Une nuit sans rien de nouveau, et la première fois d'ODK Central", idle.CASES),
    "rotation": ("(g) Rotation des clés", rotation.CASES),
    "protection": ("(h) Ce que coûte la protection", protection.CASES),
    "linkage": ("(i) Rapprocher les personnes, deux projets", linkage.CASES),
    "disclosure": ("(j) Ce que masquent les protections d'un même tableau", disclosure.CASES),
}
PREPARATION = (
    Case("setup.warehouse", "setup", "entrepôt", setup.prepare),
    Case("setup.sample", "setup", "soumissions d'exemple", setup.generate),
)


def case(name: str) -> Case:
    """The case of that name."""
    known = (*PREPARATION, *(case for _, cases in PARTS.values() for case in cases))
    return next(case for case in known if case.name == name)


def groups(cases: Iterable[Case]) -> list[list[Case]]:
    """The cases of a part, those that are compared together."""
    found: dict[str, list[Case]] = {}
    for each in cases:
        found.setdefault(each.group, []).append(each)
    return list(found.values())
