from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tera.datatypes import Draft
from tera.errors import UnreadableFileError
from tera.readers.document import Attachment, Failure, Item, Note
from tera.readers.mail import mail, mailbox
from tera.readers.mail import message as mail_message
from tera.readers.mail.charset import decode_text
from tera.readers.mail.headers import decode_words
from tera.readers.mail.html import html_to_text
from tera.readers.mail.mail import is_email, is_mbox
from tera.readers.mail.quotes import split_signature, without_quotes
from tests.documents import drafts, items

DATA = Path(__file__).parents[2] / "data"
EMAILS = sorted((DATA / "email").iterdir())
WORDS = st.text(st.characters(codec="utf-8", categories=("L", "Nd", "So")), min_size=1)
LINES = st.lists(st.lists(WORDS, min_size=1, max_size=5).map(" ".join), min_size=1, max_size=5)
HEADERS = b"From: Ann <ann@example.org>\nDate: Fri, 3 May 2024 14:02:00 +0000\n"


def read(path: Path, data: bytes, type_name: str = "email") -> list[Item]:
    path.write_bytes(data)
    return list(items(path, type_name))


def text_of(tmp_path: Path, data: bytes) -> str:
    (draft,) = [item for item in read(tmp_path / "x.eml", data) if isinstance(item, Draft)]
    return draft.text


def email(name: str) -> Draft:
    (draft,) = drafts(DATA / "email" / name, "email")
    return draft


def test_a_mail_says_who_wrote_to_whom_when_and_about_what() -> None:
    draft = email("plain.eml")
    assert (draft.title, draft.part) == ("Boat trip on Saturday", "")
    assert draft.at == datetime(2024, 5, 3, 12, 2, 11, tzinfo=UTC)
    local = draft.at.astimezone()
    assert draft.text.startswith(
        "From: Ann Lee <ann@example.org>\n"
        "To: Stone, Bob <bob@example.net>\n"
        "Cc: carla@example.net\n"
        f"Date: Friday, 3 May 2024 {local:%H:%M}\n"
        "Subject: Boat trip on Saturday\n"
        "\n"
        "Dear Bob,\n"
    )
    assert draft.text.endswith("-- \nAnn Lee, Harbour Street 12\n+41 44 555 01 23")


def test_answers_between_quotes_keep_the_quote_right_above_them() -> None:
    text = email("reply_between.eml").text
    assert "warm clothes:\n\nI only have a blue one" in text
    assert "> - a rain jacket\n\nPacked." in text
    assert "Dear Bob" not in text
    assert "wrote:" not in text
    assert "See you then" not in text


@pytest.mark.parametrize(
    "attribution",
    [
        "On Fri, 3 May 2024 at 14:02, Ann Lee <ann@example.org> wrote:",
        "Am Fr., 3. Mai 2024 um 14:02 Uhr schrieb Ann Lee <ann@example.org>:",
        "Le ven. 3 mai 2024 à 14:02, Ann Lee <ann@example.org> a écrit :",
        "El vie, 3 may 2024 a las 14:02, Ann Lee (<ann@example.org>) escribió:",
        "Il giorno ven 3 mag 2024 alle ore 14:02 Ann Lee <ann@example.org> ha scritto:",
        "Op vr 3 mei 2024 om 14:02 schreef Ann Lee <ann@example.org>:",
        "W dniu 3.05.2024 o 14:02, Ann Lee pisze:",
        "pt., 3 maj 2024 o 14:02 Ann Lee <ann@example.org> napisał(a):",
        "Den fre 3 maj 2024 kl 14:02 skrev Ann Lee <ann@example.org>:",
        "Em sex., 3 de mai. de 2024 às 14:02, Ann Lee <ann@example.org> escreveu:",
        "пт, 3 мая 2024 г. в 14:02, Ann Lee <ann@example.org> пишет:",
        "Dne pá 3. 5. 2024 14:02 uživatel Ann Lee <ann@example.org> napsal:",
        "2024年5月3日 14:02，Ann Lee <ann@example.org> 写道：",
        "Ann Lee <ann@example.org> writes:",
        "On Friday, the third of May 2024 at 14:02,\nAnn Lee\n<ann@example.org> wrote:",
    ],
)
def test_quotes_are_found_in_many_languages(attribution: str) -> None:
    assert without_quotes(f"Fine.\n\n{attribution}\n> old\n>> older") == "Fine."


