"""What every source of submissions must hold to, as checks that any of them can be put through.

A `Trial` is a source with some hands on what it reads: `test_source_contract.py` has one for each kind, and a new source adds
its own there. The checks ask nothing but the contract in `meal_pipelines/collect/source.py`, and share no code with it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any

from meal_pipelines.collect.source import Delta, Mark, Page, Source, Submission
from meal_pipelines.errors import TransientError

SECRET = "Réponse confidentielle"
"""An answer of every submission of a trial."""


@dataclass
class Trial:
    """A source under trial, and what people do at its other end.

    source: a new one, as a later run would open it · add: so many submissions more · edit, delete: the one with this id ·
    settle: time passes, where that matters.
    """

    source: Callable[[], Source]
    add: Callable[[int], object]
    edit: Callable[[str], object]
    delete: Callable[[str], object]
    settle: Callable[[], object] = lambda: None


@dataclass
class Interrupted(Source):
    """Another source whose connection is lost after some pages."""

    inner: Source
    pages: int = 0

    def __post_init__(self) -> None:
        for name in ("kind", "order", "says_arrival"):
            setattr(self, name, getattr(self.inner, name))

    def sweep(self, after: str | None = None) -> Iterator[Page]:
        for number, page in enumerate(self.inner.sweep(after)):
            if number == self.pages:
                raise TransientError("La connexion est perdue.")
            yield page

    def is_same(self, before: bytes, after: bytes) -> bool:
        return self.inner.is_same(before, after)

    def completed(self, submissions: Any) -> Any:
        return self.inner.completed(submissions)


# A sweep ------------------------------------------------------------------------------------------------------


def check_pages(source: Source, after: str | None = None) -> list[Submission]:
    """Pages follow one another without a gap; only the last has no end; keys strictly increase; counts are true."""
    pages = list(source.sweep(after))
    assert pages, "a sweep has at least its last page"
    assert [page.through is None for page in pages] == [False] * (len(pages) - 1) + [True]
    place, found = after, []
    for page in pages:
        assert page.after == place
        if page.through is not None:
            assert page.submissions, "a page before the last shows something"
            assert _rank(source, page.through) >= _rank(source, _key(source, page.submissions[-1]))
        place = page.through
        found += page.submissions
    ranks = [_rank(source, _key(source, submission)) for submission in found]
    assert all(before < later for before, later in pairwise(ranks))
    assert after is None or not ranks or ranks[0] > _rank(source, after)
    for number, page in enumerate(pages):
        if page.server_count is not None:
            assert page.server_count == sum(len(later.submissions) for later in pages[number:])
    return found


def check_submissions(source: Source, submissions: Iterable[Submission]) -> None:
    """An id each; JSON objects; stamps with a zone; files that add up; nothing of the answers in what is printed."""
    found = list(submissions)
    assert len({submission.submission_id for submission in found}) == len(found)
    for submission in found:
        assert submission.submission_id and isinstance(json.loads(submission.payload), dict)
        assert SECRET not in repr(submission)
        for stamp in (submission.submitted_at, submission.changed_at):
            assert stamp is None or datetime.fromisoformat(stamp).tzinfo is not None
        assert submission.submitted_at is not None or not source.says_arrival
        assert 0 <= submission.attachments_present <= submission.attachments


def check_resuming(open_source: Callable[[], Source]) -> None:
    """From the end of any page, a new source gives what that page's successors gave; beyond everything, one empty page."""
    pages = list(open_source().sweep())
    for number, page in enumerate(pages[:-1]):
        rest = [each.submission_id for later in pages[number + 1 :] for each in later.submissions]
        assert [each.submission_id for each in check_pages(open_source(), page.through)] == rest
    whole = [submission for page in pages for submission in page.submissions]
    [last] = open_source().sweep(_key(open_source(), whole[-1]))
    assert (last.submissions, last.through) == ([], None)


