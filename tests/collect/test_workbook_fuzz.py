"""Whatever the format, the order, the accents, the digits: the same register gives the same submissions.

A register is drawn as the answers that should be understood; a partner is drawn who writes it down. Nothing of the
reader is used to write.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import openpyxl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meal_pipelines.project.loaded import LoadedForm
from tests.collect.workbook_cases import ARABIC_LABELS, LABELS, a_form, csv_file, ods, partner, rows, xlsx

ARABIC, PERSIAN = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"), str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")
MONTHS = ["janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre"]
MONTHS += ["décembre"]
MOROCCAN = ["يناير", "فبراير", "مارس", "أبريل", "ماي", "يونيو", "يوليوز", "غشت", "شتنبر", "أكتوبر", "نونبر", "دجنبر"]
REGIONS = {"02": ["02", "Oriental", "الشرق", "ORIENTAL"], "09": ["09", "Souss-Massa", "سوس-ماسة", "souss massa"]}
NEEDS = {
    "sante": ["Santé", "sante", "الصحة"],
    "emploi": ["emploi", "التشغيل والتكوين"],
    "papiers": ["Papiers", "PAPIERS", "الوثائق"],
}
YES = {"oui": ["oui", "Oui", "نعم"], "non": ["non", "NON", "لا"]}

LATIN = st.text("abcdefgéèçàœABC' -", min_size=1, max_size=12)
IN_ARABIC = st.text("جمعيةالأملوجدة ", min_size=1, max_size=12)
ANSWERS = {
    "osc": st.one_of(LATIN, IN_ARABIC).map(lambda text: " ".join(text.split())).filter(bool),
    "signee_le": st.dates(dt.date(1930, 1, 1), dt.date(2029, 12, 31)).map(dt.date.isoformat),
    "montant": st.integers(-999_999_999, 999_999_999).map(lambda cents: f"{Decimal(cents) / 100:f}"),
    "membres": st.integers(-(10**9), 10**12).map(str),
    "region": st.sampled_from(sorted(REGIONS)),
    "besoins": st.lists(st.sampled_from(sorted(NEEDS)), min_size=1, max_size=3, unique=True).map(" ".join),
    "femme": st.sampled_from(sorted(YES)),
}
REGISTERS = st.dictionaries(
    st.integers(1, 9999).map(lambda number: f"P2-{number:04}"),
    st.fixed_dictionaries({}, optional=ANSWERS),  # type: ignore[arg-type]
    min_size=1,
    max_size=6,
)


def without_accents(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))


class Writer:
    """Somebody who fills in a workbook. as_text: the file holds texts only, as a CSV does."""

    def __init__(self, draw: st.DataObject, *, as_text: bool) -> None:
        self.draw, self.as_text = draw, as_text

    def one_of(self, *ways: Any) -> Any:
        return self.draw.draw(st.sampled_from(ways))

    def header(self, name: str) -> str:
        label = LABELS[name]
        return self.one_of(
            name, label, ARABIC_LABELS[name], label.upper(), without_accents(label), f"  {label} *", f"{label} / {ARABIC_LABELS[name]}",
            f"\u200f{ARABIC_LABELS[name]}", label.replace(" ", "  "),
        )  # fmt: skip

    def cell(self, name: str, answer: str) -> Any:
        writers = {"signee_le": self.day, "montant": self.number, "membres": self.number}
        if name in writers:
            return writers[name](answer)
        if name == "besoins":
            separator = self.one_of("; ", ";", ", ", "\n", "، ")
            return separator.join(self.one_of(*NEEDS[code]) for code in answer.split())
        if name == "region" and not self.as_text and self.one_of(True, False):
            return int(answer)
        if name == "femme" and not self.as_text and self.one_of(True, False):
            return self.truth(answer)
        choices = {"region": REGIONS, "femme": YES}.get(name)
        return self.one_of(*choices[answer]) if choices else answer

    def truth(self, answer: str) -> Any:
        return answer

    def day(self, answer: str) -> Any:
        day = dt.date.fromisoformat(answer)
        french, arabic = MONTHS[day.month - 1], MOROCCAN[day.month - 1]
        texts = [answer, f"{day:%d/%m/%Y}", f"{day:%d/%m/%y}", f"{day.day}-{day.month}-{day.year}", f"{day:%d.%m.%Y}"]
        texts += [
            f"{day.day} {french} {day.year}",
            f"{day.day} {arabic} {day.year}",
            f"{day:%d/%m/%Y}".translate(ARABIC),
        ]
        serial = (day - dt.date(1899, 12, 30)).days
        return self.one_of(*texts, str(serial)) if self.as_text else self.one_of(*texts, day, serial, serial + 0.5)

    def number(self, answer: str) -> Any:
        sign, digits = ("-", answer[1:]) if answer.startswith("-") else ("", answer)
        whole, _, decimals = digits.partition(".")
        space = self.one_of(" ", "\u00a0", "\u202f")
        comma = f"{sign}{int(whole):,}".replace(",", space) + (f",{decimals}" if decimals else "")
        texts = [
            answer,
            comma,
            comma.translate(ARABIC),
            comma.translate(PERSIAN),
            answer.translate(ARABIC).replace(".", "٫"),
        ]
        return self.one_of(*texts) if self.as_text else self.one_of(*texts, float(answer))

    def lines(self, register: dict[str, dict[str, str]]) -> list[list[Any]]:
        """The sheet: perhaps titles, the header, the rows in any order with empty lines between, perhaps a total."""
        names = self.draw.draw(st.permutations(["code", *ANSWERS]))
        made: list[list[Any]] = [[None] * len(names) for _ in range(self.one_of(0, 2))]
        if made:
            made[0][0] = "Registre des subventions – mai"
        made.append([self.header(name) for name in names])
        for key in self.draw.draw(st.permutations(sorted(register))):
            answers = {"code": key, **register[key]}
            made += [[None] * len(names)] * self.one_of(0, 0, 0, 1)
            made.append([self.cell(name, answers[name]) if name in answers else None for name in names])
        if self.one_of(True, False):
            total: list[Any] = [None] * len(names)
            total[names.index("osc")] = self.one_of("TOTAL", "Total général", "المجموع")
            made.append(total)
        return made


class ExcelWriter(Writer):
    def truth(self, answer: str) -> Any:
        return answer == "oui"


def code_pages(lines: list[list[Any]]) -> list[str]:
    """The code pages of Windows that can hold a text, where there is something to tell them apart."""
    text, found = "\n".join(str(cell) for line in lines for cell in line if cell is not None), []
    for encoding in ("cp1252", "cp1256"):
        try:
            text.encode(encoding)
        except UnicodeEncodeError:
            continue
        if encoding == "cp1252" or re.search("[\u0621-\u064a]{3}", text):
            found.append(encoding)
    return found


def send(draw: st.DataObject, folder: Path, name: str, register: dict[str, dict[str, str]]) -> Path:
    """Write the register in a format of the partner's choice."""
    kind = draw.draw(st.sampled_from(["xlsx", "ods", "csv"]))
    file = folder / f"{name}.{kind}"
    if kind == "xlsx":
        lines = ExcelWriter(draw, as_text=False).lines(register)
        xlsx(file, lines)
        if draw.draw(st.booleans()):
            book = openpyxl.load_workbook(file)
            for line in range(len(lines) - 1, len(lines) + 1):
                book["Subventions"].row_dimensions[line].hidden = True
            book.save(file)
    elif kind == "ods":
        ods(file, Writer(draw, as_text=False).lines(register))
    else:
        lines = Writer(draw, as_text=True).lines(register)
        encoding = draw.draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", *code_pages(lines)]))
        csv_file(file, lines, separator=draw.draw(st.sampled_from([";", ",", "\t"])), encoding=encoding)
    return file


FORMS: dict[str, LoadedForm] = {}


def form_in(folder: Path) -> LoadedForm:
    if "form" not in FORMS:
        FORMS["form"] = a_form(folder)
    return FORMS["form"]


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(register=REGISTERS, draw=st.data())
def test_a_register_is_understood_however_it_is_written(
    register: dict[str, dict[str, str]], draw: st.DataObject
) -> None:
    with TemporaryDirectory() as name:
        form = form_in(Path(name))
        send(draw, Path(name) / "boite", "subventions", register)
        assert rows(partner(form, Path(name))) == {key: {"code": key, **answers} for key, answers in register.items()}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(register=REGISTERS, draw=st.data())
def test_two_partners_who_send_the_same_rows_say_the_same(
    register: dict[str, dict[str, str]], draw: st.DataObject
) -> None:
    """No row replaces another: `raw` would keep a version of each for nothing."""
    with TemporaryDirectory() as name:
        form = form_in(Path(name))
        for file in ("subventions-1", "subventions-2"):
            send(draw, Path(name) / "boite", file, register)
        source = partner(form, Path(name))
        assert len(rows(source)) == len(register)
        assert not any("remplace" in receipt.told for receipt in source.receipts)
