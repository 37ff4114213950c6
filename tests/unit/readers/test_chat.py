from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tera.places import message_line
from tera.readers.chats.conversations import (
    ENOUGH_CHARACTERS,
    MOST_CHARACTERS,
    MOST_DAYS,
    PAUSE,
    Message,
    conversations,
)
from tests.chats import messages_of

START = datetime(2024, 5, 3, 14, 2)
TEXTS = st.builds(lambda text, times: text * times, st.text(max_size=12), st.integers(1, 300))
STEPS = st.timedeltas(timedelta(hours=-2), timedelta(days=10))


@st.composite
def chats(draw: st.DrawFn) -> list[Message]:
    messages = []
    time = START
    for step in draw(st.lists(STEPS, max_size=30)):
        time += step
        messages.append(Message(draw(st.sampled_from(["Ann", "Tom: at work"])), time, draw(TEXTS)))
    return messages


def talk(*texts: str, pause: timedelta = timedelta(minutes=1)) -> list[Message]:
    return [Message("Ann", START + place * pause, text) for place, text in enumerate(texts)]


@given(chats())
def test_no_message_is_lost_and_none_changes_place(chat: list[Message]) -> None:
    lines = [line for draft in conversations(chat, "chat") for line in draft.text.split("\n")]
    kept = [message for message in chat if message.text.strip()]
    expected = [
        line
        for message in kept
        for line in message_line(message.sender, message.time, message.text).split("\n")
    ]
    assert lines == expected


@given(chats(), chats())
def test_a_longer_export_gives_the_same_memories_and_then_more(
    chat: list[Message], later: list[Message]
) -> None:
    before = list(conversations(chat, "chat"))
    after = list(conversations([*chat, *later], "chat"))
    assert after[: len(before)][:-1] == before[:-1]
    if before:
        last = after[len(before) - 1]
        assert last.text.startswith(before[-1].text)
        assert (last.part, last.at) == (before[-1].part, before[-1].at)


@given(chats())
def test_parts_are_unique_and_dates_are_aware(chat: list[Message]) -> None:
    drafts = list(conversations(chat, "chat"))
    assert len({draft.part for draft in drafts}) == len(drafts)
    assert all(draft.at and draft.at.tzinfo for draft in drafts)


def test_a_pause_divides_a_chat_when_enough_was_said() -> None:
    long = "word " * (ENOUGH_CHARACTERS // 5)
    assert len(list(conversations(talk(long, "b", pause=PAUSE), "chat"))) == 2
    assert len(list(conversations(talk("a", "b", pause=PAUSE), "chat"))) == 1
    assert len(list(conversations(talk(long, "b"), "chat"))) == 1


def test_messages_now_and_then_are_not_found_under_a_date_long_gone() -> None:
    drafts = list(conversations(talk("a", "b", "c", pause=MOST_DAYS / 1.5), "chat"))
    assert [len(messages_of([draft])) for draft in drafts] == [2, 1]


def test_a_talk_without_a_pause_is_divided_all_the_same() -> None:
    drafts = list(conversations(talk(*["word " * 200] * 100), "chat"))
    assert len(drafts) == 5
    assert all(len(draft.text) < MOST_CHARACTERS + 2000 for draft in drafts)


def test_conversations_that_begin_in_one_minute_have_parts_of_their_own() -> None:
    drafts = conversations(talk(*["x" * MOST_CHARACTERS] * 3, pause=timedelta(0)), "chat")
    assert [draft.part for draft in drafts] == [
        "2024-05-03 14:02",
        "2024-05-03 14:02 (2)",
        "2024-05-03 14:02 (3)",
    ]


def test_times_with_a_zone_are_shown_in_the_persons_own() -> None:
    time = datetime(2024, 5, 3, 12, 0, tzinfo=UTC)
    [draft] = conversations([Message("Ann", time, "noon")], "chat")
    assert messages_of([draft])[0][1] == time.astimezone().replace(tzinfo=None)
    assert draft.at == time
