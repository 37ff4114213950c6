from __future__ import annotations

import codecs
import random
import tempfile
import tracemalloc
import zlib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tera.datatypes import Draft, Memory
from tera.errors import ReaderError, UnreadableFileError, UnsupportedFormatError
from tera.places import place_of
from tera.readers import MAX_BYTES
from tera.readers.document import PART_CHARACTERS, Document, Progress
from tera.readers.plain.guess import guess_text_type
from tera.readers.plain.text import checked, decode, is_text, read_text
from tests.documents import drafts
from tests.unit.readers.text_samples import notes, only, read, samples

READABLE = st.text(st.characters(codec="utf-8", exclude_characters="\0")).filter(str.strip)
PLAIN = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")) | st.sampled_from("\n\t"),
    max_size=300,
).filter(lambda text: bool(text.strip()) and not text.startswith("\ufeff"))

OLD_NOTES = [
    ("cp1252", "Grüße aus Köln"),
    ("cp1252", "déjà vu"),
    ("cp1252", "Não há ninguém aqui, a reunião é amanhã às dez"),
    ("cp1252", "It’s the “best” – she said… for 5 €"),
    ("cp1252", "El niño mañana irá a la montaña, ¿qué pasó?"),
    ("cp1252", "Åsa och Örjan åker till Göteborg på söndag"),
    ("cp1252", "We met at the café"),
    ("mac_roman", "Grüße aus Köln – “schöne” Straße, déjà vu"),
    ("cp850", "Grüße aus Köln, schöne Straße, déjà vu"),
    ("cp1250", "Zażółć gęślą jaźń, proszę zadzwonić później"),
    ("cp1250", "Příliš žluťoučký kůň úpěl ďábelské ódy"),
    ("cp1250", "Jó napot kívánok, holnap tízkor az őszi vásáron, hűvös lesz"),
    ("iso8859_2", "Zażółć gęślą jaźń, proszę zadzwonić później"),
    ("cp1254", "Günaydın, yarın saat onda görüşürüz, çok teşekkürler"),
    ("cp1257", "Labas rytas, susitiksime dešimtą valandą, ačiū, ąžuolėlis žydi"),
    ("cp1251", "Привет, завтра встреча в десять часов утра"),
    ("koi8_r", "Привет, завтра встреча в десять часов утра"),
    ("cp866", "Привет, завтра встреча в десять часов утра"),
    ("cp1253", "Καλημέρα, τι κάνεις; Αύριο θα πάμε στην παραλία"),
    ("cp1255", "שלום, מה שלומך? נפגש מחר בעשר בבוקר. אני אביא את הספר"),
    ("cp1256", "مرحبا كيف حالك؟ نلتقي غدا في العاشرة صباحا"),
    ("cp932", "今日は会議が十時にあります。ポートは五千です。"),
    ("euc_jp", "今日は会議が十時にあります。ポートは五千です。"),
    ("gb18030", "今天我们把数据库搬到了另一个端口。请明天早上来开会。"),
    ("cp950", "今天我們把資料庫搬到了另一個連接埠。請明天早上來開會。"),
    ("cp949", "안녕하세요. 내일 아침 열 시에 회의가 있습니다."),
]


