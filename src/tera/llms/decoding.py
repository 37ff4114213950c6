"""Evaluate tokens with llama.cpp's own calls, keep what is evaluated, and write greedily."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Container, Iterator, Sequence
from typing import Any

from tera.llms.lookup import BATCHES, Costs, Drafting, Lookup
from tera.llms.threads import Threads

BATCH_TOKENS = 128
"""Prompt tokens evaluated at once: 32 are up to 1.4 times slower each, 256 a tenth faster at most,
but then speed is noted half as often (benchmarks/llama_settings.py)."""
ABORTED = 2  # llama_decode's answer when the abort callback said so

Evaluated = Callable[[int, float, bool], None]
"""Hears of each evaluation: tokens, seconds, and whether they were of a prompt."""


class StoppedError(Exception):
    """The caller wanted no more, in the middle of an evaluation."""


class DecodeError(Exception):
    """llama.cpp could not evaluate a batch."""


class StopFlag:
    """Ends evaluations within a token, set by any thread.

    llama.cpp asks at each of a token's thousand steps. A Python callback would wait for the
    interpreter as often; so it asks C's `strlen`: an empty text's 0 goes on, a character's 1 ends.
    """

    def __init__(self) -> None:
        """Begin unset."""
        self._text = ctypes.create_string_buffer(2)
        self._strlen = ctypes.cast(ctypes.CDLL(None).strlen, ctypes.c_void_p)

    def set(self) -> None:
        """End what is being evaluated, and all that is asked for, until `clear`."""
        self._text[0] = b"x"

    def clear(self) -> None:
        """Evaluate again."""
        self._text[0] = b"\0"

    @property
    def is_set(self) -> bool:
        """Whether nothing is evaluated."""
        return bool(self._text.value)

    def watch(self, context: Any) -> None:
        """Have a context ask; the flag must outlive it."""
        import llama_cpp

        callback = llama_cpp.ggml_abort_callback(self._strlen.value)
        text = ctypes.cast(self._text, ctypes.c_void_p)
        llama_cpp.llama_set_abort_callback(context, callback, text)


class Decoder:
    """One context of llama.cpp, and the tokens that are in its KV cache."""

    def __init__(
        self,
        context: Any,
        vocabulary_size: int,
        flag: StopFlag,
        threads: Threads,
        evaluated: Evaluated,
    ) -> None:
        """Take a context over.

        Args:
            context: llama.cpp's handle, with batches of `BATCH_TOKENS`.
            vocabulary_size: Logits of a token.
            flag: Ends evaluations.
            threads: Says how many to use, and learns from it.
            evaluated: Hears of each evaluation.
        """
        import llama_cpp

        self._library = llama_cpp
        self._context = context
        self._memory = llama_cpp.llama_get_memory(context)
        self._vocabulary_size = vocabulary_size
        self._evaluated = evaluated
        self._threads = threads
        self._set_threads = (0, 0)
        self._batch = llama_cpp.llama_batch_init(BATCH_TOKENS, 0, 1)
        self._flag = flag
        flag.watch(context)
        self.tokens: list[int] = []
        self.size = int(llama_cpp.llama_n_ctx(context))

    def keep(self, tokens: Sequence[int]) -> int:
        """Drop what the cache holds beyond its common beginning with these; return its length.

        The last one is dropped too: its logits are not kept.
        """
        most = min(len(self.tokens), len(tokens) - 1)
        common = next((n for n in range(most) if self.tokens[n] != tokens[n]), max(most, 0))
        self.cut(common)
        return len(self.tokens)

    def cut(self, length: int) -> None:
        """Drop what the cache holds beyond so many tokens; some networks can only drop all."""
        if length >= len(self.tokens):
            return
        remove = self._library.llama_memory_seq_rm
        if length and remove(self._memory, 0, length, -1):
            del self.tokens[length:]
        else:
            remove(self._memory, 0, -1, -1)
            self.tokens.clear()

    def read(self, tokens: Sequence[int]) -> None:
        """Evaluate the tokens of a prompt behind what the cache holds.

        Raises:
            StoppedError: By the flag; what was evaluated before is kept.
            DecodeError: llama.cpp failed.
        """
        for begin in range(0, len(tokens), BATCH_TOKENS):
            part = tokens[begin : begin + BATCH_TOKENS]
            is_last = begin + len(part) == len(tokens)
            self._evaluate(part, 1 if is_last else 0, is_prompt=True)

    def check(self, tokens: Sequence[int]) -> None:
        """Evaluate written tokens, with logits for each; errors as of `read`."""
        self._evaluate(tokens, len(tokens), is_prompt=False)

    def best(self, row: int) -> int:
        """Return the likeliest token behind a token of the last evaluation; -1 is its last.

        Raises:
            DecodeError: The logits are no numbers.
        """
        import numpy as np

        logits = np.ctypeslib.as_array(
            self._library.llama_get_logits_ith(self._context, row), (self._vocabulary_size,)
        )
        token = int(logits.argmax())
        if np.isnan(logits[token]):
            raise DecodeError("the model's numbers are not numbers")
        return token

    def _evaluate(self, tokens: Sequence[int], rows: int, *, is_prompt: bool) -> None:
        """Evaluate one batch, with logits for its last `rows` tokens: all work is done here."""
        batch, begin, count = self._batch, len(self.tokens), len(tokens)
        batch.n_tokens = count
        for number, token in enumerate(tokens):
            batch.token[number] = token
            batch.pos[number] = begin + number
            batch.n_seq_id[number] = 1
            batch.seq_id[number][0] = 0
            batch.logits[number] = number >= count - rows
        self._use_threads(is_prompt=is_prompt)
        started = time.perf_counter()
        code = ABORTED
        if not self._flag.is_set:
            code = self._library.llama_decode(self._context, batch)
            # On a GPU the work is only queued; this waits for it.
            self._library.llama_synchronize(self._context)
        if code == 0:
            seconds = time.perf_counter() - started
            self.tokens.extend(tokens)
            # Only like is compared with like: full batches of a prompt, single written tokens.
            if count == (BATCH_TOKENS if is_prompt else 1):
                self._threads.note(seconds / count, is_prompt)
            self._evaluated(count, seconds, is_prompt)
            return
        # Parts of the batch may be in the cache; some networks can only drop all.
        remove = self._library.llama_memory_seq_rm
        if not remove(self._memory, 0, begin, -1):
            remove(self._memory, 0, -1, -1)
            self.tokens.clear()
        if code == ABORTED:
            raise StoppedError
        raise DecodeError(f"llama.cpp could not evaluate {count} tokens (code {code})")

    def _use_threads(self, *, is_prompt: bool) -> None:
        writing = self._threads.count
        # A draft is a batch to llama.cpp, and written text to those who chose the number.
        wanted = (writing, self._threads.batch_count if is_prompt else writing)
        if wanted != self._set_threads:
            self._library.llama_set_n_threads(self._context, *wanted)
            self._set_threads = wanted

    def state_bytes(self) -> int:
        """Return the size of `state`."""
        return int(self._library.llama_state_seq_get_size(self._context, 0))

    def state(self) -> bytes:
        """Return the cache as it is; `restore` takes it, with the same tokens."""
        size = self.state_bytes()
        buffer = (ctypes.c_uint8 * size)()
        written = self._library.llama_state_seq_get_data(self._context, buffer, size, 0)
        return memoryview(buffer)[:written].tobytes()

    def restore(self, tokens: Sequence[int], state: bytes) -> bool:
        """Fill the cache with what `state` returned; false leaves it empty."""
        self.cut(0)
        buffer = (ctypes.c_uint8 * len(state)).from_buffer_copy(state)
        read = self._library.llama_state_seq_set_data(self._context, buffer, len(state), 0)
        last = self._library.llama_memory_seq_pos_max(self._memory, 0)
        if read == len(state) and last == len(tokens) - 1:
            self.tokens.extend(tokens)
            return True
        self._library.llama_memory_seq_rm(self._memory, 0, -1, -1)
        return False

    def close(self) -> None:
        """Free the batch; the context is its owner's."""
        self._library.llama_batch_free(self._batch)


