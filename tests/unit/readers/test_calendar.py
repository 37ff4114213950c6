from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tera.datatypes import Draft
from tera.errors import NoTextError, UnreadableFileError
from tera.readers.document import Failure, Item
from tera.readers.mail.calendar import is_calendar
from tests.documents import drafts, items

DATA = Path(__file__).parents[2] / "data" / "calendar"
WORDS = st.text(st.characters(codec="utf-8", categories=("L", "Nd", "So", "Po")), min_size=1)


def entries(name: str) -> dict[str, Draft]:
    return {draft.part: draft for draft in drafts(DATA / name, "calendar")}


def read(path: Path, *lines: str) -> list[Item]:
    rows = ("BEGIN:VCALENDAR", "BEGIN:VEVENT", *lines, "END:VEVENT", "END:VCALENDAR", "")
    path.write_text("\r\n".join(rows), "utf-8", newline="")
    return list(items(path, "calendar"))


def text_of(path: Path, *lines: str) -> str:
    (draft,) = read(path, *lines)
    assert isinstance(draft, Draft)
    return draft.text


def test_an_event_says_what_when_how_often_where_and_with_whom() -> None:
    draft = entries("usual.ics")["choir@example.org"]
    assert draft.title == "Choir, rehearsal ♫"
    assert draft.at == datetime(2024, 5, 3, 17, 0, tzinfo=UTC)
    assert draft.text == (
        "Choir, rehearsal ♫\n"
        "When: Friday, 3 May 2024 19:00-21:00 (Europe/Zurich)\n"
        "Repeats: every 2 weeks on Friday until Monday, 1 July 2024\n"
        "Except: Friday, 17 May 2024 19:00 (Europe/Zurich)\n"
        "Where: Church hall, Lindenweg 8\n"
        "With: Ann Lee, Bob Stone, carla@example.net\n"
        "Calendar: Family\n"
        "\n"
        "Bring the green folder.\nWe sing the long piece with the four voices."
    )


def test_a_changed_occurrence_is_an_entry_of_its_own() -> None:
    draft = entries("usual.ics")["choir@example.org 2024-05-31T19:00:00+02:00"]
    assert draft.title == "Choir in the park"


def test_days_tasks_and_cancelled_events_are_told() -> None:
    found = entries("usual.ics")
    holiday = found["holiday@example.org"]
    assert "When: Saturday, 20 July 2024 to Saturday, 27 July 2024" in holiday.text
    assert "Status: cancelled" in holiday.text
    assert holiday.at == datetime(2024, 7, 20).astimezone()
    assert "Due: Sunday, 30 June 2024" in found["tax@example.org"].text


def test_a_time_in_utc_is_shown_in_the_persons_own_and_html_as_text() -> None:
    draft = entries("usual.ics")["call@example.org"]
    begin = datetime(2024, 5, 6, 8, 0, tzinfo=UTC).astimezone()
    end = datetime(2024, 5, 6, 8, 30, tzinfo=UTC).astimezone()
    assert f" 2024 {begin:%H:%M}-{end:%H:%M}\n" in draft.text
    assert draft.text.endswith("Policy 4711\n\nAsk for the lower rate.")


def test_zones_of_windows_and_of_the_calendar_itself_are_understood() -> None:
    found = list(entries("outlook.ics").values())
    assert found[0].at == datetime(2024, 5, 7, 7, 30, tzinfo=UTC)
    assert "09:30 to Wednesday, 8 May 2024 11:30 (W. Europe Standard Time)" in found[0].text
    assert found[1].at == datetime(2024, 5, 7, 6, 30, tzinfo=UTC)
    assert "twice the same" not in found[0].text


def test_what_is_broken_in_an_entry_is_shown_as_it_is_written() -> None:
    found = entries("broken.ics")
    assert "When: Friday, 3 May 2024, all day\nRepeats: FREQ=SOMETIMES" in found["1"].text
    assert found["2"].title == "生け花の会"
    assert found["3"].title == "broken.ics"
    assert len(found) == 4


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("FREQ=DAILY;COUNT=5", "every day 5 times"),
        ("FREQ=MONTHLY;BYDAY=-1FR", "every month on last Friday"),
        ("FREQ=MONTHLY;BYMONTHDAY=15", "every month on day 15"),
        ("FREQ=YEARLY;BYMONTH=5;INTERVAL=2", "every 2 years in May"),
        (
            "FREQ=WEEKLY;BYDAY=MO,WE;UNTIL=20240701",
            "every week on Monday, Wednesday until Monday, 1 July 2024",
        ),
    ],
)
def test_repetitions_are_put_into_words(rule: str, words: str, tmp_path: Path) -> None:
    text = text_of(tmp_path / "x", "SUMMARY:a", "DTSTART;VALUE=DATE:20240503", f"RRULE:{rule}")
    assert text.endswith(f"Repeats: {words}")


@pytest.mark.parametrize("start", ["00010101T000000Z", "99991231T235959", "99991231T235959Z"])
def test_the_ends_of_the_calendar_do_no_harm(start: str, tmp_path: Path) -> None:
    assert "Far away" in text_of(tmp_path / "x", "SUMMARY:Far away", f"DTSTART:{start}")


def test_an_entry_that_is_too_large_is_a_failure(tmp_path: Path) -> None:
    (failure,) = read(tmp_path / "x", "SUMMARY:a", *["X-JUNK:" + "a" * 100] * 5000)
    assert isinstance(failure, Failure)
    assert failure.text == "event 1 of x is too large"


def test_a_calendar_without_entries_is_refused() -> None:
    with pytest.raises(UnreadableFileError, match=r"^empty\.ics has no events in it$") as caught:
        drafts(DATA / "empty.ics", "calendar")
    assert caught.value.hint


def test_calendars_are_known_by_their_first_line() -> None:
    assert is_calendar(b"\xef\xbb\xbf\r\nbegin:vcalendar\r\n")
    assert all(is_calendar(path.read_bytes()) for path in DATA.iterdir())
    assert not is_calendar(b"A line like BEGIN:VCALENDAR begins a calendar.\n")


@given(WORDS, WORDS)
def test_what_the_library_writes_is_read_back(summary: str, place: str) -> None:
    from icalendar import Calendar, Event

    event = Event()
    event.add("summary", summary)
    event.add("location", place)
    event.add("dtstart", datetime(2024, 5, 3, 14, 0, tzinfo=UTC))
    calendar = Calendar()
    calendar.add_component(event)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.ics"
        path.write_bytes(calendar.to_ical())
        (draft,) = drafts(path, "calendar")
    assert draft.title == summary
    assert f"Where: {place}" in draft.text


@pytest.mark.parametrize(
    "text",
    [
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\n",
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nEND:VEVENT\nEND:VCALENDAR\n",
    ],
)
def test_entries_that_say_nothing_are_not_passed_over_in_silence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.ics"
    path.write_text(text)
    with pytest.raises(NoTextError, match=r"x\.ics has no events in it"):
        drafts(path, "calendar")
