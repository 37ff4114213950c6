from __future__ import annotations

import io
import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tera.datatypes import Draft
from tera.errors import PasswordNeededError
from tera.readers.chats import slack_files
from tera.readers.chats.slack import is_slack, read_slack
from tera.readers.document import Document, Failure, Item
from tests.chats import DATA, UNHURRIED, local, messages_of, read_bytes, survives
from tests.documents import drafts, items

NOON = int(datetime(2024, 5, 3, 12, tzinfo=UTC).timestamp())
USERS = [{"id": "U1", "name": "ann"}, {"id": "U2", "name": "tom"}, {"id": "U3", "name": "cy"}]
WORDS = st.text(
    st.characters(exclude_categories=["C", "Z"], exclude_characters="&<>"), min_size=1, max_size=20
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
KEYS = [
    *("text", "user", "subtype", "files", "attachments", "blocks", "reactions", "thread_ts"),
    *("edited", "message", "user_profile", "bot_profile", "username", "file"),
]


def packed(files: dict[str, object]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content if isinstance(content, bytes) else json.dumps(content))
    return data.getvalue()


def export(*messages: dict[str, object], **files: object) -> dict[str, object]:
    return {
        "users.json": USERS,
        "channels.json": [{"id": "C1", "name": "general"}],
        "general/2024-05-03.json": messages,
        **files,
    }


def said(text: str, minute: int = 0, **more: object) -> dict[str, object]:
    return {"type": "message", "user": "U1", "text": text, "ts": f"{NOON + 60 * minute}.0", **more}


def texts(*messages: dict[str, object]) -> list[str]:
    return [message[2] for message in messages_of(read_bytes(packed(export(*messages)), "slack"))]


@UNHURRIED
@given(st.lists(st.tuples(st.sampled_from(["ann", "tom"]), WORDS), min_size=1, max_size=30))
def test_what_was_written_is_read(chat: list[tuple[str, str]]) -> None:
    messages = [
        said(text, minute, user="U1" if who == "ann" else "U2")
        for minute, (who, text) in enumerate(chat)
    ]
    read = messages_of(read_bytes(packed(export(*messages)), "slack"))
    assert [(who, text) for who, _, text in read] == chat
    assert read[0][1] == local(datetime.fromtimestamp(NOON, UTC).replace(tzinfo=None))


@UNHURRIED
@given(st.lists(st.dictionaries(st.sampled_from(KEYS), JSON), max_size=4), JSON, JSON)
def test_any_json_gives_messages_or_an_error_for_people(
    messages: list[dict[str, object]], users: object, channels: object
) -> None:
    day = [{"ts": f"{NOON}.0", **message} for message in messages]
    files = {
        **export(*day),
        "users.json": users,
        "dms.json": channels,
        "general/2024-05-04.json": users,
    }
    survives(packed(files), "slack", "export.zip")


@UNHURRIED
@given(st.binary())
def test_any_bytes_give_messages_or_an_error_for_people(data: bytes) -> None:
    survives(data, "slack", "export.zip")
    survives(b"PK\x03\x04" + data + b"PK\x05\x06" + data, "slack", "export.zip")
    survives(packed({**export(), "general/2024-05-04.json": data}), "slack", "export.zip")


def test_an_export_is_known_packed_and_unpacked(tmp_path: Path) -> None:
    assert is_slack(DATA / "slack" / "workspace")
    assert is_slack(DATA / "slack" / "workspace.zip")
    assert not is_slack(DATA / "slack" / "other.zip")
    assert not is_slack(DATA / "slack")
    assert not is_slack(tmp_path / "nothing.zip")
    assert not is_slack(DATA / "slack" / "workspace" / "users.json")


def test_folder_and_zip_give_the_same() -> None:
    folder = drafts(DATA / "slack" / "workspace", "slack")
    assert folder == drafts(DATA / "slack" / "workspace.zip", "slack")
    assert [draft.title for draft in folder] == [
        *("#general", "#secret-plans", "chat of Tom Reed and cy", "chat with Tom Reed"),
    ]
    assert len({draft.part for draft in folder}) == 4


def test_an_export_within_a_folder_of_the_zip_is_read() -> None:
    files = {f"My workspace/{name}": data for name, data in export(said("hi")).items()}
    assert len(messages_of(read_bytes(packed(files), "slack"))) == 1


def test_a_broken_day_is_said_and_the_others_are_read() -> None:
    found = list(items(DATA / "slack" / "workspace", "slack"))
    [failure] = [item for item in found if isinstance(item, Failure)]
    assert failure.text.startswith("workspace: general/2024-05-05.json cannot be read")


def test_replies_stand_after_what_they_reply_to() -> None:
    parent = f"{NOON}.0"
    read = texts(
        said("question", thread_ts=parent),
        said("something else", 1),
        said("answer", 2, thread_ts=parent),
    )
    assert read == ["question", "(in reply to ann: “question”)\nanswer", "something else"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<@U2> and <@U2|tommy> and <@U9>", "@tom and @tom and @U9"),
        ("<#C1|general> <#C2>", "#general #C2"),
        ("<!here> <!subteam^S1|@crew> <!date^1^{date}|May 3>", "@here @crew May 3"),
        (
            "<http://x.org|a page> <http://x.org|x.org> <http://x.org>",
            "a page (http://x.org) http://x.org http://x.org",
        ),
        ("<mailto:a@x.org|a@x.org>", "a@x.org"),
        ("1 &lt; 2 &amp;&amp; &lt;@U2&gt;", "1 < 2 && <@U2>"),
        ("a <|x> <>", "a x <>"),
    ],
)
def test_mentions_and_links_are_readable(text: str, shown: str) -> None:
    assert texts(said(text)) == [shown]


