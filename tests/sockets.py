"""Code for a process that may not open every socket, and what it is to do."""

ONLY_UNIX = """
import os, socket, sys

def refuse(event, arguments):
    is_socket = event == "socket.__new__" and arguments[1] != socket.AF_UNIX
    if is_socket or event == "socket.getaddrinfo":
        raise RuntimeError(f"{event} {arguments}")

sys.addaudithook(refuse)
os.environ["HF_HUB_OFFLINE"] = "0"
"""
ONLY_ENDPOINT = """
import os, socket, sys

def refuse(event, arguments):
    is_elsewhere = event == "socket.connect" and arguments[1] != ("127.0.0.1", {port})
    if is_elsewhere and arguments[0].family != socket.AF_UNIX:
        raise RuntimeError(f"{{event}} {{arguments}}")
    if event == "socket.getaddrinfo" and arguments[:2] != ("127.0.0.1", {port}):
        raise RuntimeError(f"{{event}} {{arguments}}")

sys.addaudithook(refuse)
os.environ["HF_HUB_OFFLINE"] = "0"
"""
LOCAL_QUESTION = """
from tera.cli.session import open_engine
from tera.datatypes import Inquiry
question = "Which port does the staging database use?"
print(open_engine().ask(Inquiry(question, is_local=True)).text)
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