@given(PLAIN)
def test_every_character_and_every_line_is_kept(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        draft = only(read(Path(folder), "notes.txt", text, "text"))
    assert (draft.text, draft.title, draft.part, draft.at) == (text, "notes.txt", "", None)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
@given(PLAIN)
def test_a_mark_at_the_beginning_tells_the_encoding(encoding: str, text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = read(Path(folder), "notes.txt", text.encode(encoding), "text")
    assert only(found).text == text
    assert notes(found) == []


@pytest.mark.parametrize(("encoding", "text"), OLD_NOTES)
@pytest.mark.parametrize("times", [1, 40])
def test_notes_in_an_old_encoding_are_read_and_said_to_be(
    tmp_path: Path, encoding: str, text: str, times: int
) -> None:
    whole = "\n".join([text] * times)
    found = read(tmp_path, "old.txt", whole.encode(encoding), "text")
    assert only(found).text == whole
    (note,) = notes(found)
    assert note.startswith("old.txt is read as ")


@pytest.mark.parametrize(
    "data",
    [
        "não".encode("cp1252"),  # "năo" in cp1250 is as likely
        b"\xe1\xe9\xf5\xfb\xa5\xb3\xbc\xf0",
        b"caf\xc3",
    ],
)
def test_what_could_be_in_several_encodings_is_refused_with_a_way_out(
    tmp_path: Path, data: bytes
) -> None:
    with pytest.raises(UnreadableFileError, match=r"^x\.txt .*encoding cannot be told") as caught:
        read(tmp_path, "x.txt", data, "text")
    assert "iconv" in caught.value.hint


def test_random_and_compressed_bytes_are_no_text() -> None:
    generator = random.Random(1)
    for size in (64, 500, 5_000, 200_000):
        noise = generator.randbytes(size)
        assert not is_text(noise)
        assert not is_text(zlib.compress(noise))
    words = " ".join(
        generator.choice(["port", "boat", "key", "rope", "dock"]) for _ in range(9_000)
    )
    assert not is_text(zlib.compress(words.encode())[2:])


@pytest.mark.parametrize(
    "data",
    [
        b"\x7fELF\x02\x01\x01\0\0\0" + b"printf\0exit\0" * 50,
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff\xd8",
        b"PK\x03\x04\x14\0\0\0\x08\0" + b"a.txt" * 10,
        bytes(range(256)) * 4,
        b"\1\2\3\4\5\6",
        b"MZ\x90\0\3\0\0\0",
        b"name\0size\0" * 300,
    ],
)
def test_binary_files_are_of_an_unsupported_format_for_the_reader(
    tmp_path: Path, data: bytes
) -> None:
    assert not is_text(data)
    with pytest.raises(UnsupportedFormatError, match=r"^x\.txt is a binary file"):
        read(tmp_path, "x.txt", data, "text")


@pytest.mark.parametrize("data", [b"", b" \n\t\r\n", codecs.BOM_UTF8, codecs.BOM_UTF16_LE])
def test_a_file_without_text_is_empty(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(UnreadableFileError, match=r"^x\.txt is empty$"):
        read(tmp_path, "x.txt", data, "text")


def test_a_few_bytes_that_are_not_utf8_do_not_spoil_the_rest(tmp_path: Path) -> None:
    data = "größe ok, naïve façade\n".encode() + b"user Ren\xe9 came\n"
    found = read(tmp_path, "x.log", data, "text")
    assert only(found).text == "größe ok, naïve façade\nuser René came\n"
    assert notes(found) == ["x.log: 1 byte is not UTF-8 and is read as cp1252"]


def test_another_encoding_far_down_in_a_log_is_read(tmp_path: Path) -> None:
    data = b"all is well in this line\n" * 60_000 + b"user Ren\xe9 logged in\0\n"
    found = read(tmp_path, "x.log", data, "text")
    text = "".join(item.text for item in found if isinstance(item, Draft))
    assert text.endswith("user René logged in\n")
    assert notes(found) == ["x.log: 1 byte is not UTF-8 and is read as cp1252"]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"a\r\nb\r\n\r\nc", "a\nb\n\nc"),
        (b"a\rb\r\rc\r", "a\nb\n\nc\n"),
        (b"a\r\r\nb\n", "a\nb\n"),
        (b"10%\r20%\r30%\ndone\n", "10% 20% 30%\ndone\n"),
        (b"\x1b[1;31mred\x1b[0m \x1b]0;title\x07\x1b[2Kplain\x1b(B", "red plain"),
        (b"N\bNA\bAM\bM", "NAM"),
        (b"bell\x07 del\x7f page\x0cfeed\x0btab", "bell del page\x0cfeed tab"),
        ("c1 \x9b31m".encode(), "c1 31m"),
    ],
)
def test_line_ends_are_made_one_and_codes_for_terminals_are_left_out(
    tmp_path: Path, data: bytes, text: str
) -> None:
    assert only(read(tmp_path, "x.log", data, "text")).text == text


