"""`tera` and `python -m tera`."""

from __future__ import annotations

import signal
import sys


def main() -> int:
    """Run the command line; Ctrl-C ends it quietly even before it has been imported."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from tera import cli

    signal.signal(signal.SIGINT, signal.default_int_handler)
    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
