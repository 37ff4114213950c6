"""Code for a process that may open no sockets but Unix ones, and commands for it to run."""

ONLY_UNIX = """
import os, socket, sys

def refuse(event, arguments):
    is_socket = event == "socket.__new__" and arguments[1] != socket.AF_UNIX
    if is_socket or event == "socket.getaddrinfo":
        raise RuntimeError(f"{event} {arguments}")

sys.addaudithook(refuse)
os.environ["HF_HUB_OFFLINE"] = "0"
"""
COMMANDS = """
from tera.cli import main
for arguments in (
    ["remember", "The staging database listens on port 5433"],
    ["remember", "my wifi password is correct-horse-7", "--redact"],
    ["search", "staging database port"],
    ["ask", "Which port does the staging database use?"],
):
    sys.argv = ["tera", *arguments]
    if code := main():
        sys.exit(code)
"""
