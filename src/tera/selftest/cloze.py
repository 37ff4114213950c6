"""A sentence -> a question for one thing in it, by rules: the words around it, fewer of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import Literal

from tera.sentences import sentences

Kind = Literal["path", "quote", "date", "number", "name", "rare"]

USUALLY_KEPT, FEWEST_KEPT = 5, 2
"""Words of a question; fewer of a short sentence, as one is always left out.
benchmarks/cloze_questions.py: of LoCoMo's own questions .02 are refused, of those made of 3 words
.13, of 5 .08. A word cut short ("accep") made it .42."""
MOST_SMALL = 2
"""Small words kept before each: without any .13 are refused; same script."""
MOST_FITTING = 0.1
"""More are kept until, by chance, so many passages would have all of them: else no search could
know which memory is meant."""
WINDOW = 4000
"""Characters of a long memory that are looked at, from a place that chance chooses."""
UNIT = 600
"""Characters of a passage, roughly, among which words are counted."""
FEWEST_WORDS, MOST_WORDS = 5, 60
"""A shorter sentence leaves nothing to ask with; a longer one is a table or a list."""
RARE_SHARE = 0.01
"""A word is rare in a store when at most this share of its passages, or just one, has it."""

_WORD = re.compile(r"[^\W_]+(?:[-'’.@/&][^\W_]+)*")
# What a chat puts before a message: "Ann (8 May 2023 13:56): ".
_HEAD = re.compile(r"[^:\n(]{1,40}(?:\([^)\n]{1,40}\))?: ")
_MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july", "august", "september"),
    *("october", "november", "december", "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sept"),
    *("sep", "oct", "nov", "dec"),
)
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTH = rf"(?:{'|'.join(map(str.capitalize, _MONTHS))})"
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_DATES = (
    r"\d{4}-\d\d-\d\d|\d{1,2}[./]\d{1,2}[./]\d{2,4}",
    rf"{_DAY} {_MONTH}\.?,?(?: \d{{4}})?|{_MONTH}\.? {_DAY}(?:,? \d{{4}})?|{_MONTH} \d{{4}}",
    r"\d{1,2}[:.]\d\d ?(?:[ap]\.?m\b\.?)|\d{1,2}:\d\d|\d{1,2} ?[ap]m",
    "|".join(map(str.capitalize, _WEEKDAYS)),
)
_FORMS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    (
        "path",
        re.compile(
            r"https?://[^\s<>\"')\]]+[\w/]|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
            r"|(?<![\w/.])(?:~|\.{1,2})?(?:/[\w.+-]*[\w+-]){2,}|\b[A-Za-z]:\\[^\s\"]+\w"
        ),
    ),
    ("quote", re.compile(r"(?<=[“\"„«])[^“”\"„«»\n]{2,50}(?=[”\"“»])|(?<=`)[^`\n]{2,50}(?=`)")),
    ("date", re.compile(rf"(?<!\w)(?:{'|'.join(_DATES)})(?!\w)")),
    ("number", re.compile(r"(?<![\w.,:/-])[€$£]?\d+(?:[.,]\d+)*%?(?![\w:/-])")),
)
_OPENINGS: dict[Kind, tuple[str, ...]] = {
    "path": ("What", "Where"),
    "quote": ("What",),
    "date": ("When",),
    "number": ("How much", "How many"),
    "name": ("Who", "Where", "What"),
    "rare": ("What",),
}
_PLACES = ("in", "at", "near", "from", "to")
_SMALL = frozenset(
    (
        *("the", "a", "an", "and", "or", "of", "to", "in", "on", "at", "for", "with", "by"),
        *("from", "is", "are", "was", "were", "be", "been", "have", "has", "had", "it", "its"),
        *("this", "that", "these", "those", "i", "you", "he", "she", "we", "they", "my"),
        *("your", "his", "her", "our", "their", "not", "but", "so", "as", "if", "than", "then"),
        *("there", "here", "when", "what", "which", "who", "how", "will", "would", "can"),
        *("could", "should", "do", "did", "does", "just", "very", "really", "about", "into"),
        *("over", "some", "any", "all", "also", "too", "up", "out", "get", "got", "me", "him"),
        *("them", "us", "am", "here", "let", "don", "didn", "doesn", "isn", "aren", "wasn"),
        *("weren", "won", "couldn", "wouldn", "shouldn", "hasn", "haven", "hadn"),
    )
)
"""English ones; and the beginnings of "don't" and the like."""


@dataclass(frozen=True, slots=True)
class Cloze:
    """A question for something that a sentence says.

    Attributes:
        words: What it asks with, in the sentence's order.
        value: What it asks for, as the sentence has it.
        sentence: The sentence, on one line.
        opening: Its question word; empty where the sentence is not English.
    """

    words: tuple[str, ...]
    value: str
    sentence: str
    opening: str

    @property
    def question(self) -> str:
        """The question as one types it."""
        return f"{self.opening} {' '.join(self.words)}?".strip()


@dataclass(frozen=True, slots=True)
class _Target:
    kind: Kind
    start: int
    end: int


class Frequencies:
    """In how many passages of a store a word stands, by a sample."""

    def __init__(self, texts: Iterable[str], passages: int) -> None:
        """Count.

        Args:
            texts: Some of the store.
            passages: How many the store has in all.
        """
        self._counts: Counter[str] = Counter()
        self._units = 0
        for text in texts:
            for start in range(0, len(text), UNIT):
                self._units += 1
                self._counts.update(set(words_of(text[start : start + UNIT])))
        self._passages = max(passages, self._units)

    def share(self, word: str) -> float:
        """Return the share of passages with a word; above 0 for one that was not seen."""
        return (self._counts[word.casefold()] + 0.5) / (self._units + 1)

    def is_rare(self, word: str) -> bool:
        """Return whether hardly any passage has a word."""
        return self._counts[word.casefold()] <= max(1, RARE_SHARE * self._units)

    def fitting(self, words: Iterable[str]) -> float:
        """Return how many passages have all these words, if chance had spread them."""
        number = float(self._passages)
        for word in words:
            number *= self.share(word)
        return number


def words_of(text: str) -> Iterator[str]:
    """Yield the words of a text in lower case."""
    return (word.group().casefold() for word in _WORD.finditer(text))


def make_cloze(text: str, frequencies: Frequencies, chance: Random) -> Cloze | None:
    """Return a question for something in a text; None when there is no sentence for one.

    Left out of the sentence are what is asked for, other numbers and dates, and of the words that
    say something as many as it can do without and still mean one passage alone.
    """
    start = chance.randrange(len(text) - WINDOW) if len(text) > WINDOW else 0
    window = text[start : start + WINDOW]
    spans = list(sentences(window))
    if len(text) > WINDOW:
        # Those at the edges may be cut.
        spans = spans[1:-1]
    chance.shuffle(spans)
    texts = (" ".join(window[first:last].split()) for first, last in spans)
    targets = {
        sentence: list(_targets(sentence, frequencies))
        for sentence in texts
        if FEWEST_WORDS <= sentence.count(" ") + 1 <= MOST_WORDS
    }
    # People ask for numbers, dates and names; for another word only where there are none.
    for is_rare in (False, True):
        for sentence, those in targets.items():
            chosen = [target for target in those if (target.kind == "rare") is is_rare]
            if chosen and (cloze := _of_sentence(sentence, chosen, frequencies, chance)):
                return cloze
    return None


def _of_sentence(
    sentence: str, targets: list[_Target], frequencies: Frequencies, chance: Random
) -> Cloze | None:
    kind = chance.choice(sorted({target.kind for target in targets}))
    target = chance.choice([target for target in targets if target.kind == kind])
    value = sentence[target.start : target.end]
    hidden = set(words_of(value))
    content = [
        word
        for word in _WORD.finditer(sentence)
        if not (target.start < word.end() and word.start() < target.end)
        and _is_content(word.group())
        and word.group().casefold() not in hidden
    ]
    kept = _enough(content, frequencies, chance)
    if not kept:
        return None
    words = tuple(_with_small_words(sentence, kept, target))
    return Cloze(words, value, sentence, _opening(sentence, target, chance))


def _targets(sentence: str, frequencies: Frequencies) -> Iterator[_Target]:
    """Yield what can be asked for: not the first words, which say who or what it is about."""
    head = _HEAD.match(sentence)
    begin = head.end() if head else 0
    taken: list[tuple[int, int]] = []
    for kind, form in _FORMS:
        for found in form.finditer(sentence, begin):
            start, end = found.span()
            is_led = any(_is_content(word) for word in words_of(sentence[begin:start]))
            is_free = all(end <= first or last <= start for first, last in taken)
            if is_led and is_free:
                taken.append((start, end))
                yield _Target(kind, start, end)
    words = [
        word
        for word in _WORD.finditer(sentence, begin)
        if all(word.end() <= first or last <= word.start() for first, last in taken)
    ]
    for before, word in pairwise(words):
        text = word.group()
        if not _is_content(text):
            continue
        is_next = sentence[before.end() : word.start()] == " "
        is_name = len(text) > 2 and text[0].isupper() and not before.group()[0].isupper()
        if is_name and is_next:
            yield _Target("name", word.start(), _name_end(sentence, word.end()))
        elif len(text) > 4 and text.isalpha() and text.islower() and frequencies.is_rare(text):
            yield _Target("rare", word.start(), word.end())


def _name_end(sentence: str, end: int) -> int:
    """Return where a name ends that goes on with more capitalised words."""
    while (more := _WORD.match(sentence, end + 1)) and sentence[end] == " ":
        if not more.group()[0].isupper():
            break
        end = more.end()
    return end


def _is_content(word: str) -> bool:
    """Return whether a word says something: no small word, number, or part of a date."""
    folded = word.casefold()
    is_long = len(word) > 2 or word[:1].isupper()
    is_time = folded in _MONTHS or folded in _WEEKDAYS
    return is_long and any(map(str.isalpha, word)) and not is_time and not _is_small(word)


def _is_small(word: str) -> bool:
    return re.split("['’]", word.casefold())[0] in _SMALL


def _enough(
    content: list[re.Match[str]], frequencies: Frequencies, chance: Random
) -> list[re.Match[str]]:
    """Return as few words as single a passage out, taken by chance; none when that takes all.

    The outermost are among them, so that one between them is left out.
    """
    different = [*{word.group().casefold(): word for word in content}.values()]
    inner = different[1:-1]
    chance.shuffle(inner)
    order = [*different[:1], *different[-1:], *inner]
    fewest = max(FEWEST_KEPT, min(USUALLY_KEPT, len(order) - 1))
    for count in range(fewest, len(order)):
        if frequencies.fitting(word.group() for word in order[:count]) <= MOST_FITTING:
            return order[:count]
    return []


def _with_small_words(sentence: str, kept: list[re.Match[str]], target: _Target) -> Iterator[str]:
    """Yield words in the sentence's order, each after the small words that lead to it."""
    starts = {word.start() for word in kept}
    small: list[str] = []
    for word in _WORD.finditer(sentence):
        is_asked_for = target.start < word.end() and word.start() < target.end
        if word.start() in starts:
            yield from small[-MOST_SMALL:]
            yield word.group()
        is_small = not is_asked_for and _is_small(word.group())
        small = [*small, word.group()] if is_small else []


def _opening(sentence: str, target: _Target, chance: Random) -> str:
    words = list(words_of(sentence))
    if sum(word in _SMALL for word in words) * 6 < len(words):
        return ""
    if target.kind == "name":
        before = sentence[: target.start].rsplit(maxsplit=1)[-1].casefold()
        return "Where" if before in _PLACES else chance.choice(("Who", "What"))
    return chance.choice(_OPENINGS[target.kind])
