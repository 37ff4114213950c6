from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tera import llm_keeper
from tera.config import Config
from tera.errors import GenerationError, ModelLoadError, ModelNotFoundError
from tera.llm_keeper import LLMKeeper, Memory, read_memory
from tera.llms import LLM, load_llm
from tera.models import load_models
from tera.paths import Paths
from tera.prompts import Prompt

GB = 1_000_000_000
PLENTY = Memory(available=8 * GB, total=16 * GB)
PROMPT = Prompt("Answer from the notes.", "Which port?")


class Ear:
    """Hears notes and progress."""

    def __init__(self) -> None:
        self.notes: list[tuple[str, str]] = []
        self.told: list[tuple[str, int, int]] = []

    def note(self, text: str, hint: str = "") -> None:
        self.notes.append((text, hint))

    def progress(self, task: str, done: int, total: int) -> None:
        self.told.append((task, done, total))


class Home:
    """A home with a tiny language model, on a machine whose memory can be set."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths
        self.ear = Ear()
        self.memory: Memory | None = PLENTY
        self.keepers: list[LLMKeeper] = []

    def keeper(self, *, keep_s: float = 600.0, llm: str = "tiny-phi2") -> LLMKeeper:
        config = replace(Config(), ask_keep_s=keep_s)
        catalogue = load_models(self.paths)
        keeper = LLMKeeper(
            llm, config, self.paths, self.ear, catalogue, turn, memory=lambda: self.memory
        )
        self.keepers.append(keeper)
        return keeper


@contextmanager
def turn(lock: threading.Lock, task: str) -> Iterator[None]:
    with lock:
        yield


@pytest.fixture
def home(home: Path, phi2_folder: Path) -> Iterator[Home]:
    home.mkdir()
    (home / "models.toml").write_text(
        f'[tiny-phi2]\nrole = "llm"\nbackend = "llama-cpp"\npath = "{phi2_folder}"\n'
        'context_tokens = 512\n[tiny-phi2.files]\n"model.gguf" = ""\n'
    )
    built = Home(Paths(home))
    yield built
    for keeper in built.keepers:
        keeper.close()


@pytest.fixture(autouse=True)
def look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llm_keeper, "LOOK_S", 0.02)


def eventually(holds: Callable[[], bool]) -> bool:
    """Return whether something comes true; a loaded machine may take its time."""
    deadline = time.monotonic() + 30
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.01)
    return holds()


FREED: list[LLM] = []


def is_freed(llm: LLM) -> bool:
    return any(freed is llm for freed in FREED)


@pytest.fixture(autouse=True)
def note_what_is_freed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Note every model that is closed; that must happen once."""

    def load(*args: Any, **options: Any) -> LLM:
        llm = load_llm(*args, **options)
        close = llm.close

        def close_and_note() -> None:
            assert not is_freed(llm)
            close()
            FREED.append(llm)

        monkeypatch.setattr(llm, "close", close_and_note)
        return llm

    monkeypatch.setattr(llm_keeper, "load_llm", load)
    yield
    FREED.clear()


def watchers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "llm keeper"]


def test_the_model_is_kept_for_the_next_question(home: Home) -> None:
    keeper = home.keeper()
    with keeper.use(keep=True) as llm:
        assert "".join(llm.generate(PROMPT, 100))
    assert keeper.is_loaded
    with keeper.use(keep=True) as again:
        assert again is llm
        assert "".join(llm.generate(PROMPT, 100))


def test_a_model_that_is_not_kept_is_freed_at_once(home: Home) -> None:
    keeper = home.keeper()
    with keeper.use(keep=False) as llm:
        assert keeper.is_loaded
    assert not keeper.is_loaded
    assert is_freed(llm)
    assert not watchers()


def test_a_model_that_fails_is_not_left_locked(home: Home) -> None:
    keeper = home.keeper()
    for keep in (True, False, True):
        with pytest.raises(GenerationError), keeper.use(keep=keep):
            raise GenerationError("it failed")
        assert keeper.is_loaded == keep


def test_a_model_that_is_asked_nothing_is_freed_and_loads_again(home: Home) -> None:
    keeper = home.keeper(keep_s=0.05)
    with keeper.use(keep=True) as llm:
        pass
    assert eventually(lambda: not keeper.is_loaded)
    assert is_freed(llm)
    assert eventually(lambda: not watchers())
    with keeper.use(keep=True) as again:
        assert "".join(again.generate(PROMPT, 100))
    assert eventually(lambda: not keeper.is_loaded)


def test_a_model_is_freed_when_the_memory_gets_short(home: Home) -> None:
    keeper = home.keeper()
    with keeper.use(keep=True) as llm:
        pass
    time.sleep(0.1)
    assert keeper.is_loaded
    home.memory = Memory(available=GB, total=16 * GB)
    assert eventually(lambda: not keeper.is_loaded)
    assert is_freed(llm)


def test_where_the_memory_is_not_told_it_is_never_short(home: Home) -> None:
    home.memory = None
    keeper = home.keeper()
    with keeper.use(keep=True):
        pass
    keeper.make_room(10**15)
    time.sleep(0.1)
    assert keeper.is_loaded
    assert home.ear.notes == []


def test_a_model_that_answers_is_never_freed(home: Home) -> None:
    keeper = home.keeper(keep_s=0.05)
    with keeper.use(keep=True):
        pass
    with keeper.use(keep=True) as llm:
        home.memory = Memory(available=GB, total=16 * GB)
        keeper.make_room(2 * GB)
        time.sleep(0.2)
        assert keeper.is_loaded
        assert "".join(llm.generate(PROMPT, 100))
    assert eventually(lambda: not keeper.is_loaded)


