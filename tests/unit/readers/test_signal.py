from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tera.datatypes import Draft
from tera.errors import UnreadableFileError
from tera.readers.chats.signal import is_signal, read_signal
from tera.readers.document import Document, Failure
from tests.chats import DATA, UNHURRIED, local, messages_of, read_bytes, survives
from tests.documents import drafts, items

NAMES = st.sampled_from(["Me", "Ann", "Oma 👵🏽", "+49 170 1234567", "Jean-Luc (work)"])
LINES = st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="[]"), min_size=1)
TEXTS = st.lists(LINES, min_size=1, max_size=3).map("\n".join)
TIMES = st.datetimes(datetime(2014, 1, 1), datetime(2030, 1, 1)).map(
    lambda time: time.replace(second=0, microsecond=0)
)
CHATS = st.lists(st.tuples(NAMES, TIMES, TEXTS), min_size=1, max_size=10)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
ITEMS = [
    *("standardMessage", "contactMessage", "stickerMessage", "viewOnceMessage", "poll"),
    *("directStoryReplyMessage", "paymentNotification", "updateMessage", "revisions", "other"),
]


@pytest.mark.parametrize("layout", ["[%Y-%m-%d, %H:%M]", "[%Y-%m-%d %H:%M]", "[%Y-%m-%d %H:%M:%S]"])
@UNHURRIED
@given(CHATS)
def test_what_was_written_is_read(layout: str, chat: list[tuple[str, datetime, str]]) -> None:
    text = "".join(f"{time:{layout}} {who}: {text}  \n\n" for who, time, text in chat)
    assert messages_of(read_bytes(text.encode(), "signal")) == chat


@UNHURRIED
@given(CHATS)
def test_what_was_written_as_json_is_read(chat: list[tuple[str, datetime, str]]) -> None:
    text = "\n".join(
        json.dumps({"date": time.isoformat(), "sender": who, "body": text, "reactions": []})
        for who, time, text in chat
    )
    assert messages_of(read_bytes(text.encode(), "signal")) == chat


@UNHURRIED
@given(CHATS)
def test_what_signal_itself_wrote_is_read(chat: list[tuple[str, datetime, str]]) -> None:
    names = sorted({who for who, _, _ in chat})
    frames: list[dict[str, object]] = [{"version": "1", "backupTimeMs": "1"}]
    for number, name in enumerate(names):
        contact = {"profileGivenName": name}
        frames.append({"recipient": {"id": str(number), "contact": contact}})
    frames += [{"chat": {"id": "7", "recipientId": "0"}}]
    for who, time, text in chat:
        milliseconds = int(time.replace(tzinfo=UTC).timestamp() * 1000)
        item = {"chatId": "7", "authorId": str(names.index(who)), "dateSent": str(milliseconds)}
        frames.append({"chatItem": {**item, "standardMessage": {"text": {"body": text}}}})
    data = "\n".join(map(json.dumps, frames)).encode()
    read = messages_of(read_bytes(data, "signal"))
    assert read == [(who, local(time), text) for who, time, text in chat]


@UNHURRIED
@given(st.dictionaries(st.sampled_from(ITEMS), JSON), st.dictionaries(st.text(), JSON), JSON)
def test_any_frame_gives_messages_or_an_error_for_people(
    item: dict[str, object], inner: dict[str, object], other: object
) -> None:
    key = {"chatId": "1", "authorId": "1", "dateSent": "1714738140000"}
    frames = [
        {"version": "1", "backupTimeMs": "1"},
        {"recipient": other},
        {"chat": {"id": "1", "recipientId": "1"}},
        {"chatItem": {**key, **item}},
        {"chatItem": {**key, **dict.fromkeys(item, inner)}},
        {"chatItem": {**key, "updateMessage": {"groupChange": {"updates": [inner]}}}},
    ]
    survives("\n".join(map(json.dumps, frames)).encode(), "signal", "main.jsonl")


