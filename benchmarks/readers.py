"""Do readers find what stands in documents, and do broken, unchanged and large ones cost little?"""

from __future__ import annotations

import argparse
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from damage import mutants
from samples import Heard, check_own, check_public, own_samples, public_samples, read

from tera.config import Config
from tera.engine import Engine
from tera.errors import UnreadableFileError
from tera.paths import Paths
from tera.readers.types import TYPES

MUTATIONS = 2000
MUTATIONS_RECOGNIZED = 200
"""Recognizing text in pictures and speech takes up to seconds."""
RECOGNIZED = frozenset({"pdf", "image", "audio", "video"})
SLOW_S = 10.0
MOST_S = 120
"""For a document that is read in this process; Tera itself gives up those of others."""
DEATHS = (": its reader ", "its reader came to no end", " MB of memory")
NOTES = 500
LOG_BYTES = 2 * 2**30
PAGES = 10_000


def read_mutants(
    type_name: str, count: int, seed: int, keep: Path | None
) -> tuple[Counter[str], float, int]:
    """Read broken files of a type, and copy to a folder those that do harm.

    Returns:
        How many were tried, gave text, and died; the seconds of the slowest; the peak memory in MB
        of the process that read.
    """
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    outcome = Counter(tried=count, text=0, died=0)
    slowest = 0.0
    with tempfile.TemporaryDirectory() as folder:
        files = list(mutants(type_name, count, seed, Path(folder)))
        while files:
            heard = Heard(limit_s=MOST_S)
            with_text = set()
            passwords = {path.name: password for path, password in files if password}
            try:
                for _ in read([path for path, _ in files], heard, passwords=passwords):
                    with_text.add(len(heard.seconds))
            except (Exception, KeyboardInterrupt):
                # A bug of a reader in this process, or it hung; the files after it are read too.
                place = files[len(heard.seconds)][0].name
                text = f"{place}: its reader failed {traceback.format_exc()}"
                heard.fails(UnreadableFileError(text))
                heard.ends()
            died = [error for error in heard.failures if any(d in str(error) for d in DEATHS)]
            outcome += Counter(text=len(with_text), died=len(died))
            for (path, _), took in zip(files, heard.seconds, strict=False):
                slowest = max(slowest, took)
                why = [str(error) for error in died if path.name in str(error)]
                if keep and (why or took > SLOW_S):
                    shutil.copy(path, keep / f"{path.parent.name} {path.name}")
                    print(f"{path.parent.name} {path.name}", f"{took:.1f} s", *why, file=sys.stderr)
            files = files[len(heard.seconds) :]
    who = resource.RUSAGE_CHILDREN if TYPES[type_name].is_isolated else resource.RUSAGE_SELF
    return outcome, slowest, resource.getrusage(who).ru_maxrss // 1024


def read_again(embedder: str) -> list[str]:
    """Return a row for the first and for the second reading of a folder of notes."""
    rows, first = [], 0.0
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as home:
        for number in range(NOTES):
            text = f"# Note {number}\n\nOn day {number} the pump of cellar {number * 7} ran dry.\n"
            (Path(folder) / f"note-{number}.md").write_text(text * (1 + number % 5))
        engine = Engine(Config(), Paths(Path(home)), stays_open=True)
        # Loading the model is not what is measured.
        engine.load_embedder(embedder)
        for reading in ("first", "second"):
            heard = Heard()
            began = time.perf_counter()
            told = list(engine.remember(read([Path(folder)], heard, None, engine.read_before)))
            waiting = engine.facts()["waiting_for_vectors"]
            engine.workspace.embed(embedder, lambda *_: None)
            took = time.perf_counter() - began
            first = first or took
            counts = f"{len(heard.seconds)} | {heard.unchanged} | {len(told)} | {waiting}"
            rows.append(f"| {reading} | {counts} | {took:.2f} | {took / first:.3f} |")
        engine.close()
    return rows


