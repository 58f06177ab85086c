"""What an archive that was sent says, once every word and byte of it was checked."""

from __future__ import annotations

import hashlib
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar
from uuid import UUID

import numpy as np
from pydantic import Field, TypeAdapter, ValidationError

from experiments.artifacts.archive import LEDGER, Archive, newer, refused
from experiments.artifacts.archive_learnt import DatasetMember, PipelineMember
from experiments.artifacts.archive_rows import (
    EntryRow,
    ExperimentRow,
    InstrumentRow,
    PoolRow,
    RunMember,
    SealRow,
)
from experiments.artifacts.archive_words import Row, first_problem
from experiments.artifacts.manifest import MANIFEST
from experiments.models import LedgerEntry, ProofStatus, RunKind
from experiments.models.ledger import signed_key
from experiments.selectors.archive import OF_ENTRY
from experiments.selectors.ledger import chained_hash
from experiments.selectors.trials import pool_of
from experiments.services.archive_checks import learnt_checked
from quantlab.web.problem import Problem
from strategies.errors import StrategyError
from strategies.market.identity import Sketch

Read = TypeVar("Read", bound=Row)
Line = EntryRow | InstrumentRow | PoolRow | SealRow
LINE: TypeAdapter[Line] = TypeAdapter(Annotated[Line, Field(discriminator="type")])
SUBJECTS = ("run", "experiment", "pipeline")
HALF_BYTES = 2  # of a weekly return
KEY_BYTES = 8


@dataclass(frozen=True, slots=True)
class Trial:
    """An entry of the other ledger, and what it remembers of its candidates."""

    row: EntryRow
    sample: list[bytes]

    def entry(self, **changes: Any) -> LedgerEntry:
        return LedgerEntry(
            **{name: getattr(self.row, name) for name in OF_ENTRY} | changes
        )


@dataclass(slots=True)
class Contents:
    """Everything in an archive, in the order in which it can be written."""

    archive: Archive
    experiments: list[ExperimentRow] = field(default_factory=list)
    datasets: list[DatasetMember] = field(default_factory=list)
    runs: list[RunMember] = field(default_factory=list)
    files: dict[UUID, list[str]] = field(default_factory=dict)
    pipelines: list[PipelineMember] = field(default_factory=list)
    trials: list[Trial] = field(default_factory=list)
    instruments: dict[str, bytes] = field(default_factory=dict)
    pools: list[PoolRow] = field(default_factory=list)
    seals: list[SealRow] = field(default_factory=list)

    @property
    def about(self) -> dict[str, Any]:
        """What the archive says of itself."""
        index = self.archive.index
        kind, name = index.get("kind"), index.get("name")
        return {
            "kind": kind if kind in SUBJECTS else "",
            "id": str(index.get("id", ""))[:36],
            "name": str(name or "")[:200],
            "code_version": str(index.get("code_version", ""))[:20],
            "left_out": _listed(index.get("left_out")),
        }


def archive_read(archive: Archive) -> Contents:
    """Return what an archive has; 422 for the first thing in it that cannot be."""
    contents = Contents(archive)
    for name in archive.names:
        _read_member(contents, name)
    for member in contents.runs:
        _check_run(contents, member)
    if set(contents.files) - {member.run.id for member in contents.runs}:
        raise refused("incomplete", "There are files of a run that is missing.")
    contents.runs = _parents_first(contents.runs)
    _check_proofs(contents)
    learnt_checked(contents)
    _read_ledger(contents)
    return contents


def _read_member(contents: Contents, name: str) -> None:
    archive = contents.archive
    folder, _, rest = name.partition("/")
    if folder == "experiments":
        contents.experiments.append(_row(ExperimentRow, archive.document(name), name))
    elif rest.endswith("/run.json"):
        contents.runs.append(_row(RunMember, archive.document(name), name))
    elif folder == "runs":
        run_id, _, file = rest.partition("/files/")
        contents.files.setdefault(UUID(run_id), []).append(file)
    elif rest.endswith("/dataset.json"):
        contents.datasets.append(_row(DatasetMember, archive.document(name), name))
    elif folder == "pipelines":
        contents.pipelines.append(_row(PipelineMember, archive.document(name), name))


