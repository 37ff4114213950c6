"""Endpoints to ask: one that does what a test tells it, and llama-cpp-python's own server."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from typing import Any

Reply = Callable[["Handler"], None]


@dataclass(frozen=True)
class Sent:
    """A request as the endpoint got it."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: dict[str, Any] | None


class Handler(BaseHTTPRequestHandler):
    """Does what the script says."""

    protocol_version = "HTTP/1.1"
    server: Server | UnixServer

    def do_GET(self) -> None:
        self._note(None)
        self.server.scripted.models(self)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self._note(json.loads(body))
        self.server.scripted.was_asked.set()
        replies = self.server.scripted.replies
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        try:
            reply(self)
        except OSError:
            # The other end is gone.
            self.server.scripted.was_left.set()

    def log_message(self, *_: Any) -> None:
        pass

    def _note(self, body: dict[str, Any] | None) -> None:
        sent = Sent(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
        self.server.scripted.sent.append(sent)

    def head(self, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True

    def event(self, data: object) -> None:
        text = data if isinstance(data, str) else json.dumps(data)
        self.wfile.write(f"data: {text}\n\n".encode())
        self.wfile.flush()


class Server(ThreadingHTTPServer):
    daemon_threads = True
    scripted: Scripted

    def handle_error(self, *_: Any) -> None:
        """Say nothing of a client that breaks off."""


class UnixServer(ThreadingUnixStreamServer):
    daemon_threads = True
    scripted: Scripted


@dataclass
class Scripted:
    """An endpoint whose replies a test chooses; the last of them is given again and again."""

    port: int
    replies: list[Reply] = field(default_factory=list)
    models: Reply = field(default_factory=lambda: told({"data": []}))
    sent: list[Sent] = field(default_factory=list)
    was_asked: threading.Event = field(default_factory=threading.Event)
    was_left: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def asked(self) -> list[dict[str, Any]]:
        """The bodies of the requests for answers."""
        return [sent.body for sent in self.sent if sent.body is not None]


@contextmanager
def scripted_endpoint(
    tls: ssl.SSLContext | None = None, socket_file: Path | None = None
) -> Iterator[Scripted]:
    """Run an endpoint that answers "Port 5433 [1]." until a test says otherwise."""
    server: Server | UnixServer
    port = 0
    if socket_file:
        server = UnixServer(str(socket_file), Handler)
    else:
        server = Server(("127.0.0.1", 0), Handler)
        port = server.server_address[1]
    if tls:
        server.socket = tls.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    server.scripted = Scripted(port, [streamed("Port", " 5433", " [1]", ".")])
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server.scripted
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def delta(text: str, finish: str | None = None, **more: object) -> dict[str, object]:
    """Return an event with a piece of an answer."""
    return {"choices": [{"index": 0, "delta": {"content": text, **more}, "finish_reason": finish}]}


def streamed(*events: str | dict[str, Any], ends: bool = True) -> Reply:
    """Return a reply that streams pieces, or events as they are."""

    def reply(handler: Handler) -> None:
        handler.head(content_type="text/event-stream; charset=utf-8")
        for event in events:
            handler.event(delta(event) if isinstance(event, str) else event)
        if ends:
            handler.event(delta("", "stop"))
            handler.event("[DONE]")

    return reply


def cut_off(*pieces: str) -> Reply:
    """Return a reply whose connection breaks after some pieces, in the middle of an event."""

    def reply(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        for piece in pieces:
            handler.event(delta(piece))
        handler.wfile.write(b'data: {"choi')
        handler.close_connection = True

    return reply


def endless(*pieces: str) -> Reply:
    """Return a reply that says some pieces and then only that it is still there."""

    def reply(handler: Handler) -> None:
        handler.head(content_type="text/event-stream")
        for piece in pieces:
            handler.event(delta(piece))
        while True:
            handler.wfile.write(b": still there\n\n")
            handler.wfile.flush()
            time.sleep(0.02)

    return reply


def told(value: object, status: int = 200, **headers: str) -> Reply:
    """Return a reply in JSON."""

    def reply(handler: Handler) -> None:
        data = json.dumps(value).encode()
        handler.head(
            status, content_type="application/json", content_length=str(len(data)), **headers
        )
        handler.wfile.write(data)

    return reply


def page(text: str, status: int = 200) -> Reply:
    """Return a reply with a web page."""

    def reply(handler: Handler) -> None:
        handler.head(status, content_type="text/html; charset=utf-8")
        handler.wfile.write(f"<html><body>{text}</body></html>".encode())

    return reply


@dataclass(frozen=True)
class LlamaServer:
    """llama-cpp-python's own server."""

    url: str
    model: str
    key: str


@contextmanager
def llama_server(gguf: Path, key: str = "sesame") -> Iterator[LlamaServer]:
    """Run llama-cpp-python's own server on a model, on a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environ = {name: os.environ[name] for name in os.environ if not name.startswith("TERA_")}
    options = {
        "--model": str(gguf),
        "--model_alias": "tiny",
        "--host": "127.0.0.1",
        "--port": str(port),
        "--n_ctx": "2048",
        "--chat_format": "chatml",
        "--api_key": key,
    }
    arguments = [part for option in options.items() for part in option]
    log = gguf.with_name("server.log")
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "llama_cpp.server", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            env=environ,
        )
    try:
        _wait_for(port, process, log)
        yield LlamaServer(f"http://127.0.0.1:{port}/v1", "tiny", key)
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/models"):
                return
        except urllib.error.HTTPError as error:
            # It wants the key, so it is there.
            error.close()
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(log.read_text())
