"""What a reader of rich text keeps in mind: the text that it is in, and what its group says."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Flow:
    """A text of its own: the body, a note, a header."""

    text: list[str] = field(default_factory=list)
    paragraphs: list[str] = field(default_factory=list)
    label: str = ""
    has_page: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """What holds until the group ends."""

    name: str = ""
    is_hidden: bool = False
    is_deleted: bool = False
    font: int = -1
    skipped_after_unicode: int = 1