def check_sameness(trial: Trial) -> None:
    """A submission says the same as itself, read twice; an edit does not, whichever of the two is asked about."""
    before, source = _whole(trial), trial.source()
    again = _whole(trial)
    assert before.keys() == again.keys() and all(source.is_same(before[key], again[key]) for key in before)
    edited = sorted(before)[0]
    trial.edit(edited)
    trial.settle()
    after = _whole(trial)
    for key in before:
        answers = (source.is_same(before[key], after[key]), source.is_same(after[key], before[key]))
        assert answers == ((False, False) if key == edited else (True, True))


def _whole(trial: Trial) -> dict[str, bytes]:
    """What is kept of each submission: its payload once `completed`."""
    source = trial.source()
    found = check_pages(source)
    kept = source.completed(found)
    assert sorted(each.submission_id for each in kept) == sorted(each.submission_id for each in found)
    return {each.submission_id: each.payload for each in kept}


def check_the_rest(source: Source, submissions: list[Submission]) -> None:
    """Versions are given once and not when they are known; files are those that the submissions announce."""
    versions = [version.form_version for version in source.form_versions()]
    assert len(set(versions)) == len(versions)
    assert list(source.form_versions(set(versions))) == []
    announced = {submission.submission_id: submission for submission in submissions if submission.attachments}
    found = dict(source.attachments(list(announced)))
    assert found.keys() <= announced.keys()
    for key, files in found.items():
        assert sum(file.is_there for file in files) == announced[key].attachments_present
        assert all(file.name not in repr(file) for file in files)
    assert all(isinstance(text, str) and SECRET not in text for text in source.remarks())


# What changed -------------------------------------------------------------------------------------------------


@dataclass
class Followed:
    """What is known of a source by its marks and changes alone: a payload for each id."""

    held: dict[str, bytes] = field(default_factory=dict)
    instances: dict[str, str] = field(default_factory=dict)

    def take(self, submissions: Iterable[Submission]) -> None:
        for submission in submissions:
            self.held[submission.submission_id] = submission.payload
            self.instances[submission.instance_id or submission.submission_id] = submission.submission_id

    def apply(self, deltas: list[Delta]) -> Mark:
        assert [delta.mark is None for delta in deltas] == [True] * (len(deltas) - 1) + [False]
        assert all(delta.total is None for delta in deltas[:-1])
        for delta in deltas:
            assert not {each.submission_id for each in delta.submissions} & set(delta.gone)
            self.take(delta.submissions)
            for key in [*delta.gone, *(self.instances.get(name, "") for name in delta.gone_instances)]:
                self.held.pop(key, None)
        assert deltas[-1].total == len(self.held), "the total is that of what is held afterwards"
        mark = deltas[-1].mark
        assert mark is not None and json.loads(json.dumps(mark)) == mark
        return mark


def check_changes(trial: Trial) -> None:
    """What changes say, laid over a sweep, is what a later sweep shows; of a source that gives no mark nothing is asked."""
    trial.settle()
    mark = trial.source().mark()
    if mark is None:
        return
    followed = Followed()
    followed.take(check_pages(trial.source()))
    trial.settle()
    mark = followed.apply(list(trial.source().changes(mark)))
    keys = sorted(followed.held)
    trial.add(2)
    trial.edit(keys[0])
    trial.delete(keys[1])
    trial.settle()
    mark = followed.apply(list(trial.source().changes(mark)))
    now = {submission.submission_id: submission.payload for submission in check_pages(trial.source())}
    assert followed.held.keys() == now.keys()
    source = trial.source()
    assert all(followed.held[key] == now[key] or source.is_same(followed.held[key], now[key]) for key in now)
    followed.apply(list(trial.source().changes(mark)))
    assert followed.held.keys() == now.keys()


def _key(source: Source, submission: Submission) -> str:
    if source.order == "submitted":
        return f"{submission.submitted_at}|{submission.submission_id}"
    return submission.submission_id


def _rank(source: Source, key: str) -> Any:
    if source.order == "numeric":
        return int(key)
    if source.order == "submitted":
        stamp, _, submission_id = key.partition("|")
        return datetime.fromisoformat(stamp), submission_id
    return key
