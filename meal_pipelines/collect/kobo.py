"""KoboToolbox (API v2) as a source of submissions: pages by key, never by position.

What to ask and what an answer means stands here; how a form is asked in `kobo_form.py`; what its rows say in
`kobo_rows.py`; waiting and trying again in `transport.py`; storing in none of them.
Seen live on kpi 2.026.27e (2026-11-23): nothing in a row says when it was edited. The history log does (`kobo_history.py`),
to an account that may manage the form; to others only a sweep tells.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import quote

from meal_pipelines.collect.kobo_files import files_of
from meal_pipelines.collect.kobo_form import DATA, KoboForm, permissions
from meal_pipelines.collect.kobo_history import History, newest_entries, read_history
from meal_pipelines.collect.kobo_rows import compared, media_paths
from meal_pipelines.collect.source import (
    Attachment,
    Delta,
    FileGone,
    FormVersion,
    Mark,
    Order,
    Page,
    Source,
    Submission,
    SweepNeeded,
)
from meal_pipelines.collect.transport import Client
from meal_pipelines.errors import ConfigurationError, MealError

VERSIONS = "/api/v2/assets/{asset}/versions/"
VERSION = "/api/v2/assets/{asset}/versions/{version}/"

NEWEST = 100
"""Rows looked at again each time, newest first: a row may show after one with a higher `_id`."""

BATCH = 100
"""Submissions asked for by name in one request: their names are in the address, which servers limit to 8 kB."""

SMALLEST_PAGE = 50
"""A page is halved after each failure (large rows have met Kobo's 120 s limit: kpi #1314), down to this."""


@dataclass(frozen=True)
class KoboSource(KoboForm, Source):
    """The submissions of one form of one KoboToolbox server."""

    kind: ClassVar[str] = "kobo"
    order: ClassVar[Order] = "numeric"
    says_arrival: ClassVar[bool] = True

    def sweep(self, after: str | None = None) -> Iterator[Page]:
        """Every submission the server shows, by increasing `_id`, from just after `after`.

        While the caller stores a page, one thread fetches the next: two pages in memory at most. The thread has
        ended when the iterator is exhausted or closed (closing waits for the answer under way, not for new tries).
        Raises: ConfigurationError (token, permission, uid), TransientError, MealError (encrypted form, broken order).
        """
        with self.client() as client, ThreadPoolExecutor(1, thread_name_prefix="kobo-sweep") as pool:
            media = media_paths(self.check_asset(client)["content"])
            upcoming = pool.submit(self._page, client, after, None, media)
            try:
                while True:
                    page = upcoming.result()
                    if page.through is None:
                        yield page
                        return
                    upcoming = pool.submit(self._page, client, page.through, _remaining(page), media)
                    yield page
            finally:
                client.stop.set()

    def mark(self) -> Mark | None:
        """Where the history log and the ids stand; None when the account may not read the log (it takes « gérer »)."""
        with self.client() as client:
            if "manage_asset" not in permissions(self.check_asset(client)):
                return None
            # What is logged by now needs not be told again: the sweep that follows shows what came of it, and so does
            # the form, which is therefore read after the log.
            history = newest_entries(client, self.asset)
            last = max(self.newest(client, 1).keys, default=0)
            return _marked(history, last, media_paths(self.check_asset(client)["content"]))

    def changes(self, since: Mark, awaiting: Sequence[str] = ()) -> Iterator[Delta]:
        """What the history log tells, and the newest rows: two requests when nothing happened.

        A late file is in no log: submissions in `awaiting` are asked for again. A row that comes back is in no log either:
        the total gives it away.
        Raises: SweepNeeded, when the log cannot be read or followed; otherwise as `sweep`.
        """
        with self.client() as client:
            history = self._history(client, since)
            media = since["media"]
            if history.is_redeployed:
                media = media_paths(self.check_asset(client)["content"])
            newest = self.newest(client, NEWEST, media)
            yield Delta(newest.submissions)
            if newest.keys and min(newest.keys) > since["last"] + 1:
                between = {"_id": {"$gt": since["last"], "$lt": min(newest.keys)}}
                yield from (Delta(page.submissions) for page in self.found(client, between, media))
            for instances in _batches(sorted(history.changed - history.deleted)):
                yield self._edited(client, instances, media)
            for ids in _batches([int(key) for key in awaiting]):
                yield from (Delta(page.submissions) for page in self.found(client, {"_id": {"$in": ids}}, media))
            for instances in _batches(sorted(history.deleted)):
                yield self._deleted(client, instances, media)
            mark = _marked(history, max([since["last"], *newest.keys]), media)
            yield Delta([], (), mark, newest.count, history.is_redeployed)

    def _history(self, client: Client, since: Mark) -> History:
        try:
            return read_history(client, self.asset, since["at"], since["seen"])
        except ConfigurationError:
            # Kobo says « not found » of a log that one may not read; the sweep tells whether the form still may be.
            raise SweepNeeded("le compte ne peut plus lire l'historique du formulaire") from None

    def _edited(self, client: Client, instances: list[str], media: Sequence[str]) -> Delta:
        shown = self._named(client, instances, media)
        # The rootUuid of old rows is not to be trusted: who is not found under it must be looked for everywhere.
        if {submission.instance_id for submission in shown} != set(instances):
            raise SweepNeeded("des soumissions modifiées ne se retrouvent pas sous l'identifiant du journal")
        return Delta(shown)

    def _deleted(self, client: Client, instances: list[str], media: Sequence[str]) -> Delta:
        """Those of the log, unless the server shows them all the same: sent again, or seen again."""
        shown = self._named(client, instances, media)
        there = {submission.instance_id for submission in shown}
        return Delta(shown, gone_instances=[name for name in instances if name not in there])

    def _named(self, client: Client, instances: list[str], media: Sequence[str]) -> list[Submission]:
        pages = self.found(client, {"meta/rootUuid": {"$in": instances}}, media)
        return [submission for page in pages for submission in page.submissions]

    def is_same(self, before: bytes, after: bytes) -> bool:
        """The order of keys and what the server changes by itself are no edit."""
        return compared(before) == compared(after)

    def form_versions(self, known: Container[str] = ()) -> Iterator[FormVersion]:
        """The deployed versions, oldest first; the content of those in `known` is not fetched.

        Raises: as `sweep`.
        """
        with self.client() as client:
            for deployed_at, version in sorted(self._deployed(client)):
                if version in known:
                    continue
                path = VERSION.format(asset=self.asset, version=quote(version, safe=""))
                answer = client.get(path, {"format": "json"}, holds="content", kind=dict)
                yield FormVersion(version, answer["content"], deployed_at)

    def _deployed(self, client: Client) -> Iterator[tuple[str, str]]:
        """(date, uid) of each deployed version; drafts have no date."""
        start = 0
        while True:
            params = {"format": "json", "limit": "100", "start": str(start)}
            answer = client.get(VERSIONS.format(asset=self.asset), params, holds="results", kind=list)
            for row in answer["results"]:
                if row.get("date_deployed"):
                    yield str(row["date_deployed"]), str(row["uid"])
            start += len(answer["results"])
            if not answer["results"] or answer.get("next") is None:
                return

    def attachments(self, submission_ids: Sequence[str]) -> Iterator[tuple[str, list[Attachment]]]:
        """The files that each submission has now, 100 submissions to a request.

        Raises: as `sweep`.
        """
        with self.client() as client:
            for start in range(0, len(submission_ids), BATCH):
                keys = [int(key) for key in submission_ids[start : start + BATCH]]
                yield from files_of(client, DATA.format(asset=self.asset), self.asset, keys)

    def read_attachment(self, submission_id: str, attachment: Attachment) -> Iterator[bytes]:
        """The bytes of one file.

        Raises: as `sweep`; FileGone when the file is not there.
        """
        with self.client(self._gone) as client:
            yield from client.stream(attachment.address)

    def _gone(self, status: int) -> MealError | None:
        if status == 404:
            return FileGone(f"Dans {self.about}, un fichier n'est plus sur {self.server_url}.")
        return self.refusal(status)

    def _page(self, client: Client, after: str | None, expected: int | None, media: Sequence[str]) -> Page:
        """The rows just beyond `after`; `expected`, how many should remain there."""

        def params(attempt: int) -> dict[str, str]:
            limit = max(min(self.page_size, SMALLEST_PAGE), self.page_size >> attempt)
            query = {"format": "json", "limit": str(limit), "sort": '{"_id":1}'}
            return query if after is None else {**query, "query": f'{{"_id":{{"$gt":{int(after)}}}}}'}

        answer = self.rows(client, params, media)
        submissions, count = answer.submissions, answer.count
        self.check_order(answer.keys, after)
        # A short page proves nothing: the server cuts `limit`, and the limit differs from one server to another.
        is_last = not submissions or (not answer.has_next and count is not None and count <= len(submissions))
        if is_last or (expected is not None and count is not None and count < expected):
            # Under a permission for a part of the rows Kobo answers 200 with fewer of them: before
            # anything is taken for deleted, ask whether the account still sees everything.
            self.check_asset(client)
        through = None if is_last else submissions[-1].submission_id
        return Page(submissions, after, through, count)


def _batches(names: list[Any]) -> Iterator[list[Any]]:
    return (names[start : start + BATCH] for start in range(0, len(names), BATCH))


def _marked(history: History, last: int, media: Sequence[str]) -> Mark:
    """last: the highest `_id` seen · media: as in `read_page`."""
    return {"at": history.newest, "seen": dict(history.seen), "last": last, "media": list(media)}


def _remaining(page: Page) -> int | None:
    return None if page.server_count is None else page.server_count - len(page.submissions)