@UNHURRIED
@given(st.binary())
def test_any_bytes_give_messages_or_an_error_for_people(data: bytes) -> None:
    survives(data, "signal", "chat.md")
    survives(b"[2024-05-03, 14:02] Ann: " + data, "signal", "chat.md")
    is_signal(data)


def test_all_samples_but_prose_are_known_by_their_beginning() -> None:
    rows = tomllib.loads((DATA / "signal.toml").read_text())["sample"]
    known = {row["file"] for row in rows if is_signal((DATA / row["file"]).read_bytes())}
    assert known == {row["file"] for row in rows} - {"signal/prose.md"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# Notes\n[2024-05-03, 14:02] Ann: hi\n",
        "[2024-05-03 14:02:11] INFO: started\n" * 9,
        "[2024-05-03 14:02:11] production.ERROR: it failed\n" * 9,
        "[2024-05-03, 14:02] WARNING: it failed\n" * 9,
        "[2024-05-03 14:02:11] Ann: of WhatsApp, in Swedish\n" * 9,
        '{"version": 1, "name": "x"}\n{"chat": 1}\n',
        '{"date": "2024-05-03", "body": "x"}\n',
        "[x](y)\n",
    ],
)
def test_prose_logs_and_exports_of_others_are_not_taken_for_a_chat(text: str) -> None:
    assert not is_signal(text.encode())


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("export.zip/Ann/chat.md", "chat with Ann"),
        ("export.zip/Club/chat.md", "Club"),
        ("Ann.md", "chat with Ann"),
    ],
)
def test_the_title_is_told_from_the_folder(name: str, title: str, tmp_path: Path) -> None:
    path = tmp_path / "chat.md"
    path.write_text("[2024-05-03, 14:02] Ann: hi\n[2024-05-03, 14:03] Me: hello\n")
    document = Document(path, name, path.stat().st_size, None, tmp_path)
    [draft] = [item for item in read_signal(document) if isinstance(item, Draft)]
    assert draft.title == title


def test_mixed_chats_are_told_apart() -> None:
    found = drafts(DATA / "signal" / "main.jsonl", "signal")
    assert [draft.title for draft in found] == ["chat with Ann Berg", "Hiking Club", "Note to Self"]
    assert len({draft.part for draft in found}) == 3


def test_broken_lines_are_counted_and_the_others_read() -> None:
    found = list(items(DATA / "signal" / "broken.jsonl", "signal"))
    assert [item.text for item in found if isinstance(item, Failure)] == [
        "broken.jsonl has 1 lines that are not JSON"
    ]


def test_no_more_is_read_than_the_file_had(tmp_path: Path) -> None:
    data = (DATA / "signal" / "main.jsonl").read_bytes()
    path = tmp_path / "main.jsonl"
    path.write_bytes(data)
    document = Document(path, path.name, data.index(b"boots"), None, tmp_path)
    texts = [item.text for item in read_signal(document) if isinstance(item, Draft)]
    assert texts
    assert not any("boots" in text for text in texts)


def test_a_file_that_is_gone_is_an_error_for_people(tmp_path: Path) -> None:
    document = Document(tmp_path / "chat.md", "chat.md", 28, None, tmp_path)
    with pytest.raises(UnreadableFileError, match=r"chat\.md"):
        list(read_signal(replace(document, name="chat.md")))


def test_deep_nesting_does_no_harm() -> None:
    survives(b'{"account":{"a":1}}\n{"chatItem":' + b"[" * 200_000 + b"\n", "signal", "main.jsonl")


def test_a_message_without_end_is_divided() -> None:
    text = "[2024-05-03, 14:02] Ann: " + "long line\n" * 300_000
    read = [item for item in read_bytes(text.encode(), "signal") if isinstance(item, Draft)]
    assert sum(draft.text.count("long line") for draft in read) == 300_000
    assert len(read) == 3