def _row(of: type[Read], document: Any, name: str) -> Read:
    try:
        return of.model_validate(document)
    except ValidationError as exc:
        raise _bad_row(exc, name) from None


def _bad_row(error: ValidationError, name: str) -> Problem:
    """Return the refusal of a row; a field too many is one that a newer lab has."""
    for one in error.errors():
        if one["type"] == "extra_forbidden":
            place = ".".join(str(part) for part in one["loc"])
            message = f"{name} has “{place[:80]}”, which this lab does not know: it was"
            return newer("newer_version", f"{message} made by a newer version.")
    return refused("bad_row", f"{name}: {first_problem(error)}.")


# --- runs --------------------------------------------------------------------------


def _check_run(contents: Contents, member: RunMember) -> None:
    """Refuse a run whose row says other than its files, or whose files are others."""
    archive, run = contents.archive, member.run
    folder = f"runs/{run.id}"
    if f"{folder}/run.json" not in archive.names:
        raise refused("bad_row", f"The run {run.id} stands under another name.")
    if member.numbers.items() - _numbers(run.metrics).items():
        raise refused("bad_row", f"{folder}: its numbers are not those of its metrics.")
    if member.proof is not None and run.kind != RunKind.REPRODUCE:
        raise refused("bad_row", f"{folder}: it has a proof and is no reproduction.")
    files = contents.files.get(run.id, [])
    if bool(run.manifest_sha) != bool(files):
        raise refused("incomplete", f"{folder}: its files are missing, or not its own.")
    if run.manifest_sha:
        _check_files(archive, member, files)


def _check_proofs(contents: Contents) -> None:
    """Refuse a proof of files that are not those of the run that it is of."""
    known = {member.run.id: member.run for member in contents.runs}
    for member in contents.runs:
        of = known.get(member.run.parent_id) if member.run.parent_id else None
        if member.proof is None or of is None or not of.manifest_sha:
            continue
        manifest = contents.archive.document(f"runs/{of.id}/files/{MANIFEST}")
        listed = _entries(manifest)
        proved = {one.name: one.expected for one in member.proof.document.files}
        if member.proof.status == ProofStatus.IDENTICAL and proved != listed:
            message = f"runs/{member.run.id}: its proof is that of other files."
            raise refused("wrong_hash", message)


def _numbers(metrics: dict[str, Any]) -> dict[str, Any]:
    return {
        key: None if value is None else float(value) for key, value in metrics.items()
    }


def _check_files(archive: Archive, member: RunMember, files: list[str]) -> None:
    run = member.run
    folder = f"runs/{run.id}/files"
    if archive.sha256(f"{folder}/{MANIFEST}") != run.manifest_sha:
        raise refused("wrong_hash", f"{folder}: the manifest is that of another run.")
    manifest = archive.document(f"{folder}/{MANIFEST}")
    listed = _entries(manifest)
    if manifest.get("run_id") != str(run.id) or {*listed, MANIFEST} != set(files):
        raise refused("incomplete", f"{folder}: its manifest lists other files.")
    for name, sha256 in listed.items():
        if archive.sha256(f"{folder}/{name}") != sha256:
            message = f"{folder}/{name} is not the file that the manifest lists."
            raise refused("wrong_hash", message)
    archive.check(f"{folder}/{name}" for name in listed)
    if run.kind == RunKind.BACKTEST:
        archive.same(f"{folder}/config.json", run.config)
        archive.same(f"{folder}/metrics.json", {**run.metrics, "flags": run.flags})


def _entries(manifest: Any) -> dict[str, str]:
    try:
        return {str(one["name"]): str(one["sha256"]) for one in manifest["files"]}
    except (KeyError, TypeError, AttributeError):
        raise refused("damaged", "A manifest does not list its files.") from None


