"""Speech: what is said when, with the models that are on this machine."""

from __future__ import annotations

import random
import re
import shutil
import socket
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, cast

import av
import numpy as np
import pytest

from tera.datatypes import Draft, Memory
from tera.errors import ModelLoadError, TeraError, UnreadableFileError
from tera.paths import Paths
from tera.places import place_of
from tera.readers.document import Document, Note, Progress
from tera.readers.speech import sound, speech
from tera.readers.speech.sound import RATE, Sound, blocks, open_recording
from tera.readers.speech.whisper import find_whisper
from tests.documents import drafts, items
from tests.models.tiny_whisper import SCRIPT, build_tiny_whisper
from tests.unit.readers.mutants import mutants

if TYPE_CHECKING:
    from av.audio.stream import AudioStream

    from tera.readers.speech.sound import Samples

DATA = Path(__file__).parents[2] / "data"
AUDIO, VIDEO = DATA / "audio", DATA / "video"


@pytest.fixture(autouse=True)
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the models away that other programs left on the machine; return where they would be."""
    cache = tmp_path / "hub"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    return cache


@pytest.fixture(scope="session")
def tiny_whisper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_whisper(tmp_path_factory.mktemp("whisper") / "tiny")


@pytest.fixture
def pulled_whisper(home: Path, tiny_whisper: Path) -> Path:
    """Put a Whisper model where `tera models pull` would."""
    return Path(shutil.copytree(tiny_whisper, Paths(home).models / "whisper-tiny"))


def document(path: Path, scratch: Path) -> Document:
    return Document(path, path.name, path.stat().st_size, None, scratch)


def write(
    path: Path,
    samples: Samples,
    codec: str = "pcm_s16le",
    rate: int = RATE,
    start_s: float = 0.0,
    metadata: dict[str, str] | None = None,
) -> Path:
    with av.open(path, "w") as container:
        container.metadata.update(metadata or {})
        stream = cast("AudioStream", container.add_stream(codec, rate=rate, layout="mono"))
        for place in range(0, len(samples), 1024):
            frame = av.AudioFrame.from_ndarray(samples[None, place : place + 1024], layout="mono")
            frame.sample_rate = rate
            frame.time_base = Fraction(1, rate)
            frame.pts = place + int(start_s * rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def decoded(path: Path, tmp_path: Path) -> list[Sound]:
    with open_recording(document(path, tmp_path)) as recording:
        return list(recording.sounds())


def hum(seconds: float) -> Samples:
    times = np.arange(int(seconds * RATE)) / RATE
    return (8000 * np.sin(2 * np.pi * 220 * times)).astype(np.int16)


def test_a_memo_becomes_lines_with_the_time_at_which_they_are_said() -> None:
    (draft,) = drafts(AUDIO / "long_pause.m4a", "audio")

    assert draft.text == (
        "[0:00] my dentist called this morning\n"
        "[1:12] he said that the next appointment is in october"
    )
    assert (draft.title, draft.part) == ("long_pause.m4a", "")


def test_a_citation_names_the_time() -> None:
    (draft,) = drafts(AUDIO / "long_pause.m4a", "audio")
    now = datetime.now(UTC)
    memory = Memory("1", draft.text, now, now, type="audio")
    start = draft.text.index("appointment")

    assert place_of(memory, start, start + 5) == "1:12"
    assert place_of(memory, 0, 5) == "0:00"


def test_tags_are_a_line_of_their_own_and_the_date_is_the_recordings() -> None:
    (draft,) = drafts(AUDIO / "memo.m4a", "audio")

    assert draft.text.startswith(
        "[0:00] Title: Call of the dentist; Artist: Ann Example\n[0:00] my"
    )
    assert draft.title == "memo.m4a"
    assert draft.at == datetime(2024, 5, 3, 12, 2, 7, tzinfo=UTC)


def test_the_day_and_time_of_a_field_recorder_are_of_the_place_where_it_was() -> None:
    (draft,) = drafts(AUDIO / "recorder.wav", "audio")

    assert draft.at == datetime(2023, 11, 30, 8, 15, 30).astimezone()


@pytest.mark.parametrize("time", ["1904-01-01T00:00:00Z", "2999-01-01T00:00:00Z", "yesterday", ""])
def test_a_date_that_cannot_be_is_none(time: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.mka", hum(0.1), metadata={"creation_time": time})

    with open_recording(document(path, tmp_path)) as recording:
        assert recording.made_at() is None


def test_a_rough_transcript_says_so_once_and_what_would_be_better() -> None:
    notes = [item for item in items(AUDIO / "voice.opus", "audio") if isinstance(item, Note)]

    assert notes == [speech.ROUGH]


def test_progress_counts_the_seconds_of_sound() -> None:
    progress = [item for item in items(AUDIO / "memo.m4a", "audio") if isinstance(item, Progress)]

    assert progress[0] == Progress(0, 5)
    assert progress[-1] == Progress(5, 5)


@pytest.mark.parametrize("name", ["music.mp3", "silence.wav"])
def test_sound_without_speech_is_refused(name: str) -> None:
    with pytest.raises(UnreadableFileError, match=f"no speech found in {name}"):
        drafts(AUDIO / name, "audio")


def test_a_video_without_sound_and_subtitles_is_refused() -> None:
    with pytest.raises(UnreadableFileError, match=r"no_sound.mp4 has no sound in it"):
        drafts(VIDEO / "no_sound.mp4", "video")


@pytest.mark.usefixtures("pulled_whisper")
def test_a_video_with_subtitles_is_not_transcribed() -> None:
    (draft,) = drafts(VIDEO / "two_languages.mkv", "video")

    assert draft.text == (
        "[0:00] The ferry leaves at seven from the old harbour.\n[1:03] Bring a warm coat!"
    )


def test_the_speakers_of_subtitles_are_named_and_drawings_left_out() -> None:
    (draft,) = drafts(VIDEO / "speakers.mkv", "video")

    assert draft.text == (
        "[0:00] Ann: Where did you put the keys?\n[0:02] Ben: On the shelf, where else?"
    )


@pytest.mark.usefixtures("pulled_whisper")
def test_a_whisper_model_that_was_pulled_is_used() -> None:
    found = list(items(AUDIO / "long_pause.m4a", "audio"))

    (draft,) = (item for item in found if isinstance(item, Draft))
    assert draft.text.startswith("\n".join(f"[0:0{int(at)}]{text}" for at, text in SCRIPT))
    assert [item for item in found if isinstance(item, Note)] == [speech.ENGLISH]


def test_the_persons_own_model_comes_first(home: Path, tiny_whisper: Path) -> None:
    home.mkdir()
    (home / "models.toml").write_text(
        '[mine]\nrole = "llm"\nbackend = "faster-whisper"\n'
        f'path = "{tiny_whisper}"\nfiles = {{ "model.bin" = "" }}\n'
    )
    shutil.copytree(tiny_whisper, Paths(home).models / "whisper-tiny")

    assert find_whisper(Paths(home)) == tiny_whisper


def test_a_model_in_the_cache_of_the_hub_is_used(
    home: Path, hub_cache: Path, tiny_whisper: Path
) -> None:
    folder = hub_cache / "models--Systran--faster-whisper-base"
    snapshot = shutil.copytree(tiny_whisper, folder / "snapshots" / ("a" * 40))
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("a" * 40)

    assert find_whisper(Paths(home)) == snapshot


def test_a_model_in_a_python_package_is_used(
    home: Path, tmp_path: Path, tiny_whisper: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site" / "whisper_in_a_package"
    shutil.copytree(tiny_whisper, package / "model")
    (package / "__init__.py").write_text("raise AssertionError('nothing of it has to run')")
    monkeypatch.syspath_prepend(package.parent)
    home.mkdir()
    (home / "models.toml").write_text(
        '[packaged]\nrole = "llm"\nbackend = "faster-whisper"\n'
        'package = "whisper_in_a_package"\npackage_folder = "model"\n'
        'files = { "model.bin" = "" }\n'
    )

    assert find_whisper(Paths(home)) == package / "model"


def test_half_a_model_is_none(home: Path, pulled_whisper: Path) -> None:
    # Without it, faster-whisper would download another one.
    (pulled_whisper / "tokenizer.json").unlink()

    assert find_whisper(Paths(home)) is None


def test_looking_for_a_model_touches_no_network(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    asked: list[object] = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *host, **_: asked.append(host))
    monkeypatch.setattr(socket.socket, "connect", lambda _, address: asked.append(address))

    assert find_whisper(Paths(home)) is None
    assert not asked


def test_a_broken_model_is_an_error_with_the_way_out(pulled_whisper: Path) -> None:
    (pulled_whisper / "model.bin").write_bytes(b"not a model")

    with pytest.raises(ModelLoadError, match="whisper-tiny does not load") as caught:
        drafts(AUDIO / "voice.opus", "audio")
    assert "tera models pull" in caught.value.hint


def test_a_playlist_opens_no_other_file(tmp_path: Path) -> None:
    shutil.copy(AUDIO / "telephone.wav", tmp_path / "other.wav")
    for text in (
        f"ffconcat version 1.0\nfile '{tmp_path}/other.wav'\n",
        f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{tmp_path}/other.wav\n#EXT-X-ENDLIST\n",
    ):
        path = tmp_path / "list.mp4"
        path.write_text(text)

        with pytest.raises(UnreadableFileError, match=r"list.mp4 is not a recording"):
            drafts(path, "video")


def test_no_more_is_read_than_was_there_at_first(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", hum(2))
    growing = Document(path, path.name, path.stat().st_size // 2, None, tmp_path)

    with open_recording(growing) as recording:
        assert sum(len(sound.samples) for sound in recording.sounds()) <= RATE


def test_a_cut_off_file_is_read_up_to_where_it_ends(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes((AUDIO / "meeting.mp3").read_bytes()[:9000])

    (draft,) = drafts(path, "audio")

    assert "the meeting" in draft.text


def test_sound_that_cannot_be_decoded_is_told_of(tmp_path: Path) -> None:
    data = bytearray((AUDIO / "memo.m4a").read_bytes())
    chance = random.Random(1)
    for place in range(len(data) // 3, len(data) * 2 // 3, 7):
        data[place] = chance.randrange(256)
    path = tmp_path / "a.m4a"
    path.write_bytes(data)

    with open_recording(document(path, tmp_path)) as recording:
        found = sum(len(sound.samples) for sound in recording.sounds())

    assert 2 * RATE < found < 5 * RATE
    (failure,) = recording.failures
    assert re.fullmatch(r"\d s of a.m4a cannot be decoded: Invalid data found.*", failure.text)


def test_every_rate_and_channel_is_brought_to_one_form(tmp_path: Path) -> None:
    for rate in (8_000, 44_100, 48_000):
        times = np.arange(rate) / rate
        samples = (8000 * np.sin(2 * np.pi * 220 * times)).astype(np.int16)
        found = decoded(write(tmp_path / f"{rate}.wav", samples, rate=rate), tmp_path)
        assert abs(sum(len(sound.samples) for sound in found) - RATE) < 20


def test_too_few_samples_a_second_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", hum(0.5), rate=2_000)

    with pytest.raises(UnreadableFileError, match="2000 samples a second"):
        decoded(path, tmp_path)


def test_a_recording_that_never_ends_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sound, "MOST_HOURS", 1 / 3600)
    path = write(tmp_path / "a.wav", hum(5))

    with open_recording(document(path, tmp_path)) as recording:
        assert sum(len(part.samples) for part in recording.sounds()) < 2 * RATE
        assert "the rest is left out" in recording.failures[0].text


def test_a_gap_in_the_time_stamps_moves_the_times(tmp_path: Path) -> None:
    path = tmp_path / "a.mka"
    with av.open(path, "w") as container:
        stream = container.add_stream("pcm_s16le", rate=RATE, layout="mono")
        for start_s in (0, 20):
            frame = av.AudioFrame.from_ndarray(hum(1)[None], layout="mono")
            frame.sample_rate = RATE
            frame.time_base = Fraction(1, RATE)
            frame.pts = start_s * RATE
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))

    starts = [block.start_s for block in blocks(decoded(path, tmp_path))]

    assert starts == pytest.approx([0, 20], abs=0.1)


def test_blocks_are_cut_where_it_is_silent_and_lose_nothing() -> None:
    loud = np.full(RATE, 10_000, np.int16)
    silent = np.zeros(RATE, np.int16)
    seconds = [silent if second == 170 else loud for second in range(400)]

    found = list(blocks(Sound(at, samples) for at, samples in enumerate(seconds)))

    assert len(found) == 3
    assert 170 < found[1].start_s < 171
    assert sum(len(block.samples) for block in found) == 400 * RATE
    assert found[-1].end_s == pytest.approx(400)


def test_progress_is_repeated_while_nothing_new_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech, "BEAT_S", 0.001)

    progress = [item for item in items(AUDIO / "memo.m4a", "audio") if isinstance(item, Progress)]

    assert progress.count(Progress(0, 5)) > 1


@pytest.mark.parametrize("path", sorted([*AUDIO.iterdir(), *VIDEO.iterdir()]), ids=lambda p: p.name)
@pytest.mark.usefixtures("pulled_whisper")
def test_damage_gives_an_error_or_what_is_left(path: Path, tmp_path: Path) -> None:
    target = tmp_path / path.name
    for data in mutants(path.read_bytes(), 100):
        target.write_bytes(data)
        try:
            # Decoding is all that the bytes of a file have power over.
            with open_recording(document(target, tmp_path)) as recording:
                recording.headline()
                recording.made_at()
                list(speech._captions(recording))
            decoded(target, tmp_path)
        except TeraError as error:
            assert path.name in error.message


def test_text_is_no_recording(tmp_path: Path) -> None:
    for data in (b"", b"Dear Ann, the ferry leaves at seven.\n" * 100, bytes(5000)):
        path = tmp_path / "a.mp3"
        path.write_bytes(data)
        with pytest.raises(UnreadableFileError, match=r"a\.mp3"):
            drafts(path, "audio")
