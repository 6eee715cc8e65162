"""The files of submissions as KoboToolbox tells them: in the row of each, what has arrived."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec
import orjson

from meal_pipelines.collect.answer import Malformed
from meal_pipelines.collect.source import Attachment
from meal_pipelines.collect.transport import Client

FILE = "/api/v2/assets/{asset}/data/{key}/attachments/{file}/"
"""A file by its uid; servers older than 2025 know it by its number only."""


class _File(msgspec.Struct, gc=False):
    uid: str | None = None
    id: int | str | None = None
    media_file_basename: str | None = None
    filename: str | None = None
    download_url: str | None = None
    is_deleted: Any = None


class _Row(msgspec.Struct, gc=False):
    id: int = msgspec.field(name="_id")
    files: list[_File] | None = msgspec.field(name="_attachments", default=None)


class _Rows(msgspec.Struct):
    results: list[_Row]
    next: Any = None


_rows = msgspec.json.Decoder(_Rows)


@dataclass(frozen=True, slots=True)
class FilesPage:
    """One answer of the data endpoint. files: those of each submission that it shows, by `_id`."""

    files: dict[int, list[Attachment]] = field(repr=False)
    has_next: bool


def files_of(client: Client, path: str, asset: str, keys: Sequence[int]) -> Iterator[tuple[str, list[Attachment]]]:
    """The files that have arrived of each of these submissions that still exists, asked for at the data endpoint `path`.

    A server may show fewer rows than asked: the rest is asked for again. Raises: as `Client.read`.
    """
    left = sorted(keys)
    while left:
        query = orjson.dumps({"_id": {"$in": left}}).decode()
        params = {"format": "json", "limit": str(len(left)), "sort": '{"_id":1}', "query": query}
        params["fields"] = '["_id","_attachments"]'
        page = client.read(path, params, partial(read_files, asset=asset, server=client.server))
        yield from ((str(key), files) for key, files in page.files.items())
        left = [key for key in left if page.has_next and page.files and key > max(page.files)]


def read_files(body: bytes, asset: str, server: str) -> FilesPage:
    """The files that have arrived and are still there. server: its host, to which alone a token may go.

    Raises: Malformed, when it is no such answer.
    """
    try:
        page = _rows.decode(body)
    except (UnicodeDecodeError, msgspec.MsgspecError):
        # `from None`: the error may quote the body.
        raise Malformed("sa réponse est incomplète ou n'a pas la forme attendue") from None
    return FilesPage(
        {row.id: [_attachment(file, asset, row.id, server) for file in row.files or [] if not file.is_deleted] for row in page.results},
        page.next is not None,
    )  # fmt: skip


def _attachment(file: _File, asset: str, key: int, server: str) -> Attachment:
    """`download_url` may name another host, or the address that the server had before: only its path is ever used."""
    name = (file.media_file_basename or file.filename or "").rpartition("/")[2]
    reference = file.uid or file.id
    if reference is not None:
        address = FILE.format(asset=asset, key=key, file=quote(str(reference), safe=""))
        return Attachment(name, address, edition=str(reference))
    parts = urlsplit(file.download_url or "")
    is_here = parts.netloc == server
    return Attachment(name, f"{parts.path}?{parts.query}" if parts.query else parts.path, is_there=is_here)
