"""`python -m tera.agent FD`: leaves the terminal and becomes the background agent."""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    # The first process ends at once, so that nobody has to wait for the agent as for a child.
    if os.fork():
        os._exit(0)
    from tera.agent.server import run

    run(int(sys.argv[1]))
    # A thread may still be loading a model.
    os._exit(0)
