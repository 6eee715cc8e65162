"""The types of questions: XLSForm's own words, and every older wording of them.

Source: XLSForm specification, "question types"; the older wordings are those that pyxform 4.5 still converts.
"""

from __future__ import annotations

import re

RECORDED = {
    "start": "Moment où le remplissage a commencé, selon l'appareil",
    "end": "Moment où le remplissage a fini, selon l'appareil",
    "today": "Jour du remplissage, selon l'appareil",
    "deviceid": "Identifiant de l'appareil",
    "username": "Compte de l'enquêteur·rice",
    "simserial": "Numéro de la carte SIM de l'appareil",
    "subscriberid": "Identifiant de l'abonnement de l'appareil",
    "phonenumber": "Numéro de téléphone de l'appareil",
    "email": "Adresse du compte de l'enquêteur·rice",
    "audit": "Journal du remplissage",
}
"""What the device notes by itself, in words: such a question has no wording of its own."""
METADATA = set(RECORDED)
UNANSWERED = {"note", "audit", "start-geopoint", "background-audio", "trigger"}
ATTACHMENTS = {"image", "audio", "video", "file"}
SELECTS = {"select_one", "select_multiple", "rank"}
FROM_FILES = {"select_one_from_file", "select_multiple_from_file"}
TYPES = (
    {"text", "integer", "decimal", "range", "date", "time", "dateTime", "calculate", "hidden", "barcode", "acknowledge"}
    | {"geopoint", "geotrace", "geoshape", "csv-external", "xml-external"}
    | SELECTS
    | FROM_FILES
    | METADATA
    | UNANSWERED
    | ATTACHMENTS
)
PARTS = {"begin_group", "end_group", "begin_repeat", "end_repeat"}

OLDER = {
    "integer": "int|percentage|number of days in last month|number of days in last six months|number of days in last year",
    "text": "string|phone number",
    "dateTime": "datetime|date time|date dateTime",
    "image": "photo|picture",
    "geopoint": "gps|location|background-geopoint",
    "acknowledge": "trigger",
    "file": "osm",
    "start": "get start time|start time",
    "end": "get end time|end time",
    "today": "get today",
    "deviceid": "imei|device id|get device id|uri:deviceid",
    "subscriberid": "subscriber id|get subscriber id|uri:subscriberid",
    "simserial": "sim id|get sim id|uri:simserial",
    "phonenumber": "get phone number|uri:phonenumber",
    "username": "uri:username",
    "email": "uri:email",
    "begin_repeat": "begin_lgroup|begin_looped_group",
    "end_repeat": "end_lgroup|end_looped_group",
}
SPELLED = {wording: kind for kind, wordings in OLDER.items() for wording in wordings.split("|")}

PROMPT = re.compile(r"(?:add (?P<added>.+) prompt|q (?P<asked>.+))")
SELECT = re.compile(
    r"(?:add )?select[ _]?(?P<how>one|1|multiple|all that apply)?(?: prompt)?(?: (?:from|using))?(?: (?P<rest>.*))?"
)
OTHER = re.compile(r"\s+(?:or_other|or specify other|or other)$")


def spelled(text: str) -> tuple[str, list[str]]:
    """A type in XLSForm's present words, and what follows it: a list, `or_other`.

    A wording that is not known comes back as it is.
    """
    text = re.sub(r"\s+", " ", text.strip())
    text = re.sub(r"^(begin|end)[ _]", r"\1_", text)
    word, _, rest = text.partition(" ")
    if word in TYPES | PARTS and (word not in SELECTS or rest):
        return SPELLED.get(word, word), _ending(rest)
    if text in SPELLED:
        return SPELLED[text], []
    select = SELECT.fullmatch(text)
    if select and select["rest"] and not text.startswith("select_one_") and word not in FROM_FILES:
        kind = "select_one" if select["how"] in ("one", "1") else "select_multiple"
        return kind, _ending(select["rest"])
    prompt = PROMPT.fullmatch(text)
    inner = (prompt["added"] or prompt["asked"]) if prompt else word
    kind = SPELLED.get(inner, inner)
    return (kind, [] if prompt else _ending(rest)) if kind in TYPES | PARTS else (text, [])


def _ending(rest: str) -> list[str]:
    name, is_other = OTHER.subn("", f" {rest}" if rest else "")
    return [*name.split(), *(["or_other"] if is_other else [])]
