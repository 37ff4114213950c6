from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Run

TWINS = b"""\
{"id": "abc1111111", "text": "first twin", "at": "2026-01-01"}
{"id": "abc2222222", "text": "second twin", "at": "2026-01-02"}
"""


def remembered(tera: Callable[..., Run], *arguments: str) -> str:
    return tera("remember", *arguments).out.strip()


def shown(tera: Callable[..., Run], memory_id: str) -> dict[str, Any]:
    (memory,) = json.loads(tera("show", "--json", memory_id).out)
    return dict(memory)


def use_editor(monkeypatch: pytest.MonkeyPatch, folder: Path, script: str) -> None:
    editor = folder / "my editor"
    editor.write_text(f"#!/bin/sh\n{script}\n")
    editor.chmod(0o700)
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", f"'{editor}'")


# list


def test_list_has_the_newest_first(tera: Callable[..., Run]) -> None:
    old = remembered(tera, "old news", "--at", "2024-01-01")
    new = remembered(tera, "new news", "--at", "2026-01-01", "--tag", "work")
    listed = tera("list")
    assert listed.code == 0
    assert listed.out.splitlines() == [
        f"{new}  2026-01-01  new news  #work",
        f"{old}  2024-01-01  old news",
    ]
    assert [memory["id"] for memory in json.loads(tera("list", "--json").out)] == [new, old]


@pytest.mark.parametrize(
    ("options", "texts"),
    [
        (["--limit", "1"], ["c"]),
        (["-n", "2"], ["c", "b"]),
        (["--tag", "x"], ["b", "a"]),
        (["--tag", "x", "--tag", "y"], ["b"]),
        (["--since", "2025"], ["c", "b"]),
        (["--until", "2025-06"], ["b", "a"]),
        (["--source", "mail"], ["c"]),
    ],
)
def test_list_takes_filters(tera: Callable[..., Run], options: list[str], texts: list[str]) -> None:
    tera("remember", "a", "--at", "2024-06-01", "--tag", "x")
    tera("remember", "b", "--at", "2025-06-30", "--tag", "x", "--tag", "y")
    tera("remember", "c", "--at", "2026-06-01", "--source", "mail")
    listed = json.loads(tera("list", "--json", *options).out)
    assert [memory["text"] for memory in listed] == texts


def test_an_empty_list_says_why(tera: Callable[..., Run]) -> None:
    assert tera("list") == Run(1, "", "no memories yet\n")
    assert tera("list", "--json") == Run(1, "[]\n", "")
    tera("remember", "x")
    assert tera("list", "--tag", "none") == Run(1, "", "no memory fits the filter\n")


def test_a_memory_of_many_lines_is_one_line_of_the_list(tera: Callable[..., Run]) -> None:
    tera("remember", stdin=b"\n\n  first\tline\r\nsecond line\n")
    tera("remember", "text", "--title", "a title\nof two lines")
    lines = tera("list").out.splitlines()
    assert [line.split("  ", 2)[2] for line in lines] == ["a title of two lines", "first line"]


# show


def test_show_prints_the_whole_memory(tera: Callable[..., Run]) -> None:
    memory_id = remembered(tera, "line one\n\nline two", "--title", "T", "--tag", "x")
    out = tera("show", memory_id).out
    assert out.startswith(f"id:         {memory_id}\ntitle:      T\n")
    assert "tags:       #x\n" in out
    assert out.endswith("\n\nline one\n\nline two\n")


def test_an_id_can_be_given_by_its_beginning(tera: Callable[..., Run]) -> None:
    tera("import", stdin=TWINS)
    assert "first twin" in tera("show", "ABC1").out
    two = tera("show", "abc2", "abc1").out
    assert two.index("second twin") < two.index("first twin")


@pytest.mark.parametrize(
    "command", [["show"], ["forget", "--yes"], ["edit", "--text", "x"], ["log"]]
)
def test_a_beginning_of_several_ids_is_refused(
    tera: Callable[..., Run], command: list[str]
) -> None:
    tera("import", stdin=TWINS)
    result = tera(*command, "abc")
    assert (result.code, result.out) == (7, "")
    assert "'abc' fits several memories: abc1111111, abc2222222" in result.err
    assert "hint: type more of the id" in result.err
    assert len(tera("list").out.splitlines()) == 2


@pytest.mark.parametrize(
    "command", [["show"], ["forget", "--yes"], ["edit", "--text", "x"], ["log"]]
)
@pytest.mark.parametrize("unknown", ["zzz", "", "a~", "\udcff"])
def test_an_unknown_id_is_an_error(
    tera: Callable[..., Run], command: list[str], unknown: str
) -> None:
    tera("import", stdin=TWINS)
    result = tera(*command, unknown)
    assert (result.code, result.out) == (7, "")
    error, hint = result.err.splitlines()
    assert error.startswith("error: no memory ")
    assert hint.startswith("hint: tera l")


# edit


def test_edit_changes_only_what_is_named(tera: Callable[..., Run]) -> None:
    memory_id = remembered(tera, "text", "--title", "old", "--tag", "x", "--source", "mail")
    edited = tera("edit", memory_id, "--title", "new")
    assert edited == Run(0, f"{memory_id}\n", "")
    memory = shown(tera, memory_id)
    assert (memory["title"], memory["tags"], memory["source"]) == ("new", ["x"], "mail")
    tera("edit", memory_id, "--title", "", "--source", "", "--no-tags", "--at", "2020-02-02")
    memory = shown(tera, memory_id)
    assert (memory["title"], memory["tags"], memory["source"]) == (None, [], None)
    assert memory["text"] == "text"
    assert "date:       2020-02-02" in tera("show", memory_id).out


