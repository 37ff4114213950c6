from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Run

MEGABYTE = 2**20


def listed(tera: Callable[..., Run]) -> list[dict[str, Any]]:
    memories: list[dict[str, Any]] = json.loads(tera("list", "--json").out)
    return memories


def test_only_the_id_is_printed(tera: Callable[..., Run]) -> None:
    told = tera("remember", "Buy oat milk")
    assert told.code == 0
    assert told.err == ""
    assert told.out.strip() == listed(tera)[0]["id"]
    assert len(told.out) == len("0123456789\n")


@pytest.mark.parametrize("option", [[], ["--text"]])
def test_words_without_quotes_are_one_text(tera: Callable[..., Run], option: list[str]) -> None:
    tera("remember", *option, "buy", "oat", "milk")
    assert [memory["text"] for memory in listed(tera)] == ["buy oat milk"]


def test_quoted_texts_are_a_memory_each(tera: Callable[..., Run]) -> None:
    told = tera("remember", "buy milk", "call Anna")
    assert len(told.out.splitlines()) == 2
    assert {memory["text"] for memory in listed(tera)} == {"buy milk", "call Anna"}


@pytest.mark.parametrize("arguments", [[], ["-"]])
def test_a_pipe_is_kept_word_for_word(tera: Callable[..., Run], arguments: list[str]) -> None:
    text = "  first\tline\r\n\nÜber 日本 👨‍👩‍👧 e\u0301\n\n"
    assert tera("remember", *arguments, stdin=text.encode()).code == 0
    assert listed(tera)[0]["text"] == text


def test_a_file_is_read_with_its_name_and_date(tera: Callable[..., Run], tmp_path: Path) -> None:
    file = tmp_path / "todo.txt"
    file.write_text("water the plants")
    os.utime(file, (1_700_000_000, 1_700_000_000))
    tera("remember", str(file))
    (memory,) = listed(tera)
    assert memory["text"] == "water the plants"
    assert memory["title"] == "todo.txt"
    assert memory["source"] == str(file)
    assert memory["at"].startswith("2023-11-14T22:13:20")


def test_a_markdown_file_has_its_heading_as_title(tera: Callable[..., Run], tmp_path: Path) -> None:
    (tmp_path / "soup.md").write_text("# Lentil soup\n\nFry an onion.\n")
    tera("remember", str(tmp_path / "soup.md"))
    assert listed(tera)[0]["title"] == "Lentil soup"


def test_a_folder_is_read_with_all_folders_in_it(tera: Callable[..., Run], tmp_path: Path) -> None:
    folder = tmp_path / "notes"
    (folder / "deep" / ".git").mkdir(parents=True)
    (folder / "a.md").write_text("alpha")
    (folder / "deep" / "b.txt").write_text("beta")
    (folder / "deep" / ".git" / "c.txt").write_text("hidden")
    (folder / "program").write_bytes(bytes(range(256)))
    told = tera("remember", str(folder))
    assert told.code == 0
    assert "3 files: 2 new, 1 left out (no ending)" in told.err
    assert {memory["text"] for memory in listed(tera)} == {"alpha", "beta"}


