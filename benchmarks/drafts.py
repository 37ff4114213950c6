"""When are tokens copied from the prompt worth checking? Answers to questions, replayed.

The answers are made of a data set's own: sentences quoted whole or in half, and such as quote
nothing. What a batch costs is given, so that the result is the same on every machine.
"""

from __future__ import annotations

import argparse
import random
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean

from dataset import load
from phi2_random_gguf import train_vocabulary

from tera.llms.lookup import BATCHES, FIRST_COSTS, Costs, Draft, Drafting, Lookup

QUESTIONS = 300
NOTES = 4
COSTS: Mapping[str, Mapping[int, float]] = {
    "one core, bound by computing": FIRST_COSTS,
    "many cores, bound by memory": {1: 1.0, 2: 1.05, 4: 1.2, 8: 1.5, 16: 2.0, 32: 3.0},
}
"""Time of a batch in single tokens: measured by answering.py, and as memory alone would have it."""

Policy = Callable[[Drafting, Draft], Sequence[int]]
Replay = tuple[Sequence[int], Sequence[int]]


class GivenCosts(Costs):
    """Costs that are known."""

    def __init__(self, seconds: Mapping[int, float]) -> None:
        """Take the cost of each power of two."""
        super().__init__()
        self._given = seconds

    def of(self, tokens: int) -> float:
        """Return the cost of the next power of two."""
        return self._given[1 << (tokens - 1).bit_length()]


def fixed(matched: int, length: int) -> Policy:
    """Return the usual policy: so many tokens behind a run of at least that many."""
    return lambda _, draft: draft.tokens[:length] if draft.matched >= matched else ()


POLICIES: Mapping[str, Policy] = {
    "by expected gain (Tera)": Drafting.tokens,
    **{f"{length} behind {run}": fixed(run, length) for run in (2, 3) for length in (7, 15)},
}


def main() -> None:
    """Print, for each kind of answer, how many times faster it is written than without drafts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    options = parser.parse_args()
    kinds = replays(options.data / "squad2")
    for name, costs in COSTS.items():
        print(f"\n{name:30}" + "".join(f"{kind:>18}" for kind in kinds))
        for title, policy in POLICIES.items():
            gains = (
                1 / fmean(1 / gain(replay, GivenCosts(costs), policy) for replay in each)
                for each in kinds.values()
            )
            print(f"{title:30}" + "".join(f"{value:18.2f}" for value in gains))


def replays(folder: Path) -> dict[str, list[Replay]]:
    """Return prompts with answers of several kinds, as tokens."""
    encode = encoder()
    chance = random.Random(0)
    (scope,) = load(folder).values()
    wholes = {memory.id: memory.text for memory in scope.memories}
    spans = {key: wholes[id_][begin:end] for key, (id_, begin, end) in scope.spans.items()}
    texts = list(spans.values())
    kinds: dict[str, list[Replay]] = {}
    questions = [question for question in scope.questions if question.answers]
    for question in chance.sample(questions, QUESTIONS):
        text = spans[min(question.evidence)]
        notes = [text, *(other for other in chance.sample(texts, NOTES) if other != text)]
        shown = "\n\n".join(f"[{number}]\n{note}" for number, note in enumerate(notes, 1))
        prompt = encode(f"Notes:\n\n{shown}\n\nQuestion: {question.text}")
        sentences = re.split(r"(?<=[.!?]) ", text)
        answer = question.answers[0]
        place = next((n for n, sentence in enumerate(sentences) if answer in sentence), 0)
        words = sentences[place].split()
        other = next(each for each in chance.sample(texts, len(notes) + 1) if each not in notes)
        for kind, written in {
            "quoted sentence": f"{sentences[place]} [1]",
            "two of them": f"{' '.join(sentences[place : place + 2])} [1]",
            "half of one": f"It was said that {' '.join(words[len(words) // 2 :])} [1]",
            "short answer": f"The answer is {answer} [1].",
            "own words": " ".join(re.split(r"(?<=[.!?]) ", other)[:2]),
        }.items():
            kinds.setdefault(kind, []).append((prompt, encode(written)))
    return kinds


def encoder() -> Callable[[str], list[int]]:
    """Return a tokenizer of GPT-2's kind."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    vocabulary = train_vocabulary(50_000)
    ids = {token: number for number, token in enumerate(vocabulary.tokens)}
    merges = [(left, right) for left, right in map(str.split, vocabulary.merges)]
    tokenizer = Tokenizer(models.BPE(ids, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return lambda text: list(tokenizer.encode(text).ids)


def gain(replay: Replay, costs: Costs, policy: Policy) -> float:
    """Return the time of an answer without drafts by that with them."""
    prompt, answer = replay
    lookup, drafting = Lookup(prompt, ()), Drafting(costs)
    done, spent = 1, 0.0
    lookup.append(answer[0])
    while done < len(answer):
        draft = policy(drafting, lookup.draft(BATCHES[-1] - 1))
        right = 0
        while right < len(draft) and answer[done + right : done + right + 1] == [draft[right]]:
            right += 1
        spent += costs.of(1 + len(draft))
        if draft:
            drafting.note(len(draft), right)
        for token in answer[done : done + right + 1]:
            lookup.append(token)
        done += right + 1
    return (len(answer) - 1) / spent if spent else 1.0


if __name__ == "__main__":
    main()
