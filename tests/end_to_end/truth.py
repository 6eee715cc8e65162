"""What really happened, read from the generator's truth: which submissions stand, what they say, about whom.

Plain Python over the truth files, the exported pages (for the moment of sending) and the project's YAML. Nothing is read
from the warehouse, and no code is shared with the cleaning.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ruamel.yaml import YAML

from meal_pipelines.protect.keys.keyring import Keyring
from meal_pipelines.settings import CHECKOUT

Answers = dict[str, Any]


@dataclass(frozen=True)
class Standing:
    """A submission that stands after cleaning. rows: of each repeat, those that stand, with their rank from 1."""

    submission_id: str
    sent_at: dt.datetime | None
    answers: Answers
    rows: Mapping[str, list[tuple[int, Answers]]]

    @property
    def person(self) -> str | None:
        """How the truth calls the person that the submission is about."""
        return self.answers.get("_person")


@dataclass(frozen=True, eq=False)
class Truth:
    """The truth of one project's sample, in the folder that the generator wrote."""

    project: str
    folder: Path

    @cached_property
    def declared(self) -> dict[str, Any]:
        return _yaml(CHECKOUT / "projects" / self.project / "project.yaml")

    @cached_property
    def logframe(self) -> dict[str, Any]:
        return _yaml(CHECKOUT / "projects" / self.project / "logframe.yaml")

    @property
    def summary(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "truth" / "summary.json").read_bytes())
        return found

    def lines(self, form: str) -> Iterator[dict[str, Any]]:
        """Every submission ever made, deleted ones included."""
        with (self.folder / "truth" / f"{form}.jsonl").open(encoding="utf-8") as lines:
            for line in map(json.loads, lines):
                yield self._as_shown(line, form)

    def _as_shown(self, line: dict[str, Any], form: str) -> dict[str, Any]:
        """The key of a register may identify a person: the warehouse then shows a keyed hash of it."""
        declared = self.declared["forms"][form]
        keys = declared["source"].get("key", [])
        if keys and not {keys} <= set(declared["privacy"].get("open", [])):
            hashed = Keyring.read(self.folder.parent.parent / "keyring.json").hasher(self.project, "submission")
            for name in ("submission_id", "duplicate_of"):
                if line.get(name):
                    line[name] = hashed(line[name].encode())[:12].hex()
        return line

    def standing(self, form: str) -> list[Standing]:
        """The submissions still there and not quarantined, in the order of their arrival."""
        critical = {rule["name"]: rule.get("repeat", "") for rule in self.declared["forms"][form].get("rules", [])}
        sent = self.sent(form)
        found = []
        for line in self.lines(form):
            if line["state"] == "deleted":
                continue
            lost = {(d["repeat"], d["repeat_index"]) for d in line["defects"] if d["expected"] == "rejected"}
            lost |= {(critical[r["rule"]], r["repeat_index"]) for r in line["rules"] if r["severity"] == "critical"}
            if ("", 0) not in lost:
                found.append(_standing(line, lost, sent.get(line["submission_id"])))
        return found

    def sent(self, form: str) -> dict[str, dt.datetime]:
        """When each submission still there reached the server, or the day that stands for it in a workbook."""
        source = self.declared["forms"][form]["source"]
        if "submitted_at" in source:
            days = {line["submission_id"]: line["answers"].get(source["submitted_at"]) for line in self.lines(form)}
            return {key: dt.datetime.fromisoformat(f"{day}T12:00:00+00:00") for key, day in days.items() if day}
        pages = sorted((self.folder / form / "2-dernier-export").glob("*.json"))
        rows = (row for page in pages for row in json.loads(page.read_bytes())["results"])
        return {str(row["_id"]): dt.datetime.fromisoformat(f"{row['_submission_time']}+00:00") for row in rows}

    def once(self, form: str) -> list[Standing]:
        """The standing submissions, those sent twice kept once: the earliest (moment, then identifier)."""
        names = self.declared["forms"][form]["duplicates"]
        kept: dict[tuple[Any, ...], Standing] = {}
        for one in sorted(self.standing(form), key=arrival):
            kept.setdefault(sameness(one, names), one)
        return list(kept.values())

    def last_day(self) -> dt.date:
        """The local day of the last submission that is still there."""
        here = ZoneInfo(self.declared["timezone"])
        return (
            max(max(sent.values()) for form in self.declared["forms"] if (sent := self.sent(form)))
            .astimezone(here)
            .date()
        )


def arrival(one: Standing) -> tuple[dt.datetime, str]:
    return one.sent_at or dt.datetime.max.replace(tzinfo=dt.UTC), one.submission_id


def sameness(one: Standing, names: list[str]) -> tuple[Any, ...]:
    """What two sendings of one thing share; a submission without all of these answers is like no other."""
    key = tuple(one.answers.get(name) for name in names)
    return (one.submission_id,) if None in key else key


def age_band(truth: Truth, answers: Answers, day: dt.date) -> str | None:
    """The project's band of an age that day, from the year of birth."""
    if "annee_naissance" not in answers:
        return None
    age = day.year - answers["annee_naissance"]
    for band in truth.declared["age_bands"]:
        least, most = band.replace("+", "-999").split("-")
        if int(least) <= age <= int(most):
            return str(band)
    return None


def _standing(line: dict[str, Any], lost: set[tuple[str, int]], sent_at: dt.datetime | None) -> Standing:
    answers = dict(line["answers"])
    rows: dict[str, list[tuple[int, Answers]]] = {}
    for name, items in list(answers.items()):
        if isinstance(items, list) and items and isinstance(items[0], dict):
            rows[name] = [(rank, dict(item)) for rank, item in enumerate(answers.pop(name), start=1)]
    for defect in line["defects"]:
        if defect["expected"] == "blanked" and not defect["repeat"]:
            answers.pop(defect["question"])
        elif defect["expected"] == "blanked":
            rows[defect["repeat"]][defect["repeat_index"] - 1][1].pop(defect["question"])
    rows = {name: [(rank, row) for rank, row in found if (name, rank) not in lost] for name, found in rows.items()}
    return Standing(line["submission_id"], sent_at, answers, rows)


def _yaml(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = YAML(typ="safe").load(path)
    return found