def test_a_folder_without_files_is_an_error(tera: Callable[..., Run], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    told = tera("remember", str(tmp_path / "empty"))
    assert told.code == 5
    assert "there is no file to read in" in told.err


def test_an_empty_argument_is_not_the_current_folder(
    tera: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret.txt").write_text("do not read me")
    monkeypatch.chdir(tmp_path)
    assert tera("remember", "").code == 5
    assert listed(tera) == []


def test_text_forces_text_where_a_file_has_that_name(
    tera: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "milk").write_text("contents")
    monkeypatch.chdir(tmp_path)
    tera("remember", "--text", "buy", "milk")
    assert [memory["text"] for memory in listed(tera)] == ["buy milk"]


def test_file_forces_a_file_where_there_is_none(tera: Callable[..., Run]) -> None:
    told = tera("remember", "--file", "nowhere.md")
    assert told.code == 5
    assert "nowhere.md" in told.err
    assert listed(tera) == []


def test_text_and_file_exclude_each_other(tera: Callable[..., Run]) -> None:
    assert tera("remember", "--text", "--file", "x").code == 2


def test_the_name_of_a_missing_file_is_text_and_says_so(tera: Callable[..., Run]) -> None:
    told = tera("remember", "notes/plan.md", "other.md")
    assert told.code == 0
    assert "there is no file notes/plan.md: remembered as text" in told.err
    assert "there is no file other.md: remembered as text" in told.err
    assert {memory["text"] for memory in listed(tera)} == {"notes/plan.md", "other.md"}


def test_a_word_longer_than_a_file_name_is_text(tera: Callable[..., Run]) -> None:
    assert tera("remember", "x" * 5000, "y").code == 0
    assert tera("list", "--source", "x" * 5000).code == 1


def test_title_tags_date_and_source_are_kept(tera: Callable[..., Run]) -> None:
    options = ["--title", "Week 47", "--tag", "#work", "-t", "team", "--source", "https://x.org"]
    tera("remember", "We ship on Friday", *options, "--at", "2026-11-01T12:00:00+00:00")
    (memory,) = listed(tera)
    assert memory["title"] == "Week 47"
    assert memory["tags"] == ["work", "team"]
    assert memory["source"] == "https://x.org"
    assert memory["at"] == "2026-11-01T12:00:00.000+00:00"


def test_json_prints_the_memories(tera: Callable[..., Run]) -> None:
    (record,) = json.loads(tera("remember", "Buy oat milk", "--json").out)
    assert record["status"] == "new"
    assert record.items() >= listed(tera)[0].items()


def test_the_same_text_twice_is_one_memory_and_says_so(tera: Callable[..., Run]) -> None:
    first = tera("remember", "Buy oat milk", "--tag", "shop")
    again = tera("remember", "--tag", "food", stdin=b"Buy oat milk")
    assert again.code == 0
    assert again.out == first.out
    assert f"already remembered as {first.out.strip()}" in again.err
    assert [memory["tags"] for memory in listed(tera)] == [["shop", "food"]]


def test_a_changed_file_is_brought_up_to_date(tera: Callable[..., Run], tmp_path: Path) -> None:
    file = tmp_path / "todo.txt"
    file.write_text("water the plants")
    first = tera("remember", str(file))
    file.write_text("water the cactus")
    again = tera("remember", str(file))
    assert again.out == first.out
    assert "brought up to date" in again.err
    assert [memory["text"] for memory in listed(tera)] == ["water the cactus"]


def test_a_bad_file_does_not_keep_the_good_ones_out(
    tera: Callable[..., Run], tmp_path: Path
) -> None:
    for name, data in {"a.txt": b"alpha", "b.txt": b"\0\1", "c.txt": b"gamma"}.items():
        (tmp_path / name).write_bytes(data)
    told = tera("remember", *(str(tmp_path / name) for name in ("a.txt", "b.txt", "c.txt")))
    assert told.code == 5
    assert len(told.out.splitlines()) == 2
    assert "b.txt" in told.err
    assert "3 files: 2 new, 1 not read" in told.err
    assert {memory["text"] for memory in listed(tera)} == {"alpha", "gamma"}


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (b" \n\t\n", "is empty"),
        (b"text\0text", "binary"),
        (bytes(range(256)), "binary"),
        (b"\xed\xa0\x80", "not valid UTF-8"),
    ],
    ids=["empty", "blank", "NUL", "binary", "surrogate"],
)
def test_bad_input_is_refused_with_a_line_and_a_hint(
    tera: Callable[..., Run], tmp_path: Path, data: bytes, says: str
) -> None:
    file = tmp_path / "input.txt"
    file.write_bytes(data)
    for told in (tera("remember", stdin=data), tera("remember", str(file))):
        assert told.code == 5
        assert told.out == ""
        error, hint = told.err.splitlines()
        assert error.startswith("error: ")
        assert says in error
        assert hint.startswith("hint: ")
    assert listed(tera) == []


def test_an_old_encoding_is_told_where_it_is_sure(tera: Callable[..., Run], tmp_path: Path) -> None:
    data = "Im Frühling blühen die Bäume, und die Vögel singen schön.\n".encode("cp1252")
    (tmp_path / "old.txt").write_bytes(data)
    told = tera("remember", str(tmp_path / "old.txt"))
    assert told.code == 0
    assert "old.txt is read as cp1252" in told.err
    assert listed(tera)[0]["text"].startswith("Im Frühling blühen")
    piped = tera("remember", stdin=data)
    assert piped.code == 5
    assert "iconv" in piped.err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["\udcff"], 5), (["x", "--title", "\udcff"], 2), (["x", "--tag", "\udcff"], 2)],
)
def test_arguments_that_are_not_unicode_are_refused(
    tera: Callable[..., Run], arguments: list[str], code: int
) -> None:
    told = tera("remember", *arguments)
    assert told.code == code
    assert "Traceback" not in told.err
    assert listed(tera) == []


def test_a_file_whose_name_is_not_utf8_is_remembered(
    tera: Callable[..., Run], tmp_path: Path
) -> None:
    Path(os.fsdecode(bytes(tmp_path) + b"/caf\xe9.txt")).write_text("menu")
    assert tera("remember", str(tmp_path)).code == 0
    assert listed(tera)[0]["title"] == "caf\\udce9.txt"


def test_a_pipe_that_is_a_file_name_is_text(tera: Callable[..., Run], tmp_path: Path) -> None:
    tera("remember", stdin=str(tmp_path).encode())
    assert listed(tera)[0]["text"] == str(tmp_path)


def test_what_is_no_regular_file_is_refused(tera: Callable[..., Run], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    assert tera("remember", str(tmp_path / "fifo")).code == 5


@pytest.mark.parametrize("options", [["--at", "gibberish"], ["--tag", "two words"], ["--tag", ""]])
def test_options_that_make_no_sense_are_wrong_usage(
    tera: Callable[..., Run], options: list[str]
) -> None:
    told = tera("remember", "x", *options)
    assert told.code == 2
    assert told.out == ""
    assert options[0] in told.err


def test_nothing_to_remember_is_wrong_usage(tera: Callable[..., Run]) -> None:
    told = tera("remember")
    assert told.code == 2
    assert 'try: tera remember "some text"' in told.err


def test_a_home_that_cannot_be_made_is_one_line_and_a_hint(
    tera: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("TERA_HOME", str(tmp_path / "file" / "home"))
    told = tera("remember", "x")
    assert told.code == 4
    error, hint = told.err.splitlines()
    assert str(tmp_path) in error
    assert hint.startswith("hint: ")
