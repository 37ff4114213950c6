from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tera.datatypes import Draft
from tera.errors import UnreadableFileError
from tera.readers.chats.whatsapp import is_whatsapp, read_whatsapp
from tera.readers.chats.whatsapp_headers import date_of, header_of
from tera.readers.chats.whatsapp_words import chat_name
from tera.readers.document import Document, Failure
from tests.chats import DATA, UNHURRIED, messages_of, read_bytes, survives
from tests.documents import drafts, items

LAYOUTS = {
    "ios british": "[{d:02}/{m:02}/{y}, {H:02}:{M:02}:00] {who}: {text}\r\n",
    "ios american": "[{m}/{d}/{yy}, {h}:{M:02}:00\u202f{AP}] {who}: {text}\r\n",
    "ios german": "\u200e[{d:02}.{m:02}.{yy}, {H:02}:{M:02}:00] {who}: {text}\r\n",
    "ios dutch": "[{d:02}-{m:02}-{y} {H:02}:{M:02}:00] {who}: {text}\r\n",
    "android german": "{d:02}.{m:02}.{yy}, {H:02}:{M:02} - {who}: {text}\n",
    "android indian": "{d:02}/{m:02}/{yy}, {h}:{M:02} {ap} - {who}: {text}\n",
    "android mexican": "{d}/{m}/{y}, {h}:{M:02} {a}. m. - {who}: {text}\n",
    "android swedish": "{y}-{m:02}-{d:02} {H:02}:{M:02} - {who}: {text}\n",
    "android finnish": "{d}.{m}.{y} klo {H}.{M:02} - {who}: {text}\n",
    "android french": "{d:02}/{m:02}/{y} à {H:02}:{M:02} - {who}: {text}\n",
    "android korean": "{y}. {m}. {d}. {ko} {h}:{M:02} - {who}: {text}\n",
    "android chinese": "{y}/{m}/{d} {zh}{h}:{M:02} - {who}: {text}\n",
    "android vietnamese": "{H:02}:{M:02}, {d:02}/{m:02}/{y} - {who}: {text}\n",
    "android bulgarian": "{d:02}.{m:02}.{yy} г., {H:02}:{M:02} ч. - {who}: {text}\n",
    "web": "[{h}:{M:02} {AP}, {m}/{d}/{y}] {who}: {text}\n",
}
NAMES = st.sampled_from(
    ["Ann", "Oma 👵🏽", "+49 170 1234567", "דנה", "Jean-Luc (work)", 'Bob "the man"', "B.:C"]
)
LINES = st.text(
    st.characters(exclude_categories=["C", "Z"], exclude_characters="<>()[]"), min_size=1
).filter(lambda line: not header_of(line))
TEXTS = st.lists(LINES, min_size=1, max_size=3).map("\n".join)


def written(layout: str, time: datetime, who: str, text: str) -> str:
    is_pm = time.hour >= 12
    return LAYOUTS[layout].format(
        d=time.day,
        m=time.month,
        y=time.year,
        yy=f"{time.year % 100:02}",
        H=time.hour,
        h=time.hour % 12 or 12,
        M=time.minute,
        AP="PM" if is_pm else "AM",
        ap="pm" if is_pm else "am",
        a="p" if is_pm else "a",
        ko="오후" if is_pm else "오전",
        zh="下午" if is_pm else "上午",
        who=who,
        text=text,
    )


@st.composite
def chats(draw: st.DrawFn) -> list[tuple[str, datetime, str]]:
    time = draw(st.datetimes(datetime(2012, 1, 1), datetime(2025, 1, 1))).replace(
        second=0, microsecond=0
    )
    messages = []
    for _ in range(draw(st.integers(1, 12))):
        messages.append((draw(NAMES), time, draw(TEXTS)))
        time += timedelta(minutes=draw(st.integers(0, 60 * 24 * 5)))
    # A day that no month has is in every chat of some weeks; short ones are told by custom.
    messages.append(("Ann", time.replace(day=28) + timedelta(days=31), "x"))
    return [(name, moment, text) for name, moment, text in messages]