def test_who_joined_and_left_is_left_out() -> None:
    read = texts(
        said("joined", subtype="channel_join"), said("stays"), said("left", subtype="channel_leave")
    )
    assert read == ["stays"]


def test_channels_that_no_list_names_are_read() -> None:
    files = {"users.json": USERS, "channels.json": [], "lost/2024-05-03.json": [said("found")]}
    [draft] = [item for item in read_bytes(packed(files), "slack") if isinstance(item, Draft)]
    assert draft.title == "#lost"


def test_names_in_lists_do_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "2024-05-03.json").write_text(json.dumps([said("secret")]))
    inside = tmp_path / "export"
    (inside / "general").mkdir(parents=True)
    (inside / "users.json").write_text(json.dumps(USERS))
    (inside / "channels.json").write_text(json.dumps([{"id": "C1", "name": "../outside"}]))
    (inside / "general" / "2024-05-03.json").write_text(json.dumps([said("open")]))
    (inside / "linked").symlink_to(tmp_path / "outside")
    (inside / "general" / "2024-05-04.json").symlink_to(tmp_path / "outside" / "2024-05-03.json")
    found: list[Item] = list(items(inside, "slack"))
    assert [message[2] for message in messages_of(found)] == ["open"]


def test_days_that_unpack_to_too_much_are_refused() -> None:
    bomb = b"[" + b" " * (slack_files.MOST_DAY_BYTES + 10) + b"]"
    files = {**export(said("fine")), "general/2024-05-04.json": bomb}
    read = read_bytes(packed(files), "slack")
    assert [message[2] for message in messages_of(read)] == ["fine"]
    assert ["larger than 32 MB" in item.text for item in read if isinstance(item, Failure)] == [
        True
    ]


def test_an_encrypted_zip_file_asks_for_its_password(tmp_path: Path) -> None:
    data = bytearray(packed(export(said("x"))))
    # The flag of encryption, in the heads of the members and in the list of them.
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = -1
        while (place := data.find(mark, place + 1)) >= 0:
            data[place + offset] |= 1
    path = tmp_path / "export.zip"
    path.write_bytes(data)
    for password in (None, "wrong"):
        document = Document(path, path.name, len(data), None, tmp_path, password)
        with pytest.raises(PasswordNeededError, match=r"export\.zip is encrypted"):
            list(read_slack(document))


def test_deep_nesting_does_no_harm() -> None:
    deep: object = "x"
    for _ in range(200):
        deep = {"elements": [deep]}
    assert texts(said("", blocks=deep), said("fine", 1)) == ["fine"]
    survives(packed({**export(), "general/2024-05-04.json": b"[" * 500_000}), "slack", "export.zip")
