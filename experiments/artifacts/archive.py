"""Archives: one zip with runs, that says of each of its members which bytes it has.

Whoever sends one may be anybody. Nothing is unpacked by the names in it: a name is only
compared with those that an archive can have, and no more is read of a member than the
index says that it has.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import stat
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import IO, Any, BinaryIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from quantlab.web.problem import Problem
from quantlab.web.strict_json import read_json

FORMAT, VERSION = "quantlab-archive", 2
READ = (1, VERSION)  # the first had no trainings and no pipelines
INDEX = "archive.json"
LEDGER = "ledger.jsonl"
UUID_WORD = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
NAME = re.compile(
    rf"archive\.json|ledger\.jsonl|(?:experiments|pipelines)/{UUID_WORD}\.json"
    rf"|datasets/{UUID_WORD}/(?:dataset\.json|rows\.parquet)"
    rf"|runs/{UUID_WORD}/(?:run\.json|files/[a-z][a-z0-9_]*\.(?:json|parquet|skops))"
)
MOST_MEMBERS = 50_000
MOST_BYTES = 4 << 30  # unpacked, all together
LIST_BYTES = 8 << 20  # that a zip may take to say what is in it
DOCUMENT_BYTES = 64 << 20  # of one that is read as a whole
MOST_VALUES = 2_000_000  # of one document: of small ones a few bytes are a hundred
LINE_BYTES = 64 << 20
MOST_RATIO = 200  # unpacked to packed; beyond it a member is a bomb
SMALL_BYTES = 1 << 20  # that may be packed as well as they like
READ_BYTES = 1 << 20
ENCRYPTED = 0x1
EPOCH = (1980, 1, 1, 0, 0, 0)  # the same bytes for the same runs
PACKED = (".json", ".jsonl")

UNREADABLE = (
    *(BadZipFile, NotImplementedError, RuntimeError),
    *(EOFError, OSError, ValueError, zlib.error),
)

Content = bytes | Path


def archive_write(
    file: BinaryIO, about: Mapping[str, Any], members: Iterable[tuple[str, Content]]
) -> None:
    """Write members in their order, and last the index of them."""
    with ZipFile(file, "w") as target:
        listed = {name: _add(target, name, content) for name, content in members}
        index = {"format": FORMAT, "version": VERSION, **about, "members": listed}
        _add(target, INDEX, json_bytes(index))


def json_bytes(document: Any) -> bytes:
    text = json.dumps(document, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return f"{text}\n".encode()


def _add(target: ZipFile, name: str, content: Content) -> dict[str, Any]:
    info = ZipInfo(name, EPOCH)
    info.compress_type = ZIP_DEFLATED if name.endswith(PACKED) else ZIP_STORED
    info.external_attr = (stat.S_IFREG | 0o644) << 16
    sha256, size = hashlib.sha256(), 0
    opened = io.BytesIO(content) if isinstance(content, bytes) else content.open("rb")
    # A member whose size is not known before may become a large one.
    with opened as source, target.open(info, "w", force_zip64=True) as sink:
        while part := source.read(READ_BYTES):
            sha256.update(part)
            size += len(part)
            sink.write(part)
    return {"sha256": sha256.hexdigest(), "size": size}


class _Listed:
    """A zip as `ZipFile` reads it, who takes the list of its members in one piece.

    Of a file that is nothing but such a list, all memory would be taken before one of
    them could be looked at.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def read(self, size: int = -1) -> bytes:
        if size > LIST_BYTES:
            raise refused("too_large", "It lists more members than an archive has.")
        return self._file.read(size)


