from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tera.indexes.day_terms import LONGEST_SPAN_TERMS, terms_of_day, terms_of_span
from tera.indexes.terms import LONGEST_TERM, Analysis, QuestionTerm

ANALYSIS = Analysis()
LANGUAGES = ("english", "german", "french", "spanish", "italian", "portuguese", "dutch", "russian")


def terms(text: str) -> set[str]:
    return set(ANALYSIS.passage(text).terms)


def asked(question: str, *languages: str) -> list[QuestionTerm]:
    return ANALYSIS.question(question, languages or LANGUAGES)


def is_found(question: str, text: str) -> bool:
    """Whether a passage has all that a question asks for."""
    passage = ANALYSIS.passage(text)
    known = {*passage.terms, *passage.small}
    return all(known & set(term.alternatives) for term in asked(question))


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("databases", "The staging database listens on port 5433"),
        ("running", "She runs every morning"),
        ("cafe", "We met in the Café Central"),
        ("CAFÉ", "we met in the cafe"),
        ("naive", "a naïve idea"),
        ("Ann", "It is Ann's bicycle"),
        ("Ann's", "Ann has a bicycle"),
        ("dont", "don’t use dont"),
        ("long term", "a long-term plan"),
        ("obrien", "Mr O'Brien called"),
        ("ecole", "nous allons à l'école avec les enfants"),
        ("Haus am See", "die Häuser stehen nicht am See, und das ist gut so"),
        ("Mueller", "Herr Müller ist heute nicht da, aber er kommt noch"),
        ("strasse", "Die Straße ist sehr lang und die Häuser sind auch nicht klein"),
        ("perros", "El perro de mi hermana es muy grande y no come nada"),
        ("кошка", "Моя кошка не любит рыбу"),
        ("елка", "это новогодняя ёлка"),
        ("θάλασσα", "Η θαλασσα είναι μπλε"),
        ("喝茶", "我每天早上喜欢喝茶看书"),
        ("茶", "我每天早上喜欢喝茶看书"),
        ("東京タワー", "昨日、東京タワーに行きました"),
        ("한국어", "저는 한국어를 공부합니다"),
        ("ภาษาไทย", "ฉันเรียนภาษาไทยทุกวัน"),
        ("हिन्दी", "मैं हिन्दी बोलता हूँ"),
        ("ﬁle", "the file"),
        ("Ｔｅｒａ", "tera"),
    ],
)
def test_a_word_is_found_in_its_other_forms(question: str, text: str) -> None:
    assert is_found(question, text)


@pytest.mark.parametrize(
    ("written", "others"),
    [
        ("10.0.3.7", ["10.0.3.7"]),
        ("snake_case", ["snake_case", "snakeCase", "snake-case", "snake", "SNAKE_CASE"]),
        ("getUserName", ["getUserName", "getusername", "get_user_name", "user", "name"]),
        ("HTTPServer", ["http server", "httpserver"]),
        ("src/tera/x.py", ["src/tera/x.py", "x.py", "tera", "src"]),
        ("C:\\Users\\ann\\notes.txt", ["notes.txt", "users", "C:\\Users\\ann\\notes.txt"]),
        ("TERA-123", ["TERA-123", "tera 123", "tera-123", "tera123"]),
        ("C++", ["c++", "C"]),
        ("C#", ["c#"]),
        ("node.js", ["node.js", "nodejs", "node"]),
        ("ann.b@example.org", ["ann.b@example.org", "example.org", "ann"]),
        ("https://example.org/a?id=7#top", ["https://example.org/a?id=7#top", "example.org"]),
        ("3f2a9c1bdeadbeef", ["3f2a9c1bdeadbeef", "3F2A9C1BDEADBEEF"]),
        ("v1.2.3-rc1", ["v1.2.3-rc1", "rc1"]),
        ("1,000.50", ["1000.50"]),
        ("12:30", ["12:30"]),
        ("10km", ["10 km", "10km"]),
        ("+49-30-1234567", ["49-30-1234567", "1234567"]),
    ],
)
def test_what_is_written_as_one_is_found_as_written_and_by_its_parts(
    written: str, others: list[str]
) -> None:
    for other in others:
        assert is_found(other, f"see {written} for more"), other


def test_an_identifier_as_written_matches_more_than_its_parts() -> None:
    wanted = {term for part in asked("10.0.3.7") for term in part.alternatives}
    assert len(wanted & terms("host 10.0.3.7")) > len(wanted & terms("rows 10 0 3 7"))


@pytest.mark.parametrize(
    "spelling",
    [
        "22 December 2006",
        "22nd of December, 2006",
        "December 22nd, 2006",
        "december 22 2006",
        "the twenty-second of December 2006",
        "Dec. 22, 2006",
        "2006/12/22",
        "2006-12-22",
        "2006-12-22T10:30",
        "22.12.2006",
        "22/12/2006",
        "12/22/2006",
        "22. Dezember 2006",
        "22 décembre 2006",
        "22 de diciembre de 2006",
        "2006年12月22日",
    ],
)
def test_the_spelling_of_a_date_does_not_matter(spelling: str) -> None:
    wanted = {"d:20061222", "a:1222", "m:200612", "n:12"}
    passage = ANALYSIS.passage(f"({spelling}) Bought a car.")
    assert wanted <= set(passage.terms)
    assert "2006" in passage.terms
    question = {name for term in asked(f"car on {spelling}?") for name in term.alternatives}
    assert wanted <= question
    assert set(terms_of_day(date(2006, 12, 22))) == {*wanted, "2006"}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("in May 2023", {"m:202305", "n:05", "2023"}),
        ("on July 3rd", {"a:0703", "n:07"}),
        ("in April", {"n:04"}),
        ("last may", {"n:05"}),
        ("3/4/2024", {"d:20240403", "d:20240304"}),
        ("2023-05", {"m:202305"}),
    ],
)
def test_of_a_date_what_is_known_is_found(text: str, wanted: set[str]) -> None:
    assert wanted <= terms(text)
    assert wanted <= {name for term in asked(text) for name in term.alternatives}