def test_edit_takes_a_new_text_from_an_option_or_a_pipe(tera: Callable[..., Run]) -> None:
    memory_id = remembered(tera, "one")
    tera("edit", memory_id, "--text", "two")
    assert shown(tera, memory_id)["text"] == "two"
    tera("edit", memory_id, stdin=b"three\n")
    assert shown(tera, memory_id)["text"] == "three\n"


def test_edit_opens_the_editor(
    tera: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory_id = remembered(tera, "the old text")
    use_editor(monkeypatch, tmp_path, """sed -i 's/old/new/' "$1" """)
    assert tera("edit", memory_id).out == f"{memory_id}\n"
    assert shown(tera, memory_id)["text"].rstrip() == "the new text"


def test_edit_without_a_change_says_so(
    tera: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory_id = remembered(tera, "text")
    use_editor(monkeypatch, tmp_path, "exit 0")
    unchanged = Run(0, "", f"{memory_id} is unchanged\n")
    assert tera("edit", memory_id) == unchanged
    assert tera("edit", memory_id, "--text", "text") == unchanged


def test_an_editor_that_fails_changes_nothing(
    tera: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory_id = remembered(tera, "text")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    use_editor(monkeypatch, tmp_path, 'echo changed > "$1"; exit 1')
    edited = tera("edit", memory_id)
    assert edited.code == 3
    error, hint = edited.err.splitlines()
    assert hint == "hint: export EDITOR=nano"
    assert shown(tera, memory_id)["text"] == "text"
    kept = Path(error.partition("your text is kept in ")[2])
    assert kept.read_text() == "changed\n"


def test_ctrl_c_is_left_to_the_editor(
    tera: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory_id = remembered(tera, "text")
    use_editor(monkeypatch, tmp_path, 'kill -INT $PPID; echo changed > "$1"')
    assert tera("edit", memory_id).code == 0
    assert shown(tera, memory_id)["text"] == "changed\n"


def test_what_was_written_in_the_editor_is_not_lost_when_it_is_refused(
    tera: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory_id = remembered(tera, "text")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    use_editor(monkeypatch, tmp_path, r"""printf 'caf\351' > "$1" """)
    edited = tera("edit", memory_id)
    assert edited.code == 5
    kept = Path(edited.err.splitlines()[0].removeprefix("your text is kept in "))
    assert kept.read_bytes() == b"caf\xe9"
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("text", ["", " \n", "\udcff"])
def test_edit_refuses_a_text_that_cannot_be_kept(tera: Callable[..., Run], text: str) -> None:
    memory_id = remembered(tera, "text")
    assert tera("edit", memory_id, "--text", text).code == 5
    assert shown(tera, memory_id)["text"] == "text"


def test_edit_prints_json(tera: Callable[..., Run]) -> None:
    memory_id = remembered(tera, "one")
    assert json.loads(tera("edit", memory_id, "--text", "two", "--json").out) == shown(
        tera, memory_id
    )


# forget


def test_forget_takes_ids(tera: Callable[..., Run]) -> None:
    one, two = remembered(tera, "one"), remembered(tera, "two")
    forgotten = tera("forget", one, one[:8], "--yes")
    assert (forgotten.code, forgotten.out) == (0, f"{one}\n")
    assert "tera undo" in forgotten.err
    assert [line[:10] for line in tera("list").out.splitlines()] == [two]
    assert tera("show", one).code == 7


def test_forget_takes_a_filter(tera: Callable[..., Run]) -> None:
    tera("import", stdin=TWINS)
    forgotten = tera("forget", "--until", "2026-01-01", "--yes", "--json")
    assert [memory["text"] for memory in json.loads(forgotten.out)] == ["first twin"]
    assert "second twin" in tera("list").out


def test_forget_needs_yes_where_nobody_can_be_asked(tera: Callable[..., Run]) -> None:
    memory_id = remembered(tera, "one")
    for stdin in (None, b"y\n"):
        refused = tera("forget", memory_id, stdin=stdin)
        assert (refused.code, refused.out) == (2, "")
        assert "add --yes" in refused.err
    assert tera("list").code == 0


def test_one_unknown_id_and_nothing_is_forgotten(tera: Callable[..., Run]) -> None:
    memory_id = remembered(tera, "one")
    assert tera("forget", memory_id, "zzz", "--yes").code == 7
    assert tera("list").code == 0


def test_forget_with_a_filter_that_nothing_fits_is_no_success(tera: Callable[..., Run]) -> None:
    remembered(tera, "one")
    assert tera("forget", "--tag", "x", "--yes") == Run(1, "", "no memory fits the filter\n")


@pytest.mark.parametrize("arguments", [[], ["abc", "--tag", "x"], ["--source", ""]])
def test_forget_takes_either_ids_or_a_filter(
    tera: Callable[..., Run], arguments: list[str]
) -> None:
    tera("import", stdin=TWINS)
    refused = tera("forget", "--yes", *arguments)
    assert refused.code == 2
    assert "name ids, or give a filter" in refused.err
    assert len(tera("list").out.splitlines()) == 2