class Archive:
    """An archive that was sent: its shape is checked now, its bytes as they are read.

    Raises a 422 for what is none, or not whole, or made to harm.
    """

    def __init__(self, file: IO[bytes]) -> None:
        try:
            self._zip = ZipFile(_Listed(file))
        except UNREADABLE as exc:
            raise refused("not_an_archive", "It is no zip file, or cut off.") from exc
        self._infos = self._checked()
        self.index = self._read_index()
        self._members: dict[str, dict[str, Any]] = self.index["members"]

    @property
    def names(self) -> list[str]:
        return list(self._members)

    @property
    def n_bytes(self) -> int:
        return sum(member["size"] for member in self._members.values())

    def sha256(self, name: str) -> str:
        return str(self._member(name)["sha256"])

    def size(self, name: str) -> int:
        return int(self._member(name)["size"])

    def parts(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of a member; 422 at its end if they are not those listed."""
        member = self._member(name)
        yield from self._parts(name, member["size"], member["sha256"])

    def content(self, name: str) -> bytes:
        """Return a member that is read as a whole."""
        if self.size(name) > DOCUMENT_BYTES:
            raise refused("too_large", f"{name} is too large to be read.")
        return b"".join(self.parts(name))

    def document(self, name: str) -> Any:
        return parsed(self.content(name), name)

    def lines(self, name: str) -> Iterator[Any]:
        """Yield the documents of a member, one a line; none if it is not there."""
        if name not in self._members:
            return
        held = b""
        for part in self.parts(name):
            *whole, held = (held + part).split(b"\n")
            if len(held) > LINE_BYTES:
                raise refused("too_large", f"A line of {name} is too long.")
            yield from (parsed(line, name) for line in whole)
        if held:
            raise refused("damaged", f"{name} ends within a line.")

    def same(self, name: str, said: Any) -> None:
        """Refuse a row that says other than the file that was hashed at its end."""
        if self.document(name) != json.loads(json.dumps(said)):
            raise refused("wrong_numbers", f"What is said of {name} is not in it.")

    def check(self, names: Iterable[str]) -> None:
        """Read members for their hashes alone."""
        for name in names:
            for _ in self.parts(name):
                pass

    def _member(self, name: str) -> dict[str, Any]:
        try:
            return self._members[name]
        except KeyError:
            raise refused("incomplete", f"{name} is missing.") from None

    def _checked(self) -> dict[str, ZipInfo]:
        infos = self._zip.infolist()
        if len(infos) > MOST_MEMBERS:
            raise refused("too_large", f"It has {len(infos):,} members.")
        if sum(info.file_size for info in infos) > MOST_BYTES:
            raise refused("too_large", f"Unpacked it has more than {MOST_BYTES} bytes.")
        for info in infos:
            _safe(info)
        named = {info.filename: info for info in infos}
        if len(named) != len(infos):
            raise refused("unsafe_member", "Two members have one name.")
        return named

    def _read_index(self) -> dict[str, Any]:
        if INDEX not in self._infos:
            message = f"{INDEX} is missing: no lab wrote it."
            raise refused("not_an_archive", message)
        if self._infos[INDEX].file_size > DOCUMENT_BYTES:
            raise refused("too_large", f"{INDEX} is too large to be read.")
        parts = self._parts(INDEX, self._infos[INDEX].file_size, None)
        index = parsed(b"".join(parts), INDEX)
        if not isinstance(index, dict) or index.get("format") != FORMAT:
            raise refused("not_an_archive", f"{INDEX} is not that of an archive.")
        if index.get("version") not in READ:
            message = f"It is of version {str(index.get('version'))[:20]}; this lab"
            raise newer("unknown_version", f"{message} reads up to {VERSION}.")
        if not _is_listing(index.get("members")):
            raise refused("damaged", f"{INDEX} does not list its members.")
        if {*index["members"], INDEX} != set(self._infos):
            message = f"{INDEX} lists other members than there are."
            raise refused("incomplete", message)
        return index

    def _parts(self, name: str, size: int, sha256: str | None) -> Iterator[bytes]:
        found, n = hashlib.sha256(), 0
        try:
            with closing(self._zip.open(name)) as source:
                while part := source.read(READ_BYTES):
                    n += len(part)
                    if n > size:
                        break
                    found.update(part)
                    yield part
        except UNREADABLE as exc:
            raise refused("damaged", f"{name} cannot be read.") from exc
        if n != size or sha256 not in (None, found.hexdigest()):
            message = f"{name} has other bytes than {INDEX} says."
            raise refused("wrong_hash", message)


def parsed(content: bytes, name: str) -> Any:
    """Return a document of an archive; what it cannot be is a 422."""
    if content.count(b",") > MOST_VALUES:
        raise refused("too_large", f"{name} has more values than can be read.")
    try:
        return read_json(content, what=name)
    except Problem as exc:
        raise refused("damaged", exc.message) from None


def newer(code: str, message: str) -> Problem:
    """Return the refusal of what a lab of today cannot know."""
    return refused(code, message, advice="Update this lab, then import it again.")


def refused(
    code: str,
    message: str,
    *,
    advice: str = "Download it again from the lab that made it.",
) -> Problem:
    return Problem(
        status=422,
        code=code,
        message=f"The archive is refused: {message}",
        advice=advice,
        errors=[{"field": "file", "code": code, "message": message}],
    )


def _safe(info: ZipInfo) -> None:
    """Refuse a member that an archive cannot have, by its name, kind or size."""
    name = info.filename[:120]
    kind = stat.S_IFMT(info.external_attr >> 16)
    if not NAME.fullmatch(info.filename):
        raise refused("unsafe_member", f"{name!r} is no name of a member.")
    is_plain = kind in (0, stat.S_IFREG) and not info.flag_bits & ENCRYPTED
    if not is_plain or info.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        raise refused("unsafe_member", f"{name} is no plain file.")
    if info.file_size > max(SMALL_BYTES, MOST_RATIO * info.compress_size):
        raise refused("too_large", f"{name} unpacks to {info.file_size:,} bytes.")


def _is_listing(members: Any) -> bool:
    return isinstance(members, dict) and all(
        isinstance(one, dict)
        and isinstance(one.get("size"), int)
        and re.fullmatch(r"[0-9a-f]{64}", str(one.get("sha256")))
        for one in members.values()
    )