@pytest.mark.parametrize("layout", LAYOUTS)
@UNHURRIED
@given(chats())
def test_what_was_written_in_the_layout_of_a_place_is_read(
    layout: str, chat: list[tuple[str, datetime, str]]
) -> None:
    chat = sorted(chat, key=lambda message: message[1])
    text = "".join(written(layout, time, who, text) for who, time, text in chat)
    read = read_bytes(text.encode(), "whatsapp")
    texts = [message[2] for message in messages_of(read)]
    assert texts == [text for _, _, text in chat]
    if len({time.date() for _, time, _ in chat}) > 2 and any(time.day > 12 for _, time, _ in chat):
        assert [(who, time) for who, time, _ in messages_of(read)] == [
            (who, time) for who, time, _ in chat
        ]


@UNHURRIED
@given(st.text())
def test_any_text_gives_messages_or_an_error_for_people(text: str) -> None:
    survives(text.encode("utf-8", "replace"), "whatsapp", "chat.txt")
    survives(
        f"1/1/20, 10:00 - A: {text}\n2/1/20, 10:00 - {text}".encode("utf-8", "replace"),
        "whatsapp",
        "chat.txt",
    )


@UNHURRIED
@given(st.binary())
def test_any_bytes_give_messages_or_an_error_for_people(data: bytes) -> None:
    survives(data, "whatsapp", "chat.txt")
    is_whatsapp(data)


def test_all_samples_but_prose_are_known_by_their_beginning() -> None:
    rows = tomllib.loads((DATA / "whatsapp.toml").read_text())["sample"]
    known = {row["file"] for row in rows if is_whatsapp((DATA / row["file"]).read_bytes())}
    assert known == {row["file"] for row in rows} - {"whatsapp/prose.txt"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "On 03/05/2024, 14:02 we met: all of us.\n" * 3,
        "2024-05-03 14:10:55 - server: started\n" * 9,
        "[2024-05-03 14:10:55] production.ERROR: it failed\n" * 9,
        "[2024-05-03 14:10:55] INFO: it works\n" * 9,
        "03/05/2024, 14:02 - INFO: it works\n" * 9,
        "03/05/2024 14:02:11 - web: it works\n" * 9,
        "[2024-05-03, 14:10] Ann: of Signal\n" * 9,
        "03/05/2024, 14:02 - 03/05/2024, 15:00 meeting\n" * 9,
        "01.02.2024 10:00:00: kernel: started\n" * 9,
        "# A title\n\n03/05/2024, 14:02 - Ann: a line\n\n",
        '{"a": "03/05/2024, 14:02 - Ann: a line"}\n',
    ],
)
def test_prose_logs_and_exports_of_others_are_not_taken_for_a_chat(text: str) -> None:
    assert not is_whatsapp(text.encode())


@pytest.mark.parametrize(
    ("lines", "date"),
    [
        (["3/4/24, 10:00 - A: x", "3/5/24, 10:00 - A: x", "3/6/24, 10:00 - A: x"], (2024, 3, 4)),
        (["3/4/24, 10:00 - A: x", "4/4/24, 10:00 - A: x", "5/4/24, 10:00 - A: x"], (2024, 4, 3)),
        (["3/4/24, 10:00 AM - A: x"], (2024, 3, 4)),
        (["03/04/24, 10:00 am - A: x"], (2024, 4, 3)),
        (["3/4/24, 10:00 - A: x"], (2024, 4, 3)),
        (["3.4.24, 10:00 - A: x"], (2024, 4, 3)),
        (["24/3/4 上午10:00 - A: x"], (2024, 3, 4)),
        (["2024-03-04 10:00 - A: x"], (2024, 3, 4)),
        (["3/4/24, 10:00 - A: x", "12/31/24, 10:00 - A: x"], (2024, 3, 4)),
        (["1/12/23, 9:00 - A: x", "2/1/24, 9:00 - A: x", "3/1/24, 9:00 - A: x"], (2023, 12, 1)),
        (["۱۴۰۳/۰۱/۰۱، ۱۰:۰۰ - A: x"], (2024, 3, 20)),
        (["3/2/2567 10:00 - A: x"], (2024, 2, 3)),
    ],
)
def test_the_order_of_dates_is_told_from_all_of_the_file(
    lines: list[str], date: tuple[int, int, int]
) -> None:
    read = read_bytes("\n".join(lines).encode(), "whatsapp")
    assert messages_of(read)[0][1].date() == datetime(*date).date()


