from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tera.errors import StoreDamagedError, StoreError
from tera.store import journal as module
from tera.store import lines
from tera.store.journal import Journal, Position
from tests.disks import full_disk
from tests.entries import forget, numbered, remember

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
def segment(folder: Path) -> Path:
    """Return the first segment of a journal with five entries."""
    journal = Journal(folder)
    for number in range(1, 6):
        journal.append([remember(f"memory{number}", "text " * number)])
    return folder / "000001.jsonl"


@pytest.fixture
def rotating(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with one entry in each of four segments."""
    monkeypatch.setattr(module, "SEGMENT_BYTES", 500)
    journal = Journal(folder)
    for number in range(1, 5):
        journal.append([remember(f"memory{number}", "x" * 200)])
    return folder


def ids(journal: Journal, after: Position | None = None) -> list[str]:
    return [entry.memory_id for entry, _ in journal.entries(after)]


def test_a_new_journal_is_empty(folder: Path) -> None:
    journal = Journal(folder)
    assert journal.end == Position()
    assert ids(journal) == []


def test_entries_come_back_in_order_after_reopening(folder: Path) -> None:
    written = Journal(folder).append([remember("a", "one"), remember("b", "two", tags=("t",))])
    written += Journal(folder).append([replace(forget("a"), undoes=1)])

    assert [entry for entry, _ in Journal(folder).entries()] == written
    assert [entry.number for entry in written] == [1, 2, 3]
    assert len({entry.device for entry in written}) == 1


def test_entries_of_one_command_share_their_change(folder: Path) -> None:
    journal = Journal(folder)
    first = journal.append([remember("a"), remember("b")])
    second = journal.append([remember("c")])
    third = journal.append([replace(remember("d"), change=second[0].change)])

    assert [entry.change for entry in (*first, *second, *third)] == [1, 1, 3, 3]


def test_entries_are_read_on_from_every_position(segment: Path) -> None:
    journal = Journal(segment.parent)
    for entry, position in journal.entries():
        expected = [f"memory{number}" for number in range(entry.number + 1, 6)]
        assert ids(journal, position) == expected


def test_every_line_is_json_sealed_with_the_line_before_it(segment: Path) -> None:
    previous = "0" * 64
    for line in segment.read_bytes().splitlines():
        digest = json.loads(line)["sha256"]
        body = line[: line.rindex(b', "sha256"')]
        assert digest == hashlib.sha256(previous.encode() + body).hexdigest()
        previous = digest


@given(text=TEXT, title=TEXT, tag=TEXT)
def test_any_text_comes_back_from_a_line(text: str, title: str, tag: str) -> None:
    entry = numbered(remember("a", text, title=title, tags=(tag,)), 1)

    line, digest = lines.seal(entry, lines.START)

    assert line.count(b"\n") == 1
    assert lines.unseal(line, lines.START, "entry 1") == (entry, digest)


def test_text_with_every_kind_of_line_end_stays_one_line(folder: Path) -> None:
    text = "a\nb\r\nc\rd\x0be\x0cf\x1cg\x85h\u2028i\u2029j"
    Journal(folder).append([remember("a", text), remember("b")])

    (entry, _), _ = Journal(folder).entries()
    assert entry.fields["text"] == text


@pytest.mark.parametrize("cut", [1, 60, 200])
def test_a_torn_last_line_is_set_aside(segment: Path, cut: int) -> None:
    whole = segment.read_bytes()
    last = whole.splitlines(keepends=True)[-1]
    segment.write_bytes(whole[:-cut])

    journal = Journal(segment.parent)

    assert journal.end.number == 4
    assert journal.torn_bytes == len(last) - cut
    assert next(segment.parent.glob("*.torn")).read_bytes() == last[:-cut]
    journal.append([remember("next")])
    assert ids(Journal(segment.parent))[-2:] == ["memory4", "next"]


def test_a_journal_of_one_torn_line_begins_anew(folder: Path) -> None:
    Journal(folder).append([remember("a")])
    segment = folder / "000001.jsonl"
    segment.write_bytes(segment.read_bytes()[:50])

    journal = Journal(folder)
    assert journal.end == Position()
    journal.append([remember("b")])
    assert ids(Journal(folder)) == ["b"]


def test_any_altered_byte_shows(segment: Path) -> None:
    whole = segment.read_bytes()
    for place in range(0, len(whole) - 1, 7):
        altered = bytearray(whole)
        altered[place] ^= 1
        segment.write_bytes(altered)
        with pytest.raises(StoreError):
            list(Journal(segment.parent).entries())


def test_a_damaged_line_in_the_middle_is_named(segment: Path) -> None:
    lines = segment.read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b"text text", b"test text")
    segment.write_bytes(b"".join(lines))

    with pytest.raises(StoreDamagedError, match="entry 3 of the journal is damaged"):
        list(Journal(segment.parent).entries())


def test_a_missing_line_is_noticed(segment: Path) -> None:
    lines = segment.read_bytes().splitlines(keepends=True)
    segment.write_bytes(b"".join(lines[:1] + lines[2:]))

    with pytest.raises(StoreDamagedError, match="entry 2"):
        list(Journal(segment.parent).entries())


def test_a_last_line_that_is_no_entry_is_damage(segment: Path) -> None:
    with segment.open("ab") as file:
        file.write(b'{"v": 1}\n')
    with pytest.raises(StoreDamagedError, match="entry 6 of the journal is damaged"):
        Journal(segment.parent)


def test_a_position_in_another_journal_is_noticed(segment: Path) -> None:
    journal = Journal(segment.parent)
    (first, _), *_ = journal.entries()
    with pytest.raises(StoreDamagedError):
        list(journal.entries(Position(first.number, 1, 30)))


def test_a_digest_tells_what_a_journal_holds_up_to_a_position(segment: Path) -> None:
    journal = Journal(segment.parent)
    positions = [Position(), *(position for _, position in journal.entries())]
    digests = [journal.digest_at(position) for position in positions]
    assert len({*digests, ""}) == 7
    journal.append([remember("more")])
    assert [Journal(segment.parent).digest_at(position) for position in positions] == digests
    assert journal.digest_at(replace(journal.end, number=99)) == ""
    assert journal.digest_at(replace(positions[3], offset=positions[3].offset + 5)) == ""
    assert journal.digest_at(replace(positions[3], segment=7)) == ""
    other = Journal(segment.parent.parent / "other")
    for number in range(1, 6):
        other.append([remember(f"memory{number}", "test " * number)])
    assert other.digest_at(positions[3]) not in digests
    assert other.digest_at(journal.end) == ""


def test_a_newer_format_is_refused_with_the_way_out(folder: Path) -> None:
    folder.mkdir()
    line, _ = lines.seal_body(b'{"v": 9, "number": 1', lines.START)
    (folder / "000001.jsonl").write_bytes(line)

    with pytest.raises(StoreError, match="newer Tera") as refusal:
        Journal(folder)
    assert refusal.value.hint == "install a newer version of Tera"


def test_segments_follow_one_another(rotating: Path) -> None:
    journal = Journal(rotating)

    assert [file.name for file in sorted(rotating.glob("*.jsonl"))] == [
        f"{number:06d}.jsonl" for number in range(1, 5)
    ]
    assert journal.end.segment == 4
    assert ids(journal) == ["memory1", "memory2", "memory3", "memory4"]
    for entry, position in journal.entries():
        assert len(ids(journal, position)) == 4 - entry.number


def test_one_command_is_never_split_between_segments(rotating: Path) -> None:
    Journal(rotating).append([remember("a", "x" * 400), remember("b", "x" * 400)])
    assert (rotating / "000005.jsonl").read_bytes().count(b"\n") == 2


def test_a_missing_segment_is_named(rotating: Path) -> None:
    (rotating / "000002.jsonl").unlink()
    with pytest.raises(StoreDamagedError, match="segment 2 of the journal is missing"):
        list(Journal(rotating).entries())


def test_an_empty_last_segment_is_written_on(rotating: Path) -> None:
    (rotating / "000005.jsonl").touch()

    Journal(rotating).append([remember("memory5")])

    assert ids(Journal(rotating)) == [f"memory{number}" for number in range(1, 6)]
    assert (rotating / "000005.jsonl").stat().st_size > 0


def test_the_clock_goes_on_when_the_machine_clock_goes_back(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Journal(folder).append([remember("a")])
    monkeypatch.setattr(time, "time_ns", lambda: 1_000_000)
    Journal(folder).append([remember("b"), remember("c")])

    clocks = [entry.clock for entry, _ in Journal(folder).entries()]
    assert clocks == sorted(set(clocks))


@pytest.mark.parametrize("loss", [Path.unlink, lambda file: file.write_text("")])
def test_a_lost_device_id_is_taken_from_the_journal(
    folder: Path, loss: Callable[[Path], object]
) -> None:
    (before,) = Journal(folder).append([remember("a")])
    loss(folder / "device")

    assert Journal(folder).device == before.device
    assert (folder / "device").read_text().strip() == before.device


def test_a_full_disk_leaves_nothing_half_written(segment: Path) -> None:
    journal = Journal(segment.parent)
    whole = segment.read_bytes()

    with full_disk(len(whole) + 100), pytest.raises(StoreError, match="cannot write the journal"):
        journal.append([remember("too-large", "x" * 1000)])

    assert segment.read_bytes() == whole
    journal.append([remember("next")])
    assert ids(Journal(segment.parent))[-2:] == ["memory5", "next"]


def test_a_full_disk_at_a_new_segment_loses_nothing(rotating: Path) -> None:
    with full_disk(100), pytest.raises(StoreError):
        Journal(rotating).append([remember("too-large", "x" * 1000)])

    Journal(rotating).append([remember("next")])
    assert ids(Journal(rotating)) == [*(f"memory{number}" for number in range(1, 5)), "next"]


def test_a_folder_that_cannot_be_made_is_an_error_with_a_hint(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot write the journal") as refusal:
        Journal(tmp_path / "file" / "journal")
    assert "TERA_HOME" in refusal.value.hint


def test_every_append_waits_for_the_disk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    fsync = os.fsync

    def watched(descriptor: int) -> None:
        synced.append(descriptor)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)

    journal = Journal(folder)
    journal.append([remember("a"), remember("b")])
    # The file with this device's id, the segment, and the folders that have new names.
    assert len(synced) == 2 + 3
    journal.append([remember("c")])
    assert len(synced) == 2 + 3 + 1


def test_a_segment_whose_name_may_not_be_on_the_disk_is_synced_with_its_folder(
    rotating: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with full_disk(100), pytest.raises(StoreError):
        Journal(rotating).append([remember("too-large", "x" * 1000)])
    assert (rotating / "000005.jsonl").exists()
    synced: list[str] = []
    fsync = os.fsync

    def watched(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").resolve().name)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    Journal(rotating).append([remember("next")])
    assert synced == ["000005.jsonl", "journal", rotating.parent.name]


def test_what_a_failed_write_could_not_take_back_is_cut_off_by_the_next(
    segment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(segment.parent)

    def broken(*_: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", broken)
        patched.setattr(os, "ftruncate", broken)
        with pytest.raises(StoreError, match="Input/output error"):
            journal.append([remember("long", "x" * 5000)])
    journal.append([remember("short")])
    assert ids(Journal(segment.parent))[-2:] == ["memory5", "short"]


def test_a_device_id_that_is_none_is_set_aside_and_written_anew(segment: Path) -> None:
    before = Journal(segment.parent).device
    (segment.parent / "device").write_bytes(b"\xff\xfe\n")
    journal = Journal(segment.parent)
    assert (journal.device, journal.has_new_device_file) == (before, True)
    assert (segment.parent / "device").read_text().strip() == before
    assert not Journal(segment.parent).has_new_device_file


def test_lost_entries_keep_their_numbers(folder: Path) -> None:
    folder.mkdir()
    first, digest = lines.seal(numbered(remember("a"), 1), lines.START)
    gap, digest = lines.seal(lines.lost(2, 4, "0000000000001-0000", "d"), digest)
    last, _ = lines.seal(numbered(remember("b"), 5), digest)
    (folder / "000001.jsonl").write_bytes(first + gap + last)

    entries = [entry for entry, _ in Journal(folder).entries()]

    assert [(entry.number, lines.first_number(entry)) for entry in entries] == [
        *((1, 1), (4, 2), (5, 5))
    ]
    assert Journal(folder).append([remember("c")])[0].number == 6
