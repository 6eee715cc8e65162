"""What is due and what was purged, as people read it: on a terminal, and in Dagster as Markdown; counts only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from meal_pipelines.display.screen import console, french, refuse

if TYPE_CHECKING:
    from meal_pipelines.project.loaded import LoadedProject
    from meal_pipelines.protect.rights.retention import Due, Proof


def show_due(projects: Mapping[str, LoadedProject], found: Iterable[Due]) -> None:
    """Every form: its rule, what is due, and why nothing is done where nothing is."""
    by_form = {due.name: due for due in found}
    for project in projects.values():
        for name in project.forms:
            due = by_form.get(f"{project.id}/{name}")
            if due is None:
                console.print(f"{project.id}/{name} : aucune durée de conservation décidée.")
                continue
            console.print(f"{due.name} : {told(due)}", soft_wrap=True)
            for month, count in due.months.items():
                console.print(f"    {month} : {french(count)}")


def told(due: Due) -> str:
    """One form in a sentence."""
    count = f"{french(due.submissions)} soumission(s) à échéance" if due.submissions else "rien à échéance"
    held = " ; à confirmer dans project.yaml (basis) : rien n'est effacé" if due.is_held else ""
    return f"{due.rule.told()} — {count}{held}"


def proven(proof: Proof) -> str:
    """What was counted afterwards, in a sentence."""
    if proof.holds:
        return "vérifié : plus rien dans raw, cleaned, pseudonymised, vault ni dans les fichiers joints"
    left = [f"{french(proof.due)} soumission(s) encore à échéance"] if proof.due else []
    left += [f"{table} : {french(count)} ligne(s) sans soumission" for table, count in proof.orphans.items() if count]
    left += [f"{french(proof.strangers)} fichier(s) scellé(s) que rien ne nomme"] if proof.strangers else []
    return "il reste : " + ", ".join(left)


def show_proof(proofs: Iterable[tuple[Due, int, Proof]]) -> None:
    for due, count, proof in proofs:
        line = f"{due.name} : {french(count)} soumission(s) effacée(s) ; {proven(proof)}."
        if proof.holds:
            console.print(f"[green]✓[/] {line}", soft_wrap=True)
        else:
            refuse(line)


def as_markdown(found: Iterable[Due]) -> str:
    """What is due, by form and month, as a table of Dagster's pages."""
    lines = ["| formulaire | règle | mois | soumissions |", "|---|---|---|---:|"]
    for due in found:
        rule = due.rule.told() + (" (à confirmer : rien n'est effacé)" if due.is_held else "")
        months = due.months or {"–": 0}
        lines += [f"| {due.name} | {rule} | {month} | {count} |" for month, count in months.items()]
    return "\n".join(lines)
