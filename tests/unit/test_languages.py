from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tera.config import load_config
from tera.datatypes import Draft
from tera.engine import Engine
from tera.languages import SAMPLE_CHARACTERS, LanguageNotice, unknown_language
from tera.models import ModelSpec

ENGLISH_ONLY = ModelSpec("small", "embedder", "sentence-transformers", languages="en")
ENGLISH = (
    "The heating in the cellar is bled every autumn, beginning on the second floor.",
    "Paid the electrician 240 € in cash, the receipt is in the blue folder.",
    "She said that the meeting was moved to Friday, and that Marta brings the cake.",
    "WE MOVED THE SERVER TO THE NEW HOST ON MONDAY",
)
GERMAN = (
    "Die Heizung im Keller wird jeden Herbst entlüftet, zuerst im zweiten Stock.",
    "Der Elektriker hat 240 € in bar bekommen, die Quittung liegt im blauen Ordner.",
    "Sie sagte, dass die Besprechung auf Freitag verschoben ist und Marta Kuchen mitbringt.",
    "Die Winterreifen liegen in der Garage hinter dem Fahrrad.",
)
NO_PROSE = (
    '{"host": "db-7.example", "port": 5433, "tls": true, "tags": ["work", "staging"]}',
    "https://example.org/a/very/long/path?with=many&parameters=in&it=1#and-a-fragment",
    "0x7fff5fbff8a0 d41d8cd98f00b204e9800998ecf8427e 4111-2222 +49 30 5550 1234",
    "Ärger: ja",
    "",
)


@pytest.mark.parametrize(
    ("texts", "language"),
    [
        (GERMAN, "German"),
        (["Встреча перенесена на пятницу, в три часа дня, в большом зале."], "Russian"),
        (["会议改到星期五下午三点，地点不变。"], "Chinese"),
        (["明日の朝、駅前で会いましょう。"], "Japanese"),
        (["الاجتماع يوم الخميس في الساعة العاشرة"], "Arabic"),
        (["L'été dernier, nous avons loué une maison près de la mer à Saint-Malo."], "French"),
        (ENGLISH, None),
        (NO_PROSE, None),
        ([], None),
    ],
)
def test_a_language_that_the_embedder_does_not_know_is_named(
    texts: Sequence[str], language: str | None
) -> None:
    assert unknown_language(texts, ENGLISH_ONLY) == language


def test_a_third_in_another_language_is_not_yet_much() -> None:
    assert unknown_language([*ENGLISH, *GERMAN[:2]], ENGLISH_ONLY) is None
    assert unknown_language([*ENGLISH, *GERMAN[:3]], ENGLISH_ONLY) == "German"


def test_what_is_no_prose_counts_for_nothing() -> None:
    assert unknown_language([*NO_PROSE * 10, GERMAN[0]], ENGLISH_ONLY) == "German"


@pytest.mark.parametrize("languages", ["many", ""])
def test_an_embedder_that_knows_many_languages_knows_all(languages: str) -> None:
    spec = ModelSpec("large", "embedder", "sentence-transformers", languages=languages)
    assert unknown_language(GERMAN, spec) is None


# Each loads the detector anew.
@settings(max_examples=5, deadline=None)
@given(st.lists(st.text(min_size=20), min_size=5, max_size=50))
def test_any_text_can_be_judged(texts: list[str]) -> None:
    unknown_language(texts, ENGLISH_ONLY)


def test_a_store_is_judged_when_it_has_doubled(tmp_path: Path) -> None:
    notice = LanguageNotice(tmp_path / "folder" / "languages.json")
    assert not notice.is_due(19)
    assert notice.is_due(20)
    notice.judge(ENGLISH, 20, ENGLISH_ONLY)
    assert not notice.is_due(39)
    assert notice.is_due(40)
    assert LanguageNotice(tmp_path / "folder" / "languages.json").is_due(40)
    assert notice.take() == ""


def test_a_language_is_told_once_also_after_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "languages.json"
    LanguageNotice(file).judge(GERMAN, 20, ENGLISH_ONLY)
    assert LanguageNotice(file).take() == "German"
    assert LanguageNotice(file).take() == ""
    assert not LanguageNotice(file).is_due(1_000_000)


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"format": 99}', '{"memories": "x"}', '{"x": 1}']
)
def test_a_broken_file_is_as_none(tmp_path: Path, content: str) -> None:
    file = tmp_path / "languages.json"
    file.write_text(content)
    notice = LanguageNotice(file)
    assert notice.take() == ""
    assert notice.is_due(20)
    notice.judge(GERMAN, 20, ENGLISH_ONLY)
    assert json.loads(file.read_text())["language"] == "German"


# In an engine.


class Ear:
    """Hears notes."""

    def __init__(self) -> None:
        self.notes: list[tuple[str, str]] = []

    def note(self, text: str, hint: str = "") -> None:
        self.notes.append((text, hint))

    def progress(self, task: str, done: int, total: int) -> None: ...


def told(engine: Engine, texts: Sequence[str], count: int) -> None:
    list(engine.remember(Draft(f"{texts[n % len(texts)]} {n}") for n in range(count)))


def heard(engine: Engine) -> list[tuple[str, str]]:
    ear = Ear()
    again = Engine(load_config(engine.paths)[0], engine.paths, ear)
    again.search("Keller", 1)
    return ear.notes


def test_the_person_is_told_once_by_a_search(engine: Engine) -> None:
    file = engine.paths.models_file
    file.write_text(file.read_text().replace("dim = 32\n", 'dim = 32\nlanguages = "en"\n', 1))
    told(engine, GERMAN, 19)
    assert heard(engine) == []
    told(engine, GERMAN, 25)
    assert heard(engine) == [
        (
            "much of what you told is in German, of which tiny-bert knows little",
            "tera models use multilingual-e5-small",
        )
    ]
    assert heard(engine) == []
    told(engine, GERMAN, 90)
    assert heard(engine) == []


def test_the_beginnings_of_texts_are_the_sample(engine: Engine) -> None:
    long = "Größe 🌍 " * 1000
    told(engine, [long], 3)
    with engine.store() as opened:
        texts = opened.database.sample_texts(2, SAMPLE_CHARACTERS)
    assert [len(text) for text in texts] == [SAMPLE_CHARACTERS] * 2
    assert all(long.startswith(text) for text in texts)
