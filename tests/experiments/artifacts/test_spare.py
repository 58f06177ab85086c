"""What can be made again goes when there is no room: the longest unused first."""

from __future__ import annotations

import os

import pytest

from experiments.artifacts.spare import Spare, make_room, mark_used


@pytest.fixture
def spare(settings, tmp_path):
    settings.QUANT_HOME = tmp_path
    spare = Spare("things", 30)
    spare.folder.mkdir(parents=True)
    return spare


def write(spare, name, *, size=10, used_at):
    path = spare.folder / name
    path.write_bytes(b"x" * size)
    os.utime(path, (used_at, used_at))
    return path


def left(spare):
    return sorted(path.name for path in spare.folder.iterdir())


def test_a_folder_within_its_bound_is_left_alone(spare):
    for i in range(3):
        last = write(spare, f"{i}", used_at=i)
    make_room(spare, keep=last)

    assert left(spare) == ["0", "1", "2"]


def test_the_longest_unused_goes_first(spare):
    oldest = write(spare, "old but used", used_at=1)
    write(spare, "never used", used_at=2)
    write(spare, "used once", used_at=3)
    mark_used(oldest)
    make_room(spare, keep=write(spare, "new", used_at=4))

    assert left(spare) == ["new", "old but used", "used once"]


def test_what_was_just_written_stays_however_large(spare):
    write(spare, "old", used_at=2)
    make_room(spare, keep=write(spare, "huge", size=99, used_at=1))

    assert left(spare) == ["huge"]
    mark_used(spare.folder / "gone")
