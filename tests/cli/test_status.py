from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tera import __version__
from tera.store import lines
from tests.conftest import Run


def findings(doctor: Run) -> dict[str, dict[str, Any]]:
    return {finding["part"]: finding for finding in json.loads(doctor.out)}


def test_status_counts_memories_changes_and_models(
    tera: Callable[..., Run], tiny_models: Path
) -> None:
    tera("remember", "one one", "two two")
    before = tera("status").out
    assert "memories:  2, 2 not yet read" in before
    tera("search", "one")
    record = json.loads(tera("status", "--json").out)
    assert record["version"] == __version__
    assert record["memories"] == record["chunks"] == record["changes"] == 2
    assert record["waiting_for_vectors"] == 0
    assert record["embedder"] == "tiny-bert"
    assert record["llm"] == "tiny-phi2"
    assert record["llm_on_this_machine"] is True
    assert record["home"] == str(tiny_models)
    assert record["size_bytes"] > 0
    status = tera("status").out
    assert "memories:  2\n" in status
    assert "embedder:  tiny-bert\n" in status


def test_status_of_a_new_home(tera: Callable[..., Run]) -> None:
    status = tera("status")
    assert status.code == 0
    assert "memories:  0\n" in status.out
    assert "dolphin-2.6-phi-2 (not on this machine)" in status.out


def test_status_shows_a_language_model_that_is_unknown(
    tera: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERA_LLM_MODEL", "gpt-17")
    status = tera("status")
    assert status.code == 0
    assert "gpt-17 (not on this machine)" in status.out


def test_doctor_finds_everything_well(tera: Callable[..., Run], tiny_models: Path) -> None:
    tera("remember", "one one")
    tera("search", "one")
    doctor = tera("doctor")
    assert doctor.code == 0
    assert {line.split()[0] for line in doctor.out.splitlines()} == {"ok"}
    parts = findings(tera("doctor", "--json"))
    assert list(parts) == [
        *("settings", "home", "journal", "files", "store", "vectors", "embedder", "llm")
    ]
    assert all(finding["is_well"] for finding in parts.values())


def test_an_absent_language_model_is_a_note_and_no_illness(
    tera: Callable[..., Run], tiny_models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERA_LLM_MODEL", "dolphin-2.6-phi-2")
    doctor = tera("doctor")
    assert doctor.code == 0
    assert "note  llm       dolphin-2.6-phi-2 is not on this machine" in doctor.out
    assert "hint: tera models pull dolphin-2.6-phi-2" in doctor.out


def test_doctor_finds_a_home_that_others_can_read(
    tera: Callable[..., Run], tiny_models: Path
) -> None:
    tiny_models.chmod(0o755)
    doctor = tera("doctor")
    assert doctor.code == 7
    assert f"hint: chmod 700 {tiny_models}" in doctor.out


def test_doctor_finds_a_journal_that_was_altered(
    tera: Callable[..., Run], tiny_models: Path
) -> None:
    for text in ("one one", "two two", "three three"):
        tera("remember", text)
    (segment,) = (tiny_models / "journal").glob("*.jsonl")
    segment.write_bytes(segment.read_bytes().replace(b"one one", b"one 0ne"))
    doctor = tera("doctor")
    assert doctor.code == 0
    assert "the journal was damaged and has been mended" in doctor.err
    assert "ok    mended    the journal was damaged and has been mended" in doctor.out
    assert "note  set aside journal.damaged-" in doctor.out
    listed = tera("list")
    assert (len(listed.out.splitlines()), listed.err) == (3, "")


def test_a_store_that_is_gone_comes_back_from_the_journal(
    tera: Callable[..., Run], tiny_models: Path
) -> None:
    tera("remember", "one one", "two two")
    before = tera("export").out
    shutil.rmtree(tiny_models / "store")
    after = tera("export")
    assert after.out == before
    assert "the store was missing and has been built from the journal: 2 memories" in after.err


def test_repair_says_what_it_did(tera: Callable[..., Run], tiny_models: Path) -> None:
    tera("remember", "one one", "two two")
    found = tera("search", "one one", "--json").out
    doctor = tera("doctor", "--repair")
    assert doctor.code == 0, doctor.out + doctor.err
    assert "ok    store     nothing to mend" in doctor.out
    (manifest,) = (tiny_models / "store" / "manifest").iterdir()
    manifest.write_bytes(b"")
    doctor = tera("doctor", "--repair")
    assert doctor.code == 0, doctor.out + doctor.err
    assert "the store was damaged and has been rebuilt from the journal: 2 mem" in doctor.out
    assert tera("search", "one one", "--json").out == found


def test_a_journal_of_a_newer_version_is_left_alone(
    tera: Callable[..., Run], tiny_models: Path
) -> None:
    tera("remember", "one one")
    (segment,) = (tiny_models / "journal").glob("*.jsonl")
    body, _ = lines.split(segment.read_bytes().replace(b'"v": 1', b'"v": 9'))
    newer, _ = lines.seal_body(body, lines.START)
    segment.write_bytes(newer)
    told = tera("remember", "two two")
    assert (told.code, told.out) == (7, "")
    error, hint = told.err.splitlines()
    assert "newer Tera" in error
    assert hint == "hint: install a newer version of Tera"
    assert segment.read_bytes() == newer
    assert tera("doctor").code == 7
