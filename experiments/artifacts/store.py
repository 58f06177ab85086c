"""The folders of finished runs: a folder appears whole, or not at all.

Files are written into a folder beside the final one, synced, and put in place by one
rename. A process that is killed meanwhile leaves a partial folder, which the next
attempt at the same run removes.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple
from uuid import UUID

from django.conf import settings

from experiments.artifacts.manifest import MANIFEST, FileEntry, manifest_document
from quantlab.web.problem import Problem, disk_full, is_disk_full
from strategies.errors import StrategyError

Writer = Callable[[BinaryIO], object]

MIMES = {
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
    "skops": "application/zip",
}
FILE_NAME = re.compile(r"[a-z][a-z0-9_]*\.(json|parquet|skops)")
IS_TAKEN = (errno.ENOTEMPTY, errno.EEXIST)
UNREADABLE = (OSError, ValueError, LookupError)
FACTS_OF_A_FILE = {"name", "sha256", "size", "mime"}


class ArtifactStore:
    """Run folders below `root`. Ids and names are checked before they meet a path."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def save(
        self, run_id: str, files: Mapping[str, Writer], facts: Mapping[str, Any]
    ) -> str:
        """Write the folder of a run; return the sha256 of its manifest.

        A folder that is there already with the same files stays as it is: an earlier
        attempt was killed before it could say that it had finished.
        """
        final = self._folder(run_id)
        self._sweep(run_id)
        partial = self._beside(run_id)
        try:
            partial.mkdir(parents=True)
            entries = [_write(partial, name, files[name]) for name in sorted(files)]
            now_ms = time.time_ns() // 1_000_000
            document = manifest_document(run_id, now_ms, entries, facts)
            last = _write(partial, MANIFEST, json_writer(document))
            _sync_folder(partial)
            return self._settle(run_id, partial, final, entries) or last["sha256"]
        except OSError as exc:
            if is_disk_full(exc):
                raise disk_full("the files of this run could not be written") from exc
            raise
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def take(self, run_id: str, files: Mapping[str, Iterable[bytes]]) -> None:
        """Put the folder of another lab's run in place, its manifest too, as it is.

        Whoever calls has compared the bytes with their hashes, or does as they pass.
        """
        final, partial = self._folder(run_id), self._beside(run_id)
        self._sweep(run_id)
        try:
            partial.mkdir(parents=True)
            for name, parts in files.items():
                _write(partial, name, parts_writer(parts))
            _sync_folder(partial)
            self._clear(final)
            partial.rename(final)
            _sync_folder(self.root)
        except OSError as exc:
            if is_disk_full(exc):
                raise disk_full("the files of this run could not be written") from exc
            raise
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def open(self, run_id: str, name: str) -> KeptFile:
        """Return a file that the manifest lists, or the manifest, open for reading."""
        if name != MANIFEST and name not in {e["name"] for e in self.list(run_id)}:
            raise _missing(f"This run keeps no file called '{name[:80]}'.")
        try:
            return KeptFile(self._folder(run_id) / name)
        except FileNotFoundError:
            raise _missing(f"The file {name} of this run is gone.") from None
        except OSError as exc:
            raise spoilt(name) from exc

    def list(self, run_id: str) -> Sequence[FileEntry]:
        """Return the entries of the manifest, by name; itself is not among them."""
        files: Sequence[FileEntry] = self.manifest(run_id)["files"]
        return files

    def manifest(self, run_id: str) -> dict[str, Any]:
        try:
            text = (self._folder(run_id) / MANIFEST).read_bytes()
            document: dict[str, Any] = json.loads(text)
            if all(file.keys() >= FACTS_OF_A_FILE for file in document["files"]):
                return document
        except FileNotFoundError:
            raise _missing("This run keeps no files.") from None
        except (*UNREADABLE, TypeError, AttributeError) as exc:
            raise spoilt(MANIFEST) from exc
        raise spoilt(MANIFEST)

    def path(self, run_id: str, name: str) -> Path:
        """Return where a file of a run lies, whether or not it is there."""
        if not FILE_NAME.fullmatch(name):
            raise _missing(f"This run keeps no file called '{name[:80]}'.")
        return self._folder(run_id) / name

    def verify(self, run_id: str, manifest_sha: str) -> dict[str, Any]:
        """Hash every file again; a manifest that changed can vouch for none."""
        folder = self._folder(run_id)
        expected = {MANIFEST: manifest_sha}
        if file_sha256(folder / MANIFEST) == manifest_sha:
            expected = {e["name"]: e["sha256"] for e in self.list(run_id)}
        files = [
            {"name": name, "ok": actual == sha, "expected": sha, "actual": actual}
            for name, sha in expected.items()
            for actual in [file_sha256(folder / name)]
        ]
        return {
            "ok": all(file["ok"] for file in files),
            "checked": len(files),
            "files": files,
        }

    def size(self, run_id: str) -> int:
        """Return the bytes of the folder of a run; 0 where there is none."""
        return folder_size(self._folder(run_id)).n_bytes

    def delete(self, run_id: str) -> None:
        """Remove the folder of a run, and what killed attempts left; or nothing."""
        final, doomed = self._folder(run_id), self._beside(run_id)
        if final.exists():
            final.rename(doomed)  # at once: nobody finds half a folder
        self._sweep(run_id)

    def _settle(
        self, run_id: str, partial: Path, final: Path, entries: Sequence[FileEntry]
    ) -> str | None:
        """Put the folder in place; return the manifest's sha256 if an equal one is."""
        while True:
            if kept := self._equal_folder(run_id, entries):
                return kept
            self._clear(final)
            try:
                partial.rename(final)
            except OSError as exc:
                if exc.errno not in IS_TAKEN:
                    raise
            else:
                _sync_folder(self.root)
                return None

    def _equal_folder(self, run_id: str, entries: Sequence[FileEntry]) -> str | None:
        sha = file_sha256(self._folder(run_id) / MANIFEST)
        if sha is None:
            return None
        try:
            known = self.list(run_id)
        except Problem:
            return None  # not to be read: it is written anew
        return sha if known == entries and self.verify(run_id, sha)["ok"] else None

    def _clear(self, final: Path) -> None:
        if final.exists():
            doomed = self._beside(final.name)
            final.rename(doomed)
            shutil.rmtree(doomed)

    def _sweep(self, run_id: str) -> None:
        for leftover in self.root.glob(f".{run_id}.*.partial"):
            shutil.rmtree(leftover, ignore_errors=True)

    def _beside(self, run_id: str) -> Path:
        return self.root / f".{run_id}.{secrets.token_hex(4)}.partial"

    def _folder(self, run_id: str) -> Path:
        try:
            is_canonical = str(UUID(run_id)) == run_id
        except ValueError:
            is_canonical = False
        if not is_canonical:
            raise _missing("There is no run with this id.")
        return self.root / run_id


