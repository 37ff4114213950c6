"""Subtitles: every word once, with the time at which it is shown."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tera.datatypes import Draft, Memory
from tera.errors import NoTextError, ReaderError, UnreadableFileError
from tera.places import place_of, timed_line
from tera.readers.document import Note, Progress
from tera.readers.speech import timed
from tera.readers.speech.subtitles import is_subtitles
from tera.readers.speech.timed import Spoken, timed_drafts
from tests.documents import drafts, items

DATA = Path(__file__).parents[2] / "data" / "subtitles"
SRT = "1\n00:00:01,000 --> 00:00:02,000\n"

WORDS = st.text(
    st.characters(categories=["L", "N", "P", "S", "Zs"], exclude_characters="<>&{}"), min_size=1
).map(lambda text: " ".join(text.split()))
SENTENCES = st.lists(
    WORDS.filter(lambda text: any(map(str.isalpha, text))).map(lambda text: f"A{text}."),
    min_size=1,
    max_size=20,
)
FILES = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def read(folder: Path, text: str | bytes, name: str = "a.srt") -> str:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return "\n".join(draft.text for draft in drafts(path, "subtitles"))


def clock(second: int, mark: str = ",") -> str:
    return f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}{mark}000"


def test_cues_of_one_sentence_are_one_line_at_its_beginning() -> None:
    (draft,) = drafts(DATA / "film.srt", "subtitles")

    assert draft.text.splitlines() == [
        "[0:01] The lighthouse was built in 1871 by two brothers.",
        "[1:10] - Did they live there?",
        "[1:10] - Only in winter.",
        "[1:02:03] The sum was 3 < 4 & nothing <laughs> else.",
        "[1:02:06] 42",
    ]
    assert (draft.title, draft.part, draft.at) == ("film.srt", "", None)


def test_webvtt_keeps_who_speaks_and_leaves_out_what_is_not_said() -> None:
    (draft,) = drafts(DATA / "talk.vtt", "subtitles")

    assert draft.text.splitlines() == [
        "[0:01] Ann Example: Storks come back & nest on the same roof.",
        "[0:07] Ben: And swallows?",
        "[0:07] Ann Example: In the stable.",
        "[1:00:00] 鸟niǎo means bird.",
    ]


def test_rolling_captions_are_said_once() -> None:
    (draft,) = drafts(DATA / "rolling.vtt", "subtitles")

    assert draft.text == (
        "[0:00] welcome back to the channel today we plant tomatoes on a small balcony"
        " you need a deep pot"
    )


def test_what_is_said_twice_stays_twice(tmp_path: Path) -> None:
    text = f"{SRT}No!\n\n2\n00:00:02,100 --> 00:00:03,000\nNo!\n"

    assert read(tmp_path, text) == "[0:01] No!\n[0:02] No!"


def test_careless_files_lose_no_words() -> None:
    (draft,) = drafts(DATA / "careless.srt", "subtitles")

    for words in (
        "No blank line",
        "Milliseconds",
        "There is no number.",
        "A paragraph",
        "The last",
    ):
        assert words in draft.text
    assert "Downloaded" not in draft.text


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_end_of_line_will_do(end: str, tmp_path: Path) -> None:
    text = f"{SRT}One\ntwo.\n\n2\n00:00:05,000 --> 00:00:06,000\nThree.\n"

    assert read(tmp_path, text.replace("\n", end)) == "[0:01] One two.\n[0:05] Three."


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_usual_encodings_are_told_apart(encoding: str, tmp_path: Path) -> None:
    text = f"{SRT}Müller’s café in Århus, señor – 5 €.\n"

    assert read(tmp_path, text.encode(encoding)) == "[0:01] Müller’s café in Århus, señor – 5 €."


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        ("cp1251", "Маяк построили два брата."),
        ("cp1253", "Ο φάρος χτίστηκε το 1871."),
        ("cp1250", "Zażółć gęślą jaźń, powiedział brat."),
        ("cp1250", "Maják postavili dva bratři v přístavu."),
        ("cp1250", "A két testvér őrizte a fényt, és örült a hűvös szélnek."),
        ("cp1254", "Deniz fenerini iki kardeş yaptı."),
        ("shift_jis", "灯台は兄弟が建てた。"),
        ("gbk", "灯塔是两兄弟建的。"),
    ],
)
def test_other_encodings_are_told_for_sure_or_refused(
    encoding: str, words: str, tmp_path: Path
) -> None:
    try:
        assert words in read(tmp_path, f"{SRT}{words}\n".encode(encoding))
    except UnreadableFileError as error:
        assert "a.srt is not valid UTF-8" in error.message
        assert "iconv" in error.hint


def test_a_damaged_character_costs_itself_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.srt"
    path.write_bytes(f"{SRT}Зимой они жили там.\n".encode().replace("ж".encode(), b"\xd0"))

    found = list(items(path, "subtitles"))

    assert "Зимой они Ðили там." in getattr(found[-1], "text", "")
    assert [item.text for item in found if isinstance(item, Note)] == [
        "a.srt: 1 byte is not UTF-8 and is read as cp1252"
    ]


def test_a_speakers_name_is_said_once_a_sentence(tmp_path: Path) -> None:
    text = (
        "WEBVTT\n\n00:01.000 --> 00:02.000\n<v Ann>We went\n\n"
        "00:02.000 --> 00:03.000\n<v Ann>to the sea\n\n00:03.000 --> 00:04.000\n<v Ben>did you?\n"
    )

    assert read(tmp_path, text, "a.vtt") == "[0:01] Ann: We went to the sea\n[0:03] Ben: did you?"


def test_a_pause_or_a_long_line_begins_another(tmp_path: Path) -> None:
    cues = [(0, "one"), (1, "two"), (9, "three"), *((10 + n, "word " * 10) for n in range(9))]
    text = "".join(f"{n}\n{clock(n)} --> {clock(n + 1)}\n{words}\n\n" for n, words in cues)

    lines = read(tmp_path, text).splitlines()

    assert lines[0] == "[0:00] one two"
    assert lines[1].startswith("[0:09] three word")
    assert all(len(line) < timed.LINE_CHARACTERS + 20 for line in lines)


def test_a_long_text_is_several_parts_named_by_their_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timed, "PART_CHARACTERS", 100)
    times = [*range(0, 4000, 400), 3600]
    text = "".join(f"1\n{clock(n)} --> {clock(n + 1)}\n{'Word ' * 9}.\n\n" for n in times)
    path = tmp_path / "a.srt"
    path.write_text(text)

    found = drafts(path, "subtitles")

    assert [draft.part for draft in found] == [
        "0:00",
        "13:20",
        "26:40",
        "40:00",
        "53:20",
        "1:00:00",
    ]
    now = datetime.now(UTC)
    memory = Memory("1", found[-1].text, now, now, type="subtitles", part="1:00:00")
    assert place_of(memory, 0, 5) == "1:00:00"


def test_parts_that_begin_at_the_same_time_have_names_of_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(timed, "PART_CHARACTERS", 1)

    found = timed_drafts([Spoken(1, 2, "One."), Spoken(1, 2, "Two."), Spoken(1, 2, "Three.")], "a")

    assert [getattr(draft, "part", None) for draft in found] == ["0:01", "0:01 (2)", "0:01 (3)"]


def test_times_that_cannot_be_are_brought_into_bounds() -> None:
    said = [Spoken(float("nan"), 1, "One."), Spoken(-5, 1, "Two."), Spoken(1e300, 1, "Six.")]

    (draft,) = timed_drafts(said, "a")

    assert getattr(draft, "text", "") == "[0:00] One.\n[0:00] Two.\n[277:46:40] Six."


@pytest.mark.parametrize(
    "text", ["", "WEBVTT\n", "Dear Ann,\n\nsee you.\n", SRT, f"{SRT}<i></i>\n"]
)
def test_a_file_without_cues_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(NoTextError, match=r"a\.srt has no subtitles in it"):
        read(tmp_path, text)


def test_a_line_without_end_is_read_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "a.srt"
    path.write_text(SRT + "word " * 1_000_000)

    found = list(items(path, "subtitles"))

    assert isinstance(found[0], Progress)
    assert sum(len(item.text) for item in found if isinstance(item, Draft)) >= 4_999_999


def test_subtitles_are_known_by_their_beginning() -> None:
    for path in DATA.iterdir():
        if path.name not in ("careless.srt", "empty.vtt"):
            assert is_subtitles(path.read_bytes()), path.name


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"WEBVTT is a format for subtitles, defined by the W3C.\n",
        b"1\n2\n3\n4\n",
        b"Dear Ann,\n\n00:01 was late. --> see you\n",
        b"2024-05-03 12:00:01 INFO a --> b\n" * 5,
        b"1\n\n12:30 lunch\n13:00 --> meeting\n",
        bytes(range(256)) * 10,
    ],
)
def test_other_texts_are_not_taken_for_subtitles(head: bytes) -> None:
    assert not is_subtitles(head)


@FILES
@given(sentences=SENTENCES, is_webvtt=st.booleans(), encoding=st.sampled_from(["utf-8", "utf-16"]))
def test_what_was_written_is_read(
    sentences: list[str], is_webvtt: bool, encoding: str, tmp_path: Path
) -> None:
    mark = "." if is_webvtt else ","
    cues = "".join(
        f"{n}\n{clock(n * 5, mark)} --> {clock(n * 5 + 1, mark)}\n{words}\n\n"
        for n, words in enumerate(sentences)
    )

    text = read(tmp_path, (f"WEBVTT\n\n{cues}" if is_webvtt else cues).encode(encoding))

    assert text.splitlines() == [timed_line(n * 5, words) for n, words in enumerate(sentences)]


@FILES
@given(
    data=st.binary() | st.text().map(str.encode) | st.text().map(lambda text: (SRT + text).encode())
)
def test_any_bytes_are_read_or_refused(data: bytes, tmp_path: Path) -> None:
    is_subtitles(data)
    try:
        text = read(tmp_path, data)
    except ReaderError as error:
        assert "a.srt" in error.message
    else:
        assert text.encode()
        assert "\0" not in text
