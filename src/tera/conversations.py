"""Conversations that are kept: one file of JSON lines each, written turn by turn."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tera.errors import StoreError

FORMAT = 1
SUFFIX = ".jsonl"


@dataclass(frozen=True, slots=True)
class KeptSource:
    """What an answer rests on: its number there, its memory, the memory's date and name."""

    number: int
    memory_id: str
    at: datetime
    name: str


@dataclass(frozen=True, slots=True)
class KeptTurn:
    """A question and what was answered.

    Attributes:
        at: When it was asked.
        question: As typed.
        answer: As it was shown; empty when nothing was known.
        looked_for: The question as it was looked for, where that is something else.
        is_stopped: Whether the person stopped the answer; then this is what there was of it.
        sources: What it rests on.
    """

    at: datetime
    question: str
    answer: str
    looked_for: str = ""
    is_stopped: bool = False
    sources: tuple[KeptSource, ...] = ()


@dataclass(frozen=True, slots=True)
class Conversation:
    """What was said, in its order; its id tells when it began."""

    id: str
    turns: tuple[KeptTurn, ...] = ()

    @property
    def begun(self) -> datetime:
        """When its first question was asked."""
        return self.turns[0].at

    @property
    def last(self) -> datetime:
        """When its last question was asked."""
        return self.turns[-1].at


class Conversations:
    """The folder of conversations."""

    def __init__(self, folder: Path) -> None:
        """Prepare; the folder is made with the first turn."""
        self._folder = folder

    def all(self) -> list[Conversation]:
        """Return those that have turns, the one that was last gone on with first.

        What cannot be read, or is of a newer version, is left out.
        """
        found = []
        for file in self._files():
            with suppress(StoreError):
                conversation = self._read(file)
                if conversation.turns:
                    found.append(conversation)
        return sorted(found, key=lambda one: (one.last, one.id), reverse=True)

    def find(self, prefix: str) -> Conversation:
        """Return the conversation with an id, or a unique beginning of one.

        Raises:
            StoreError: None has it, or several, or its file cannot be read.
        """
        fitting = [file for file in self._files() if file.stem.startswith(prefix)]
        exact = [file for file in fitting if file.stem == prefix]
        if not fitting:
            raise StoreError(f"there is no conversation {prefix!r}", hint="tera chat --list")
        if len(fitting) > 1 and not exact:
            raise StoreError(
                f"{len(fitting)} conversations begin with {prefix!r}", hint="tera chat --list"
            )
        return self._read((exact or fitting)[0])

    def append(self, conversation: Conversation, turn: KeptTurn) -> Conversation:
        """Write a turn at the end of a conversation; it is on the disk when this returns.

        Args:
            conversation: One without an id gets one.
            turn: What was said.

        Returns:
            The conversation with it.

        Raises:
            OSError: It cannot be written.
        """
        is_new = not conversation.id
        if is_new:
            conversation = replace(conversation, id=self._begin(turn.at))
        line = json.dumps(asdict(turn), ensure_ascii=False, default=datetime.isoformat)
        file = self._file(conversation.id)
        try:
            _append(file, line.encode("utf-8", "backslashreplace") + b"\n")
        except OSError:
            if is_new:
                with suppress(OSError):
                    file.unlink()
            raise
        return replace(conversation, turns=(*conversation.turns, turn))

    def delete(self, conversation_ids: Sequence[str]) -> None:
        """Delete conversations for good.

        Raises:
            StoreError: One cannot be deleted.
        """
        for conversation_id in conversation_ids:
            try:
                self._file(conversation_id).unlink(missing_ok=True)
            except OSError as error:
                raise StoreError(
                    f"cannot delete {self._file(conversation_id)}: {error.strerror}",
                    hint="check the permissions of the folder",
                ) from error

    def ids(self) -> list[str]:
        """Return the ids of all, also of those that cannot be read."""
        return [file.stem for file in self._files()]

    def citing(self, memory_ids: Sequence[str]) -> list[Conversation]:
        """Return the conversations whose answers rest on one of these memories."""
        wanted = set(memory_ids)
        return [
            conversation
            for conversation in self.all()
            if any(
                source.memory_id in wanted for turn in conversation.turns for source in turn.sources
            )
        ]

    def questions(self, most: int) -> list[str]:
        """Return the last questions of all conversations, oldest first."""
        turns = [turn for conversation in self.all() for turn in conversation.turns]
        return [turn.question for turn in sorted(turns, key=lambda turn: turn.at)][-most:]

    def _files(self) -> list[Path]:
        try:
            return sorted(self._folder.glob(f"*{SUFFIX}"))
        except OSError:
            return []

    def _file(self, conversation_id: str) -> Path:
        return self._folder / f"{conversation_id}{SUFFIX}"

    def _begin(self, at: datetime) -> str:
        """Make the file of a conversation; return its id."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        stem = f"{at.astimezone():%Y%m%d-%H%M%S}"
        number = 1
        while True:
            conversation_id = stem if number == 1 else f"{stem}-{number}"
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            try:
                descriptor = os.open(self._file(conversation_id), flags, 0o600)
            except FileExistsError:
                number += 1
                continue
            os.close(descriptor)
            head = json.dumps({"format": FORMAT, "id": conversation_id}).encode() + b"\n"
            try:
                _append(self._file(conversation_id), head)
            except OSError:
                with suppress(OSError):
                    self._file(conversation_id).unlink()
                raise
            return conversation_id

    def _read(self, file: Path) -> Conversation:
        try:
            lines = file.read_bytes().split(b"\n")
        except OSError as error:
            raise StoreError(
                f"cannot read {file}: {error.strerror}", hint="check the permissions of the file"
            ) from error
        head = _record(lines[0]) if lines else {}
        version = head.get("format", 0)
        if isinstance(version, int) and version > FORMAT:
            raise StoreError(
                f"the conversation {file.stem} was kept by a newer version of Tera",
                hint="pip install --upgrade tera",
            )
        return Conversation(file.stem, tuple(_turns(lines)))


def _append(file: Path, data: bytes) -> None:
    """Write at the end of a file, all of it or nothing; it is on the disk when this returns."""
    with file.open("r+b", buffering=0) as handle:
        end = handle.seek(0, os.SEEK_END)
        handle.seek(max(0, end - 1))
        # What was torn stays a line of its own, which nobody can read.
        data = data if handle.read(1) in (b"\n", b"") else b"\n" + data
        try:
            written = handle.write(data)
            if written < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(handle.fileno())
        except OSError:
            with suppress(OSError):
                handle.truncate(end)
            raise


def _turns(lines: Sequence[bytes]) -> Iterator[KeptTurn]:
    """Yield the turns of a file; the last may be torn, and others damaged."""
    for line in lines:
        with suppress(KeyError, TypeError, ValueError, AttributeError):
            yield _turn(_record(line))


def _record(line: bytes) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}


def _turn(record: Mapping[str, Any]) -> KeptTurn:
    sources = tuple(
        KeptSource(
            int(source["number"]),
            str(source["memory_id"]),
            _moment(source["at"]),
            str(source["name"]),
        )
        for source in record.get("sources", ())
    )
    return KeptTurn(
        _moment(record["at"]),
        str(record["question"]),
        str(record["answer"]),
        str(record.get("looked_for", "")),
        bool(record.get("is_stopped", False)),
        sources,
    )


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
