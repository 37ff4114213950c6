"""Finds passwords, keys and tokens in a text before it is remembered, and blacks them out.

A memory that cries wolf is switched off, so a finding has to look like a secret and not only to
speak of one; what that means was measured on real chats, notes and articles (docs/decisions.md).
Nothing is ever sent anywhere to be checked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tera.datatypes import Secret
from tera.sensitive.tokens import find_blocks, find_tokens, find_url_passwords
from tera.sensitive.wording import find_named


def find_secrets(text: str) -> list[Secret]:
    """Return what looks like a secret in a text, in its order and not overlapping."""
    spans = sorted(
        [
            *find_blocks(text),
            *find_url_passwords(text),
            *find_tokens(text),
            *find_named(text),
        ],
        key=lambda span: (span[0], -span[1]),
    )
    return _with_lines(text, _joined(spans))


def redact(text: str, findings: Iterable[Secret]) -> str:
    """Return a text with each finding replaced by `[redacted KIND]`, and all else as it was."""
    parts: list[str] = []
    done = 0
    for finding in sorted(findings, key=lambda finding: finding.start):
        parts += [text[done : finding.start], f"[redacted {finding.kind}]"]
        done = finding.end
    return "".join([*parts, text[done:]])


def _joined(spans: Sequence[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Join spans that overlap; the first of them names the kind."""
    joined: list[tuple[int, int, str]] = []
    for start, end, kind in spans:
        if joined and start < joined[-1][1]:
            first, last, name = joined[-1]
            joined[-1] = first, max(last, end), name
        else:
            joined.append((start, end, kind))
    return joined


def _with_lines(text: str, spans: Sequence[tuple[int, int, str]]) -> list[Secret]:
    findings = []
    line, counted = 1, 0
    for start, end, kind in spans:
        line += text.count("\n", counted, start)
        counted = start
        findings.append(Secret(kind, start, end, line))
    return findings