@pytest.mark.parametrize(
    "block",
    [
        "-----Original Message-----\nold",
        "-------- Ursprüngliche Nachricht --------\nold",
        "________________________________\nFrom: Ann\nSent: Friday\nTo: Bob\nSubject: x\n\nold",
        "Von: Ann\nGesendet: Freitag\nAn: Bob\nBetreff: x\n\nold",
        "De : Ann\nEnvoyé : vendredi\nÀ : Bob\nObjet : x\n\nold",
        "*From:* Ann\n*Date:* Friday\n*Subject:* x\n\nold",
        "On 3 May 2024 14:02, Ann Lee <ann@example.org> wrote:\n\nold, without any mark",
    ],
)
def test_quotes_without_marks_are_left_out_unless_answers_stand_in_between(block: str) -> None:
    assert without_quotes(f"Fine.\n\n{block}") == "Fine."
    assert without_quotes(f"See my answers below.\n\n{block}").endswith(
        "old" if "mark" not in block else "mark"
    )


@pytest.mark.parametrize(
    "text",
    [
        "Da: one\nDo: two\nData: five\nThat is all.",
        "- buy milk\n- call Ann\n\nWe said: wait.",
        "> nothing but\n> a quote",
        "I only pass it on.\n\n---------- Forwarded message ---------\nFrom: Ann\nDate: x\n\n> q",
        "Begin forwarded message:\n\n> From: Ann\n> Date: x\n> \n> new to me",
        "    def f():\n        return 1",
    ],
)
def test_what_is_no_quote_of_the_mail_before_stays(text: str) -> None:
    assert without_quotes(text) == text


@given(LINES)
def test_text_without_quotes_is_left_as_it_is(lines: list[str]) -> None:
    text = "\n".join(line.replace(":", "") for line in lines)
    assert without_quotes(text) == text


@given(LINES, LINES)
def test_a_quote_below_a_reply_goes_and_the_reply_stays(own: list[str], old: list[str]) -> None:
    quote = "\n".join(f"> {line}" for line in old)
    text = f"{chr(10).join(own)}\n\nOn 3 May 2024, Ann <a@x.org> wrote:\n{quote}\n"
    assert without_quotes(text) == "\n".join(own)


@given(st.text(max_size=300))
def test_any_text_can_be_searched_for_quotes(text: str) -> None:
    body, signature = split_signature(without_quotes(text))
    assert len(body) + len(signature) <= len(text) + text.count("\n>") + 1


def test_only_replies_lose_what_they_quote(tmp_path: Path) -> None:
    quote = b"\nLook:\n\nOn 3 May 2024, Bob <b@x.org> wrote:\n> unique words\n"
    assert "unique words" in text_of(tmp_path, HEADERS + b"Subject: A find\n" + quote)
    assert "unique words" in text_of(
        tmp_path, HEADERS + b"Subject: FW: A find\nReferences: <1>\n" + quote
    )
    assert "unique words" not in text_of(tmp_path, HEADERS + b"Subject: AW: A find\n" + quote)
    assert "unique words" not in text_of(tmp_path, HEADERS + b"In-Reply-To: <1>\n" + quote)


def test_html_is_read_as_its_reader_sees_it() -> None:
    text = email("html_newsletter.eml").text
    assert "# Thank you, Ann\n\nYour parcel with three tomato plants" in text
    assert "followed here (https://shop.example/track/4711).\nQuestions? help@shop.example" in text
    assert "Article: Tomato plant; Price: 4.50 €\nArticle: Pot; Price: 7 €" in text
    assert "- Water them daily\n- Keep them warm" in text
    for hidden in ("Hidden preview", "track.example", "secretScript", "#345678"):
        assert hidden not in text


def test_html_quotes_lists_and_verbatim_text_keep_their_form() -> None:
    html = (
        "<div>One<br><br>two</div><ol><li>first<li><p>second</p></ol>"
        "<blockquote type=cite>old<blockquote>older</blockquote></blockquote>"
        "<blockquote style='margin:0 0 0 40px;border:none'>moved right</blockquote>"
        "<pre>a\n  b</pre>"
    )
    assert html_to_text(html) == (
        "One\n\ntwo\n\n1. first\n2. second\n\n> old\n>\n> > older\n\nmoved right\n\na\n  b"
    )


@pytest.mark.parametrize("depth", [300, 3000])
def test_deeply_nested_html_keeps_its_words(depth: int) -> None:
    text = html_to_text("<div>" * depth + "deep" + "</div>" * depth + "after")
    assert text.split() == ["deep", "after"]