@pytest.mark.parametrize("text", ["You may go", "a long march", "3.14", "10.12.20.24", "31.2.2024"])
def test_what_is_no_date_is_not_taken_for_one(text: str) -> None:
    assert not [term for term in terms(text) if term[:2] in ("d:", "a:", "m:", "n:")]


def test_a_day_or_month_that_is_all_that_is_said_counts_twice() -> None:
    weights = {term.alternatives[0]: term.weight for term in asked("What happened in July?")}
    assert weights["n:07"] == 2
    weights = {term.alternatives[0]: term.weight for term in asked("the 3rd of July")}
    assert weights["a:0703"] == 2


def test_small_words_are_asked_for_only_where_there_is_nothing_else() -> None:
    assert [term.alternatives for term in asked("What did the dog do?", "english")] == [("dog",)]
    only = asked("who is it?", "english")
    assert [term.alternatives[0] for term in only] == ["who", "is", "it"]
    assert all(term.is_small for term in only)
    assert is_found("to be or not to be", "To be, or not to be")


def test_names_that_look_like_small_words_stay() -> None:
    assert is_found("What did Will do?", "Will said that WHO is in IT")
    assert [a for t in asked("and Will?", "english") for a in t.alternatives] == ["will"]
    assert {"who", "it"} <= terms("Will said that WHO is in IT")
    assert "will" not in [name for term in asked("Will Ann come?") for name in term.alternatives]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("english", "I think that we should go to the lake with them"),
        ("german", "Ich glaube, dass wir heute nicht mehr zum See fahren"),
        ("french", "Je pense que nous devrions aller au lac avec eux"),
        ("spanish", "Creo que no vamos a ir al lago con ellos porque llueve"),
        ("italian", "Penso che non andiamo al lago con loro perché piove"),
        ("portuguese", "Acho que não vamos ao lago com eles porque está a chover"),
        ("dutch", "Ik denk dat we vandaag niet meer naar het meer gaan"),
        ("swedish", "Jag tror att vi inte ska åka till sjön med dem"),
        ("finnish", "Minä luulen että me emme ole menossa järvelle koska sataa"),
        ("polish", "Myślę, że nie pojedziemy dziś nad jezioro, bo jest zimno"),
        ("turkish", "Bence bugün göle gitmek için çok geç ama yarın olabilir"),
        ("russian", "Я думаю, что мы не поедем на озеро с ними"),
    ],
)
def test_the_language_is_told_by_small_words(language: str, text: str) -> None:
    assert ANALYSIS.language_of([text]) == language


def test_a_text_without_small_words_has_the_language_around_it() -> None:
    assert ANALYSIS.passage("Häuser", otherwise="german").terms[0] == "haus"
    assert ANALYSIS.language_of(["ok"], "german") == "german"


def test_a_question_asks_for_the_stems_of_all_languages_there_are() -> None:
    (term,) = asked("Häuser", "english", "german")
    assert "haus" in term.alternatives
    (term,) = asked("databases", "german", "english")
    assert "databas" in term.alternatives


def test_a_span_has_few_terms() -> None:
    assert terms_of_span(date(2024, 2, 1), date(2024, 2, 29)) == ("m:202402",)
    assert terms_of_span(date(2023, 1, 1), date(2024, 12, 31)) == ("2023", "2024")
    assert terms_of_span(date(2024, 5, 3), date(2024, 5, 3)) == ("d:20240503",)
    assert terms_of_span(date(2024, 5, 31), date(2024, 6, 30)) == ("m:202406", "d:20240531")
    assert terms_of_span(date(2024, 5, 3), date(2024, 5, 2)) == ()
    assert terms_of_span(date.min, date.max)
    (term,) = (
        term
        for term in ANALYSIS.question("dog", spans=[(date(2024, 5, 3), date(2024, 5, 4))])
        if len(term.alternatives) > 1
    )
    assert term.alternatives == ("d:20240503", "d:20240504")


@given(st.dates(), st.integers(0, 500), st.integers(0, 600))
def test_a_day_is_in_a_span_if_one_of_its_terms_is(start: date, days: int, offset: int) -> None:
    try:
        end, day = start + timedelta(days), start + timedelta(offset)
    except OverflowError:
        return
    span = terms_of_span(start, end)
    if len(span) < LONGEST_SPAN_TERMS:
        assert bool({*terms_of_day(day)} & set(span)) == (day <= end)


@settings(deadline=None)
@given(st.text())
def test_any_text_has_terms_that_are_words(text: str) -> None:
    passage = ANALYSIS.passage(text)
    for term in (*passage.terms, *passage.small):
        assert term
        assert not any(character.isspace() for character in term)
        assert len(term) <= LONGEST_TERM + 10
    ANALYSIS.question(text, LANGUAGES)


@settings(deadline=None)
@given(st.text(st.characters(categories=["L", "N", "P", "Zs"]), min_size=1, max_size=60))
def test_any_text_is_found_by_itself(text: str) -> None:
    passage = ANALYSIS.passage(text)
    known = {*passage.terms, *passage.small}
    language = passage.language
    for term in ANALYSIS.question(text, (language, "english", "german")):
        assert known & set(term.alternatives)
