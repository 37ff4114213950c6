"""Tells once when much of a store is in a language that its embedder does not know."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tera.models import ModelSpec

FORMAT = 1
SAMPLE_TEXTS = 300
SAMPLE_CHARACTERS = 400
"""What is read of each text; 300 of them take 0.2 s, after 1.8 s and 80 MB to load the detector."""
FEWEST_MEMORIES = 20
UNKNOWN_SHARE = 1 / 3
"""Of texts in English at most 0.02 is taken for something else (LoCoMo, LongMemEval, TimelineQA,
SQuAD, SciFact, 400 each), of lines of Python 0.07."""
_GROWTH = 2.0
"""A store is judged again when it has grown by this factor."""
_LEAST_LETTERS = 20
_WORD = re.compile(r"(?<!\S)[^\W\d_]+(?:['’-][^\W\d_]+)*[.,;:!?]?(?!\S)")
_NO_LANGUAGE = ("zxx", "und")

_LANGUAGES = (
    "ar Arabic,bg Bulgarian,ca Catalan,cs Czech,da Danish,de German,el Greek,es Spanish,"
    "et Estonian,fa Persian,fi Finnish,fr French,he Hebrew,hi Hindi,hr Croatian,hu Hungarian,"
    "id Indonesian,it Italian,ja Japanese,ko Korean,lt Lithuanian,lv Latvian,nl Dutch,"
    "no Norwegian,pl Polish,pt Portuguese,ro Romanian,ru Russian,sk Slovak,sl Slovenian,"
    "sr Serbian,sv Swedish,th Thai,tr Turkish,uk Ukrainian,ur Urdu,vi Vietnamese,zh Chinese"
)
_NAMES = dict(name.split(" ") for name in _LANGUAGES.split(","))


def unknown_language(texts: Sequence[str], spec: ModelSpec) -> str | None:
    """Return the commonest language of texts that an embedder does not know, if it is much of them.

    Args:
        texts: A sample; those that are no prose, such as code and numbers, do not count.
        spec: The embedder; where models.toml does not say that it knows English alone, all is well.

    Returns:
        The name of the language when more than UNKNOWN_SHARE of the texts are in others than
        English, else None.
    """
    if spec.languages != "en":
        return None
    prose = [words for words in map(_prose, texts) if words]
    if not prose:
        return None
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    # Not the library's own, which would stay in memory.
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    found = Counter(str(identifier.classify(words)[0]) for words in prose)
    others = Counter({code: n for code, n in found.items() if code not in ("en", *_NO_LANGUAGE)})
    if others.total() <= UNKNOWN_SHARE * len(prose):
        return None
    code = others.most_common(1)[0][0]
    return _NAMES.get(code, f"another language ({code})")


def _prose(text: str) -> str:
    """Return the words of a text; empty when there are too few to tell their language."""
    text = text[:SAMPLE_CHARACTERS]
    letters = [letter for letter in text if letter.isalpha()]
    if sum(letter > "\u036f" for letter in letters) * 2 > len(letters):
        # Not in Latin letters; where words have no spaces between them, one says more.
        weight = sum(3 if letter > "\u2e80" else 1 for letter in letters)
        return text if weight >= _LEAST_LETTERS else ""
    words = _WORD.findall(text)
    return " ".join(words) if sum(map(len, words)) >= _LEAST_LETTERS else ""


@dataclass(frozen=True, slots=True)
class _Judgement:
    format: int = FORMAT
    memories: int = 0
    language: str = ""
    is_told: bool = False


class LanguageNotice:
    """What was found of a store's languages, and whether the person was told; kept in a file."""

    def __init__(self, file: Path) -> None:
        """Read what was found earlier.

        Args:
            file: Where it is kept, in the folder of what is derived with the embedder.
        """
        self._file = file
        self._judgement = self._read()

    @property
    def language(self) -> str:
        """What much of the store is in and the embedder does not know; empty when there is none."""
        return self._judgement.language

    def is_due(self, memories: int) -> bool:
        """Return whether a store with so many memories is to be judged, for it has grown."""
        known = self._judgement
        if known.language:
            return False
        return memories >= max(FEWEST_MEMORIES, _GROWTH * known.memories)

    def judge(self, texts: Sequence[str], memories: int, spec: ModelSpec) -> None:
        """Judge a store by a sample of its texts."""
        language = unknown_language(texts, spec) or ""
        self._write(_Judgement(memories=memories, language=language))

    def take(self) -> str:
        """Return the language that the person is to be told of, once; empty when there is none."""
        known = self._judgement
        if not known.language or known.is_told:
            return ""
        self._write(_Judgement(known.format, known.memories, known.language, is_told=True))
        return known.language

    def _read(self) -> _Judgement:
        try:
            known = _Judgement(**json.loads(self._file.read_bytes()))
        except (OSError, ValueError, TypeError):
            return _Judgement()
        is_sound = (
            known.format == FORMAT and type(known.memories) is int and type(known.language) is str
        )
        return known if is_sound else _Judgement()

    def _write(self, judgement: _Judgement) -> None:
        self._judgement = judgement
        try:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            aside = self._file.with_name(f"{self._file.name}.{os.getpid()}.new")
            aside.write_text(json.dumps(asdict(judgement)))
            aside.replace(self._file)
        except OSError:
            # On a full disk it is judged, and told, again.
            return
