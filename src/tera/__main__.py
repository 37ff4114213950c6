"""`tera` and `python -m tera`."""

from __future__ import annotations

import os
import signal
import sys
from typing import NoReturn


def main() -> int:
    """Run the command line; Ctrl-C ends it quietly even before it has been imported."""
    # A job in the background of a script ignores it, and goes on doing so.
    hears = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if hears:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from tera import cli

    if hears:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _leave)
    code = cli.main()
    if code in _ENDED:
        # The database may be in the middle of a call, and would abort an interpreter that ends.
        os._exit(code)
    return code


def _leave(number: int, _: object) -> NoReturn:
    """End as if nobody had listened, but take along what lies in temporary folders."""
    sys.exit(128 + number)


_ENDED = frozenset({128 + signal.SIGTERM, 128 + signal.SIGHUP})


if __name__ == "__main__":
    sys.exit(main())
