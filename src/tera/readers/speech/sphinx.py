"""Rough speech recognition by PocketSphinx, whose package carries an English model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tera.readers.document import require
from tera.readers.speech.sound import RATE
from tera.readers.speech.timed import Spoken

if TYPE_CHECKING:
    from tera.readers.speech.sound import Samples

STRETCH_S = 30
"""Longest speech recognised in one go; a pause cuts it earlier."""
PAUSE_S = 0.6
"""Of this length between two words: a comma or a full stop, were it written."""
FRAMES_A_SECOND = 100


class Sphinx:
    """A loaded model."""

    def __init__(self) -> None:
        """Load it.

        Raises:
            MissingExtraError: It is not installed.
        """
        require("audio", "pocketsphinx")
        from pocketsphinx import Decoder

        self._decoder = Decoder(samprate=RATE, loglevel="FATAL")

    def transcribe(self, samples: Samples) -> Iterator[Spoken]:
        """Yield what is said in a block of sound, with times from its beginning; lazily.

        PocketSphinx hears words in any noise, so Silero VAD says where there is speech; its own
        detector takes music and hum for speech.
        """
        import numpy as np
        from faster_whisper.vad import VadOptions, get_speech_timestamps

        options = VadOptions(max_speech_duration_s=STRETCH_S)
        for span in get_speech_timestamps(samples.astype(np.float32) / 32768, options):
            start_s = span["start"] / RATE
            yield from self._words(samples[span["start"] : span["end"]], start_s)

    def _words(self, samples: Samples, start_s: float) -> Iterator[Spoken]:
        self._decoder.start_utt()
        self._decoder.process_raw(samples.tobytes(), full_utt=True)
        self._decoder.end_utt()
        words: list[str] = []
        first = last = 0
        for segment in self._decoder.seg() or ():
            # Alternative pronunciations are numbered; silence and noise stand in brackets.
            word = segment.word.partition("(")[0]
            if not word or not word[0].isalnum():
                continue
            if words and segment.start_frame - last >= PAUSE_S * FRAMES_A_SECOND:
                yield _spoken(words, start_s, first, last)
                words = []
            if not words:
                first = segment.start_frame
            words.append(word)
            last = segment.end_frame
        if words:
            yield _spoken(words, start_s, first, last)


def _spoken(words: list[str], start_s: float, first: int, last: int) -> Spoken:
    return Spoken(
        start_s + first / FRAMES_A_SECOND, start_s + last / FRAMES_A_SECOND, " ".join(words)
    )