@pytest.mark.parametrize(
    ("clock", "hour"),
    [
        ("12:05 AM", 0),
        ("12:05 p. m.", 12),
        ("11:05\u202fPM", 23),
        ("9:05 μ.μ.", 21),
        ("00:05 a. m.", 0),
        ("晚上9:05", 21),
        ("21:05", 21),
    ],
)
def test_every_clock_is_understood(clock: str, hour: int) -> None:
    header = header_of(f"03/04/2024, {clock} - Ann: x")
    assert header is not None
    assert header.time == (hour, 5, 0)


@pytest.mark.parametrize("line", ["31/02/2024, 10:00 - A: x", "45/67/2024, 10:00 - A: x"])
def test_a_date_that_no_calendar_has_begins_no_message(line: str) -> None:
    read = read_bytes(f"01/02/2024, 10:00 - A: first\n{line}\n".encode(), "whatsapp")
    assert messages_of(read) == [("A", datetime(2024, 2, 1, 10), f"first\n{line}")]


def test_a_pasted_line_of_another_layout_stays_in_its_message() -> None:
    text = (
        "01/02/2024, 10:00 - A: look\n[03/02/2024, 11:00:00] B: pasted\n02/02/2024, 10:00 - A: yes"
    )
    texts = [message[2] for message in messages_of(read_bytes(text.encode(), "whatsapp"))]
    assert texts == ["look\n[03/02/2024, 11:00:00] B: pasted", "yes"]


def test_two_exports_put_together_are_both_read() -> None:
    android = "".join(f"{day:02}/02/2024, 10:00 - A: one\n" for day in range(1, 25))
    ios = "".join(f"[{day:02}/03/2024, 10:00:00] A: two\n" for day in range(1, 25))
    assert len(messages_of(read_bytes((android + ios).encode(), "whatsapp"))) == 48


def test_senders_with_colons_are_kept_whole_when_they_write_often() -> None:
    text = "".join(f"{day:02}/02/2024, 10:00 - Ann: Work: a: {day}\n" for day in range(13, 20))
    names = {message[0] for message in messages_of(read_bytes(text.encode(), "whatsapp"))}
    assert names == {"Ann: Work"}


def test_a_group_name_with_a_colon_is_no_sender() -> None:
    text = "13/02/2024, 10:00 - Ann created group “Trip: Rome”\n13/02/2024, 10:01 - Ann: hi\n"
    assert messages_of(read_bytes(text.encode(), "whatsapp")) == [
        ("WhatsApp", datetime(2024, 2, 13, 10), "Ann created group “Trip: Rome”"),
        ("Ann", datetime(2024, 2, 13, 10, 1), "hi"),
    ]


def test_who_writes_about_encryption_is_kept() -> None:
    text = "13/02/2024, 10:00 - A: hi\n13/02/2024, 10:01 - B: is it end-to-end encrypted?\n"
    assert len(messages_of(read_bytes(text.encode(), "whatsapp"))) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\u200e<attached: 0001-PHOTO.jpg>", "attached: 0001-PHOTO.jpg"),
        ("\u200e<imehanguswa: 0001-PHOTO.jpg>", "attached: 0001-PHOTO.jpg"),
        ("IMG-20240213-WA0001.jpg (some words)", "attached: IMG-20240213-WA0001.jpg"),
        ("tax return.pdf (Datei angehängt)", "attached: tax return.pdf"),
        ("\u200etax.pdf (word of no list)", "attached: tax.pdf"),
        ("see tax.pdf (the old one)", "see tax.pdf (the old one)"),
        ("a < b: c > d.e", "a < b: c > d.e"),
        ("fine \u200e<This message was edited>", "fine (edited)"),
        ("fine <word of no list>", "fine <word of no list>"),
        ("Dieses Bild wurde weggelassen", "Dieses Bild wurde weggelassen"),
    ],
)
def test_attachments_and_edits_are_said_in_plain_words(text: str, said: str) -> None:
    [message] = messages_of(read_bytes(f"13/02/2024, 10:00 - A: {text}".encode(), "whatsapp"))
    assert message[2] == said