def test_html_reads_no_file_and_expands_no_entity() -> None:
    secret = DATA / "email" / "plain.eml"
    html = f'<!DOCTYPE x [<!ENTITY a SYSTEM "file://{secret}"><!ENTITY b "bomb">]><p>&a;&b;!</p>'
    text = html_to_text(html)
    assert "Harbour" not in text
    assert "!" in text


@given(WORDS)
def test_words_of_html_are_kept(word: str) -> None:
    assert html_to_text(f"<p>{word}</p>") == word


@given(LINES, WORDS)
def test_what_the_standard_library_writes_is_read_back(lines: list[str], title: str) -> None:
    message = EmailMessage()
    message["From"] = "Ann Lee <ann@example.org>"
    message["Subject"] = title
    message.set_content("\n".join(lines))
    found = mail_message.read_message(message.as_bytes())
    assert found.title == title
    assert found.body + found.signature == "\n".join(line.rstrip() for line in lines)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_mail_or_refused(data: bytes) -> None:
    try:
        found = mail_message.read_message(data)
    except mail_message.NotMailError:
        return
    found.text().encode()


@given(st.binary(max_size=200))
def test_any_body_is_read(data: bytes) -> None:
    mail_message.read_message(HEADERS + b"\n" + data).text().encode()


@given(st.text(max_size=60), st.sampled_from(["utf-8", "utf-16", "utf-7"]))
def test_named_character_sets_are_decoded(text: str, charset: str) -> None:
    data = text.encode(charset, "ignore")
    assert decode_text(data, charset) == data.decode(charset)


def test_wrong_and_unknown_character_sets_are_found_out() -> None:
    assert decode_text("Größe".encode(), "iso-8859-1") == "Größe"
    assert decode_text("Größe – 5 €".encode("cp1252"), "utf-8") == "Größe – 5 €"
    assert decode_text("Größe".encode("cp1252"), "no-such-set") == "Größe"
    assert decode_text(b"a\\x41", "unicode_escape") == "a\\x41"
    assert (
        decode_text("Größe, Füße, Mühe, Käse, Öl".encode() + b"\xff", "")
        == "Größe, Füße, Mühe, Käse, Öl\ufffd"
    )
    assert decode_text(b"YQ==", "base64") == "YQ=="
    assert email("wrong_charset.eml").text.endswith("otwarta od ósmej. مرحبا بكم")
    assert "Ключи от дачи" in email("windows_russian.eml").text
    assert "会議は三階の大会議室" in email("japanese.eml").text


def test_encoded_words_are_joined_before_they_are_decoded() -> None:
    assert (
        decode_words("=?utf-8?b?w6TD?= =?utf-8?b?tg==?= and =?utf-8?Q?=C3=BC_x?=") == "äö and ü x"
    )
    assert decode_words("=?utf-8?b?broken") == "=?utf-8?b?broken"
    assert decode_words("Grüße =?utf-8?q?=C3=9F?=") == "Grüße ß"


def test_wrapped_paragraphs_are_joined() -> None:
    text = email("flowed.eml").text
    assert "the hall should stay white, because" in text
    assert "\nFrom here on" in text


def test_attachments_are_handed_over_with_names_that_lead_nowhere() -> None:
    found = []
    for item in items(DATA / "email" / "attachments.eml", "email"):
        if isinstance(item, Attachment):
            found.append((item.name, item.path.read_bytes()[:8], item.modified))
            assert item.path.name.isdigit()
    at = datetime(2024, 5, 10, 9, 0, tzinfo=UTC)
    assert found == [
        ("Angebot Dächer.pdf", b"%PDF-1.4", at),
        ("notes.txt", b"Gutters ", at),
        ("invitation.ics", b"BEGIN:VC", at),
    ]
    text = email("attachments.eml").text
    assert "Subject: Offer für the roof 🏠\nAttachments: Angebot Dächer.pdf, notes.txt" in text


def test_a_mail_in_a_mail_is_a_document_of_its_own() -> None:
    found = list(items(DATA / "email" / "nested.eml", "email"))
    assert [item.name for item in found if isinstance(item, Attachment)] == ["Sports day.eml"]
    assert "6 June" not in email("nested.eml").text


def test_a_mail_that_came_back_says_why_but_not_what() -> None:
    text = email("bounce.eml").text
    assert "552 quota exceeded" in text
    assert "Words of the mail" not in text