def test_a_long_log_becomes_several_drafts_with_the_lines_of_the_file(tmp_path: Path) -> None:
    lines = [f"line {number} of the log, für Köln" for number in range(1, 90_001)]
    lines[::1000] = ["" for _ in lines[::1000]]
    path = tmp_path / "long.log"
    path.write_text("\n".join(lines))
    found = drafts(path, "text")
    assert "".join(draft.text for draft in found) == "\n".join(lines)
    assert len(found) >= 3
    assert found[0].part == "1"
    for draft in found:
        assert len(draft.text) <= PART_CHARACTERS
        assert lines[int(draft.part) - 1] == draft.text.split("\n", 1)[0]
        now = datetime.now(UTC)
        memory = Memory("", draft.text, now, now, type="text", part=draft.part)
        place = draft.text.index("line ")
        number = draft.text[place + 5 :].split(" ", 1)[0]
        assert place_of(memory, place, place + 5) == f"line {number}"
    # Cut after empty lines, and at the same places when more is written to the log.
    assert all(draft.text.endswith("\n\n") for draft in found[:-1])
    with path.open("a") as log:
        log.write("\nmore\n" * 100)
    assert [draft.text for draft in drafts(path, "text")][: len(found) - 1] == [
        draft.text for draft in found[:-1]
    ]


@pytest.mark.parametrize("letter", ["x", "ü", "word "])
def test_a_line_without_an_end_is_cut_and_nothing_is_lost(tmp_path: Path, letter: str) -> None:
    path = tmp_path / "line.txt"
    whole = letter * (3_500_000 // len(letter)) + "\nlast\n"
    path.write_text(whole)
    found = drafts(path, "text")
    assert "".join(draft.text for draft in found) == whole
    parts = [int(draft.part) for draft in found]
    assert parts == sorted(set(parts))
    assert all(len(draft.text) <= PART_CHARACTERS for draft in found)


def test_a_large_file_is_never_held_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "large.log"
    with path.open("wb") as file:
        for number in range(40):
            file.write(f"{number} of a long log that goes on and on\n".encode() * 25_000)
    document = Document(path, path.name, path.stat().st_size, None, tmp_path)
    tracemalloc.start()
    count = sum(isinstance(item, Draft) for item in read_text(document))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count > 30
    assert peak < 16_000_000


def test_only_what_was_there_at_first_is_read(tmp_path: Path) -> None:
    path = tmp_path / "grows.log"
    path.write_text("erste Zeile: größer\n")
    document = Document(path, path.name, len(b"erste Zeile: gr") + 1, None, tmp_path)
    # Half of the ö is not read as something else.
    assert [item.text for item in read_text(document) if isinstance(item, Draft)] == [
        "erste Zeile: gr"
    ]


def test_progress_ends_at_the_size_of_the_file(tmp_path: Path) -> None:
    found = [
        item
        for item in read(tmp_path, "x.txt", b"line\n" * 500_000, "text")
        if isinstance(item, Progress)
    ]
    assert len(found) >= 2
    assert found[-1] == Progress(2_500_000, 2_500_000)


def test_a_file_that_went_away_is_an_error(tmp_path: Path) -> None:
    document = Document(tmp_path / "gone.txt", "gone.txt", 5, None, tmp_path)
    with pytest.raises(UnreadableFileError, match=r"gone\.txt"):
        list(read_text(document))


def test_source_code_is_kept_to_the_space(tmp_path: Path) -> None:
    code = "def f():\n\treturn  1  # ü\n\n\n"
    draft = only(read(tmp_path, "f.py", code, "code"))
    assert (draft.text, draft.title) == (code, "f.py")


@given(st.binary(max_size=400))
def test_any_bytes_are_text_or_refused_by_the_reader(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        try:
            found = read(Path(folder), "x", data, "text")
        except ReaderError:
            return
    assert only(found).text.encode()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("# Notes\n\n- one\n- two\n\nSee [this](https://x.example).\n", "markdown"),
        ("---\ntitle: x\n---\n\n# Head\n\ntext\n", "markdown"),
        ("#!/bin/sh\n# comment\n\necho hi\n", "text"),
        ("# comment\n\nport = 5433\nhost = x\nuser: y\n", "text"),
        ("# One heading\n\nand prose, no more\n", "text"),
        ('{"a": 1, "b": [1, 2]}\n', "json"),
        ('{"a": 1}\n{"a": 2}\n', "jsonl"),
        ("{not json}\n", "text"),
        ("[link] or note\n", "text"),
        ("Name,Age,City\nAnn,31,Köln\nBo,40,Århus\nCleo,22,Gdańsk\n", "csv"),
        ("Dear Ann, thanks, see you\nBye, Bo, and the rest\nx, y, z\nand so on\n", "text"),
        ("Just prose, with commas, and more.\nAnother line of it.\n", "text"),
        ("2024-05-03 14:02 INFO started\n2024-05-03 14:03 INFO done\n", "text"),
    ],
)
def test_a_type_is_guessed_only_when_it_is_sure(text: str, kind: str) -> None:
    assert guess_text_type(text.encode()) == kind