@pytest.mark.parametrize(
    ("file_name", "name"),
    [
        ("WhatsApp Chat with Ann.txt", "Ann"),
        ("WhatsApp Chat with Ann Lee (2).zip", "Ann Lee"),
        ("WhatsApp Chat - Family & friends.zip", "Family & friends"),
        ("WhatsApp_Chat_with_Ann_Lee.txt", "Ann Lee"),
        ("WhatsApp-Chat mit Jürgen.txt", "Jürgen"),
        ("Chat de WhatsApp con Ana María.txt", "Ana María"),
        ("Conversa do WhatsApp com João.txt", "João"),
        ("Discussion WhatsApp avec Léa.txt", "Léa"),
        ("Чат WhatsApp с Олег.txt", "Олег"),
        ("Ayşe ile WhatsApp Sohbeti.txt", "Ayşe"),
        ("_chat.txt", ""),
        ("notes on WhatsApp.txt", ""),
        ("x" * 5000, ""),
    ],
)
def test_the_name_of_the_file_names_the_chat(file_name: str, name: str) -> None:
    assert chat_name(file_name) == name


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("WhatsApp Chat - Ann.zip/_chat.txt", "chat with Ann"),
        ("WhatsApp Chat with Book club.txt", "Book club"),
        ("_chat.txt", "chat of Ann and Tom"),
    ],
)
def test_the_title_says_with_whom_or_in_which_group(name: str, title: str, tmp_path: Path) -> None:
    path = tmp_path / "_chat.txt"
    path.write_text("13/02/2024, 10:00 - Ann: hi\n13/02/2024, 10:01 - Tom: hello\n")
    document = Document(path, "_chat.txt", path.stat().st_size, None, tmp_path)
    [draft] = [
        item for item in read_whatsapp(replace(document, name=name)) if isinstance(item, Draft)
    ]
    assert draft.title == title


def test_no_more_is_read_than_the_file_had(tmp_path: Path) -> None:
    path = tmp_path / "chat.txt"
    path.write_text("13/02/2024, 10:00 - Ann: hi\n13/02/2024, 10:01 - Tom: hello\n")
    read = read_whatsapp(Document(path, path.name, 28, None, tmp_path))
    assert [message[0] for message in messages_of(read)] == ["Ann"]


def test_a_file_that_is_gone_is_an_error_for_people(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match=r"chat\.txt"):
        list(read_whatsapp(Document(tmp_path / "chat.txt", "chat.txt", 28, None, tmp_path)))


def test_what_stands_before_the_first_message_is_kept() -> None:
    text = "a line of mine\n13/02/2024, 10:00 - Ann: hi\n"
    assert [message[2] for message in messages_of(read_bytes(text.encode(), "whatsapp"))] == [
        "a line of mine",
        "hi",
    ]


def test_a_message_without_end_is_divided() -> None:
    text = "13/02/2024, 10:00 - Ann: " + "long line\n" * 300_000
    read = [item for item in read_bytes(text.encode(), "whatsapp") if isinstance(item, Draft)]
    assert len(read) == 3
    assert sum(draft.text.count("long line") for draft in read) == 300_000


def test_damage_is_said_once() -> None:
    failures = [
        x for x in items(DATA / "whatsapp" / "damaged.txt", "whatsapp") if isinstance(x, Failure)
    ]
    assert [failure.text for failure in failures] == [
        "damaged.txt has bytes that are not UTF-8 text in 2 places"
    ]


def test_dates_outside_of_whatsapps_time_are_none() -> None:
    assert date_of((1, 1, 2008), "dmy") is None
    assert date_of((1, 1, 2061), "dmy") is None
    assert date_of((1, 1, 99999), "dmy") is None


def test_a_longer_export_gives_the_same_memories_and_then_more(tmp_path: Path) -> None:
    path = tmp_path / "chat.txt"
    lines = [
        f"{day:02}/{month:02}/2024, 10:00 - Ann: word {'more ' * 150}\n"
        for month in range(1, 6)
        for day in range(1, 28)
    ]
    path.write_text("".join(lines[:100]))
    before = drafts(path, "whatsapp")
    path.write_text("".join(lines))
    assert drafts(path, "whatsapp")[: len(before) - 1] == before[:-1]