def write(
    decoder: Decoder,
    prompt: Sequence[int],
    most: int,
    *,
    costs: Costs | None,
    marks: Container[int],
) -> Iterator[int]:
    """Yield the likeliest token behind a prompt, again and again; whoever hears them ends it.

    Args:
        decoder: Has just read the prompt.
        prompt: The whole prompt.
        most: Most tokens to yield.
        costs: What batches cost, to decide on drafts; none makes none.
        marks: Tokens that end a draft.

    Raises:
        StoppedError: By the decoder's flag.
        DecodeError: llama.cpp failed.
    """
    lookup = Lookup(prompt, marks) if costs else None
    drafting = Drafting(costs) if costs else None
    token = decoder.best(-1)
    left = most
    while True:
        yield token
        left -= 1
        # The cache holds the tokens before one that is written.
        room = decoder.size - len(decoder.tokens) - 1
        if left < 1 or room < 0:
            return
        drafted: Sequence[int] = ()
        if lookup and drafting:
            lookup.append(token)
            drafted = drafting.tokens(lookup.draft(min(left - 1, room, BATCHES[-1] - 1)))
        before = len(decoder.tokens) + 1
        decoder.check([token, *drafted])
        right = 0
        token = decoder.best(0)
        while right < len(drafted) and token == drafted[right]:
            right += 1
            following = decoder.best(right)
            yield token
            left -= 1
            assert lookup
            lookup.append(token)
            token = following
        decoder.cut(before + right)
        if drafting and drafted:
            drafting.note(len(drafted), right)
