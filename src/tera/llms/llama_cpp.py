"""Language model in this process, through llama.cpp."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

from tera.errors import GenerationError, ModelLoadError, TeraError
from tera.llms.background import in_thread
from tera.llms.chat_template import ChatTemplate, choose_template
from tera.llms.decoding import DecodeError, Decoder, StopFlag, StoppedError, write
from tera.llms.loading import ALL_LAYERS, Loaded, LoadError, has_gpu, load
from tera.llms.lookup import Costs
from tera.llms.prefix import PrefixFiles, model_identity
from tera.llms.thoughts import without_thoughts
from tera.llms.threads import Threads, patient_barriers
from tera.llms.writing import shown
from tera.models import ModelSpec
from tera.prompts import Prompt

FIRST_TOKENS_PER_S = 10.0
"""Prompt speed before any was measured: Phi-2's on one old core."""
MEASURED_TOKENS = 16
"""Shorter evaluations of a prompt say little about its speed."""
SPEED_LEARNING_RATE = 0.3


def _never() -> bool:
    return False


def _ignore(_: object) -> None:
    return


class LlamaCppLLM:
    """A GGUF file on the GPU if there is one that works, else on the CPU."""

    def __init__(
        self,
        spec: ModelSpec,
        folder: Path,
        threads: int = 0,
        *,
        cache: Path | None = None,
        gpu_layers: int = ALL_LAYERS,
        looks_up: bool = True,
        repacks: bool = True,
        on_progress: Callable[[float], None] = _ignore,
        on_note: Callable[[str], None] = _ignore,
    ) -> None:
        """Load the model.

        Args:
            spec: Its file, context length and chat template.
            folder: Where the file is.
            threads: Threads to use; 0 finds out, see `Threads`.
            cache: Folder for the evaluated beginning of prompts; none keeps it in memory alone.
            gpu_layers: Layers to put on a GPU, if there is one; 0 leaves it alone.
            looks_up: Whether drafts are copied from the prompt; they change no answer.
            repacks: See `load`.
            on_progress: Hears the share of the model that is loaded, 0 to 1.
            on_note: Hears what the person should know, one line.

        Raises:
            ModelLoadError: The file is missing, broken or too large for the memory.
            ConfigError: The chat template is unknown.
        """
        self.spec = spec
        with patient_barriers():
            import llama_cpp  # noqa: F401
        self._file = folder / next(iter(spec.files))
        self._threads = Threads(threads)
        self._cache = cache
        self._looks_up = looks_up
        self._repacks = repacks
        self._on_progress = on_progress
        self._on_note = on_note
        self.context_tokens = spec.context_tokens
        self._costs = Costs()
        self._prompt_speed = 0.0
        self._flag = StopFlag()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="llama")
        try:
            self._open(gpu_layers if has_gpu() else 0)
        except LoadError as error:
            raise ModelLoadError(
                f"cannot load {spec.name}: {error}", hint=f"tera models verify {spec.name}"
            ) from error
        try:
            self._template = self._choose_template()
        except TeraError:
            self.close()
            raise

    def _choose_template(self) -> ChatTemplate:
        library, vocabulary = self._library, self._vocabulary

        def text_of(token: int) -> str:
            return "" if token < 0 else library.llama_vocab_get_text(vocabulary, token).decode()

        source = library.llama_model_chat_template(self._loaded.model, None) or b""
        return choose_template(
            self.spec,
            source.decode(errors="replace"),
            text_of(library.llama_vocab_bos(vocabulary)),
            text_of(library.llama_vocab_eos(vocabulary)),
            add_bos=library.llama_vocab_get_add_bos(vocabulary),
        )

    def _open(self, gpu_layers: int) -> None:
        """Load the model; without the GPU where that fails."""
        try:
            loaded = self._load(gpu_layers)
        except LoadError as error:
            if not gpu_layers or not self._file.exists():
                raise
            loaded = self._load(0)
            self._say_without_gpu(str(error))
        self._take(loaded)

    def _load(self, gpu_layers: int) -> Loaded:
        return load(
            self._file,
            self.context_tokens,
            self._threads.count,
            gpu_layers,
            self._on_progress,
            repacks=self._repacks,
        )

    def _take(self, loaded: Loaded) -> None:
        import llama_cpp

        self._library = llama_cpp
        self._loaded = loaded
        self._vocabulary = loaded.vocabulary
        size = llama_cpp.llama_vocab_n_tokens(loaded.vocabulary)
        self._marks = frozenset(
            token
            for token in range(size)
            if llama_cpp.llama_vocab_is_control(loaded.vocabulary, token)
            or llama_cpp.llama_vocab_is_eog(loaded.vocabulary, token)
        )
        self._decoder = Decoder(loaded.context, size, self._flag, self._threads, self._note)
        identity = model_identity(self._file, loaded.settings())
        self._prefixes = PrefixFiles(self._cache, identity) if self._cache else None

    def _say_without_gpu(self, reason: str) -> None:
        self._on_note(f"{self.spec.name} runs without the GPU, which failed: {reason}")

    def _note(self, tokens: int, seconds: float, is_prompt: bool) -> None:
        """Hear of each evaluation: all that is learned of this machine's speed comes from here."""
        if not is_prompt:
            self._costs.note(tokens, seconds)
        elif tokens >= MEASURED_TOKENS:
            speed = tokens / seconds
            known = self._prompt_speed or speed
            self._prompt_speed = known + SPEED_LEARNING_RATE * (speed - known)

    def count_tokens(self, text: str) -> int:
        """Return the number of tokens of a text; see `LLM.count_tokens`."""
        return len(self._tokenize(text, special=False))

    def prompt_tokens(self, prompt: Prompt) -> int:
        """Return the number of tokens of a prompt; see `LLM.prompt_tokens`."""
        return len(self._prompt(prompt)[0])

    def tokens_within(self, seconds: float) -> int:
        """Return how many prompt tokens it reads in a time; see `LLM.tokens_within`."""
        return int(seconds * (self._prompt_speed or FIRST_TOKENS_PER_S))

    def generate(
        self, prompt: Prompt, max_tokens: int, should_stop: Callable[[], bool] = _never
    ) -> Iterator[str]:
        """Yield the answer piece by piece; see `LLM.generate`."""
        tokens, fixed = self._prompt(prompt)
        room = self.context_tokens - len(tokens)
        if room < 1:
            raise GenerationError(
                f"the prompt has {len(tokens)} tokens, but {self.spec.name} reads at most"
                f" {self.context_tokens - 1}",
                hint="ask a shorter question, or lower ask.context_tokens",
            )
        pieces = partial(self._answer, tokens, fixed, min(max_tokens, room))
        self._flag.clear()
        with closing(in_thread(self._thread, pieces, should_stop, self._flag.set)) as texts:
            yield from without_thoughts(texts)

    def _answer(self, tokens: Sequence[int], fixed: int, most: int) -> Iterator[str]:
        """Yield the answer, in the thread of llama.cpp."""
        try:
            self._read(tokens, fixed)
            yield from shown(self._write(tokens, most))
        except StoppedError:
            return
        except (DecodeError, LoadError) as error:
            raise GenerationError(
                f"{self.spec.name} failed: {error}",
                hint="tera ask --no-llm gives quotes without the language model",
            ) from error

    def _read(self, tokens: Sequence[int], fixed: int) -> None:
        """Evaluate a prompt; without the GPU where that fails."""
        try:
            self._read_fixed(tokens, fixed)
            self._decoder.read(tokens[len(self._decoder.tokens) :])
        except DecodeError as error:
            if not self._loaded.gpu_layers:
                raise
            self._decoder.close()
            self._loaded.free()
            self._take(self._load(0))
            self._say_without_gpu(str(error))
            self._read(tokens, fixed)

    def _read_fixed(self, tokens: Sequence[int], fixed: int) -> None:
        """Have the cache hold what it can of a prompt: the last one's beginning, or a file's.

        Where both lack some of the fixed part, it is evaluated, and kept for the next time.
        """
        decoder = self._decoder
        kept = decoder.keep(tokens)
        if kept >= fixed or not self._prefixes:
            return
        state = self._prefixes.load(tokens[:fixed])
        if state is not None and decoder.restore(tokens[:fixed], state):
            return
        kept = decoder.keep(tokens)
        began = time.perf_counter()
        decoder.read(tokens[kept:fixed])
        seconds = (time.perf_counter() - began) * fixed / (fixed - kept)
        if self._prefixes.is_worth(decoder.state_bytes(), seconds):
            self._prefixes.save(tokens[:fixed], decoder.state())

    def _write(self, tokens: Sequence[int], most: int) -> Iterator[tuple[int, bytes]]:
        """Yield the answer's tokens and their bytes."""
        costs = self._costs if self._looks_up and self._loaded.can_forget else None
        for token in write(self._decoder, tokens, most, costs=costs, marks=self._marks):
            # Marks are never part of an answer: a further turn would follow.
            if token in self._marks:
                return
            yield token, self._piece(token)

    def close(self) -> None:
        """Free the model. llama.cpp crashes on any call afterwards."""
        self._thread.shutdown()
        self._decoder.close()
        self._loaded.free()

    def _prompt(self, prompt: Prompt) -> tuple[list[int], int]:
        """Return a prompt's tokens, and how many at the beginning are the same in every prompt.

        Special tokens are recognised in the template alone: a memory that holds "<|im_end|>"
        stays text.
        """
        tokens: list[int] = []
        fixed = 0
        fixed_segments = len(self._template.fixed(prompt.system))
        for number, segment in enumerate(self._template.segments(prompt), start=1):
            tokens += self._tokenize(segment.text, special=segment.is_mark)
            if number <= fixed_segments:
                fixed = len(tokens)
        return tokens, min(fixed, len(tokens) - 1)

    def _tokenize(self, text: str, *, special: bool) -> list[int]:
        data = text.encode()
        # A token has at least a byte.
        room = len(data) + 1
        tokens = (self._library.llama_token * room)()
        count = self._library.llama_tokenize(
            self._vocabulary, data, len(data), tokens, room, False, special
        )
        if count < 0:
            raise GenerationError(f"{self.spec.name} cannot read a text of {len(text)} characters")
        return list(tokens[:count])

    def _piece(self, token: int) -> bytes:
        for room in (64, 4096):
            buffer = ctypes.create_string_buffer(room)
            size = self._library.llama_token_to_piece(
                self._vocabulary, token, buffer, room, 0, False
            )
            if size >= 0:
                break
        return buffer.raw[: max(size, 0)]
