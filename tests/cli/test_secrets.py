from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import tera.cli.remember as cli_remember
from tera.cli.output import Output
from tests.conftest import Run

Tera = Callable[..., Run]

SECRET = "my wifi password is correct-horse-7"


def test_where_nobody_can_be_asked_a_secret_is_not_remembered(tera: Tera) -> None:
    done = tera("remember", stdin=SECRET.encode())
    assert (done.code, done.out) == (5, "")
    assert done.err.splitlines() == [
        "error: the text, line 1: this looks like a secret (password)",
        "hint: --redact blacks it out, --yes keeps it: tera remember -h",
    ]
    assert "correct-horse" not in done.err
    assert tera("list").code == 1


def test_yes_keeps_it_and_redact_blacks_it_out(tera: Tera) -> None:
    assert tera("remember", SECRET, "--redact").code == 0
    assert "my wifi password is [redacted password]" in tera("list").out
    assert tera("remember", SECRET, "--yes").code == 0
    assert SECRET in tera("list").out
    assert tera("remember", SECRET, "--yes", "--redact").code == 2


def test_redacted_text_is_nowhere_in_the_home(tera: Tera, home: Path) -> None:
    tera("remember", SECRET, "--redact")
    for file in home.rglob("*"):
        assert not file.is_file() or b"correct-horse" not in file.read_bytes()


@pytest.mark.parametrize(
    ("reply", "kept"),
    [("k", SECRET), ("r", "my wifi password is [redacted password]"), ("", ""), ("n", "")],
)
def test_a_person_is_asked(
    tera: Tera, monkeypatch: pytest.MonkeyPatch, reply: str, kept: str
) -> None:
    monkeypatch.setattr(cli_remember, "can_ask", lambda: True)
    monkeypatch.setattr(Output, "ask", lambda *_: reply)
    done = tera("remember", SECRET)
    assert done.code == 0
    listed = tera("list")
    assert (listed.out.splitlines()[0].split("  ", 2)[2] if kept else "") == kept
    assert bool(done.out) == bool(kept)


def test_of_several_files_only_the_one_with_a_secret_is_refused(tera: Tera, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("an ordinary note")
    (tmp_path / "b.txt").write_text("PASSWORD=hunter2-and-more")
    done = tera("remember", str(tmp_path))
    assert done.code == 5
    assert len(done.out.splitlines()) == 1
    assert "2 files: 1 new, 1 not read" in done.err
    again = tera("remember", str(tmp_path), "--redact", "--json")
    statuses = sorted(record["status"] for record in json.loads(again.out))
    assert statuses == ["known", "new"]


def test_what_was_exported_comes_back_with_its_secrets(tera: Tera) -> None:
    tera("remember", SECRET, "--yes")
    exported = tera("export").out
    tera("undo")
    assert tera("import", stdin=exported.encode()).code == 0
    assert SECRET in tera("list").out


MAILBOX = """\
From ann@example.org Mon May  6 10:00:00 2024
From: Ann <ann@example.org>
Subject: Router
Message-ID: <1@example.org>

password: hunter2-and-more

From ann@example.org Mon May  6 11:00:00 2024
From: Ann <ann@example.org>
Subject: Lunch
Message-ID: <2@example.org>

Lunch at noon in the canteen?
"""


def test_a_mailbox_counts_as_read_when_no_mail_of_it_is_left_out(
    tera: Tera, tmp_path: Path
) -> None:
    mailbox = tmp_path / "mail.mbox"
    mailbox.write_text(MAILBOX)
    refused = tera("remember", str(mailbox))
    assert refused.code == 5
    assert len(refused.out.splitlines()) == 1
    assert "error: mail.mbox: Router, line " in refused.err
    assert tera("remember", str(mailbox)).code == 5
    assert "1 new" in tera("remember", str(mailbox), "--redact").err
    assert "1 file unchanged" in tera("remember", str(mailbox)).err


@pytest.mark.parametrize("option", ["--yes", "--redact"])
def test_what_was_decided_of_a_secret_is_not_asked_again(
    tera: Tera, tmp_path: Path, option: str
) -> None:
    mailbox = tmp_path / "mail.mbox"
    mailbox.write_text(MAILBOX)
    assert tera("remember", str(mailbox), option).code == 0
    mailbox.write_text(MAILBOX + "\nA second line.\n")
    done = tera("remember", str(mailbox))
    assert done.code == 0
    assert "1 brought up to date, 1 known before" in done.err