@pytest.mark.parametrize(
    ("name", "what"),
    [("encrypted_pgp.eml", "encrypted (PGP)"), ("encrypted_smime.eml", "encrypted (S/MIME)")],
)
def test_of_an_encrypted_mail_the_headers_are_kept(name: str, what: str) -> None:
    failure, draft = items(DATA / "email" / name, "email")
    assert isinstance(failure, Failure)
    assert isinstance(draft, Draft)
    assert failure.text == f"{name} is {what}, which tera cannot open"
    assert failure.hint
    assert "Subject: " in draft.text


def test_many_recipients_are_counted() -> None:
    text = email("many_recipients.eml").text
    assert "Guest 20 <guest20@example.org> and 35 others\n" in text


def test_without_a_believable_date_the_first_server_has_it() -> None:
    draft = email("absurd_date.eml")
    assert draft.at == datetime(2024, 5, 22, 8, 0, 1, tzinfo=UTC)
    assert draft.title == "mail from Scanner, Room 4"


def test_no_date_is_better_than_an_absurd_one(tmp_path: Path) -> None:
    for date in (b"Date: Fri, 3 May 9999 14:02:00 +0000\n", b"Date: soon\n", b""):
        (draft,) = read(tmp_path / "x", b"From: Ann <a@x.org>\n" + date + b"\nHello")
        assert isinstance(draft, Draft)
        assert draft.at is None


def test_a_long_mail_is_divided(tmp_path: Path) -> None:
    data = HEADERS + b"\n" + b"a line of a log\n" * 150_000
    found = [item for item in read(tmp_path / "x.eml", data) if isinstance(item, Draft)]
    assert [draft.part for draft in found] == ["", "(2)", "(3)"]
    assert sum(draft.text.count("a line of a log") for draft in found) == 150_000


def test_what_is_no_mail_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        UnreadableFileError, match=r"^no_mail\.eml has no headers of a mail$"
    ) as caught:
        drafts(DATA / "email" / "no_mail.eml", "email")
    assert caught.value.hint
    deep = b"Content-Type: multipart/mixed; boundary=X\n\n--X\n" * 5000
    with pytest.raises(UnreadableFileError):
        read(tmp_path / "x", HEADERS + deep)
    monkeypatch.setattr(mail, "MAX_MAIL_BYTES", 10)
    with pytest.raises(UnreadableFileError, match="larger than"):
        read(tmp_path / "x", HEADERS)


@pytest.mark.parametrize("path", [path for path in EMAILS if path.name != "no_mail.eml"])
def test_mails_are_known_by_their_headers(path: Path) -> None:
    assert is_email(path.read_bytes()[: 64 * 1024])


@pytest.mark.parametrize(
    "text",
    [
        "Date: tomorrow\nTo: do\n\n- buy milk",
        "From: Ann\nTo: Bob\nSubject: Minutes\n\nWe met.",
        "commit 0a\nAuthor: Ann <a@example.org>\nDate:   Fri May 3 14:02:11 2024 +0200\n\n    Fix",
        "---\ntitle: x\ndate: 2024-05-03\n---\n\ntext",
        "HTTP/1.1 200 OK\nDate: Fri, 03 May 2024 14:02:11 GMT\nServer: x\n\n",
        "Date: Fri, 03 May 2024 14:02:11 GMT\nServer: x\nContent-Type: text/html\n\n",
        "From the beginning: a letter to ann@example.org\nDate: Fri, 3 May 2024 14:02:00 +0000\n",
        "From: Ann <ann@example.org> is what it says.\nAnd then it goes on.\n",
        "",
        "\n\n",
    ],
)
def test_notes_and_logs_are_no_mail(text: str) -> None:
    assert not is_email(text.encode())
    assert not is_mbox(text.encode())


def test_a_patch_of_git_is_no_mailbox() -> None:
    patch = (
        f"From {'0a1b2c3d' * 5} Mon Sep 17 00:00:00 2001\nFrom: Ann <a@x.org>\nSubject: [PATCH]\n\n"
    )
    assert not is_mbox(patch.encode())
    assert not is_mbox(b"From here on\nNote: it is text\n")
    assert is_mbox(b"\nFrom - Fri May 03 14:02:11 2024\r\nX-Mozilla-Status: 0001\r\n")


