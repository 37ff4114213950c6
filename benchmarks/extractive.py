"""How good are answers without a language model? The sentence, the short words, and the refusals.

Every question is asked as a person would, `Engine.ask` without a model, of homes made as
retrieval.py makes them: of the store that answers it, and of the next person's. A quote is right
when it has an answer's words (SQuAD 2), or stands in a turn that is evidence (LoCoMo). Even and
odd questions are shown apart: the weights of spans were fitted on the even ones.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from question_sets import load_set
from replies import Reply, ask_all, changed, read_questions

from tera.answers import doubts as doubting
from tera.answers import scoring
from tera.answers.doubts import doubts
from tera.answers.wanted import wanted
from tera.datatypes import Quote

SETS = ("locomo", "squad2")
RIGHT_F1 = 0.5
"""Short words that overlap this much with an accepted answer count as right."""
LEADS = (-0.6, -0.4, -0.2, 0.0, 0.2, 0.4, 0.8, 9.9)
EMBEDDED = (1, 4, 8, 16, 200)


def share(flags: Sequence[float | bool]) -> str:
    """Return a mean with three digits."""
    return f"{statistics.fmean(map(float, flags)):.3f}" if flags else "-"


def print_quotes(name: str, replies: Sequence[Reply]) -> None:
    """Print how often the first quote and any is right, for numbers of embedded sentences."""
    for embedded in EMBEDDED:
        with changed(scoring, "EMBEDDED", embedded):
            shown = [one.shown(one.again()) for one in replies]
        first = [
            bool(quotes) and one.is_right(quotes[0])
            for one, quotes in zip(replies, shown, strict=True)
        ]
        some = [any(map(one.is_right, quotes)) for one, quotes in zip(replies, shown, strict=True)]
        halves = [
            share([flag for one, flag in zip(replies, flags, strict=True) if one.place % 2 == half])
            for flags in (first, some)
            for half in (0, 1)
        ]
        count = statistics.fmean(len(quotes) for quotes in shown if quotes)
        print(
            f"| {name} | {embedded} | {share(first)} | {share(some)} | {' | '.join(halves)}"
            f" | {count:.1f} |",
            flush=True,
        )


def print_answers(name: str, replies: Sequence[Reply]) -> None:
    """Print exact match and F1 of passage, sentence and short words; a refusal has none."""
    kinds: dict[str, Callable[[Reply], str]] = {
        "best passage": lambda one: one.results[0].text if one.results else "",
        "best sentence": lambda one: one.quotes.best.text if one.quotes.ranked else "",
        "short words, else sentence": lambda one: (
            one.quotes.short or (one.quotes.best.text if one.quotes.ranked else "")
        ),
        "the same, refusals counted": lambda one: (
            "" if one.is_refused else one.quotes.short or one.quotes.best.text
        ),
    }
    for kind, text in kinds.items():
        exact = share([one.asked.exact(text(one)) for one in replies])
        print(
            f"| {name} | {kind} | {exact} | {share([one.asked.f1(text(one)) for one in replies])} |"
        )


def print_short(name: str, replies: Sequence[Reply]) -> None:
    """Print for each kind of question how often short words are shown, and how good they are."""
    by_kind: dict[str, list[Reply]] = defaultdict(list)
    for one in replies:
        by_kind[wanted(one.asked.text).kind].append(one)
        by_kind["all"].append(one)
    for kind in sorted(by_kind):
        shown = [one for one in by_kind[kind] if one.quotes.short]
        f1 = [one.asked.f1(one.quotes.short) for one in shown]
        exact = share([one.asked.exact(one.quotes.short) for one in shown])
        right = share([value >= RIGHT_F1 for value in f1])
        counts = f"{len(by_kind[kind])} | {len(shown)}"
        print(f"| {name} | {kind} | {counts} | {right} | {share(f1)} | {exact} |")


def print_refusals(name: str, own: Sequence[Reply], foreign: Sequence[Reply]) -> None:
    """Print what the gate refuses, and what the doubts about sentences refuse besides."""
    groups = {
        "answerable": [one for one in own if one.asked.is_answerable],
        "near miss": [one for one in own if not one.asked.is_answerable],
        "another's store": list(foreign),
    }
    for group, replies in groups.items():
        if not replies:
            continue
        gate = [not one.results for one in replies]
        now = [one.is_refused for one in replies]
        halves = [
            share([flag for one, flag in zip(replies, now, strict=True) if one.place % 2 == half])
            for half in (0, 1)
        ]
        reasons = Counter(
            doubt
            for one in replies
            if one.quotes.ranked
            for doubt in doubts(wanted(one.asked.text), plainly_ranked(one))
        )
        told = ", ".join(f"{doubt} {n / len(replies):.3f}" for doubt, n in reasons.most_common())
        print(
            f"| {name} | {group} | {len(replies)} | {share(gate)} | {share(now)}"
            f" | {' | '.join(halves)} | {told} |"
        )


def print_curve(name: str, own: Sequence[Reply]) -> None:
    """Print what other leads of another person's message would refuse behind the gate."""
    for lead in LEADS:
        with changed(doubting, "OTHERS_LEAD", lead):
            flags = [
                (
                    one,
                    bool(one.results) and bool(doubts(wanted(one.asked.text), plainly_ranked(one))),
                )
                for one in own
            ]
        cells = [
            share(
                [
                    flag
                    for one, flag in flags
                    if one.asked.is_answerable is answerable and one.place % 2 == half
                ]
            )
            for answerable in (True, False)
            for half in (0, 1)
        ]
        print(f"| {name} | {lead} | {' | '.join(cells)} |")


