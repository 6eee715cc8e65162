"""The information notice of one form: what a person is told before answering, in French, then in Arabic on a page of its own.

The Arabic is a proposal: a person reads it again before it is given to anybody, and the page says so.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from meal_pipelines.project.privacy import PrivacyClass
from meal_pipelines.project.question_types import METADATA
from meal_pipelines.project.questionnaire import Question
from meal_pipelines.register.facts import Treatment
from meal_pipelines.register.page import Page
from meal_pipelines.register.wording import TO_CONFIRM_AR, asked, asked_in_arabic, in_arabic, is_worded, sentence

NAMES: tuple[tuple[PrivacyClass, str, str], ...] = (
    ("identifier", "Ce qui vous nomme", "ما يدل على هويتكم"),
    ("quasi_identifier", "Ce qui pourrait vous faire reconnaître", "ما قد يسمح بالتعرف عليكم"),
    ("sensitive", "Ce qui est sensible", "معطيات حساسة"),
    ("free_text", "Vos propres mots", "ما تقولونه بعبارتكم"),
    ("open", "Le reste", "باقي المعلومات"),
)
BASES_FR = {
    "consent": "Votre accord. Vous pouvez le refuser, ou le retirer plus tard, sans que rien ne vous soit retiré."
}
BASES_AR = {"consent": "موافقتكم. يمكنكم رفضها أو سحبها لاحقا، دون أن تحرموا من أي شيء."}
KEPT_FR = (
    "Ce qui vous nomme est chiffré dès son arrivée. Les personnes qui font les statistiques ne voient qu'un code à la place de votre "
    "identité."
)
KEPT_AR = "كل ما يدل على هويتكم يشفر فور وصوله. ولا يرى الأشخاص المكلفون بالإحصاء إلا رمزا بدل هويتكم."
RIGHTS_FR = (
    "Voir vos données, les faire corriger ou effacer, en limiter l'usage, vous y opposer, retirer votre accord. Adressez-vous "
    "à : {contact}.",
    "Réclamation : CNDP, www.cndp.ma (loi 09-08), ou l'autorité de protection des données de votre pays si le RGPD s'applique.",
)
RIGHTS_AR = (
    "الاطلاع على معطياتكم، وطلب تصحيحها أو محوها أو الحد من استعمالها، والتعرض عليها، وسحب موافقتكم. اتصلوا بـ: {contact}.",
    "الشكايات: اللجنة الوطنية لمراقبة حماية المعطيات ذات الطابع الشخصي، www.cndp.ma (القانون رقم 09.08).",
)


def write(treatment: Treatment, path: Path) -> None:
    """Write the notice of a form, both languages in one file, one side of a sheet each."""
    project = treatment.project
    page = Page(
        f"Notice d'information — {treatment.title}",
        f"{project.name} · notice d'information · {treatment.form.form.code}",
    )
    page.title("Que deviennent vos réponses ?", f"{project.name} · {treatment.form.form.label}")
    page.facts(_french(treatment))
    page.turn_to_arabic()
    page.title("ماذا نفعل بأجوبتكم؟", f"{project.name} · {treatment.form.form.code}")
    page.notice(
        "الترجمة العربية تحتاج إلى مراجعة من طرف شخص قبل توزيعها — Arabe : à relire par une personne avant diffusion."
    )
    page.facts(_arabic(treatment))
    page.save(path)


def _french(treatment: Treatment) -> list[tuple[str, str | list[str]]]:
    said, processing = treatment.project.data_protection, treatment.form.form.processing
    basis = BASES_FR.get(processing.legal_basis, treatment.basis)
    return [
        ("Qui est responsable ?", sentence(said.controller.fr)),
        ("À quoi servent-elles ?", sentence(processing.purpose.fr)),
        ("Sur quelle base ?", sentence(basis)),
        ("Qu'est-ce qui est noté ?", _noted(treatment, asked, 1, " ; ")),
        ("Comment est-ce protégé ?", KEPT_FR),
        ("Qui les reçoit ?", [sentence(recipient) for recipient in treatment.recipients()]),
        ("Combien de temps ?", sentence(treatment.retention)),
        ("Où sont-elles ?", [sentence(said.hosting.fr), sentence(f"Hors du Maroc : {treatment.transfers}")]),
        ("Vos droits", [text.format(contact=said.contact.fr) for text in RIGHTS_FR]),
        ("Référence CNDP", sentence(said.cndp.fr)),
    ]


def _arabic(treatment: Treatment) -> list[tuple[str, str | list[str]]]:
    said, processing = treatment.project.data_protection, treatment.form.form.processing
    recipients = [in_arabic(recipient) for recipient in processing.recipients] or [TO_CONFIRM_AR]
    return [
        ("من المسؤول؟", sentence(in_arabic(said.controller))),
        ("لماذا؟", sentence(in_arabic(processing.purpose))),
        ("على أي أساس؟", sentence(BASES_AR.get(processing.legal_basis, TO_CONFIRM_AR))),
        ("ماذا نسجل؟", _noted(treatment, asked_in_arabic, 2, "؛ ")),
        ("كيف تحمى؟", KEPT_AR),
        ("من يتوصل بها؟", [sentence(recipient) for recipient in recipients]),
        ("إلى متى؟", sentence(_kept_until(treatment))),
        ("أين توجد؟", [sentence(in_arabic(said.hosting)), sentence(f"خارج المغرب: {in_arabic(processing.transfers)}")]),
        ("حقوقكم", [text.format(contact=in_arabic(said.contact)) for text in RIGHTS_AR]),
        ("مرجع اللجنة الوطنية", sentence(in_arabic(said.cndp))),
    ]


def _kept_until(treatment: Treatment) -> str:
    """The rule of retention in Arabic; the number stands apart, as no plural is right for every one."""
    rule = treatment.form.form.retention
    if rule is None or rule.is_open:
        return TO_CONFIRM_AR
    since = "تاريخ الإرسال" if rule.since == "submission" else "نهاية المشروع"
    then = "ثم يمحى كل ما هو شخصي" if rule.then == "cut_loose" else "ثم يمحى كل شيء"
    return f"المدة بالأشهر: {rule.months}، ابتداء من {since}، {then}"


def _noted(treatment: Treatment, named: Callable[[Question], str], language: int, separator: str) -> list[str]:
    """One line per class that has questions, the strictest first."""
    lines = []
    for names in NAMES:
        questions = treatment.questions[names[0]]
        told = [q for q in questions if is_worded(q) and (q.type not in METADATA or names[0] == "identifier")]
        labels = list(dict.fromkeys(named(question) for question in told))
        if labels:
            colon = " : " if language == 1 else ": "
            lines.append(sentence(f"{names[language]}{colon}{separator.join(labels)}"))
    return lines
