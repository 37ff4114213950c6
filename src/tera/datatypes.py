"""The records that pass between the parts: frozen, without I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Operation = Literal["remember", "edit", "forget", "lost"]
"""What a journal entry did to a memory; `lost` stands for entries that could not be read again."""


@dataclass(frozen=True, slots=True)
class Memory:
    """One thing remembered, word for word.

    `at` is when it happened (the file's date, or `--at`), `remembered_at` when Tera was told; both
    are aware and in UTC.

    `type` is the kind of document that it was read from: "pdf", "whatsapp"; empty for what was
    typed. A source may hold several memories: `part` tells them apart, and is the number of the
    first page, line or row where a long document was divided. `digest` is the SHA-256 of a file
    that was read to its end; its last memory has it.
    """

    id: str
    text: str
    at: datetime
    remembered_at: datetime
    title: str | None = None
    tags: tuple[str, ...] = ()
    source: str | None = None
    type: str = ""
    part: str = ""
    digest: str = ""

    @property
    def headline(self) -> str:
        """The title on one line, or else the first line that is not empty."""
        if self.title:
            return " ".join(self.title.splitlines())
        return next((line.strip() for line in self.text.splitlines() if line.strip()), "")

    def fields(self) -> dict[str, Any]:
        """Return everything but the id, as JSON can hold it: what the journal has of a memory."""
        return {
            "text": self.text,
            "title": self.title,
            "tags": list(self.tags),
            "source": self.source,
            "at": self.at.isoformat(timespec="milliseconds"),
            "remembered_at": self.remembered_at.isoformat(timespec="milliseconds"),
            "type": self.type,
            "part": self.part,
            "digest": self.digest,
        }


@dataclass(frozen=True, slots=True)
class Draft:
    """What a reader or the command line hands over to be remembered; it has no id yet.

    `is_file` says that `source` is a file: what was remembered of it before is brought up to date.
    The last draft of a file names all its `parts`: memories of other parts of it are forgotten. The
    other fields are those of Memory.
    """

    text: str
    title: str | None = None
    tags: tuple[str, ...] = ()
    source: str | None = None
    at: datetime | None = None
    is_file: bool = False
    type: str = ""
    part: str = ""
    digest: str = ""
    parts: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class ReadBefore:
    """What was read of a file with a certain content: the ids of its memories.

    `source` is the file that they were read from; it may be another with the same content.
    """

    source: str
    ids: tuple[str, ...]


NOTHING_READ = ReadBefore("", ())


@dataclass(frozen=True, slots=True)
class Remembered:
    """What became of a draft or an imported memory: new, there already, or brought up to date.

    Or forgotten: a memory of a part that its file no longer has.
    """

    memory: Memory
    status: Literal["new", "known", "updated", "forgotten"]


@dataclass(frozen=True, slots=True)
class Secret:
    """Characters `start` to `end` of a text look like a secret; `line` counts from 1.

    `kind` says what it is in plain words: "password", "private key", "GitHub token".
    """

    kind: str
    start: int
    end: int
    line: int


@dataclass(frozen=True, slots=True)
class Held:
    """A draft that was not remembered, because its text holds secrets."""

    draft: Draft
    secrets: tuple[Secret, ...]


SecretPolicy = Literal["keep", "hold", "redact"]
"""What becomes of a draft with secrets: kept, not remembered, or remembered without them."""


@dataclass(frozen=True, slots=True)
class Written:
    """A batch that was written, and the number of the change that it is part of; 0 for none."""

    change: int
    outcome: tuple[Remembered, ...]
    held: tuple[Held, ...] = ()


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage of a memory: characters `start` to `end` of its text.

    `ordinal` counts the chunks of one memory from 0; `heading` is the path of headings above it.
    """

    memory_id: str
    ordinal: int
    start: int
    end: int
    heading: str = ""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which memories are looked at. Bounds are inclusive; all given tags must be there.

    `where` is a condition as `tera.where` reads it; empty for none.
    """

    tags: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    source: str | None = None
    where: str = ""

    @property
    def is_empty(self) -> bool:
        """True when every memory passes."""
        return not (self.tags or self.since or self.until or self.source or self.where)


EVERYTHING = Filter()


@dataclass(frozen=True, slots=True)
class SearchResult:
    """A passage found: `memory.text[start:end]`. A higher score is a better match.

    Attributes:
        memory: Where it stands.
        start: Its first character.
        end: The one behind its last.
        score: What it is ranked by; see `retriever`.
        meaning: The cosine of question and passage, on a scale where 0 is that of unrelated texts
            and 1 that of answers.
        words: The share of the question's words that stand in it and around it, 0 to 1.
        time: 1 within a time that the question names, less near it; also less where it tells a
            time and the question asks for one.
    """

    memory: Memory
    start: int
    end: int
    score: float
    meaning: float = 0.0
    words: float = 0.0
    time: float = 0.0

    @property
    def text(self) -> str:
        """The passage, word for word."""
        return self.memory.text[self.start : self.end]


@dataclass(frozen=True, slots=True)
class Citation:
    """The passage that the marker `[number]` of an answer rests on."""

    number: int
    result: SearchResult


@dataclass(frozen=True, slots=True)
class Quote:
    """Words of a passage, as an answer or beside one: `result.memory.text[start:end]`."""

    result: SearchResult
    start: int
    end: int

    @property
    def text(self) -> str:
        """The words, on one line."""
        return " ".join(self.result.memory.text[self.start : self.end].split())


@dataclass(frozen=True, slots=True)
class Turn:
    """A question of a conversation and what was answered."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A question, and how it is to be answered.

    Attributes:
        question: As the person typed it.
        count: Most passages that the answer may rest on.
        chosen: Which memories may be used.
        now: When it counts as asked; the present without it.
        piped: Text for this one question; it is not remembered.
        use_llm: False for quotes only.
        is_local: Whether nothing may leave the machine, whatever the settings say.
        history: What was said before in the conversation, the last turn last.
    """

    question: str
    count: int = 8
    chosen: Filter = EVERYTHING
    now: datetime | None = None
    piped: str = ""
    use_llm: bool = True
    is_local: bool = False
    history: tuple[Turn, ...] = ()


Support = Literal["supported", "replaced", "withheld"]
"""Whether a passage bears a sentence out; if not, it is replaced by a quote, or left out."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of a written answer, and whether what it cites bears it out.

    Attributes:
        text: As the person reads it, citations included; empty when it is withheld.
        citations: The numbers of the passages that it rests on.
        support: What became of it.
        missing: What it says and no cited passage does: numbers, dates, names, paths, quotes.
        written: What the model wrote, where that is something else than `text`.
    """

    text: str
    citations: tuple[int, ...]
    support: Support
    missing: tuple[str, ...] = ()
    written: str = ""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Two memories that say different things of the same."""

    newer: Quote
    older: Quote


AnswerKind = Literal["generated", "extractive", "unknown"]


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer and what it rests on.

    Attributes:
        question: As asked.
        text: The answer, with citations like [1].
        kind: `unknown` means that nothing in memory is close enough.
        citations: The passages that it rests on.
        nearest: For an unknown answer the closest passages, which are no answer.
        quote: The sentence that fits best, which is shown first.
        short: The shortest words of it that answer who, when, where or how many; may be empty.
        claims: The sentences of a generated answer.
        disagreements: Memories about this that do not agree.
        looked_for: The question as it was looked for, where it took up what was said before.
    """

    question: str
    text: str
    kind: AnswerKind
    citations: tuple[Citation, ...] = ()
    nearest: tuple[SearchResult, ...] = ()
    quote: Quote | None = None
    short: str = ""
    claims: tuple[Claim, ...] = ()
    disagreements: tuple[Disagreement, ...] = ()
    looked_for: str = ""


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One line of the journal.

    `change` is the number of the first entry that the same command wrote: what `log` shows as one
    line and `undo` takes back as a whole. `undoes` is the change that this one takes back.
    """

    number: int
    clock: str
    device: str
    change: int
    operation: Operation
    memory_id: str
    fields: Mapping[str, object] = field(default_factory=dict)
    undoes: int | None = None


@dataclass(frozen=True, slots=True)
class VectorChange:
    """A row of the store's vector feed, which the vector index follows.

    `embedding` is the vector of a chunk, as float32 bytes. Without it, all earlier vectors of the
    memory are void.
    """

    sequence: int
    memory_id: str
    ordinal: int
    embedding: bytes | None


@dataclass(frozen=True, slots=True)
class Finding:
    """What the doctor looked at, whether it is well, and if not what to do."""

    part: str
    is_well: bool
    says: str
    remedy: str = ""
    is_optional: bool = False
