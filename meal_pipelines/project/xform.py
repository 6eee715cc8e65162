"""An XForm (what ODK Central serves to phones) back into the sheets of an XLSForm: questions, choices, wordings.

Only what judging, comparing and reading old answers needs; the layout of the form is lost.
Source: ODK XForms specification.
"""

from __future__ import annotations

import re
from collections import defaultdict
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import ParseError, fromstring

from meal_pipelines.project.sheets import Row, Sheets

BOUND_TYPES = {"int": "integer", "string": "text", "": "text", "binary": "file", "boolean": "text"}
UPLOADS = {"image": "image", "audio": "audio", "video": "video"}
PRELOADED = {"start": "start", "end": "end", "today": "today"}
SKIPPED = {"meta", "instanceID", "instanceName"}
ATTRIBUTES = {"required": "required", "relevant": "relevant", "constraint": "constraint", "calculate": "calculation"}
PATH = re.compile(r"(?<![\w'\"])(?:current\(\)/)?(?:\.\./|/)[\w./-]*\w")
LIST = re.compile(r"instance\('([^']+)'\)/root/item(?:\[(.*)\])?$", re.DOTALL)


def sheets_of_xform(text: str) -> Sheets:
    """The sheets `survey` and `choices` of an XForm; empty when it is not one."""
    try:
        root = fromstring(text)
    except ParseError:
        return {}
    model = next((element for element in root.iter() if _name(element) == "model"), None)
    instance = next((element for element in model if _name(element) == "instance"), None) if model is not None else None
    if model is None or instance is None or not len(instance):
        return {}
    return _XForm(root, model, instance[0]).sheets()


