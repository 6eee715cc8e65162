"""The workbook in which a reviewer says of each pair what it is: written without clear text, read back line by line.

One cell of a line is to be filled, from a list; the others are locked. What is proposed is in `review.py`, what becomes of the
answers in `decisions.py`.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.invocation import MEAL, typed
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.protect.persons.decisions import WORDS, Decision, Verdict
from meal_pipelines.protect.persons.review import Met, Pair, Proposals, label_of, labels

PAIRS, GUIDE = "Paires", "À lire"
ONE, OTHER, DECISION = "Personne A", "Personne B", "Décision"
FIRST_LINE = 2
WIDTHS = {"Personne": 36, "Ce qui concorde": 30, "Mois d'envoi": 18, "Tranche d'âge": 12, DECISION: 18}
"""Of the columns whose heading begins so; a pseudonym takes two lines."""
USUAL_WIDTH = 20


def write_workbook(project: LoadedProject, proposed: Proposals, path: Path) -> None:
    """Write the pairs, one a line. Raises: ConfigurationError, when there is such a file already."""
    from openpyxl import Workbook
    from openpyxl.styles import PatternFill, Protection
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation

    from meal_pipelines.extracts.workbook import A3, add_lines, heading, print_setup

    if path.exists():
        raise ConfigurationError(f"{path} existe déjà. Donnez un autre nom : rien n'est écrasé.")
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = PAIRS
    header = _header(project)
    widths = [next((at for start, at in WIDTHS.items() if name.startswith(start)), USUAL_WIDTH) for name in header]
    add_lines(sheet, header, [_row(project, proposed, pair) for pair in proposed.pairs], widths)
    for line in range(FIRST_LINE, FIRST_LINE + len(proposed.pairs)):
        answer = sheet.cell(line, len(header))
        answer.protection = Protection(locked=False)
        answer.fill = PatternFill("solid", fgColor="FFF2CC")
    for column in range(1, len(header) + 1):
        heading(sheet.cell(1, column))
    sheet.freeze_panes = "C2"
    print_setup(sheet, "1:1", paper=A3)
    sheet.print_title_cols = "A:B"
    sheet.print_options.gridLines = True
    choice = DataValidation(type="list", formula1='"' + ",".join(WORDS.values()) + '"', allow_blank=True)
    choice.errorTitle, choice.error = "Décision", "Choisissez dans la liste, ou laissez vide."
    sheet.add_data_validation(choice)
    last = get_column_letter(len(header))
    choice.add(f"{last}{FIRST_LINE}:{last}{max(FIRST_LINE, len(proposed.pairs) + 1)}")
    sheet.protection.sheet = True
    _guide(book.create_sheet(GUIDE), project, proposed)
    path.parent.mkdir(parents=True, exist_ok=True)
    book.save(path)


def _header(project: LoadedProject) -> list[str]:
    named = [
        f"{what} {letter}"
        for what in ("Formulaires", "Mois d'envoi", *_places(project), "Tranche d'âge")
        for letter in "AB"
    ]
    return [ONE, OTHER, "Ce qui concorde", *named, DECISION]


def _places(project: LoadedProject) -> list[str]:
    persons = project.project.persons
    return [label_of(project, name) for name in persons.links.places] if persons is not None else []


def _row(project: LoadedProject, proposed: Proposals, pair: Pair) -> list[str]:
    assert project.project.persons is not None
    both = [proposed.met.get(person, Met()) for person in (pair.one, pair.other)]
    told = [", ".join(f"{form} : {count}" for form, count in sorted(met.forms.items())) for met in both]
    told += [_span(met.months) for met in both]
    for name in project.project.persons.links.places:
        told += [labels(project, name, met.places[name]) for met in both]
    told += [", ".join(sorted(met.ages)) for met in both]
    word = WORDS[pair.verdict] if pair.verdict is not None else ""
    return [pair.one, pair.other, " ; ".join(_key(project, each) for each in pair.agreeing), *told, word]


def _key(project: LoadedProject, reason: str) -> str:
    return " + ".join(label_of(project, name) for name in reason.split("+"))


def _span(months: set[str]) -> str:
    if not months:
        return ""
    first, last = min(months), max(months)
    return first if first == last else f"{first} à {last}"


def _guide(sheet: Any, project: LoadedProject, proposed: Proposals) -> None:
    from openpyxl.styles import Alignment, Font

    from meal_pipelines.extracts.workbook import print_setup, put

    lines = [
        ("Projet", project.id),
        ("Ce que c'est", "Des paires de pseudonymes que des clés faibles rapprochent : peut-être une même personne, peut-être deux."),
        ("Quoi faire", "Pour chaque ligne, choisissez dans « Décision ». Une ligne laissée vide n'est pas décidée et reviendra."),
        ("même personne", "Les deux pseudonymes n'en font plus qu'un, dans toutes les tables et tous les indicateurs."),
        ("différentes", "La paire n'est plus proposée, et rien ne la réunira, pas même une clé forte."),
        ("à revoir", "Aucune décision : annule une décision précédente, et la paire est de nouveau proposée."),
        ("En cas de doute", "Laissez vide, ou demandez à l'organisation qui a rencontré la personne. Deux personnes réunies à tort "
         "sont plus difficiles à séparer qu'une personne comptée deux fois."),
        ("Ensuite", f"{MEAL} persons decide --project PROJET --xlsx FICHIER --by NOM, qui montre d'abord ce qui changerait."),
        ("Ce qui n'est pas ici", "Aucun nom, aucun numéro, aucune date précise. Un pseudonyme reste une donnée personnelle : gardez ce "
         "fichier dans l'équipe, puis effacez-le."),
        ("Clés trop partagées", f"{proposed.crowded} : trop de personnes les partagent pour qu'elles disent quoi que ce soit."),
    ]  # fmt: skip
    for line, (what, text) in enumerate(lines, start=1):
        put(sheet.cell(line, 1), what)
        put(sheet.cell(line, 2), text)
        sheet.cell(line, 1).font = Font(bold=True)
        sheet.cell(line, 2).alignment = Alignment(wrap_text=True, vertical="top")
    sheet.column_dimensions["A"].width, sheet.column_dimensions["B"].width = 24, 110
    print_setup(sheet, None)


def read_workbook(project: LoadedProject, path: Path) -> list[Decision]:
    """The lines on which something was decided.

    Raises: ConfigurationError, naming the line, when the file is not such a workbook, is another project's, or has an answer
    that is none of the list.
    """
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except FileNotFoundError:
        raise ConfigurationError(f"{path} n'existe pas. Corrigez « --xlsx ».") from None
    except (InvalidFileException, zipfile.BadZipFile, KeyError):
        raise ConfigurationError(f"{path} n'est pas un classeur Excel lisible. Enregistrez-le en .xlsx.") from None
    try:
        if PAIRS not in book.sheetnames or GUIDE not in book.sheetnames:
            raise ConfigurationError(
                f"{path} n'est pas un classeur de {typed('persons review')} : il y manque une feuille."
            )
        owner = next(book[GUIDE].iter_rows(max_row=1, values_only=True), (None, None))
        if owner[:2] != ("Projet", project.id):
            raise ConfigurationError(
                f"{path} n'est pas du projet « {project.id} ». Corrigez « --project » ou « --xlsx »."
            )
        rows = book[PAIRS].iter_rows(values_only=True)
        header = [str(text or "") for text in next(rows, ())]
        missing = [name for name in (ONE, OTHER, DECISION) if name not in header]
        if missing:
            raise ConfigurationError(f"{path} : il manque la colonne « {missing[0]} ». Reprenez le classeur d'origine.")
        places = [header.index(name) for name in (ONE, OTHER, DECISION)]
        return [each for line, row in enumerate(rows, start=FIRST_LINE) if (each := _decision(row, places, line))]
    finally:
        book.close()


def _decision(row: Any, places: list[int], line: int) -> Decision | None:
    one, other, word = (str(row[place] or "").strip() if place < len(row) else "" for place in places)
    if not word or word == "–":
        return None
    verdicts: dict[str, Verdict] = {text: verdict for verdict, text in WORDS.items()}
    if word not in verdicts:
        raise ConfigurationError(
            f"Ligne {line} : la décision n'est pas dans la liste ({', '.join(WORDS.values())}). Corrigez-la ou videz la cellule."
        )
    return Decision(one, other, verdicts[word], line)
