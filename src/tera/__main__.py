"""`python -m tera`."""

from __future__ import annotations

import sys

from tera.cli import main

if __name__ == "__main__":
    sys.exit(main())
