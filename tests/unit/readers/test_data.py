from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tera.datatypes import Draft
from tera.readers.document import PART_CHARACTERS
from tera.readers.plain.data import unescaped
from tests.documents import drafts
from tests.unit.readers.text_samples import only, read

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=30)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | WORDS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(WORDS, inner, max_size=5),
    max_leaves=25,
)


def text_of(found: list[object]) -> str:
    return "".join(item.text for item in found if isinstance(item, Draft))


@given(VALUES, st.booleans())
def test_json_on_one_line_is_laid_out_and_means_the_same(value: object, is_ascii: bool) -> None:
    whole = [value, {"long": "x" * 200}]
    written = json.dumps(whole, ensure_ascii=is_ascii, separators=(",", ":"))
    with tempfile.TemporaryDirectory() as folder:
        text = only(read(Path(folder), "x.json", written, "json")).text
    assert json.loads(text) == whole
    assert text.count("\n") > 2


@given(VALUES)
def test_json_that_is_laid_out_keeps_its_lines(value: object) -> None:
    written = json.dumps({"a": value, "b": 1}, ensure_ascii=False, indent=2)
    with tempfile.TemporaryDirectory() as folder:
        text = only(read(Path(folder), "x.json", written, "json")).text
    assert text == written or len(written) > 200 * written.count("\n")


def test_numbers_and_double_names_are_kept_as_they_are_written(tmp_path: Path) -> None:
    text = '{"a":1.50,"a":1E400,"b":12345678901234567890123,"c":"' + "x" * 300 + '"}'
    found = only(read(tmp_path, "x.json", text, "json")).text
    assert found.startswith('{\n  "a": 1.50,\n  "a": 1E400,\n  "b": 12345678901234567890123,\n')


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r'"Gr\u00fc\u00dfe"', '"Grüße"'),
        (r'"\ud83d\ude42"', '"🙂"'),
        (r'"https:\/\/x"', '"https://x"'),
        (r'"\\u00fc"', r'"\\u00fc"'),
        (r'"\u0022 \u000a \u0000 \ud83d \u200e"', r'"\u0022 \u000a \u0000 \ud83d \u200e"'),
        (r'"\u00zz \u"', r'"\u00zz \u"'),
        (r'"\n \" \\"', r'"\n \" \\"'),
    ],
)
def test_escaped_letters_are_written_out(text: str, expected: str) -> None:
    assert unescaped(text) == expected


def test_lines_of_json_stay_lines(tmp_path: Path) -> None:
    lines = "".join(json.dumps({"n": n, "text": "word " * 60}) + "\n" for n in range(20))
    assert only(read(tmp_path, "x.jsonl", lines, "jsonl")).text == lines
    assert only(read(tmp_path, "x.json", lines, "json")).text == lines


def test_broken_json_is_text(tmp_path: Path) -> None:
    assert only(read(tmp_path, "x.json", '{"a": [1,\nwords', "json")).text == '{"a": [1,\nwords'
    text = only(read(tmp_path, "y.json", '{"a":"' + "long words " * 50, "json")).text
    assert text.count("long words ") == 50


@pytest.mark.parametrize(
    "text",
    [
        "[" * 300_000,
        '{"a":' * 100_000,
        "]" * 300_000,
        '"' + "x" * 3_000_000,
        "[" + '"a",' * 400_000,
    ],
)
def test_hostile_json_is_read_without_growing(tmp_path: Path, text: str) -> None:
    found = text_of(list(read(tmp_path, "x.json", text, "json")))
    assert found.count("[") == text.count("[")
    assert len(found) < 120 * len(text)


def test_large_json_on_one_line_streams(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    members = ",".join(f'{{"number":{n},"name":"für {n}"}}' for n in range(80_000))
    path.write_text(f"[{members}]")
    found = drafts(path, "json")
    assert len(found) > 2
    assert [len(draft.text) <= PART_CHARACTERS for draft in found]
    whole = "".join(draft.text for draft in found)
    assert len(json.loads(whole)) == 80_000
    line = 1
    for draft in found:
        assert draft.part == str(line)
        line += draft.text.count("\n")