def _name(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _attribute(element: Element, name: str) -> str:
    """An attribute, whatever its namespace."""
    return next((value for key, value in element.attrib.items() if key.rpartition("}")[2] == name), "").strip()


class _XForm:
    """One XForm: its instance gives the order and the groups, its binds the rules, its body the kinds and wordings."""

    def __init__(self, root: Element, model: Element, instance: Element) -> None:
        self.instance = instance
        self.binds = {_attribute(bind, "nodeset"): bind for bind in model if _name(bind) == "bind"}
        self.texts = _translations(model)
        self.controls = {
            _attribute(control, "ref") or _attribute(control, "nodeset"): control
            for control in root.iter()
            if _name(control) in ("input", "select", "select1", "upload", "range", "rank", "trigger", "group", "repeat")
        }
        self.lists: dict[str, list[dict[str, str]]] = {
            _attribute(secondary, "id"): [self._item(item) for item in secondary.iter() if _name(item) == "item"]
            for secondary in model
            if _name(secondary) == "instance" and _attribute(secondary, "id") and not _attribute(secondary, "src")
        }
        self.files = {
            _attribute(secondary, "id"): _attribute(secondary, "src").rpartition("/")[2]
            for secondary in model
            if _name(secondary) == "instance" and _attribute(secondary, "src")
        }
        self.survey: list[dict[str, str]] = []

    def sheets(self) -> Sheets:
        self._walk(self.instance, f"/{_name(self.instance)}")
        choices = [{"list_name": name, **cells} for name, items in self.lists.items() for cells in items]
        settings = {"form_id": _attribute(self.instance, "id"), "version": _attribute(self.instance, "version")}
        return {
            "survey": _numbered(self.survey),
            "choices": _numbered(choices),
            "settings": _numbered([{name: text for name, text in settings.items() if text}]),
        }

    def _walk(self, element: Element, path: str) -> None:
        met: set[str] = set()
        for child in element:
            name = _name(child)
            # A repeat stands twice in the instance: as its template and as its first row.
            if name in SKIPPED or name in met:
                continue
            met.add(name)
            self._line(child, name, f"{path}/{name}")

    def _line(self, element: Element, name: str, path: str) -> None:
        control = self.controls.get(path)
        is_repeat = control is not None and _name(control) == "repeat"
        if not len(element) and not is_repeat and (control is None or _name(control) != "group"):
            self.survey.append({"type": self._type(control, path, name), "name": name, **self._said(control, path)})
            return
        kind = "repeat" if is_repeat else "group"
        self.survey.append({"type": f"begin_{kind}", "name": name, **self._said(control, path)})
        self._walk(element, path)
        self.survey.append({"type": f"end_{kind}"})

    def _type(self, control: Element | None, path: str, name: str) -> str:
        bind = self.binds.get(path)
        bound = _attribute(bind, "type") if bind is not None else ""
        plain = BOUND_TYPES.get(bound, bound)
        preloaded = _attribute(bind, "preloadParams") if bind is not None else ""
        if preloaded:
            return PRELOADED.get(preloaded, preloaded.removeprefix("uri:"))
        if control is None:
            return "calculate" if bind is not None and _attribute(bind, "calculate") else plain
        kinds = {"select1": "select_one", "select": "select_multiple", "rank": "rank"}
        word = kinds.get(_name(control))
        if word is not None:
            list_name = self._list(control, name)
            file = self.files.get(list_name, "")
            return f"{word}_from_file {file}" if file else f"{word} {list_name}"
        if _name(control) == "upload":
            return UPLOADS.get(_attribute(control, "mediatype").partition("/")[0], "file")
        if _name(control) == "trigger":
            return "acknowledge"
        is_note = bind is not None and _attribute(bind, "readonly") == "true()" and not _attribute(bind, "calculate")
        return "range" if _name(control) == "range" else "note" if is_note and plain == "text" else plain

    def _list(self, control: Element, name: str) -> str:
        """The list that a question chooses in; one written into the question takes its name."""
        for itemset in control:
            match = LIST.match(_attribute(itemset, "nodeset")) if _name(itemset) == "itemset" else None
            if match is not None:
                return match[1]
        self.lists[name] = [self._item(item) for item in control if _name(item) == "item"]
        return name

    def _item(self, item: Element) -> dict[str, str]:
        cells: dict[str, str] = {}
        for part in item:
            kind, text = _name(part), (part.text or "").strip()
            if kind in ("name", "value"):
                cells["name"] = text
            elif kind == "itextId":
                cells |= self._wordings("label", text)
            elif kind == "label":
                cells |= self._wordings("label", _itext(part)) or {"label": text}
            elif text:
                cells[kind] = text
        return cells

    def _said(self, control: Element | None, path: str) -> dict[str, str]:
        """The rules and wordings of a question or group."""
        cells: dict[str, str] = {}
        bind = self.binds.get(path)
        if bind is not None:
            for attribute, column in ATTRIBUTES.items():
                text = _attribute(bind, attribute)
                if text and text != "false()":
                    cells[column] = "true" if text == "true()" else _expression(text)
            cells |= self._message(_attribute(bind, "constraintMsg"))
        for part in control if control is not None else ():
            if _name(part) in ("label", "hint"):
                said = self._wordings(_name(part), _itext(part))
                cells |= said or ({_name(part): part.text.strip()} if part.text and part.text.strip() else {})
            elif _name(part) == "itemset":
                match = LIST.match(_attribute(part, "nodeset"))
                if match is not None and match[2]:
                    cells["choice_filter"] = _expression(match[2].strip())
        # The label of a repeat stands in the group around it.
        if control is not None and _name(control) == "repeat":
            cells |= self._wordings("label", f"{path}:label")
        return cells

    def _message(self, text: str) -> dict[str, str]:
        reference = re.fullmatch(r"jr:itext\('([^']+)'\)", text)
        if reference is not None:
            return self._wordings("constraint_message", reference[1])
        return {"constraint_message": text} if text else {}

    def _wordings(self, column: str, reference: str) -> dict[str, str]:
        found = self.texts.get(reference, {})
        return {f"{column}::{language}" if language != "default" else column: text for language, text in found.items()}


def _translations(model: Element) -> dict[str, dict[str, str]]:
    """Wordings by reference, then by language; pictures and sounds left out."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for translation in (element for element in model.iter() if _name(element) == "translation"):
        for text in translation:
            for value in text:
                if not _attribute(value, "form") and value.text and value.text.strip() != "-":
                    found[_attribute(text, "id")][_attribute(translation, "lang")] = "".join(value.itertext()).strip()
    return found


def _itext(element: Element) -> str:
    match = re.fullmatch(r"jr:itext\('([^']+)'\)", _attribute(element, "ref"))
    return match[1] if match else ""


def _expression(text: str) -> str:
    """Paths back into `${question}`; the answer itself stays `.`."""
    return PATH.sub(lambda match: f"${{{match[0].rpartition('/')[2]}}}", text).strip()


def _numbered(lines: list[dict[str, str]]) -> list[Row]:
    return list(enumerate(lines, start=2))
