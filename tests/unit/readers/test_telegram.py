from __future__ import annotations

import json
import tomllib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tera.datatypes import Draft
from tera.errors import UnreadableFileError
from tera.readers.chats.telegram import is_telegram
from tera.readers.document import Failure, Progress
from tests.chats import DATA, UNHURRIED, local, messages_of, read_bytes, survives
from tests.documents import drafts, items

NOON = int(datetime(2024, 5, 3, 12, tzinfo=UTC).timestamp())
WORDS = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
KEYS = [
    *("id", "type", "date", "date_unixtime", "from", "text", "text_entities", "poll", "file"),
    *("photo", "media_type", "members", "action", "actor", "reactions", "contact_information"),
    *("location_information", "reply_to_message_id", "forwarded_from", "title", "todo_list"),
]


def export(*messages: dict[str, object], **chat: object) -> bytes:
    return json.dumps({**chat, "messages": messages}, ensure_ascii=False).encode(
        "utf-8", "surrogatepass"
    )


def said(number: int, text: object, **more: object) -> dict[str, object]:
    return {
        "id": number,
        "type": "message",
        "date_unixtime": str(NOON + 60 * number),
        "from": "Ann",
        "text": text,
        **more,
    }


@UNHURRIED
@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=40), st.booleans())
def test_what_was_written_is_read(chat: list[tuple[str, str]], is_divided: bool) -> None:
    messages = [
        said(
            number,
            [text[:1], {"type": "bold", "text": text[1:]}] if is_divided else text,
            **{"from": who},
        )
        for number, (who, text) in enumerate(chat)
    ]
    read = messages_of(read_bytes(export(*messages), "telegram"))
    first = local(datetime.fromtimestamp(NOON, UTC).replace(tzinfo=None))
    assert read[0][1] == first
    assert [(who, text) for who, _, text in read] == chat


@UNHURRIED
@given(st.lists(st.dictionaries(st.sampled_from(KEYS), JSON), max_size=5))
def test_any_json_gives_messages_or_an_error_for_people(data: list[dict[str, object]]) -> None:
    messages = [{"date_unixtime": NOON, **one} for one in data]
    survives(json.dumps({"messages": messages}).encode(), "telegram", "result.json")


@UNHURRIED
@given(st.binary())
def test_any_bytes_give_messages_or_an_error_for_people(data: bytes) -> None:
    survives(data, "telegram", "result.json")
    is_telegram(data)


def test_all_samples_are_known_by_their_beginning() -> None:
    rows = tomllib.loads((DATA / "telegram.toml").read_text())["sample"]
    known = {row["file"] for row in rows if is_telegram((DATA / row["file"]).read_bytes())}
    assert known == {row["file"] for row in rows} - {"telegram/other.json"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"messages": []}',
        '{"type": "message", "messages": [{"role": "user"}]}',
        '{"about": "me", "name": "x"}',
        "Ann: type personal_chat messages [",
    ],
)
def test_other_json_is_not_taken_for_a_chat(text: str) -> None:
    assert not is_telegram(text.encode())


@pytest.mark.parametrize(
    ("kind", "name", "title"),
    [
        ("personal_chat", "Ann", "chat with Ann"),
        ("bot_chat", "Weather", "chat with Weather"),
        ("personal_chat", None, "chat with a deleted account"),
        ("private_supergroup", "Family", "Family"),
        ("saved_messages", None, "Saved messages"),
        (None, None, "result"),
    ],
)
def test_the_title_says_with_whom_or_in_which_group(
    kind: str | None, name: str | None, title: str
) -> None:
    data = export(said(1, "hi"), type=kind, name=name)
    [draft] = [x for x in read_bytes(data, "telegram", "result.json") if isinstance(x, Draft)]
    assert draft.title == title


def test_chats_of_an_account_have_titles_and_parts_of_their_own() -> None:
    found = drafts(DATA / "telegram" / "account.json", "telegram")
    assert [draft.title for draft in found] == [
        *("Family", "Family", "Saved messages", "chat with a deleted account", "Old club"),
    ]
    assert len({draft.part for draft in found}) == 5
    assert [draft.part.split()[0] for draft in found] == ["11", "12", "13", "14", "16"]


def test_two_chats_of_one_number_do_not_share_parts() -> None:
    chat = {"name": "A", "type": "private_group", "id": 1, "messages": [said(1, "x")]}
    data = json.dumps({"chats": {"list": [chat, chat]}}).encode()
    parts = [item.part for item in read_bytes(data, "telegram") if isinstance(item, Draft)]
    assert len(set(parts)) == 2


def test_an_export_that_breaks_off_gives_what_came_before() -> None:
    found = list(items(DATA / "telegram" / "cut.json", "telegram"))
    assert [item.text for item in found if isinstance(item, Failure)] == [
        "cut.json breaks off: it is not whole"
    ]


def test_no_json_at_all_is_an_error_for_people() -> None:
    with pytest.raises(UnreadableFileError, match=r"result\.json cannot be read: it is not whole"):
        read_bytes(b'{"messages": [', "telegram", "result.json")


@pytest.mark.parametrize("padding", range(262_000 - 30, 262_200, 7))
def test_control_characters_as_telegram_writes_them_are_read_wherever_a_piece_ends(
    padding: int,
) -> None:
    text = "x" * padding + '\\x07 \\\\x07 \\\\\\x07 \\" \\u00e9' * 20
    data = export(said(1, "TEXT")).replace(b"TEXT", text.encode())
    [message] = messages_of(read_bytes(data, "telegram"))
    assert message[2] == "x" * padding + '\x07 \\x07 \\\x07 " é' * 20


def test_a_string_without_end_is_not_held_in_memory() -> None:
    data = b'{"messages": [{"text": "' + b"x" * (20 * 2**20)
    with pytest.raises(UnreadableFileError, match="16 MB"):
        read_bytes(data, "telegram")


def test_a_message_of_countless_elements_is_left_out() -> None:
    data = export(said(1, ["a"] * 300_000), said(2, "after"))
    assert [message[2] for message in messages_of(read_bytes(data, "telegram"))] == ["after"]


def test_deep_nesting_does_no_harm() -> None:
    survives(b'{"messages": [' + b"[" * 500_000, "telegram", "result.json")
    survives(b'{"messages": [{"text": ' + b'{"a":' * 500_000, "telegram", "result.json")


def test_progress_is_told_of_a_large_export(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tera.readers.document.PROGRESS_S", 0.0)
    data = export(*(said(number, "word " * 500) for number in range(4000)))
    read = read_bytes(data, "telegram")
    steps = [item for item in read if isinstance(item, Progress)]
    assert steps
    assert all(step.done <= step.total == len(data) for step in steps)
    assert len(messages_of(read)) == 4000
