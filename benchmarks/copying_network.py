"""Weights of a network that copies its prompt, set by hand: what training gives "induction heads".

The first layer notes at each token which two stood before it; the second looks for the place where
the same tokens stood before, and the output is the token that followed there (Olsson et al., 2022).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from phi2_random_gguf import Shape

Matrix = np.ndarray[Any, np.dtype[np.float32]]

LOOK_BACK = 30.0
"""Lead of the place looked at over its neighbours, before the softmax."""
MATCH_LAST, MATCH_BEFORE = 120.0, 60.0
"""What a place gains for the same last token, and for the same token before that."""
SURE = 60.0
"""The logit of the copied token."""
ROPE_BASE = 10_000.0


class CopyingNetwork:
    """The tensors of the first two layers, the embedding and the output.

    A token's code is three directions of length one: the first two are compared, all are copied.
    The residual holds the codes of the token itself, of the one before, of the one before that,
    and of the output; each with its negative, so that layer norm only scales.
    """

    def __init__(self, shape: Shape) -> None:
        """Draw the codes.

        Raises:
            ValueError: The heads are too few or too small to hold them.
        """
        self._shape = shape
        self._head = shape.width // shape.heads
        self._compared = (self._head - shape.rotary) // 2
        if shape.heads < 8 or shape.layers < 2 or self._compared < 16:
            raise ValueError("copying takes 2 layers, 8 heads, and 32 sizes of each without RoPE")
        random = np.random.default_rng(1)
        rest = self._head - 2 * self._compared
        parts = [
            random.standard_normal((shape.tokens, size)).astype(np.float32)
            for size in (self._compared, self._compared, rest)
        ]
        self._codes = np.hstack([part / np.linalg.norm(part, axis=1)[:, None] for part in parts])

    def tensors(self) -> Iterator[tuple[str, Matrix]]:
        """Yield the name and content of each tensor that is not random."""
        shape, head = self._shape, self._head
        tokens, width = shape.tokens, shape.width
        embedding = np.zeros((tokens, width), np.float32)
        embedding[:, self._slot(0)] = self._signed(self._codes)
        yield "token_embd.weight", embedding
        output = np.zeros((tokens, width), np.float32)
        output[:, self._slot(3)] = self._signed(self._codes) * (SURE / 6 / self._gain(4))
        yield "output.weight", output
        yield from self._looking_back()
        yield from self._matching()
        assert embedding.shape[1] >= 8 * head

    def _slot(self, number: int) -> slice:
        """Return where a code and its negative stand in the residual."""
        return slice(2 * number * self._head, 2 * (number + 1) * self._head)

    @staticmethod
    def _signed(codes: Matrix) -> Matrix:
        return np.hstack([codes, -codes])

    def _gain(self, codes: int) -> float:
        """Return by how much layer norm scales a residual of that many codes; each has length 6."""
        return float((self._shape.width / (6 * codes)) ** 0.5)

    def _empty(self) -> tuple[Matrix, Matrix, Matrix]:
        width = self._shape.width
        sizes = ((3 * width, width), (3 * width,), (width, width))
        qkv, bias, output = (np.zeros(size, np.float32) for size in sizes)
        return qkv, bias, output

    def _looking_back(self) -> Iterator[tuple[str, Matrix]]:
        """Yield layer 0: head 0 fetches the code one token back, head 1 two back."""
        qkv, bias, output = self._empty()
        width, head, pairs = self._shape.width, self._head, self._shape.rotary // 2
        angles = ROPE_BASE ** (-np.arange(pairs) / pairs)
        lead = float(np.sum(1 - np.cos(angles)))
        size = (LOOK_BACK * head**0.5 / lead) ** 0.5
        for number in (0, 1):
            query, key = number * head, width + number * head
            back = (number + 1) * angles
            bias[query : query + pairs] = size
            bias[key : key + pairs] = size * np.cos(back)
            bias[key + pairs : key + 2 * pairs] = size * np.sin(back)
            self._copy(qkv, output, number, to_slot=number + 1, gain=self._gain(1))
        yield "blk.0.attn_qkv.weight", qkv
        yield "blk.0.attn_qkv.bias", bias
        yield "blk.0.attn_output.weight", output

    def _matching(self) -> Iterator[tuple[str, Matrix]]:
        """Yield layer 1: head 0 fetches what followed the same two tokens."""
        qkv, bias, output = self._empty()
        width, head, size = self._shape.width, self._head, self._compared
        gain = self._gain(3)
        # RoPE turns the sizes before these.
        first = self._shape.rotary
        for part, (now, there, weight) in enumerate(((0, 1, MATCH_LAST), (1, 2, MATCH_BEFORE))):
            scale = (weight * head**0.5) ** 0.5 / gain
            rows = first + part * size + np.arange(size)
            code = part * size + np.arange(size)
            qkv[rows, self._slot(now).start + code] = scale
            qkv[width + rows, self._slot(there).start + code] = scale
        self._copy(qkv, output, 0, to_slot=3, gain=gain)
        yield "blk.1.attn_qkv.weight", qkv
        yield "blk.1.attn_qkv.bias", bias
        yield "blk.1.attn_output.weight", output

    def _copy(self, qkv: Matrix, output: Matrix, number: int, *, to_slot: int, gain: float) -> None:
        """Let a head move a token's own code into a slot of the place that looks."""
        head = self._head
        code = np.arange(head)
        values = 2 * self._shape.width + number * head
        qkv[values + code, self._slot(0).start + code] = 1 / gain
        slot = self._slot(to_slot).start
        output[slot + code, number * head + code] = 1
        output[slot + head + code, number * head + code] = -1