def _parents_first(members: list[RunMember]) -> list[RunMember]:
    """Return the runs so that what one comes from stands before it."""
    waiting = {
        member.run.id: member
        for member in sorted(members, key=lambda one: one.run.created_at)
    }
    if len(waiting) != len(members):
        raise refused("bad_row", "A run is in it twice.")
    ordered: list[RunMember] = []
    while waiting:
        ready = [m for m in waiting.values() if m.run.parent_id not in waiting]
        if not ready:
            raise refused("bad_row", "Its runs come from each other in a circle.")
        for member in ready:
            ordered.append(waiting.pop(member.run.id))
    return ordered


# --- ledger ------------------------------------------------------------------------


def _read_ledger(contents: Contents) -> None:
    for line in _lines(contents.archive):
        if isinstance(line, EntryRow):
            contents.trials.append(_trial(line))
        elif isinstance(line, InstrumentRow):
            contents.instruments[line.name] = _sketch(line)
        elif isinstance(line, PoolRow):
            contents.pools.append(line)
        else:
            contents.seals.append(line)


def _lines(archive: Archive) -> Iterator[Line]:
    for number, document in enumerate(archive.lines(LEDGER), start=1):
        try:
            yield LINE.validate_python(document)
        except ValidationError as exc:
            raise _bad_row(exc, f"{LEDGER}, line {number}") from None


def _trial(row: EntryRow) -> Trial:
    """Return an entry whose hash holds and whose sample is what it says of it."""
    sample = [_decoded(text) for text in (row.keys, row.kept_keys, row.returns)]
    trial = Trial(row, sample)
    found = hashlib.sha256(b"".join(sample)).hexdigest()
    is_whole = found == row.candidates_sha and row.pool == pool_of(row.instruments)
    if not is_whole or chained_hash(trial.entry()) != row.hash:
        raise refused("wrong_hash", f"The ledger's entry {row.id} was changed.")
    if not (_is_counted(row) and _is_sampled(row, *sample)):
        raise refused("bad_row", f"The ledger's entry {row.id} does not add up.")
    return trial


def _is_counted(row: EntryRow) -> bool:
    is_ordered = row.n_sharpes <= row.n_trials <= row.n_evaluated
    has_moments = (row.sharpe_mean is not None) == (row.n_sharpes > 0)
    return is_ordered and has_moments and row.start_ms <= row.end_ms


def _is_sampled(row: EntryRow, keys: bytes, kept: bytes, returns: bytes) -> bool:
    """Return whether the sample has the shape that its readers take for granted."""
    if len(keys) != KEY_BYTES * row.n_evaluated or not keys or len(kept) % KEY_BYTES:
        return False
    known = np.frombuffer(keys, dtype=np.uint64)
    if (known[1:] < known[:-1]).any():
        return False
    single = signed_key(int(known[0])) if len(known) == 1 else None
    kept_keys = np.frombuffer(kept, dtype=np.uint64)
    n_kept = len(kept_keys)
    weeks = len(returns) % (HALF_BYTES * n_kept) if n_kept else len(returns)
    is_kept = bool(np.isin(kept_keys, known).all())
    is_finite = weeks == 0 and not np.isinf(np.frombuffer(returns, np.float16)).any()
    return row.candidate_key == single and is_finite and is_kept


def _decoded(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except ValueError:
        raise refused("damaged", f"{LEDGER} holds bytes that are none.") from None


def _sketch(row: InstrumentRow) -> bytes:
    data = _decoded(row.sketch)
    try:
        Sketch.from_bytes(data)
    except (ValueError, StrategyError):
        raise refused("bad_row", f"The sketch of {row.name} is none.") from None
    return data


def _listed(left_out: Any) -> list[dict[str, str]]:
    if not isinstance(left_out, list):
        return []
    return [
        {"id": str(one.get("id", ""))[:36], "why": str(one.get("why", ""))[:80]}
        for one in left_out[:1_000]
        if isinstance(one, dict)
    ]
