"""Cues of subtitles -> what is said: formatting removed, rolling captions said once."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tera.readers.speech.timed import Spoken

ROLLING_GAP_S = 0.05
"""Between two cues of which the second shows lines of the first again. Sentences that are said
twice are further apart: editors leave two frames, 0.08 s."""

_TAG = re.compile(
    r"</?(?:i|b|u|s|em|strong|font|span|c|ruby|rt|lang|p)(?:[.\s][^<>]{0,200})?/?>"
    r"|<\d\d[\d:.]{3,20}>",
    re.IGNORECASE,
)
_BREAK = re.compile(r"<br\s{0,9}/?>", re.IGNORECASE)
_VOICE = re.compile(r"<v(?:\.[^\s<>]{0,100})?[ \t]+([^<>]{1,200})>", re.IGNORECASE)
_VOICE_END = re.compile(r"</v>", re.IGNORECASE)
_OVERRIDE = re.compile(r"\{\\[^{}]{0,1000}\}")
_DRAWING = re.compile(r"\\p[1-9]")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z]{2,8}\d{0,2});")
_DASH = re.compile(r"[-–—]\s*\S")
_INVISIBLE = re.compile("[\u200b\u200e\u200f\u202a-\u202e\ufeff]")
"""Zero-width spaces and marks of direction; they stand between lines that a player turns."""


@dataclass(frozen=True, slots=True)
class Cue:
    """Lines on the screen and the time in which they are there, in seconds."""

    start_s: float
    end_s: float
    text: str
    speaker: str = ""


def spoken_in(cues: Iterable[Cue]) -> Iterator[Spoken]:
    """Yield what is said in cues: each line once, a speaker's words apart from another's."""
    shown: list[str] = []
    shown_until_s = -1.0
    for cue in cues:
        lines = [line for line in map(_bare, cue.text.splitlines()) if line]
        if not lines:
            continue
        is_next = abs(cue.start_s - shown_until_s) <= ROLLING_GAP_S
        fresh = _fresh(shown, lines) if is_next else lines
        shown, shown_until_s = lines, max(cue.end_s, cue.start_s)
        for speaker, text in _turns(fresh, cue.speaker):
            yield Spoken(cue.start_s, cue.end_s, text, speaker)


def plain_ass(event: str) -> tuple[str, str]:
    """Return speaker and text of an event as FFmpeg gives it: eight fields, then the text."""
    fields = event.split(",", 8)
    if len(fields) < 9 or _DRAWING.search(fields[8]):
        return "", ""
    text = fields[8].replace("\\N", "\n").replace("\\n", " ").replace("\\h", " ")
    return fields[3].strip(), text


def _bare(line: str) -> str:
    """Return a line without formatting; who speaks stays in its tag."""
    line = _OVERRIDE.sub("", _BREAK.sub(" ", line))
    line = _TAG.sub("", line)
    return " ".join(_INVISIBLE.sub("", line).split())


def _fresh(shown: list[str], lines: list[str]) -> list[str]:
    """Return the lines that are new since the cue before."""
    for count in range(min(len(shown), len(lines)), 0, -1):
        if shown[-count:] == lines[:count]:
            return lines[count:]
    return lines


def _turns(lines: list[str], speaker: str) -> Iterator[tuple[str, str]]:
    """Yield speaker and words of everyone who speaks in a cue."""
    is_dialogue = sum(bool(_DASH.match(line)) for line in lines) > 1
    words: list[str] = []
    for line in lines:
        first, *rest = _VOICE.split(line)
        if is_dialogue and _DASH.match(line) and words:
            yield speaker, _readable(words)
            words = []
        words.append(first)
        for name, said in zip(rest[::2], rest[1::2], strict=True):
            if any(word.strip() for word in words):
                yield speaker, _readable(words)
            speaker, words = _readable([name]), [said]
    yield speaker, _readable(words)


def _readable(words: list[str]) -> str:
    text = _VOICE_END.sub("", " ".join(words))
    return " ".join(_INVISIBLE.sub("", _ENTITY.sub(_unescaped, text)).split())


def _unescaped(entity: re.Match[str]) -> str:
    return html.unescape(entity[0])
