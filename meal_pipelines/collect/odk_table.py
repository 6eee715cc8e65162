"""A table of ODK Central behind OData: how it is swept, and how its changes are followed. Which tables there are: `odk.py`.

Seen live on central-backend v2026.2.2 (2026-11-23). Rows have a stamp of arrival that never changes, so a sweep goes from
stamp to stamp; two other stamps tell edits, reviews and deletions. What no stamp tells: a file that comes late (asked
again by name), a restoration (a deleted row is not among the deleted any more), a purge (given away by the total). A purge
forced before its deletion was told, on the day of a restoration, is left to the periodic sweep.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar

from meal_pipelines.collect import odk_rows
from meal_pipelines.collect.answer import Malformed
from meal_pipelines.collect.odk_odata import DELETED, EVER, Answer, can_be_named, conditions, read_answer, stamp
from meal_pipelines.collect.odk_session import OdkSession
from meal_pipelines.collect.source import Delta, Mark, Order, Page, Source, Submission, SweepNeeded
from meal_pipelines.collect.transport import Client, Patience
from meal_pipelines.errors import ConfigurationError, MealError, TransientError

PAGE_SIZE = 1000
"""Central has no limit of its own: without `$top` it streams the whole table."""

SMALLEST_PAGE = 50
"""A page is halved after each failure, down to this."""

OVERLAP = timedelta(minutes=15)
"""How far changes reach back before the last mark: a row may be stamped well before its transaction ends and shows it."""

SILENCE = timedelta(days=20)
"""Deleted rows are purged after 30 days, and a purge leaves no trace: a mark older than this is not relied on."""

BIN = 300
"""How many deleted rows are remembered, to see when one is restored; beyond, only the total tells."""

SMALL = 5000
"""Rows of a table that can be shown at once, each in some 400 bytes, when those waited for cannot all be named in one go."""

TRIES = 4
"""How often a feed that comes up short is read again from its beginning."""


Read = Callable[[dict[str, Any]], Submission]


@dataclass
class OdkTable(Source):
    """One table of one project. name: what Central calls it. form: its name in the project, for messages.

    overlap: see OVERLAP. page_size: rows asked for at once. sleep: replaces the pauses between tries.
    """

    kind: ClassVar[str] = "odk"
    order: ClassVar[Order] = "submitted"
    says_arrival: ClassVar[bool] = True
    rows_path: ClassVar[str]
    about_path: ClassVar[str]
    came: ClassVar[str]
    """The stamp of arrival."""
    counted: ClassVar[str]
    """Where the description of the table says how many rows it holds."""
    shown: ClassVar[dict[str, str]] = {}

    session: OdkSession = field(repr=False)
    project: str
    name: str
    form: str = ""
    page_size: int = PAGE_SIZE
    overlap: timedelta = OVERLAP
    patience: Patience = field(default_factory=Patience)
    sleep: Callable[[float], object] | None = field(default=None, repr=False)

    @abstractmethod
    def _reader(self, client: Client) -> Read:
        """What makes a submission of a row, for one reading of the table."""

    @abstractmethod
    def _where(self, template: str, **parts: str) -> str:
        """A path of this table."""

    # Everything -----------------------------------------------------------------------------------------------

    def sweep(self, after: str | None = None) -> Iterator[Page]:
        """Every row the server shows, by stamp of arrival and `__id`, from just after `after` (`stamp|__id`).

        While the caller stores a page, one thread fetches the next: two pages in memory at most.
        Raises: ConfigurationError (account, rights, address), TransientError, MealError (encrypted form).
        """
        with self._client() as client, ThreadPoolExecutor(1, thread_name_prefix="odk-sweep") as pool:
            self._describe(client)
            read = self._reader(client)
            upcoming = pool.submit(self._page, client, read, after)
            try:
                while True:
                    page = upcoming.result()
                    if page.through is None:
                        yield page
                        return
                    upcoming = pool.submit(self._page, client, read, page.through)
                    yield page
            finally:
                client.stop.set()

    def _page(self, client: Client, read: Read, after: str | None) -> Page:
        """The rows just beyond `after`, whole milliseconds of them.

        Ordered from a stamp on, never by skiptoken, whose row may be purged, nor by position, which an insertion shifts.
        """
        came, _, last = (after or "").partition("|")
        size = self.page_size
        while True:
            condition = {"$filter": f"__system/{self.came} ge {came}"} if came else {}
            answer = self._rows(client, {**condition, "$orderby": f"__system/{self.came} asc"}, size)
            shown = sorted((read(row) for row in answer.rows), key=_key)
            beyond = [submission for submission in shown if _key(submission) > (came, last)]
            count = answer.count - len(shown) + len(beyond)
            if not answer.is_full:
                return Page(beyond, after, None, count)
            # Stamps are shown to the millisecond and kept to the microsecond: others of the last one may lie ahead.
            whole = [submission for submission in beyond if submission.submitted_at != shown[-1].submitted_at]
            if whole:
                return Page(whole, after, "|".join(_key(whole[-1])), count)
            size = 2 * max(size, len(shown))

    def _rows(self, client: Client, query: dict[str, str], size: int) -> Answer:
        """One page of rows; fewer than asked only when there are no more, which the server's own count must bear out."""
        asked = size

        def params(attempt: int) -> dict[str, str]:
            nonlocal asked
            asked = max(min(size, SMALLEST_PAGE), size >> attempt)
            return {**query, **self.shown, "$count": "true", "$top": str(asked)}

        def decode(body: bytes) -> Answer:
            answer = read_answer(body, asked)
            if len(answer.rows) < min(asked, answer.count):
                raise Malformed(f"il annonce {answer.count} lignes et n'en rend que {len(answer.rows)}")
            return answer

        return client.read(self._where(self.rows_path), params, decode)

    def is_same(self, before: bytes, after: bytes) -> bool:
        return odk_rows.is_same(before, after)

    # What changed ---------------------------------------------------------------------------------------------

    def mark(self) -> Mark | None:
        with self._client() as client:
            at = self.session.now()
            deleted = self._rows(client, {"$filter": f"{DELETED} ne null"}, BIN + 1)
            return self._marked(at, self._describe(client), {row["__id"] for row in deleted.rows})

    def _marked(self, at: datetime, described: dict[str, Any], deleted: set[str] | None) -> Mark:
        """bin: the rows that may be restored, None when they are too many to be remembered."""
        kept = None if deleted is None or len(deleted) > BIN else sorted(deleted)
        since = {"at": stamp(at - self.overlap), "born": described["createdAt"], "version": described.get("version")}
        return {**since, "total": described[self.counted], "bin": kept}

    def changes(self, since: Mark, awaiting: Sequence[str] = ()) -> Iterator[Delta]:
        """New, edited, reviewed, deleted and restored rows since a mark, and the total: two requests when idle.

        A restoration moves no stamp: all rows that are deleted are in the feed, and one that was and is no more has been
        restored or purged.
        Raises: as `sweep`; SweepNeeded (a mark too old, a clock set back, a form made anew).
        """
        with self._client() as client:
            now, at = self.session.now(), datetime.fromisoformat(since["at"])
            if now - at > SILENCE:
                raise SweepNeeded(
                    f"la dernière lecture date de plus de {SILENCE.days} jours, et ODK Central efface pour de bon au bout de "
                    "30 jours ce qui a été supprimé"
                )
            if now < at:
                raise SweepNeeded("l'horloge du serveur a été reculée")
            read: Read | None = None
            deleted: set[str] = set()

            def told(condition: str, size: int) -> Iterator[Delta]:
                nonlocal read
                for rows in self._feed(client, condition, size):
                    live = [row for row in rows if row["__system"].get("deletedAt") is None]
                    gone = [row["__id"] for row in rows if row["__system"].get("deletedAt") is not None]
                    deleted.update(gone)
                    if live and read is None:
                        read = self._reader(client)
                    yield Delta([read(row) for row in live] if read else [], gone)

            known = since.get("bin")
            stamps = [f"__system/{name} ge {since['at']}" for name in (self.came, "updatedAt")]
            stamps.append(f"{DELETED} ge {since['at']}" if known is None else f"{DELETED} ne null")
            asked, size = list(conditions(" or ".join(stamps), awaiting)), self.page_size
            is_whole = len(asked) == 1 and all(map(can_be_named, awaiting))
            if not is_whole and since.get("total", SMALL) < SMALL:
                asked, size = [" or ".join([*stamps, f"__system/{self.came} ge {EVER}"])], 2 * SMALL
            for condition in asked:
                yield from told(condition, size)
            for condition in conditions("", sorted(set(known or ()) - deleted)):
                yield from told(condition, self.page_size)
            described = self._describe(client)
            if described["createdAt"] != since["born"]:
                raise SweepNeeded("le formulaire a été effacé et recréé sur le serveur")
            is_redeployed = described.get("version") != since["version"]
            mark = self._marked(now, described, None if known is None else deleted)
            yield Delta([], (), mark, described[self.counted], is_redeployed)

    def _feed(self, client: Client, condition: str, size: int) -> Iterator[list[dict[str, Any]]]:
        """The pages of a feed, by the server's own links, until as many rows came as it announced.

        A link whose row has been purged gives an empty page under 200: the feed is then read again.
        """
        query = {**self.shown, "$filter": condition, "$count": "true", "$top": str(size)}
        for _ in range(TRIES):
            received, announced = 0, None
            path, params = self._where(self.rows_path), query
            while True:
                answer = client.read(path, params, lambda body: read_answer(body, size))
                received += len(answer.rows)
                announced = answer.count if announced is None else announced
                if answer.rows:
                    yield answer.rows
                if answer.following is None:
                    break
                path, params = answer.following, {}
            if received >= announced:
                return
        raise TransientError(
            f"Le serveur {client.server} annonce pour {self._about} des lignes qu'il ne rend pas ({TRIES} essais). Ce qui "
            "était déjà reçu est gardé ; relancez plus tard."
        )

    # What is asked of the server ------------------------------------------------------------------------------

    def _describe(self, client: Client) -> dict[str, Any]:
        described = client.get(self._where(self.about_path), {}, holds=self.counted, kind=int)
        if not isinstance(described.get("createdAt"), str):
            raise MealError(f"Le serveur {client.server} ne décrit pas {self._about} comme un ODK Central le fait.")
        return described

    @property
    @abstractmethod
    def _about(self) -> str:
        """« le formulaire … », for messages."""

    def _client(self, refuse: Callable[[int], MealError | None] | None = None) -> Client:
        return Client(
            self.session.root,
            authorization=self.session,
            about=self._about,
            refuse=refuse or self._refusal,
            patience=self.patience,
            sleep=self.sleep,
            headers={"X-Extended-Metadata": "true"},
        )

    def _refusal(self, status: int) -> MealError | None:
        server = self.session.root
        if status == 401:
            return ConfigurationError(
                f"{server} refuse la session qu'il vient d'ouvrir : impossible de lire {self._about}. Vérifiez le compte de "
                f"{self.session.variables} sur le site, puis relancez."
            )
        if status == 403:
            return ConfigurationError(
                f"Le compte de {self.session.variables} n'a pas le droit de lire {self._about} sur {server}. Dans ODK Central, "
                f"donnez-lui le rôle « Project Viewer » sur le projet {self.project}, puis relancez."
            )
        if status == 404:
            return ConfigurationError(
                f"Impossible de lire {self._about} : {server} n'en a aucune version publiée dans le projet {self.project}. "
                "Vérifiez les deux identifiants dans project.yaml (ils se lisent dans l'adresse de la page : "
                "/projects/<numéro>/forms/<identifiant>), et que le formulaire n'est ni un brouillon ni dans la corbeille."
            )
        if status in (400, 501):
            return MealError(
                f"{server} ne comprend pas ce qui lui est demandé pour {self._about} : il faut ODK Central v2025.1 ou plus récent, "
                "et un questionnaire qui a meta/instanceID, comme tous ceux que pyxform écrit."
            )
        return None


def _key(submission: Submission) -> tuple[str, str]:
    return str(submission.submitted_at), submission.submission_id