def plainly_ranked(one: Reply) -> list[tuple[Quote, float]]:
    """Return the sentences of a reply by their scores alone."""
    return sorted(one.quotes.ranked, key=lambda pair: -pair[1])


def write_predictions(file: Path, replies: Sequence[Reply]) -> None:
    """Write the answers, a JSON object a line: id, answer, abstained, citations (item ids)."""
    with file.open("w", encoding="utf-8") as out:
        for one in replies:
            quoted = [] if one.is_refused else one.shown()
            row = {
                "id": one.asked.id,
                "answer": "" if one.is_refused else one.quotes.short or one.quotes.best.text,
                "abstained": one.is_refused,
                "citations": list(
                    dict.fromkeys(item for quote in quoted for item in items_of(one, quote))
                ),
            }
            out.write(json.dumps(row) + "\n")


def items_of(one: Reply, quote: Quote) -> list[str]:
    """Return the items that a quote stands in."""
    spans = one.items.get(quote.result.memory.id, ())
    return [item for start, end, item in spans if start < quote.end and quote.start < end]


def main() -> None:
    """Read the options and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--set", nargs="*", choices=SETS, default=SETS)
    parser.add_argument("--embedder", default="all-minilm-l6-v2")
    parser.add_argument("--limit", type=int, help="questions of each set, taken evenly")
    parser.add_argument("--keep", type=Path, help="folder of retrieval.py's stores")
    parser.add_argument("--predictions", type=Path, help="folder for a file SET.jsonl of answers")
    options = parser.parse_args()
    heard = {}
    with ExitStack() as stack:
        folder = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for name in options.set:
            questions = read_questions(options.data / name, options.limit)
            scopes = load_set(options.data / name)
            heard[name] = ask_all(name, questions, scopes, folder, options.embedder)
            times = [one.ms for one in heard[name][0] if one.results]
            slow = statistics.quantiles(times, n=20)[-1]
            print(f"{name}: quotes in {statistics.median(times):.0f} ms, 95 % in {slow:.0f} ms")
    if options.predictions:
        options.predictions.mkdir(exist_ok=True)
        for name, (own, _) in heard.items():
            write_predictions(options.predictions / f"{name}.jsonl", own)
    answerable = {
        name: [one for one in own if one.asked.is_answerable] for name, (own, _) in heard.items()
    }
    print("\n| set | embedded | first right | any | first even | odd | any even | odd | quotes |")
    print("|" + "---|" * 9)
    for name in heard:
        print_quotes(name, answerable[name])
    print("\n| set | answer | exact | F1 |\n|---|---|---|---|")
    for name in heard:
        print_answers(name, answerable[name])
    print("\n| set | asks for | questions | short words | right | F1 | exact |\n|" + "---|" * 7)
    for name in heard:
        print_short(name, answerable[name])
    print(
        "\n| set | questions | count | gate refuses | all refuse | even | odd | for |\n|"
        + "---|" * 8
    )
    for name, (own, foreign) in heard.items():
        print_refusals(name, own, foreign)
    print("\n| set | lead | answerable even | odd | near miss even | odd |\n|" + "---|" * 6)
    for name, (own, _) in heard.items():
        print_curve(name, own)


if __name__ == "__main__":
    main()
