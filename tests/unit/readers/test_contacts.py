from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tera.datatypes import Draft
from tera.errors import NoTextError, UnreadableFileError
from tera.readers.mail.contacts import is_contacts
from tests.documents import drafts

DATA = Path(__file__).parents[2] / "data" / "contacts"
WORDS = st.text(st.characters(codec="utf-8", categories=("L", "Nd", "So", "Po")), min_size=1)


def people(name: str) -> list[Draft]:
    return drafts(DATA / name, "contacts")


def card(path: Path, *lines: str) -> list[Draft]:
    path.write_text("\n".join(("BEGIN:VCARD", "VERSION:3.0", *lines, "END:VCARD", "")), "utf-8")
    return drafts(path, "contacts")


def test_a_person_has_a_line_for_everything_known() -> None:
    ann, shop = people("version3.vcf")
    assert (ann.title, ann.part, ann.at) == ("Dr. Ann Marie Lee", "ann-1", None)
    assert ann.text == (
        "Name: Dr. Ann Marie Lee\n"
        "Nickname: Annie\n"
        "Organisation: Harbour Works, Sales\n"
        "Title: Head of sales\n"
        "Phone (mobile): +41 79 555 01 23\n"
        "Phone (work): +41 44 555 01 24\n"
        "Email (home): ann@example.org\n"
        "Address (home): Harbour Street 12, 8000, Zürich, ZH, Switzerland\n"
        "Birthday: 3 May 1984\n"
        "Note: Allergic to nuts, likes tea.\n"
        "  Key at the neighbour's."
    )
    assert shop.title == "Bike Shop Pedal"


def test_quoted_printable_cards_of_old_phones_are_decoded() -> None:
    joerg, zoe = people("version21.vcf")
    assert joerg.text == (
        "Name: Jörg Müller\n"
        "Phone (mobile): 0171 555 01 23\n"
        "Phone (home): 030 555 01 24\n"
        "Note: Schlüssel liegt\n"
        "  unter dem grünen Topf"
    )
    assert zoe.title == "Zoé François"


def test_cards_of_version_4_and_their_groups_are_read() -> None:
    (hanako,) = people("version4.vcf")
    for line in (
        "Birthday: 9 April\n",
        "Anniversary: 2 November 2009\n",
        "Phone (home): +81-3-5550-1234\n",
        "Address: 1-2-3 Ginza, Tokyo 104\n",
        "Related (sister): Yumi\n",
    ):
        assert line in hanako.text


def test_cards_that_are_broken_keep_what_can_be_read(capfd: pytest.CaptureFixture[str]) -> None:
    found = people("broken.vcf")
    assert [draft.title for draft in found] == ["Unclosed Person", "Second Person", "Second Person"]
    assert len({draft.part for draft in found}) == 3
    assert "Birthday: yesterday" in found[1].text
    assert capfd.readouterr().err == ""


def test_a_person_without_a_name_is_known_by_what_there_is(tmp_path: Path) -> None:
    (draft,) = card(tmp_path / "x", "EMAIL:a@example.org", "TEL:1")
    assert draft.title == "a@example.org"
    (draft,) = card(tmp_path / "x", "NOTE:Only a note")
    assert draft.title == "x"
    assert draft.part
    (draft,) = card(tmp_path / "x", "BDAY;X-APPLE-OMIT-YEAR=1604:1604-05-03", "FN:Bob")
    assert draft.text == "Name: Bob\nBirthday: 3 May"


def test_a_book_without_people_is_refused() -> None:
    with pytest.raises(UnreadableFileError, match=r"^nobody\.vcf has no contacts in it$") as caught:
        people("nobody.vcf")
    assert caught.value.hint


def test_address_books_are_known_by_their_first_line() -> None:
    assert is_contacts(b"\xef\xbb\xbf\nbegin:vcard\nversion:3.0\n")
    assert not is_contacts(b"BEGIN:VCALENDAR\n")
    assert not is_contacts(b"It says BEGIN:VCARD at the top.\n")


@given(WORDS, WORDS)
def test_what_the_library_writes_is_read_back(name: str, note: str) -> None:
    import vobject

    written = vobject.vCard()
    written.add("fn").value = name
    written.add("n").value = vobject.vcard.Name(given=name)
    written.add("note").value = note
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.vcf"
        path.write_text(written.serialize(), "utf-8", newline="")
        (draft,) = drafts(path, "contacts")
    assert draft.text == f"Name: {name}\nNote: {note}"


@pytest.mark.parametrize("text", ["BEGIN:VCARD\nVERSION:3.0\nEND:VCARD\n", "BEGIN:VCARD\nVER"])
def test_entries_that_say_nothing_are_not_passed_over_in_silence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.vcf"
    path.write_text(text)
    with pytest.raises(NoTextError, match=r"x\.vcf has no contacts in it"):
        drafts(path, "contacts")