def test_a_mailbox_gives_each_mail_once_without_spam_and_known_signatures() -> None:
    found = list(items(DATA / "mbox" / "takeout.mbox", "mbox"))
    mails = [item for item in found if isinstance(item, Draft)]
    assert [draft.part for draft in mails] == [
        "fondue-1@example.org",
        "fondue-2@example.net",
        "pictures@example.org",
    ]
    assert "\nFrom the market, please:\nFrom here on it is" in mails[0].text
    assert "+41 44 555 01 23" in mails[0].text
    assert mails[1].text.endswith("\n\nI bring the bread.")
    assert mails[2].text.endswith("The list of pictures is attached.")
    assert [item.name for item in found if isinstance(item, Attachment)] == [
        "2024-05-05 Pictures/pictures.csv"
    ]
    assert [item.text for item in found if isinstance(item, Note)] == [
        "1 mail of takeout.mbox is left out: spam, or thrown away"
    ]


def test_mails_that_were_deleted_but_not_yet_removed_stay_out() -> None:
    found = drafts(DATA / "mbox" / "thunderbird.mbox", "mbox")
    assert [draft.title for draft in found] == ["Dentist", "Zahnärztin"]


def test_different_mails_with_the_same_identifier_are_both_kept(tmp_path: Path) -> None:
    one = b"From - \nFrom: a@x.org\nMessage-ID: <same@x>\nSubject: %d\n\ntext\n\n"
    found = read(tmp_path / "x.mbox", one % 1 + one % 2 + one % 1 + one % 2, "mbox")
    parts = [item.part for item in found if isinstance(item, Draft)]
    assert len(parts) == len(set(parts)) == 2


def test_a_mail_that_is_too_large_is_left_out_and_the_next_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailbox, "MAX_MAIL_BYTES", 100_000)
    monkeypatch.setattr(mailbox, "BLOCK_BYTES", 20_000)
    small = b"From - \n" + HEADERS + b"Message-ID: <%d@x>\n\nsmall\n\n"
    large = b"From - \n" + HEADERS + b"\n" + b"a long line of text\n" * 20_000 + b"\n"
    found = read(tmp_path / "x.mbox", small % 1 + large + small % 2, "mbox")
    assert [item.part for item in found if isinstance(item, Draft)] == ["1@x", "2@x"]
    (failure,) = [item for item in found if isinstance(item, Failure)]
    assert failure.text.startswith("mail 2 of x.mbox is larger than")


def test_no_more_is_unpacked_than_agreed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "MAX_UNPACKED_BYTES", 20)
    one = HEADERS + b"Content-Type: application/pdf; name=a.pdf\n\n%PDF-1.4 1234\n\n"
    data = b"".join(b"From - \nMessage-ID: <%d@x>\n" % number + one for number in range(4))
    found = read(tmp_path / "x.mbox", data, "mbox")
    assert sum(isinstance(item, Attachment) for item in found) == 1
    assert sum(isinstance(item, Failure) for item in found) == 1


@given(
    st.lists(
        st.lists(st.sampled_from(["word", "From here", ">From", "", "x: y"]), max_size=4),
        min_size=1,
        max_size=6,
    ),
    st.sampled_from(["\n", "\r\n"]),
)
def test_a_mailbox_that_is_written_is_read_back(bodies: list[list[str]], newline: str) -> None:
    written = []
    for number, lines in enumerate(bodies):
        quoted = [f">{line}" if line.lstrip(">").startswith("From ") else line for line in lines]
        rows = [
            "From a@x.org Fri May  3 14:02:11 2024",
            "From: a@x.org",
            f"Subject: {number}",
            "",
            *quoted,
            "",
        ]
        written.append("".join(row + newline for row in rows))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.mbox"
        path.write_text("".join(written), newline="")
        with path.open("rb") as file:
            entries = list(mailbox.mails(file))
    read_back = [
        (entry.data or b"").decode().replace("\r\n", "\n").strip("\n") for entry in entries
    ]
    wanted = [
        "\n".join(["From: a@x.org", f"Subject: {i}", "", *lines]).strip("\n")
        for i, lines in enumerate(bodies)
    ]
    assert read_back == wanted


def test_a_mailbox_without_a_mail_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="does not begin like a mailbox"):
        drafts(DATA / "mbox" / "no_mails.mbox", "mbox")
    spam = b"From - \nX-Gmail-Labels: Spam,Unread\n" + HEADERS + b"\ntext\n"
    with pytest.raises(
        UnreadableFileError, match="has no mail but spam and what was thrown away in it"
    ):
        read(tmp_path / "x.mbox", spam, "mbox")
    with pytest.raises(UnreadableFileError, match="has no mail in it"):
        read(tmp_path / "x.mbox", b"From - \nX-Y: z\n\ntext\n", "mbox")
