"""Recordings of any container and codec -> sound as speech recognition takes it, and its tags."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tera.errors import NoTextError, UnreadableFileError
from tera.readers.dates import parse_date, plausible
from tera.readers.document import Document, Failure

if TYPE_CHECKING:
    import numpy as np
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer

    Samples = np.ndarray[tuple[int], np.dtype[np.int16]]

RATE = 16_000
"""Samples a second, mono, 16 bits: what Whisper, Silero VAD and Sphinx were trained on."""
BLOCK_S = 180
"""Sound recognised at a time: six windows of Whisper; Silero VAD takes 1.5 MB a second of it."""
CUT_WITHIN_S = 30
"""A block is cut at the most silent moment of its last seconds."""
MOST_HOURS = 24
"""Of one recording. A file of some MB can hold weeks of silence."""
LEAST_RATE = 4_000
"""Lower than any telephone. A broken header could make hours of noise of some bytes."""
JUMP_S = 1.0
"""A gap in the time stamps that is more than inexact: sound was lost or left out."""
LOST_S = 0.5
"""Undecodable sound that is worth telling of."""
TAG_CHARACTERS = 2_000

CONTAINERS = "wav,w64,aiff,caf,mp3,mov,mp4,m4a,3gp,ogg,flac,aac,asf,amr,matroska,webm,avi"
"""FFmpeg has hundreds more; playlists among them would open other files and addresses."""

_TAGS = ("title", "artist", "album", "description")


@dataclass(frozen=True, slots=True)
class Sound:
    """Samples and the time at which they begin."""

    start_s: float
    samples: Samples

    @property
    def end_s(self) -> float:
        """The time at which they end."""
        return self.start_s + len(self.samples) / RATE


class Recording:
    """An open recording; read it once, from its beginning to its end."""

    def __init__(self, container: InputContainer, name: str) -> None:
        """Take over an open container."""
        self.container = container
        self.name = name
        self.failures: list[Failure] = []
        duration_s = (container.duration or 0) / 1_000_000
        self.duration_s = duration_s if 0 < duration_s <= MOST_HOURS * 3600 else 0.0
        """As the container states it; 0 is unknown."""

    def tags(self) -> dict[str, str]:
        """Return what the recording says of itself, by names in small letters."""
        streams = [*self.container.streams.audio[:1], *self.container.streams.video[:1]]
        found: dict[str, str] = {}
        for tags in (self.container.metadata, *(stream.metadata for stream in streams)):
            for key, value in tags.items():
                found.setdefault(key.lower(), " ".join(value.split())[:TAG_CHARACTERS])
        return found

    def headline(self) -> str:
        """Return the tags that a person would search by: "Title: ...; Artist: ..."; or nothing."""
        tags = self.tags()
        return "; ".join(f"{name.capitalize()}: {tags[name]}" for name in _TAGS if tags.get(name))

    def made_at(self) -> datetime | None:
        """Return when it was recorded, if it says so and that can be true."""
        tags = self.tags()
        time = tags.get("com.apple.quicktime.creationdate") or tags.get("creation_time", "")
        if re.fullmatch(r"\d\d:\d\d:\d\d", time):
            # Broadcast WAV has the day and the time apart, both of the place where it was made.
            time = f"{tags.get('date', '')}T{time}"
        return plausible(parse_date(time))

    def sounds(self) -> Iterator[Sound]:
        """Decode the sound, some seconds or less at a time.

        Raises:
            UnreadableFileError: There is none, or nothing that can decode it.
        """
        import av

        stream = self.container.streams.best("audio")
        if not isinstance(stream, av.AudioStream):
            raise NoTextError(f"{self.name} has no sound in it")
        if getattr(stream, "codec_context", None) is None:
            raise UnreadableFileError(
                f"the sound of {self.name} is encrypted or of an unknown kind", hint=_CONVERT
            )
        resampler = _Resampler(self.name)
        origin_s = max(0.0, (self.container.start_time or 0) / 1_000_000)
        now_s = 0.0
        for frame in self._frames(stream):
            stamp_s = frame.time - origin_s if frame.time is not None else now_s
            if now_s + JUMP_S < stamp_s < (self.duration_s or MOST_HOURS * 3600):
                now_s = stamp_s
            for samples in resampler.resample(frame):
                yield Sound(now_s, samples)
                now_s += len(samples) / RATE
            if now_s > MOST_HOURS * 3600:
                self.failures.append(
                    Failure(f"{self.name} is read up to {MOST_HOURS} hours; the rest is left out")
                )
                return
        for samples in resampler.resample(None):
            yield Sound(now_s, samples)
            now_s += len(samples) / RATE
        if not now_s and self.failures:
            raise UnreadableFileError(f"no sound of {self.name} can be decoded", hint=_CONVERT)

    def _frames(self, stream: AudioStream) -> Iterator[AudioFrame]:
        import av

        lost_s = 0.0
        cause: Exception | None = None
        packets = self.container.demux(stream)
        while True:
            try:
                packet = next(packets, None)
            except (av.FFmpegError, ValueError, OSError) as error:
                self.failures.append(
                    Failure(f"{self.name} is broken and ends early: {_reason(error)}")
                )
                break
            if packet is None:
                break
            try:
                frames = packet.decode()
            except (av.FFmpegError, ValueError, OSError) as error:
                length = packet.duration * packet.time_base if packet.duration else 0
                # Some packets do not say how long they are; a frame of MP3 has 26 ms.
                lost_s += min(float(length), 60.0) or 0.026
                cause = error
                continue
            yield from frames
        if cause and lost_s >= LOST_S:
            self.failures.append(
                Failure(f"{lost_s:.0f} s of {self.name} cannot be decoded: {_reason(cause)}")
            )


@contextlib.contextmanager
def open_recording(document: Document) -> Iterator[Recording]:
    """Open a file for the block; nothing beyond its first `size_bytes` is read.

    Raises:
        UnreadableFileError: It is no recording, or one of an unknown kind.
    """
    import av

    # FFmpeg would write to stderr what is told in better words.
    av.logging.set_level(None)
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(document.open())
        try:
            container = stack.enter_context(
                av.open(
                    file,
                    mode="r",
                    options={"format_whitelist": CONTAINERS, "protocol_whitelist": "none"},
                    metadata_errors="ignore",
                    io_open=_refuse,
                )
            )
        except (av.FFmpegError, ValueError, OSError) as error:
            raise UnreadableFileError(
                f"{document.name} is not a recording that can be decoded", hint=_CONVERT
            ) from error
        yield Recording(container, document.name)


def blocks(sounds: Iterable[Sound]) -> Iterator[Sound]:
    """Gather sound into blocks of about BLOCK_S, cut where it is silent."""
    import numpy as np

    held: list[Samples] = []
    start_s = end_s = 0.0
    count = 0
    for sound in sounds:
        if held and sound.start_s > end_s + JUMP_S:
            yield Sound(start_s, np.concatenate(held))
            held, count = [], 0
        if not held:
            start_s = sound.start_s
        held.append(sound.samples)
        count += len(sound.samples)
        end_s = sound.end_s
        while count >= BLOCK_S * RATE:
            samples = np.concatenate(held)
            cut = _silent_place(samples[: BLOCK_S * RATE])
            yield Sound(start_s, samples[:cut])
            held, start_s, count = [samples[cut:]], start_s + cut / RATE, len(samples) - cut
    if count:
        yield Sound(start_s, np.concatenate(held))


def _silent_place(samples: Samples) -> int:
    """Return where in its last seconds a sound has the least energy for 0.3 s."""
    import numpy as np

    frame = RATE // 50
    tail = samples[-CUT_WITHIN_S * RATE :].astype(np.float32)
    energy = np.square(tail[: len(tail) // frame * frame].reshape(-1, frame)).mean(axis=1)
    smooth = np.convolve(energy, np.ones(15), mode="valid")
    return len(samples) - len(tail) + (int(smooth.argmin()) + 7) * frame


class _Resampler:
    """Brings frames to RATE and mono, also when their format changes on the way."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._format: tuple[str, str, int] | None = None
        self._resampler: Any = None

    def resample(self, frame: AudioFrame | None) -> Iterator[Samples]:
        """Yield the samples of a frame; those that are held back, when it is None."""
        import av

        try:
            if frame is not None:
                form = (frame.format.name, frame.layout.name, frame.sample_rate)
                if form != self._format:
                    if frame.sample_rate < LEAST_RATE:
                        raise UnreadableFileError(
                            f"{self._name} has {frame.sample_rate} samples a second, too few for"
                            " speech"
                        )
                    yield from self._flush()
                    self._resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
                    self._format = form
                # Broken time stamps would disturb it; the times are counted by ourselves.
                frame.pts = None
                for part in self._resampler.resample(frame):
                    yield part.to_ndarray()[0]
            else:
                yield from self._flush()
        except (av.FFmpegError, ValueError, OSError) as error:
            raise UnreadableFileError(
                f"the sound of {self._name} cannot be decoded: {_reason(error)}", hint=_CONVERT
            ) from error

    def _flush(self) -> Iterator[Samples]:
        if self._resampler and self._format != ("s16", "mono", RATE):
            for part in self._resampler.resample(None):
                yield part.to_ndarray()[0]


def _refuse(url: str, *_: object) -> None:
    """Open nothing: a recording has no business in other files or on the network."""
    raise PermissionError(f"refers to {url}")


def _reason(error: Exception) -> str:
    """Return FFmpeg's words alone; its errors also have a number and the name of a file."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


_CONVERT = "if it plays, save it as WAV or MP3 and remember that"
