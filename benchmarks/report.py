"""The table a person reads, in French, the goals beside it, and the same as JSON for a machine."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.run import Line

NOTES = """\
Chaque cas tourne dans un processus neuf, les pairs à tour de rôle ; secondes : médiane (minimum – maximum). Mémoire : le
maximum de ce processus ; celle de PostgreSQL, le même pour tous, n'est pas comptée. Temps : celui du cas divisé par le nôtre.
(a) meal scelle chaque ligne et valide le curseur page par page ; dlt et pandas écrivent en clair. dlt reçoit
max_table_nesting=0, son meilleur cas. Planchers, sans HTTP, lignes déjà en mémoire, une seule transaction : COPY des mêmes
octets en texte dans une table d'une colonne sans clé ; scellement puis COPY dans raw.submission, avec sa clé et ses index ;
COPY seul de lignes déjà scellées. Au-delà de 100 000 lignes, les pairs n'en lisent que 100 000 (temps comparés par ligne) et
les réponses se répètent sous d'autres identifiants.
(b) meal lit raw scellé, type, juge (pandera), quarantaine, scelle, pseudonymise et remplit le coffre ; extract de dlt et
lecture de pandas ne sont pas comptés. Chargement de pandera et de Great Expectations non compté.
(c) Les valeurs des requêtes écrites à la main pour PostgreSQL sont comparées aux nôtres, une à une ; DuckDB répond aux mêmes
requêtes. Au-delà de 50 000 lignes d'une table, meal en copie une fois les colonnes et réduit dans son processus.
(e) Mémoire : celle du plus grand processus de la commande.
(f) Les formulaires l'un après l'autre, sans Dagster. ODK Central donne le XML de chaque nouvelle soumission dans une requête
à elle : sur un vrai serveur, c'est l'aller-retour du réseau, quatre à la fois, qui fait la durée.
(g) Une seule colonne à la fois ; l'ancien trousseau est compté et retiré à part.
(h) Mêmes étapes et mêmes jugements. En clair, personnes reconnues : rien n'est scellé, mais qui est qui se retrouve comme
toujours, car les indicateurs comptent des personnes. Sans reconnaître personne : toutes les réponses restent en clair jusque
dans pseudonymised, et aucune personne n'est cherchée.
(i) Paires de fiches d'une même personne, bruit par défaut du générateur, 20 000 soumissions au plus. meal ne compare que des
empreintes à clé ; Splink lit les réponses en clair, et son seuil est choisi d'après la vérité, ce qu'on ne peut pas faire sur
de vraies données. La relecture est supposée toujours juste. Durées : hors génération.
(j) Même tableau, mêmes cases trop petites, mêmes valeurs qui doivent rester possibles, mêmes coûts ; « a + b masquées » : pour
elles-mêmes et pour d'autres ; « perdu » : la somme de leurs valeurs. L'attaque est la même pour tous (scipy). « publié » : ce
qu'impriment les auteurs de l'exemple. « comme publié par meal » : le lecteur sait aussi ce que disent les marques, et un
intervalle large de cinq suffit."""


def seconds(value: float) -> str:
    return _comma(f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}")


def number(value: float) -> str:
    return f"{value:,.0f}".replace(",", "\u202f")


def _comma(text: str) -> str:
    return text.replace(".", ",")


def show(title: str, groups: Sequence[Sequence[Line]]) -> None:
    """One part of the table."""
    table = Table(title=title, title_justify="left")
    table.add_column("Cas", no_wrap=True)
    for name in ("Lignes", "Secondes", "Lignes/s", "Mémoire", "Temps"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("Remarque")
    for group in groups:
        reference = next((line for line in group if line.case.is_reference and line.runs), None)
        for line in group:
            table.add_row(*_cells(line, reference), style="bold" if line is reference else None)
        table.add_section()
    _console().print(table)


def _cells(line: Line, reference: Line | None) -> list[str]:
    if not line.runs:
        return [line.case.label, "", "échec", "", "", "", ""]
    spread = ""
    if len(line.runs) > 1:
        found = [run.seconds for run in line.runs]
        spread = f" ({seconds(min(found))} – {seconds(max(found))})"
    return [
        line.case.label,
        number(line.rows) if line.rows else "–",
        seconds(line.seconds) + spread,
        number(line.rows / line.seconds) if line.rows else "–",
        f"{line.peak / 2**20:.0f} Mio" if line.peak else "–",
        _comma(f"× {line.pace / reference.pace:.2f}") if reference else "–",
        line.note,
    ]


def show_goals(lines: Sequence[Line]) -> None:
    """What was aimed at, and what was found; only for what was measured."""
    found = {line.case.name: line for line in lines if line.runs}
    console = _console()
    for text, kept in _goals(found):
        console.print(f"  {'[green]✓[/]' if kept else '[red]✗[/]'} {text}")


def _goals(found: dict[str, Line]) -> list[tuple[str, bool]]:
    goals = []

    def ratio(text: str, above: str, below: str, least: float | None = None, most: float | None = None) -> None:
        if above in found and below in found:
            value = found[above].pace / found[below].pace
            kept = (least is None or value >= least) and (most is None or value <= most)
            goals.append((f"{text} : {_comma(f'{value:.2f}')}", kept))

    def under(text: str, measured: float | None, most: float, unit: str) -> None:
        if measured is not None:
            shown = seconds(measured) if unit == "s" else f"{measured:.0f}"
            goals.append((f"{text}, moins de {most:.0f} {unit} : {shown} {unit}", measured < most))

    ratio("collecte, au moins 10 × dlt", "collect.dlt", "collect.ours", least=10)
    ratio("collecte, au moins 10 × dlt (CSV)", "collect.dlt_csv", "collect.ours", least=10)
    ratio("collecte, au plus 4 × le plancher (texte)", "collect.ours", "collect.floor", most=4)
    ratio("collecte, au moins 0,6 × le débit du plancher (scellé)", "collect.floor_sealed", "collect.ours", least=0.6)
    if line := found.get("collect.ours"):
        under("collecte, mémoire", None if line.peak is None else line.peak / 2**20, 400, "Mio")
    for name, label in (("kobo", "Kobo"), ("odk", "ODK Central")):
        if line := found.get(f"idle.{name}"):
            under(f"{label}, une nuit sans rien de nouveau", line.seconds, 10, "s")
    for form in ("beneficiaires", "prestations"):
        ratio(f"raw → pseudonymised ({form}), au moins 2 × dlt", f"clean.{form}.dlt", f"clean.{form}.ours", least=2)
    if line := found.get("indicators.ours"):
        under("35 indicateurs", line.seconds, 60, "s")
    ratio("35 indicateurs, au plus 2 × les requêtes à la main", "indicators.ours", "indicators.by_hand", most=2)
    ratio("35 indicateurs, au plus 3 × DuckDB, chargement compté", "indicators.ours", "indicators.duckdb", most=3)
    for name, label in (("versions", "versions"), ("identities", "identités")):
        if line := found.get(f"rotation.{name}"):
            rate = line.rows / line.seconds
            goals.append((f"rotation ({label}), au moins 50 000 lignes/s : {number(rate)}", rate >= 50_000))
    for form in ("beneficiaires", "prestations"):
        on, off = f"protection.{form}.on", f"protection.{form}.off"
        clear = f"protection.{form}.unsealed"
        ratio(f"protection ({form}), au plus 1,25 × le temps en clair, personnes reconnues", on, clear, most=1.25)
        ratio(f"protection ({form}), au plus 1,25 × le temps sans reconnaître personne", on, off, most=1.25)
    for name, line in found.items():
        for what, least in (("précision", 0.99), ("rappel", 0.95)):
            if name.startswith("linkage.") and what in (shares := line.runs[-1].shares):
                value = shares[what]
                goals.append((_comma(f"{line.case.label}, {what} d'au moins {least} : {value:.4f}"), value >= least))
    for name, label, most in (("definitions", "import des définitions", 3), ("demo", "meal demo", 60)):
        if line := found.get(f"startup.{name}"):
            under(label, line.seconds, most, "s")
    if (line := found.get("startup.demo")) and line.peak is not None:
        under("meal demo, mémoire", line.peak / 2**20, 1024, "Mio")
    return goals


def show_facts(facts: dict[str, str]) -> None:
    _console().print(" · ".join(f"{name} {value}" for name, value in facts.items()), style="dim")


def show_notes() -> None:
    _console().print(NOTES, style="dim")


def write(file: Path, facts: dict[str, str], lines: Sequence[Line]) -> None:
    """Everything measured, run by run."""
    content = {
        "facts": facts,
        "cases": {
            line.case.name: {
                "label": line.case.label,
                "rows": line.rows if line.runs else None,
                "seconds": line.seconds if line.runs else None,
                "runs": [run.seconds for run in line.runs],
                "peak_bytes": line.peak,
                "note": line.note if line.runs else "",
                "failure": line.failure,
            }
            for line in lines
        },
    }
    file.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _console() -> Console:
    """A cut figure is worse than a long line."""
    return Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=170)
