"""A register that partners fill in workbooks: its project, its files in every format, and what is read of them."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import orjson
import yaml
from openpyxl import Workbook

from meal_pipelines.collect.sheets.inbox import Inbox
from meal_pipelines.collect.source import Source
from meal_pipelines.collect.workbook import PartnerWorkbooks
from meal_pipelines.project.load import load_project
from meal_pipelines.project.loaded import LoadedForm, LoadedProject

Lines = Sequence[Sequence[Any]]

SURVEY = """type,name,label::Français (fr),label::العربية (ar),hint,required,constraint,constraint_message,choice_filter
text,code,Numéro du contrat,رقم العقد,Une ligne par contrat.,yes,,,
text,osc,Organisation bénéficiaire,الجمعية المستفيدة,,,,,
date,signee_le,Date de signature,تاريخ التوقيع,,,. >= date('2026-03-01') and . <= today(),Après le 1er mars 2026.,
decimal,montant,Montant (MAD),المبلغ (درهم),En dirhams.,,. > 0 and . <= 5000000,Un montant positif.,
integer,membres,Nombre de membres,عدد الأعضاء,,,. >= 1,,
select_one region,region,Région,الجهة,,,,,
select_one province,province,Province,الإقليم,,,,,region = ${region}
select_multiple besoin,besoins,Besoins,الحاجيات,,,,,
select_one oui_non,femme,Dirigée par une femme ?,هل تترأسها امرأة؟,,,,,
time,heure,Heure de la réunion,ساعة الاجتماع,,,,,
text,remarques,Observations,ملاحظات,,,,,
"""
CHOICES = """list_name,name,label::Français (fr),label::العربية (ar),region
region,02,Oriental,الشرق,
region,09,Souss-Massa,سوس-ماسة,
province,02.411,Oujda-Angad,وجدة أنكاد,02
province,02.113,Berkane,بركان,02
province,02.900,Centre,المركز,02
province,09.900,Centre,المركز,09
besoin,sante,Santé,الصحة,
besoin,emploi,"Emploi, formation",التشغيل والتكوين,
besoin,papiers,Papiers,الوثائق,
oui_non,oui,Oui,نعم,
oui_non,non,Non,لا,
"""
REPEATS = """begin repeat,membre,Membres du bureau,أعضاء المكتب,,,,,
text,nom,Nom,الاسم,,,,,
integer,age,Âge,العمر,,,,,
end repeat,,,,,,,,
"""
SOURCE: dict[str, Any] = {
    "use": "classeurs", "file": "subventions*", "sheet": "Subventions", "key": "code", "submitted_at": "signee_le",
}  # fmt: skip
QUESTIONS = [line.split(",")[1] for line in SURVEY.splitlines()[1:]]
LABELS = dict(line.split(",")[1:3] for line in SURVEY.splitlines()[1:])
ARABIC_LABELS = {line.split(",")[1]: line.split(",")[3] for line in SURVEY.splitlines()[1:]}


def a_project(folder: Path, *, name: str = "essai", **source: Any) -> LoadedProject:
    """The project's folder, with these changes to the source of its form; it has members when the source does."""
    repeats = "repeats" in source
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "subventions.csv").write_text(SURVEY + (REPEATS if repeats else ""), encoding="utf-8")
    (folder / "choices.csv").write_text(CHOICES, encoding="utf-8")
    declared = {
        "project": name, "name": "Essai", "label": "Un essai", "starts_on": "2026-03-01", "ends_on": "2029-02-28",
        "dates_status": "illustratives", "sources": {"classeurs": {"kind": "workbook", "path": "boite"}},
        "forms": {
            "subventions": {
                "label": "Subventions", "code": "F-SUBV", "unit": "contrat", "frequency": "monthly",
                "questionnaire": {"survey": "subventions.csv", "choices": "choices.csv"},
                "source": SOURCE | source,
                "privacy": {"free_text": ["remarques"], "identifier": ["nom"] if repeats else [],
                            "open": [name for name in QUESTIONS if name != "remarques"] + (["age"] if repeats else [])},
            }
        },
    }  # fmt: skip
    (folder / "project.yaml").write_text(yaml.safe_dump(declared, allow_unicode=True), encoding="utf-8")
    (folder / "boite").mkdir(exist_ok=True)
    return load_project(folder, {})


def a_form(folder: Path, **source: Any) -> LoadedForm:
    return a_project(folder, **source).forms["subventions"]


def partner(form: LoadedForm, folder: Path, **more: Any) -> PartnerWorkbooks:
    """The inbox of that form, which does not wait for files to settle."""
    return PartnerWorkbooks(Inbox(str(folder / "boite"), form.form.source.file or "", pause=0), form, **more)


# Files --------------------------------------------------------------------------------------------------------