class Size(NamedTuple):
    n_files: int
    n_bytes: int


def folder_size(folder: Path) -> Size:
    """Return what lies in a folder and below it; nothing for one that is not there."""
    n_files = n_bytes = 0
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as found:
        for one in found:
            with suppress(FileNotFoundError):  # it went while we counted
                if one.is_dir(follow_symlinks=False):
                    below = folder_size(Path(one.path))
                    n_files, n_bytes = n_files + below.n_files, n_bytes + below.n_bytes
                else:
                    n_files += 1
                    n_bytes += one.stat(follow_symlinks=False).st_size
    return Size(n_files, n_bytes)


def run_store() -> ArtifactStore:
    return ArtifactStore(settings.QUANT_HOME / "runs")


def json_writer(document: Mapping[str, Any]) -> Writer:
    """Return a writer of readable JSON; NaN in it is a defect and raises."""
    text = json.dumps(
        document, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False
    )
    return lambda file: file.write(f"{text}\n".encode())


def parts_writer(parts: Iterable[bytes]) -> Writer:
    """Return a writer of bytes that come in parts."""
    return lambda file: [file.write(part) for part in parts]


def write_whole(path: Path, text: str) -> None:
    """Write `text` so that a reader sees the old file or the new one, never half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(text)
    partial.replace(path)


class KeptFile(io.BufferedReader):
    """A file of a run; bytes without sense, met in its `with`, are told in words.

    Arrow's errors and JSON's are among these. Only reading belongs into the `with`: a
    defect would be called damage.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(path))
        self.kept_as = path.name

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        super().__exit__(kind, error, trace)
        if _is_damage(error):
            raise spoilt(self.kept_as) from error


def _is_damage(error: BaseException | None) -> bool:
    if isinstance(error, OSError):  # Arrow's have no number
        return error.errno in (None, errno.EIO)
    return isinstance(error, UNREADABLE) and not isinstance(error, StrategyError)


class _Hashed(io.RawIOBase):
    """Hashes and counts what passes through it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.sha256 = hashlib.sha256()
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.sha256.update(data)
        written = self._file.write(data)
        self.size += written
        return written


def _write(folder: Path, name: str, write: Writer) -> FileEntry:
    if not FILE_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name for an artifact.")
    with (folder / name).open("xb") as file:
        hashed = _Hashed(file)
        write(hashed)  # type: ignore[arg-type]
        file.flush()
        os.fsync(file.fileno())
    return {
        "name": name,
        "path": name,
        "sha256": hashed.sha256.hexdigest(),
        "size": hashed.size,
        "mime": MIMES[name.rpartition(".")[2]],
    }


def file_sha256(path: Path) -> str | None:
    """Return the hash of a file; None if it is not there, or no file."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (FileNotFoundError, IsADirectoryError):
        return None


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _missing(message: str) -> Problem:
    advice = "The run's page lists its files."
    return Problem(status=404, message=message, advice=advice)


def spoilt(name: str, why: str = "it cannot be read") -> Problem:
    return Problem(
        status=409,
        code="file_damaged",
        message=f"The file {name} of this run is damaged: {why}.",
        advice="Verify the run's files; run it again to have them made anew.",
    )
