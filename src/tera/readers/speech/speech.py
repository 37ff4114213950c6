"""Audio and video -> a transcript with times; a video's own subtitles, where it has some."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from tera.datatypes import Draft
from tera.errors import NoTextError
from tera.paths import find_paths
from tera.readers.document import Document, Item, Note, Progress, require
from tera.readers.speech.captions import read_captions
from tera.readers.speech.sound import Recording, blocks, open_recording
from tera.readers.speech.sphinx import Sphinx
from tera.readers.speech.timed import Said, Spoken, timed_drafts
from tera.readers.speech.whisper import WHISPER, Whisper, find_whisper

if TYPE_CHECKING:
    from tera.readers.speech.sound import Samples

BEAT_S = 2.0
"""How often progress is told while the recognition says nothing."""


# Without the name of the recording, so that they can be told once for a whole folder.
ROUGH = Note(
    "speech was written down roughly, in English only: about one word in four is wrong",
    hint=f"tera models pull {WHISPER} && tera remember --again FILE",
)
"""15 of 67 words, in five recordings of two people; Whisper's smallest model has 1 wrong."""
ENGLISH = Note(
    "speech was written down by a model that knows English alone",
    hint=f"tera models pull {WHISPER} && tera remember --again FILE",
)


class Transcriber(Protocol):
    """Writes down what is said."""

    def transcribe(self, samples: Samples) -> Iterator[Spoken]:
        """Yield what is said in a block of sound, with times from its beginning; lazily."""


def read_speech(document: Document) -> Iterator[Item]:
    """Read audio or video: its subtitles if it has some, else what is said in it.

    Args:
        document: A recording in any common container.

    Yields:
        Drafts with a time on each line, and progress in seconds of sound.

    Raises:
        UnreadableFileError: It cannot be decoded, or nobody speaks in it.
        ModelLoadError: The speech model on this machine is broken.
        MissingExtraError: A library for it is not installed.
    """
    require("audio", "av")
    require("audio", "faster_whisper")
    yield from _beating(_read(document))


def _read(document: Document) -> Iterator[Item]:
    is_said = False
    for read in (_captions, _transcript):
        with open_recording(document) as recording:
            drafts = timed_drafts(
                read(recording), document.name, recording.made_at(), recording.headline()
            )
            for item in drafts:
                is_said = is_said or isinstance(item, Draft)
                yield item
        if is_said:
            return
    raise NoTextError(
        f"no speech found in {document.name}", hint="only what is spoken can be remembered"
    )


def _captions(recording: Recording) -> Iterator[Said]:
    is_said = False
    for spoken in read_captions(recording):
        yield _progress(spoken.start_s, recording)
        yield spoken
        is_said = True
    if is_said:
        yield from recording.failures


def _transcript(recording: Recording) -> Iterator[Said]:
    transcriber: Transcriber | None = None
    is_said = False
    for block in blocks(recording.sounds()):
        yield _progress(block.start_s, recording)
        transcriber = transcriber or _transcriber()
        for spoken in transcriber.transcribe(block.samples):
            start_s, end_s = block.start_s + spoken.start_s, block.start_s + spoken.end_s
            yield replace(spoken, start_s=start_s, end_s=end_s)
            yield _progress(end_s, recording)
            is_said = True
    yield from recording.failures
    if is_said and isinstance(transcriber, Sphinx):
        yield ROUGH
    elif is_said and isinstance(transcriber, Whisper) and transcriber.is_english:
        yield ENGLISH


def _transcriber() -> Transcriber:
    folder = find_whisper(find_paths())
    return Whisper(folder) if folder else Sphinx()


def _progress(seconds: float, recording: Recording) -> Progress:
    """Return progress in seconds of sound; the total is 0 when the container does not state it."""
    done = int(seconds)
    return Progress(done, max(done, int(recording.duration_s)) if recording.duration_s else 0)


def _beating(items: Iterator[Item]) -> Iterator[Item]:
    """Repeat the progress as long as the next item is worked on, in a thread."""
    progress = Progress(0, 0)
    with ThreadPoolExecutor(1) as pool:
        while True:
            step = pool.submit(next, items, None)
            while not wait([step], BEAT_S).done:
                yield progress
            item = step.result()
            if item is None:
                return
            if isinstance(item, Progress):
                progress = item
            yield item
