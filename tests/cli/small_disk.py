"""Run commands on a home whose disk is too small, then on a larger one; print what they did.

    python -m tests.cli.small_disk WAY HOME < COMMANDS

WAY is `mount` (a tmpfs of its own, inside `unshare --mount`), `limit` (no file may grow further) or
`read-only` (a tmpfs that becomes so after the first command). COMMANDS is JSON: two lists, for the
small and the larger disk, of [arguments, standard input].
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys

DISK_BYTES = 200_000
LARGEST_FILE_BYTES = 150_000


def main(way: str, home: str) -> None:
    commands, later = json.load(sys.stdin)
    if way != "limit":
        mount("-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", home)
    done = []
    for arguments, text in commands:
        done.append(tera(arguments, text, LARGEST_FILE_BYTES if way == "limit" else 0))
        if way == "read-only":
            mount("-o", "remount,ro", home)
    if way == "mount":
        mount("-o", "remount,size=100m", home)
    done += [tera(arguments, text, 0) for arguments, text in later]
    print(json.dumps(done))


def mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def tera(arguments: list[str], text: str, limit_bytes: int) -> tuple[int, str, str]:
    def limit() -> None:
        if limit_bytes:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))

    done = subprocess.run(
        [sys.executable, "-m", "tera", *arguments],
        input=text.encode(),
        capture_output=True,
        check=False,
        preexec_fn=limit,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


if __name__ == "__main__":
    main(*sys.argv[1:])
