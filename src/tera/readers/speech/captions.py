"""Subtitle tracks inside a video -> what is said when; better than any transcript of its sound."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tera.readers.document import Failure
from tera.readers.speech.cues import Cue, plain_ass, spoken_in
from tera.readers.speech.sound import Recording
from tera.readers.speech.timed import Spoken

if TYPE_CHECKING:
    from av.subtitles.stream import SubtitleStream

_TEXT = frozenset(("subrip", "srt", "ass", "ssa", "mov_text", "webvtt", "text"))
"""Other codecs are pictures of letters."""


def read_captions(recording: Recording) -> Iterator[Spoken]:
    """Yield what a video's subtitles say; nothing if it has none in text."""
    if track := _choose(recording):
        yield from spoken_in(_cues(recording, track))


def _choose(recording: Recording) -> SubtitleStream | None:
    """Return the track in the language that is spoken, else the one that a player would show."""
    from av.stream import Disposition

    tracks = [
        stream
        for stream in recording.container.streams.subtitles
        if getattr(stream, "codec_context", None)
        and stream.codec_context.name in _TEXT
        # Only what is said in another language, or written on a sign.
        and not stream.disposition & Disposition.forced
    ]
    sound = recording.container.streams.best("audio")
    language = sound.metadata.get("language") if sound else None
    return min(
        tracks,
        key=lambda track: (
            not language or track.metadata.get("language") != language,
            not track.disposition & Disposition.default,
            track.index,
        ),
        default=None,
    )


def _cues(recording: Recording, track: SubtitleStream) -> Iterator[Cue]:
    import av

    packets = recording.container.demux(track)
    while True:
        try:
            packet = next(packets, None)
            if packet is None:
                return
            events = packet.decode() if packet.size else []
        except av.InvalidDataError:
            continue
        except (av.FFmpegError, ValueError, OSError):
            recording.failures.append(Failure(f"the subtitles of {recording.name} end early"))
            return
        if packet.pts is None or packet.time_base is None:
            continue
        start_s = float(packet.pts * packet.time_base)
        end_s = start_s + float((packet.duration or 0) * packet.time_base)
        for event in events:
            if event.type in (b"ass", b"text"):
                speaker, text = plain_ass(event.ass.decode("utf-8", "replace"))
                yield Cue(start_s, end_s, text, speaker)