def test_another_model_that_needs_the_memory_gets_it(home: Home) -> None:
    keeper = home.keeper()
    with keeper.use(keep=True) as llm:
        pass
    keeper.make_room(2 * GB)
    assert keeper.is_loaded
    home.memory = Memory(available=4 * GB, total=16 * GB)
    keeper.make_room(5 * GB)
    assert not keeper.is_loaded
    assert is_freed(llm)


def test_closing_frees_the_model_and_ends_its_thread(home: Home) -> None:
    keeper = home.keeper()
    with keeper.use(keep=True) as llm:
        pass
    assert watchers()
    keeper.close()
    assert is_freed(llm)
    assert not watchers()
    keeper.close()
    with keeper.use(keep=True):
        assert keeper.is_loaded


def test_closing_while_it_answers_frees_it_behind_the_answer(home: Home) -> None:
    keeper = home.keeper()
    with keeper.use(keep=True):
        pass
    with keeper.use(keep=True) as llm:
        keeper.close()
        assert "".join(llm.generate(PROMPT, 100))
    assert is_freed(llm)
    assert not keeper.is_loaded
    assert not watchers()


def test_many_threads_may_want_it_at_once(home: Home) -> None:
    keeper = home.keeper(keep_s=0.01)
    answers: list[str] = []

    def ask(number: int) -> None:
        for _ in range(5):
            with keeper.use(keep=number % 2 == 0) as llm:
                answers.append("".join(llm.generate(PROMPT, 100)))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 20
    assert len(set(answers)) == 1
    assert eventually(lambda: not keeper.is_loaded and not watchers())


def test_too_little_memory_is_said_before_it_is_tried(home: Home, phi2_folder: Path) -> None:
    size = (phi2_folder / "model.gguf").stat().st_size
    home.memory = Memory(available=size, total=16 * GB)
    with home.keeper().use(keep=False) as llm:
        assert "".join(llm.generate(PROMPT, 100))
    ((text, hint),) = home.ear.notes
    assert text.startswith("tiny-phi2 needs 0.0 GB of memory and 0.0 GB are available")
    assert hint == "close other programs"


def test_the_largest_model_that_fits_is_named(home: Home) -> None:
    (home.paths.home / "large.gguf").write_bytes(b"")
    with (home.paths.home / "large.gguf").open("r+b") as file:
        file.truncate(3 * GB)
    with home.paths.models_file.open("a") as file:
        file.write(
            f'[large]\nrole = "llm"\nbackend = "llama-cpp"\npath = "{home.paths.home}"\n'
            '[large.files]\n"large.gguf" = ""\n'
        )
    home.memory = Memory(available=1 * GB, total=4 * GB)
    with pytest.raises(ModelLoadError), home.keeper(llm="large").use(keep=True):
        pass
    assert home.ear.notes == [
        (
            "large needs 4.2 GB of memory and 1.0 GB are available: it may be very slow",
            "close other programs, or: tera models use qwen3-0.6b",
        )
    ]


def test_a_model_that_is_not_here_is_not_found(home: Home) -> None:
    keeper = home.keeper(llm="qwen3-0.6b")
    assert not keeper.is_here()
    with pytest.raises(ModelNotFoundError) as caught, keeper.use(keep=True):
        pass
    assert caught.value.hint == "tera models pull qwen3-0.6b"
    assert home.keeper().is_here()


def test_loading_is_told_only_when_it_takes_long(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    with home.keeper().use(keep=False):
        pass
    monkeypatch.setattr(llm_keeper, "PROGRESS_AFTER_S", 0.0)
    with home.keeper().use(keep=False):
        pass
    assert home.ear.told
    assert home.ear.told[-1] == ("loading tiny-phi2", 100, 100)
    assert {task for task, _, _ in home.ear.told} == {"loading tiny-phi2"}


def test_a_listener_that_has_left_ends_the_loading_and_the_next_one_begins_it_anew(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(llm_keeper, "PROGRESS_AFTER_S", 0.0)

    def leave(*_: object) -> None:
        raise GenerationError("nobody is there")

    keeper = home.keeper()
    with monkeypatch.context() as patch:
        patch.setattr(home.ear, "progress", leave)
        with pytest.raises(GenerationError, match="nobody is there"), keeper.use(keep=True):
            pass
    assert not keeper.is_loaded
    with keeper.use(keep=True):
        assert keeper.is_loaded


@pytest.mark.parametrize(
    ("text", "memory"),
    [
        ("MemTotal:  100 kB\nMemFree: 1 kB\nMemAvailable:   50 kB\n", Memory(51200, 102400)),
        ("MemTotal: 100 kB\n", None),
        ("MemTotal: 100 kB\nMemAvailable: much\n", None),
        ("", None),
        ("no lines with a colon", None),
    ],
)
def test_the_memory_is_what_the_system_tells(
    tmp_path: Path, text: str, memory: Memory | None
) -> None:
    (tmp_path / "meminfo").write_text(text)
    assert read_memory(tmp_path / "meminfo") == memory
    assert read_memory(tmp_path / "no such file") is None


def test_memory_is_short_with_less_than_a_tenth_of_it() -> None:
    assert Memory(9, 100).is_short
    assert not Memory(10, 100).is_short
