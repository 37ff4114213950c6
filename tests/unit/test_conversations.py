"""Conversations are kept turn by turn; damage costs the turns that it meets."""

from __future__ import annotations

import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tera.conversations import Conversation, Conversations, KeptSource, KeptTurn
from tera.errors import StoreError

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SOURCE = KeptSource(1, "m1", NOW - timedelta(days=9), "notes.md l. 3")
TURN = KeptTurn(NOW, "Where?", "In Lyon [1].", "Where (dinner)?", True, (SOURCE,))


def turn(number: int) -> KeptTurn:
    return replace(TURN, at=NOW + timedelta(minutes=number), question=f"question {number}")


@pytest.fixture
def kept(tmp_path: Path) -> Conversations:
    return Conversations(tmp_path / "chats")


def begun(kept: Conversations, *numbers: int) -> Conversation:
    conversation = Conversation("")
    for number in numbers:
        conversation = kept.append(conversation, turn(number))
    return conversation


def test_what_was_said_is_read_as_it_was_written(kept: Conversations) -> None:
    conversation = kept.append(Conversation(""), TURN)
    assert conversation.turns == (TURN,)
    assert kept.all() == [conversation]
    assert kept.find(conversation.id[:6]) == conversation


def test_the_conversation_that_was_gone_on_with_last_comes_first(kept: Conversations) -> None:
    first, second = begun(kept, 1), begun(kept, 2)
    assert [one.id for one in kept.all()] == [second.id, first.id]
    kept.append(first, turn(3))
    assert [one.id for one in kept.all()] == [first.id, second.id]
    assert kept.questions(2) == ["question 2", "question 3"]


def test_two_that_begin_in_the_same_second_are_two(kept: Conversations) -> None:
    one, other = begun(kept, 1), begun(kept, 1)
    assert one.id != other.id
    with pytest.raises(StoreError, match="2 conversations begin"):
        kept.find(one.id[:4])
    assert kept.find(one.id).id == one.id


def test_files_are_private(kept: Conversations, tmp_path: Path) -> None:
    begun(kept, 1)
    assert stat.S_IMODE((tmp_path / "chats").stat().st_mode) == 0o700
    (file,) = (tmp_path / "chats").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("cut", [1, 2, 30, 200])
def test_a_torn_last_line_is_dropped_and_the_conversation_goes_on(
    kept: Conversations, tmp_path: Path, cut: int
) -> None:
    conversation = begun(kept, 1, 2)
    (file,) = (tmp_path / "chats").iterdir()
    file.write_bytes(file.read_bytes()[:-cut])
    whole = 2 if cut == 1 else 1
    (read,) = kept.all()
    assert read.turns == conversation.turns[:whole]
    kept.append(read, turn(3))
    (read,) = kept.all()
    assert [one.question for one in read.turns][-1] == "question 3"
    assert len(read.turns) == whole + 1


def test_a_newer_format_is_refused_and_left_alone(kept: Conversations, tmp_path: Path) -> None:
    conversation = begun(kept, 1)
    (file,) = (tmp_path / "chats").iterdir()
    newer = file.read_bytes().replace(b'"format": 1', b'"format": 2')
    file.write_bytes(newer)
    assert kept.all() == []
    with pytest.raises(StoreError, match="newer version"):
        kept.find(conversation.id)
    assert file.read_bytes() == newer
    assert kept.ids() == [conversation.id]


def test_those_that_rest_on_a_memory_are_found(kept: Conversations) -> None:
    conversation = begun(kept, 1)
    kept.append(Conversation(""), replace(turn(2), sources=()))
    assert [one.id for one in kept.citing(["m1", "m7"])] == [conversation.id]
    assert kept.citing(["m2"]) == []


def test_a_deleted_one_is_gone_and_does_not_come_back(kept: Conversations) -> None:
    conversation = begun(kept, 1)
    kept.delete([conversation.id])
    assert kept.all() == []
    with pytest.raises(StoreError, match="there is no conversation"):
        kept.find(conversation.id)
    with pytest.raises(FileNotFoundError):
        kept.append(conversation, turn(2))
    assert kept.ids() == []


def test_a_folder_that_is_not_there_has_none(kept: Conversations) -> None:
    assert kept.all() == []
    assert kept.questions(10) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(text=st.text(alphabet=st.characters(), max_size=40))
def test_every_text_comes_back(tmp_path: Path, text: str) -> None:
    kept = Conversations(tmp_path / "any")
    conversation = kept.append(Conversation(""), replace(TURN, question=text, answer=text))
    assert kept.find(conversation.id).turns == conversation.turns


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(garbage=st.binary(max_size=80), place=st.integers(0, 600))
def test_no_damage_is_an_error_of_another_conversation(
    tmp_path: Path, garbage: bytes, place: int
) -> None:
    kept = Conversations(tmp_path / "any")
    kept.delete(kept.ids())
    whole, damaged = begun(kept, 1), begun(kept, 2, 3)
    file = tmp_path / "any" / f"{damaged.id}.jsonl"
    data = file.read_bytes()
    file.write_bytes(data[:place] + garbage + data[place:])
    assert whole in kept.all()
