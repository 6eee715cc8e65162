"""What a template tells whoever fills it in, in French and in Arabic."""

from __future__ import annotations

import re

from meal_pipelines.collect.sheets.choices import Codes
from meal_pipelines.collect.template.columns import Column, Language, wording
from meal_pipelines.project.loaded import LoadedForm
from meal_pipelines.project.questionnaire import Questionnaire

EXPECTED: dict[str, dict[Language, str]] = {
    "integer": {"fr": "Un nombre entier", "ar": "عدد صحيح"},
    "decimal": {"fr": "Un nombre", "ar": "عدد"},
    "range": {"fr": "Un nombre", "ar": "عدد"},
    "date": {"fr": "Une date, jour/mois/année", "ar": "تاريخ: اليوم/الشهر/السنة"},
    "today": {"fr": "Une date, jour/mois/année", "ar": "تاريخ: اليوم/الشهر/السنة"},
    "dateTime": {"fr": "Une date et une heure", "ar": "تاريخ وساعة"},
    "time": {"fr": "Une heure, par exemple 14:30", "ar": "ساعة، مثلا 14:30"},
    "select_one": {"fr": "Un choix de la liste", "ar": "اختيار واحد من اللائحة"},
    "select_multiple": {"fr": "Un ou plusieurs choix, séparés par des points-virgules", "ar": "اختيار أو أكثر، تفصل بينها نقطة فاصلة"},
    "rank": {"fr": "Les choix dans l'ordre, séparés par des points-virgules", "ar": "الاختيارات مرتبة، تفصل بينها نقطة فاصلة"},
    "geopoint": {"fr": "Latitude et longitude, séparées par une espace", "ar": "خط العرض وخط الطول بينهما فراغ"},
}  # fmt: skip
TEXT: dict[Language, str] = {"fr": "Un texte", "ar": "نص"}

HEADINGS: dict[Language, tuple[str, ...]] = {
    "fr": ("Colonne", "الخانة", "Ce qui est attendu", "المطلوب", "Obligatoire", "Choix possibles"),
    "ar": ("الخانة", "Colonne", "المطلوب", "Ce qui est attendu", "إجباري", "الاختيارات الممكنة"),
}
TITLES: dict[Language, str] = {"fr": "Mode d'emploi", "ar": "طريقة الاستعمال"}
ALREADY: dict[Language, str] = {
    "fr": "Cette valeur est déjà sur une autre ligne du classeur.",
    "ar": "هذه القيمة موجودة في سطر آخر.",
}
UNWANTED: dict[Language, str] = {"fr": "Cette réponse n'est pas acceptée ici.", "ar": "هذا الجواب غير مقبول هنا."}
YES: dict[Language, str] = {"fr": "Oui", "ar": "نعم"}
IF_ANY: dict[Language, str] = {"fr": "Si {question} : {answer}", "ar": "إذا {question}: {answer}"}

ABSENT: dict[str, dict[Language, str]] = {
    "parts": {
        "fr": "Une ligne absente d'un envoi n'est pas supprimée : envoyez ce qui est nouveau ou corrigé.",
        "ar": "السطر الغائب عن الإرسال لا يُحذف: أرسلوا ما هو جديد أو مصحح.",
    },
    "register": {
        "fr": "Envoyez toujours le registre entier : une ligne qui n'est plus dans le dernier envoi est supprimée.",
        "ar": "أرسلوا دائما السجل كاملا: السطر الذي لم يعد في آخر إرسال يُحذف.",
    },
    "folder": {
        "fr": "Corrigez toujours le même fichier : une ligne retirée de tous les fichiers est supprimée.",
        "ar": "صححوا دائما نفس الملف: السطر الذي سُحب من كل الملفات يُحذف.",
    },
}


