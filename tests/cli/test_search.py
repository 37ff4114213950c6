from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Run


@pytest.fixture
def three_memories(tera: Callable[..., Run], tiny_models: Path, tmp_path: Path) -> Path:
    """Remember a staging port, a file about a meeting and a cat."""
    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / "meeting.txt").write_text("The meeting is on Monday")
    staging = "The staging database listens on port 5433"
    tera("remember", staging, "--tag", "work", "--tag", "ports", "--at", "2026-10-01")
    tera("remember", str(notes), "--tag", "work", "--at", "2026-11-01")
    tera("remember", "Our cat sleeps all day", "--at", "2024-02-29")
    return notes


def texts(found: Run) -> list[str]:
    return [result["text"] for result in json.loads(found.out)]


@pytest.mark.usefixtures("three_memories")
def test_the_closest_passage_comes_first(tera: Callable[..., Run]) -> None:
    found = tera("search", "staging", "database", "port")
    assert found.code == 0
    assert found.err == ""
    first, *rest = found.out.split("\n\n")
    assert "    The staging database listens on port 5433" in first.splitlines()
    assert "2026-10-01" in first
    assert "Our cat sleeps all day" in "".join(rest)


@pytest.mark.usefixtures("three_memories")
def test_json_has_every_field_of_a_passage(tera: Callable[..., Run]) -> None:
    results = json.loads(tera("search", "--json", "staging database port").out)
    assert len(results) == 3
    assert [result["score"] for result in results] == sorted(
        (result["score"] for result in results), reverse=True
    )
    best = results[0]
    whole = json.loads(tera("show", "--json", best["id"]).out)[0]
    assert whole["text"][best["start"] : best["end"]] == best["text"]
    assert best["tags"] == ["work", "ports"]


@pytest.mark.usefixtures("three_memories")
def test_k_is_the_most_passages(tera: Callable[..., Run]) -> None:
    assert len(texts(tera("search", "--json", "-k", "1", "day"))) == 1
    assert tera("search", "day", "-k", "0").code == 2


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (["--tag", "work"], 2),
        (["--tag", "#work", "--tag", "ports"], 1),
        (["--since", "2026"], 2),
        (["--until", "2024-02-29"], 1),
        (["--since", "2026-10-01", "--until", "2026-10-31"], 1),
        (["--since", "last month", "--until", "last month", "--at", "5 November 2026"], 1),
        (["--since", "Anfang 2026"], 2),
        (["--since", "last year", "--at", "2025-01-01"], 3),
    ],
)
@pytest.mark.usefixtures("three_memories")
def test_filters_choose_the_memories(
    tera: Callable[..., Run], options: list[str], count: int
) -> None:
    found = tera("search", "--json", "port meeting cat", *options)
    assert found.code == 0
    assert len(texts(found)) == count


def test_a_folder_as_source_means_all_files_in_it(
    tera: Callable[..., Run], three_memories: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(three_memories.parent)
    for source in ("notes", "notes/", "notes/meeting.txt", str(three_memories)):
        assert texts(tera("search", "--json", "cat", "--source", source)) == [
            "The meeting is on Monday"
        ]


@pytest.mark.usefixtures("three_memories")
def test_a_filter_that_nothing_fits_finds_nothing(tera: Callable[..., Run]) -> None:
    found = tera("search", "cat", "--tag", "nobody")
    assert (found.code, found.out) == (1, "")
    assert found.err == "no memory fits the filter\n"
    found = tera("search", "--json", "cat", "--tag", "nobody")
    assert (found.code, found.out) == (1, "[]\n")


@pytest.mark.usefixtures("tiny_models")
def test_an_empty_memory_finds_nothing(tera: Callable[..., Run]) -> None:
    found = tera("search", "cat")
    assert (found.code, found.out, found.err) == (1, "", "no memories to search\n")


@pytest.mark.usefixtures("three_memories")
def test_search_follows_what_is_edited_and_forgotten(tera: Callable[..., Run]) -> None:
    cat = json.loads(tera("search", "--json", "-k", "1", "cat sleeps").out)[0]["id"]
    tera("edit", cat, "--text", "Our dog barks all night")
    assert texts(tera("search", "--json", "-k", "1", "dog barks")) == ["Our dog barks all night"]
    tera("forget", cat, "--yes")
    assert len(texts(tera("search", "--json", "dog barks"))) == 2
    tera("undo")
    assert texts(tera("search", "--json", "-k", "1", "dog barks")) == ["Our dog barks all night"]


@pytest.mark.usefixtures("tiny_models")
def test_searching_for_nothing_is_refused(tera: Callable[..., Run]) -> None:
    assert tera("search", "").code == 5
    assert tera("search").code == 2


@pytest.mark.parametrize("option", ["--since", "--until", "--at"])
@pytest.mark.parametrize("phrase", ["gibberish", "", "31 June", "last weak", "port 5433"])
def test_a_time_that_is_none_is_an_error_and_never_no_filter(
    tera: Callable[..., Run], option: str, phrase: str
) -> None:
    for command in ("search", "ask"):
        refused = tera(command, "x", option, phrase)
        assert (refused.code, refused.out) == (2, "")
        assert option in refused.err
        assert "is not a date; try 2026-11-21" in refused.err


def test_a_span_without_the_edge_that_is_asked_for_is_an_error(tera: Callable[..., Run]) -> None:
    assert tera("search", "x", "--since", "before 2024").code == 2
    assert tera("search", "x", "--until", "since Monday").code == 2


@pytest.mark.usefixtures("three_memories")
def test_a_damaged_index_is_built_anew(tera: Callable[..., Run], home: Path) -> None:
    before = tera("search", "--json", "staging").out
    damaged = [file for file in (home / "index").rglob("*") if file.suffix != ".json"]
    for file in damaged:
        if file.is_file():
            file.write_bytes(b"\xff" * 10)
    found = tera("search", "--json", "staging")
    assert found.code == 0, found.err
    assert found.out == before


@pytest.mark.usefixtures("tiny_models")
def test_citations_name_page_sender_and_time(tera: Callable[..., Run], tmp_path: Path) -> None:
    data = Path(__file__).parents[1] / "data"
    chat = tmp_path / "WhatsApp Chat with Ann.txt"
    chat.write_text(
        "13/05/2024, 14:02 - Ann: The green tent was wet.\n13/05/2024, 14:05 - Ben: Oh no!\n"
    )
    (tmp_path / "memo.vtt").write_text(
        "WEBVTT\n\n00:03:15.000 --> 00:03:20.000\nWe sold the boat.\n"
    )
    tera("remember", str(chat), str(tmp_path / "memo.vtt"), str(data / "pdf" / "report.pdf"))
    found: dict[str, str] = {}
    for question in ("green tent", "sold the boat", "outer pier is undamaged"):
        for result in json.loads(tera("search", "--json", question).out):
            found.setdefault(result["title"], result["place"])
    assert found["chat with Ann"] == "13 May 2024 14:02"
    assert found["memo.vtt"] == "3:15"
    assert found["report.pdf"].startswith("p")
    lines = tera("search", "green tent").out.splitlines()
    assert any(line.endswith("chat with Ann, 13 May 2024 14:02") for line in lines)
    answer = tera("ask", "--no-llm", chat.read_text(), "--source", str(chat))
    assert "chat with Ann, 13 May 2024 14:02" in answer.out