def xlsx(path: Path, lines: Lines, *, sheet: str = "Subventions", **more: Lines) -> Path:
    """A workbook with a sheet, and others by name."""
    book = Workbook()
    book.remove(book.worksheets[0])
    for name, content in {sheet: lines, **more}.items():
        page = book.create_sheet(name)
        for line in content:
            page.append(list(line))
    path.parent.mkdir(exist_ok=True)
    book.save(path)
    return path


def csv_file(path: Path, lines: Lines, *, separator: str = ";", encoding: str = "utf-8-sig") -> Path:
    """A CSV as spreadsheets write it."""
    rows = []
    for line in lines:
        texts = ["" if cell is None else str(cell) for cell in line]
        quoted = [
            f'"{t.replace(chr(34), 2 * chr(34))}"' if any(c in t for c in f'{separator}"\r\n') else t for t in texts
        ]
        rows.append(separator.join(quoted))
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(("\r\n".join(rows) + "\r\n").encode(encoding))
    return path


def ods(path: Path, lines: Lines, *, sheet: str = "Subventions", before: str = "", rows: str | None = None) -> Path:
    """An OpenDocument spreadsheet, written by hand: the smallest that LibreOffice opens. before: other tables."""
    made = rows if rows is not None else "".join(ods_row(line) for line in lines)
    content = (
        '<?xml version="1.0" encoding="UTF-8"?><office:document-content '
        'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
        'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" office:version="1.2"><office:body>'
        f"<office:spreadsheet>{before}<table:table table:name={quoteattr(sheet)}>{made}</table:table>"
        "</office:spreadsheet></office:body></office:document-content>"
    )
    manifest = (
        '<?xml version="1.0" encoding="UTF-8"?><manifest:manifest '
        'xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0" manifest:version="1.2">'
        '<manifest:file-entry manifest:full-path="/" manifest:media-type='
        '"application/vnd.oasis.opendocument.spreadsheet"/><manifest:file-entry manifest:full-path="content.xml" '
        'manifest:media-type="text/xml"/></manifest:manifest>'
    )
    path.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet", zipfile.ZIP_STORED)
        archive.writestr("META-INF/manifest.xml", manifest)
        archive.writestr("content.xml", content)
    return path


def ods_row(line: Sequence[Any], attributes: str = "") -> str:
    return f"<table:table-row {attributes}>{''.join(ods_cell(cell) for cell in line)}</table:table-row>"


def ods_cell(cell: Any, attributes: str = "") -> str:
    if cell is None or cell == "":
        return f"<table:table-cell {attributes}/>"
    if isinstance(cell, (int, float)):
        return f'<table:table-cell {attributes} office:value-type="float" office:value="{cell!r}"/>'
    if hasattr(cell, "isoformat"):
        day = cell.isoformat()
        return f'<table:table-cell {attributes} office:value-type="date" office:date-value="{day}"/>'
    lines = "".join(f"<text:p>{escape(part)}</text:p>" for part in str(cell).split("\n"))
    return f'<table:table-cell {attributes} office:value-type="string">{lines}</table:table-cell>'


def written(path: Path, seconds: int) -> Path:
    """The file as if it had been written that many seconds after some moment; copies keep it."""
    os.utime(path, (1_780_000_000 + seconds, 1_780_000_000 + seconds))
    return path


def fixture(name: str, to: Path) -> Path:
    """One of the files kept with the tests, put into an inbox."""
    to.parent.mkdir(exist_ok=True)
    return Path(shutil.copy(Path(__file__).parents[1] / "fixtures" / "workbooks" / name, to))


# What is read -------------------------------------------------------------------------------------------------


def rows(source: Source, after: str | None = None) -> dict[str, dict[str, Any]]:
    """Every submission of a sweep by its id, without what was typed otherwise; checks the contract of pages."""
    return {key: {name: v for name, v in row.items() if name != "$original"} for key, row in payloads(source, after)}


def payloads(source: Source, after: str | None = None) -> Iterator[tuple[str, dict[str, Any]]]:
    place = after
    for page in source.sweep(after):
        assert page.after == place
        keys = [submission.submission_id for submission in page.submissions]
        assert keys == sorted(keys, key=lambda key: int(key) if source.order == "numeric" else key)  # type: ignore[return-value]
        assert page.through is None or page.through == keys[-1]
        for submission in page.submissions:
            yield submission.submission_id, orjson.loads(submission.payload)
        place = page.through
    assert place is None


def refusal(source: PartnerWorkbooks) -> str:
    """Why the only file of an inbox is refused."""
    from meal_pipelines.errors import ConfigurationError

    try:
        rows(source)
    except ConfigurationError as error:
        [receipt] = source.receipts
        assert receipt.refused == str(error) and receipt.rows == 0
        return str(error)
    raise AssertionError("nothing was refused")