def write_log(path: Path) -> None:
    """Write a log of 2 GB."""
    times = (f"10:{number // 60 % 60:02}:{number % 60:02}" for number in range(9999))
    lines = (f"2026-11-21T{time} INFO cellar {n} is dry\n" for n, time in enumerate(times))
    piece = "".join(lines).encode()
    with path.open("wb") as log:
        for _ in range(LOG_BYTES // len(piece) + 1):
            log.write(piece)


def write_pdf(path: Path) -> None:
    """Write a document of 10,000 pages with 40 lines each."""
    kids = " ".join(f"{4 + 2 * page} 0 R" for page in range(PAGES))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Count {PAGES} /Kids [{kids}] >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for page in range(PAGES):
        lines = "".join(f"(Line {n} of page {page + 1} on the harbour) Tj T* " for n in range(40))
        text = f"BT /F1 10 Tf 12 TL 50 780 Td {lines}ET"
        objects += [
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] "
            f"/Resources << /Font << /F1 3 0 R >> >> /Contents {5 + 2 * page} 0 R >>",
            f"<< /Length {len(text)} >>\nstream\n{text}\nendstream",
        ]
    places = []
    with path.open("wb") as pdf:
        pdf.write(b"%PDF-1.4\n")
        for number, body in enumerate(objects, 1):
            places.append(pdf.tell())
            pdf.write(f"{number} 0 obj\n{body}\nendobj\n".encode())
        start, size = pdf.tell(), len(objects) + 1
        rows = "".join(f"{place:010} 00000 n \n" for place in places)
        pdf.write(f"xref\n0 {size}\n0000000000 65535 f \n{rows}".encode())
        pdf.write(f"trailer << /Size {size} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n".encode())


def read_large(name: str, write: Callable[[Path], None], last: str) -> str:
    """Return a row for a large document, which is written for it; its last words are known."""
    memories = characters = 0
    is_whole = False
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        write(path)
        heard = Heard()
        for draft in read([path], heard):
            memories, characters = memories + 1, characters + len(draft.text)
            is_whole = draft.text.rstrip().endswith(last)
        megabytes = path.stat().st_size // 2**20
    own, child = (
        resource.getrusage(who).ru_maxrss // 1024
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    is_read = "yes" if is_whole and not heard.failures else "no"
    row = f"| {name} | {megabytes} | {memories} | {characters // 10**6} | {is_read} |"
    return f"{row} {heard.seconds[0]:.0f} | {own} | {child} |"


def alone(work: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in a new process, whose memory is its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def print_head(*names: str) -> None:
    """Print the head of a table."""
    print(f"\n| {' | '.join(names)} |\n|{'---|' * len(names)}", flush=True)


def print_samples(name: str, got: Counter[str]) -> None:
    """Print what samples gave."""
    keys = ("tried", "read", "refused", "found", "wanted", "wrong")
    words = f"{got['words'] - got['errors']} of {got['words']}" if got["words"] else "-"
    print(f"| {name} | {' | '.join(str(got[key]) for key in keys)} | {words} |", flush=True)


def print_mutants(types: Sequence[str], count: int | None, seed: int, keep: Path | None) -> None:
    """Print what broken files do."""
    print_head("broken files", "tried", "gave text", "refused", "died", "slowest s", "peak MB")
    for name in types:
        usual = MUTATIONS_RECOGNIZED if name in RECOGNIZED else MUTATIONS
        try:
            got, slowest, peak = alone(
                read_mutants, name, usual if count is None else count, seed, keep
            )
        except BrokenProcessPool:
            print(f"| {name} | crashed | | | | | |", flush=True)
            continue
        row = f"{got['tried']} | {got['text']} | {got['tried'] - got['text']} | {got['died']}"
        print(f"| {name} | {row} | {slowest:.1f} | {peak} |", flush=True)


def main() -> None:
    """Print what samples give, what broken files do, what reading again and much text cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder with public samples and manifest.jsonl")
    parser.add_argument("--mutations", type=int, help="of each type; 0 for none")
    parser.add_argument("--types", default=",".join(TYPES))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="folder for broken files that do harm")
    parser.add_argument("--embedder", default="all-minilm-l6-v2")
    parser.add_argument("--large", action="store_true", help="2 GB of log and 10,000 pages too")
    options = parser.parse_args()
    types = options.types.split(",")
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
    columns = ("tried", "read", "refused as wanted", "strings found", "of", "wrong", "words heard")
    print_head("own samples", *columns)
    for name in types:
        if rows := own_samples(name):
            print_samples(name, alone(check_own, rows, name))
    if options.data:
        print_head("public samples", *columns)
        public = public_samples(options.data)
        for kind in dict.fromkeys(row["kind"] for row in public):
            chosen = [row for row in public if row["kind"] == kind]
            print_samples(kind, alone(check_public, chosen, options.data))
    if options.mutations != 0:
        print_mutants(types, options.mutations, options.seed, options.keep)
    print_head("reading", "files", "unchanged", "written", "to embed", "s", "ratio")
    print("\n".join(alone(read_again, options.embedder)), flush=True)
    if options.large:
        print_head(
            *("large", "MB", "memories", "M characters", "whole", "s", "peak MB", "reader's MB")
        )
        print(alone(read_large, "large.log", write_log, "cellar 9998 is dry"), flush=True)
        print(alone(read_large, "large.pdf", write_pdf, "page 10000 on the harbour"), flush=True)


if __name__ == "__main__":
    main()