def instructions(form: LoadedForm, sheet: str, key: Column) -> list[tuple[str, str]]:
    """(French, Arabic) paragraphs, in order. key: the column that identifies a row."""
    in_french = key.question.label
    in_arabic = wording(key.question.labels, "ar") or in_french
    holds_persons = bool(form.form.privacy.identifier or form.form.privacy.quasi_identifier)
    paragraphs = [
        (
            f"Remplissez la feuille « {sheet} » : une ligne par {form.form.unit}. Ne renommez ni la feuille ni les en-têtes ; "
            f"l'ordre des colonnes est libre.",
            f"املؤوا ورقة « {sheet} »: سطر لكل حالة. لا تغيروا اسم الورقة ولا عناوين الخانات؛ ترتيب الخانات حر.",
        ),
        (
            "Les colonnes marquées d'une étoile (*) sont obligatoires. Cliquez sur une case pour lire ce qui y est attendu.",
            "الخانات التي عليها نجمة (*) إجبارية. انقروا على الخانة لقراءة المطلوب.",
        ),
        (
            "Quand une liste s'ouvre, choisissez-y. Écrivez de vraies dates (31/12/2026) et de vrais nombres, sans unité.",
            "عندما تظهر لائحة، اختاروا منها. اكتبوا تواريخ صحيحة (31/12/2026) وأعدادا بدون وحدة.",
        ),
        (
            f"Pour corriger une ligne déjà envoyée, renvoyez-la avec la même valeur sous « {in_french} » : la plus récente compte.",
            f"لتصحيح سطر سبق إرساله، أعيدوا إرساله بنفس القيمة في « {in_arabic} »: يُعتمد الأحدث.",
        ),
        (ABSENT[form.form.source.files]["fr"], ABSENT[form.form.source.files]["ar"]),
        (
            "N'ajoutez pas de remarque sous les lignes : un fichier dont une ligne n'a pas de clé est refusé en entier.",
            "لا تضيفوا ملاحظات تحت السطور: يُرفض الملف كله إذا كان فيه سطر بدون رقم.",
        ),
    ]
    if holds_persons:
        paragraphs.append(
            (
                "Ce classeur contiendra des données personnelles : gardez-le à l'abri, envoyez-le seulement par la voie convenue, "
                "et effacez vos copies une fois l'envoi confirmé.",
                "سيحتوي هذا الملف على معطيات شخصية: احفظوه في مكان آمن، وأرسلوه فقط بالطريقة المتفق عليها، وامسحوا نسخكم بعد تأكيد "
                "الإرسال.",
            )
        )
    return paragraphs


def expected(column: Column, language: Language) -> str:
    """What a column takes, with the questionnaire's own hint and limits."""
    question = column.question
    kind = EXPECTED.get(question.type, TEXT)[language]
    said = [kind, wording(question.hints, language), wording(question.messages, language)]
    return " ".join(text if text.endswith((".", "!", "?", "؟")) else f"{text}." for text in dict.fromkeys(said) if text)


def refusal(column: Column, language: Language) -> str:
    """What is said when a cell does not accept an answer."""
    kind = EXPECTED.get(column.question.type)
    if column.is_alone_in_key and kind is None:
        return ALREADY[language]
    message = wording(column.question.messages, language)
    return message or f"{UNWANTED[language]} {kind[language] + '.' if kind is not None else ''}".strip()


def obligation(column: Column, questionnaire: Questionnaire, language: Language) -> str:
    """« Oui », « Si … : … » when the question is asked only after some answer, nothing when it may be left out."""
    if not column.is_required:
        return ""
    conditions = [_condition(relevant, questionnaire, language) for relevant in column.question.relevant]
    known = [text for text in conditions if text]
    return " ; ".join(known) if known and not column.is_key else YES[language]


def _condition(relevant: str, questionnaire: Questionnaire, language: Language) -> str | None:
    match = re.fullmatch(r"\s*\$\{\s*([\w.-]+)\s*\}\s*=\s*'([^']*)'\s*", relevant)
    question = questionnaire.main.question(match[1]) if match else None
    if match is None or question is None or question.list_name not in questionnaire.choices:
        return None
    choice = Codes(questionnaire.choices[question.list_name]).by_code.get(match[2])
    answer = wording(choice.labels, language) if choice is not None else match[2]
    return IF_ANY[language].format(question=f"« {wording(question.labels, language) or question.name} »", answer=answer)
