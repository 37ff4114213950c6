"""How many threads a language model uses: tried out on the tokens that it reads and writes anyway.

Using every core is fastest on a machine that does nothing else, and can be the slowest of all as
soon as it does: all threads of llama.cpp wait for the last one after every step.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

from tera.llms.cores import usable_cores

# Chosen with benchmarks/threads.py.
TROUBLE = 2.0
"""A token that takes so many times as long as those before it means that a core was taken away."""
HOPELESS = 1.3
"""A trial whose token takes so many times as long as usual is over."""
LEAST_GAIN = 0.05
"""More threads must make it faster by this part, or the cores are better left to others."""
LEAST_LOSS = 0.02
"""Fewer threads may make it slower by this part."""
RELIEF = 0.75
"""When a token takes only this part of what it did, something has ended: try at once."""
PATIENCE = 8
"""Tokens to the next trial after one that changed something; each that did not doubles it ..."""
MOST_PATIENCE = 64
"""... up to this: a trial that goes wrong ends with its first token, so it costs a few percent."""


class Threads:
    """The number of threads for writing (`count`) and for reading prompts (`batch_count`)."""

    def __init__(self, fixed: int = 0, cores: int = 0) -> None:
        """Begin with half of the cores.

        Args:
            fixed: The number to use; 0 finds it out.
            cores: How many there are; 0 asks the system.
        """
        cores = cores or usable_cores()
        # All but one leaves a core to the program that is most often there beside it.
        tried = {1, *(cores * part // 4 for part in range(1, 5)), cores - 1} - {0}
        steps = (fixed,) if fixed > 0 else tuple(sorted(tried))
        # One token is soon measured but never exact; a batch of a prompt has many.
        self._writing = _Climb(steps, samples=3)
        self._reading = _Climb(steps, samples=1)

    @property
    def count(self) -> int:
        """Threads for the next token."""
        return self._writing.threads

    @property
    def batch_count(self) -> int:
        """Threads for the next part of a prompt."""
        return self._reading.threads

    def note(self, seconds_per_token: float, is_prompt: bool) -> None:
        """Learn from what was just read or written with `batch_count` or `count` threads.

        Args:
            seconds_per_token: How long it took. Only like may be compared with like: of a prompt,
                only the parts of full length.
            is_prompt: Whether it was read.
        """
        (self._reading if is_prompt else self._writing).note(seconds_per_token)


class _Climb:
    """One number of threads, moved up and down its steps by what it brings."""

    def __init__(self, steps: tuple[int, ...], samples: int) -> None:
        """Begin at half of the most.

        Args:
            steps: The numbers to choose from, ascending.
            samples: Measurements whose middle one counts.
        """
        self._steps = steps
        self._samples = samples
        self._at = max(at for at, step in enumerate(steps) if step <= max(steps[0], steps[-1] // 2))
        self._recent: deque[float] = deque(maxlen=samples)
        self._usual = 0.0
        """Seconds per token at the current step, outside of trials; 0 before the first."""
        self._is_warm = False
        self._came_from: int | None = None
        """The step to go back to if the trial that is under way brings nothing."""
        self._direction = 1
        self._patience = PATIENCE
        self._wait = 0
        self._usual_at_failure = 0.0

    @property
    def threads(self) -> int:
        return self._steps[self._at]

    def note(self, seconds: float) -> None:
        if len(self._steps) == 1 or not seconds > 0:
            return
        if not self._is_warm:
            # The first one reads the model's file as well.
            self._is_warm = True
            return
        if self._came_from is not None:
            self._judge(seconds)
        elif self._usual and seconds >= TROUBLE * self._usual and self._at > 0:
            self._usual = seconds
            self._try(-1)
        else:
            self._settle(seconds)

    def _settle(self, seconds: float) -> None:
        self._recent.append(seconds)
        if len(self._recent) < self._samples:
            return
        self._usual = median(self._recent)
        if self._usual < RELIEF * self._usual_at_failure:
            self._usual_at_failure, self._wait, self._direction = 0.0, 0, 1
        self._wait -= 1
        if self._wait < 0:
            if not 0 <= self._at + self._direction < len(self._steps):
                self._direction = -self._direction
            self._try(self._direction)

    def _try(self, direction: int) -> None:
        self._came_from, self._direction = self._at, direction
        self._at += direction
        self._recent.clear()

    def _judge(self, seconds: float) -> None:
        self._recent.append(seconds)
        is_hopeless = seconds >= HOPELESS * self._usual
        if not is_hopeless and len(self._recent) < self._samples:
            return
        found = seconds if is_hopeless else median(self._recent)
        change = -LEAST_GAIN if self._direction > 0 else LEAST_LOSS
        assert self._came_from is not None
        if found <= (1 + change) * self._usual:
            self._usual, self._usual_at_failure, self._patience = found, 0.0, PATIENCE
            # Further in the same direction at once, as long as there are steps.
            more = 0 <= self._at + self._direction < len(self._steps)
            self._wait = 0 if more else self._patience
        else:
            self._at, self._usual_at_failure = self._came_from, self._usual
            self._wait, self._direction = self._patience, -self._direction
            self._patience = min(2 * self._patience, MOST_PATIENCE)
        self._came_from = None
        self._recent.clear()


@contextmanager
def patient_barriers() -> Iterator[None]:
    """Have threads of an OpenMP library that is loaded in the block sleep while they wait.

    llama.cpp's threads wait for each other hundreds of times a token. By default they do so at full
    speed, on the core that the last one may need: on two cores beside a busy program two threads
    took 946 ms a token so, and 50 asleep, where one thread took 140 (benchmarks/threads.py). Only
    the library that is loaded first reads this, once.
    """
    before = os.environ.get("OMP_WAIT_POLICY")
    if before is None:
        os.environ["OMP_WAIT_POLICY"] = "passive"
    try:
        yield
    finally:
        if before is None:
            del os.environ["OMP_WAIT_POLICY"]