@pytest.mark.parametrize("path", samples("code") + samples("text"), ids=lambda path: path.name)
def test_code_and_prose_are_guessed_to_be_text(path: Path) -> None:
    assert guess_text_type(path.read_bytes()) == "text"


@given(READABLE)
def test_every_utf8_text_is_read_as_it_is(text: str) -> None:
    expected = text.removeprefix("\ufeff")
    assert not expected.strip() or decode(text.encode(), "x") == expected


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@given(READABLE)
def test_a_byte_order_mark_is_understood_and_taken_off(encoding: str, text: str) -> None:
    assert decode(text.encode(encoding), "x") == text


def test_utf16_is_read_in_both_byte_orders() -> None:
    assert decode(codecs.BOM_UTF16_BE + "Grüße".encode("utf-16-be"), "x") == "Grüße"
    assert decode(codecs.BOM_UTF16_LE + "Grüße".encode("utf-16-le"), "x") == "Grüße"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("Grüße".encode("latin-1"), "x is not valid UTF-8 \\(byte 2\\)"),
        (b"ok \xf0\x9f\x99", "not valid UTF-8"),
        (b"\xed\xa0\x80", "not valid UTF-8"),  # a surrogate written as UTF-8
        (b"", "x is empty"),
        (b" \n\t\r\n", "x is empty"),
        (codecs.BOM_UTF8, "x is empty"),
        (codecs.BOM_UTF16_LE, "x is empty"),
    ],
)
def test_what_is_no_utf8_or_nothing_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(UnreadableFileError, match=message) as caught:
        decode(data, "x")
    assert caught.value.hint


@pytest.mark.parametrize(
    "data",
    [
        b"a\0b",
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff\xd8",
        b"\x7fELF\x02\x01\x01\0\0\0",
        "utf-16 without a mark".encode("utf-16-le"),
        "utf-32".encode("utf-32"),
        codecs.BOM_UTF16_LE + b"a\0b",
    ],
)
def test_binary_files_are_of_an_unsupported_format(data: bytes) -> None:
    with pytest.raises(UnsupportedFormatError, match=r"^x "):
        decode(data, "x")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("a\0", UnsupportedFormatError),
        ("a\udc80", UnreadableFileError),
        ("\ud83d\ude42", UnreadableFileError),
        ("", UnreadableFileError),
        ("\u3000\xa0", UnreadableFileError),
        ("ü" * (MAX_BYTES // 2 + 1), UnreadableFileError),
    ],
)
def test_text_that_cannot_be_stored_is_refused(text: str, error: type[ReaderError]) -> None:
    with pytest.raises(error):
        checked(text, "the text")


@given(st.binary(max_size=40))
def test_any_bytes_are_storable_text_or_refused(data: bytes) -> None:
    try:
        text = decode(data, "x")
    except ReaderError:
        return
    assert text.encode()
    assert "\0" not in text
