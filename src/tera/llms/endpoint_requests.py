"""The two requests to an OpenAI-compatible endpoint: what models it has, and for an answer."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any

import httpx2

from tera.endpoint import Endpoint
from tera.errors import GenerationError, ModelLoadError
from tera.llms.chat_stream import NotAnAnswerError, Piece, WithoutThoughts, read_piece
from tera.llms.endpoint_errors import (
    CONNECT_S,
    KEEP_HERE,
    SILENCE_S,
    connection_error,
    no_answer,
    not_an_endpoint,
    response_error,
    server_words,
)

MOST_TRIES = 4
"""Requests in all where an endpoint is busy."""
MOST_WAIT_S = 30.0
"""The longest that an endpoint may make a person wait for the next try."""
FIRST_WAIT_S = 1.0
BUSY = (429, 503, 529)
CERTIFICATE_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
ERROR_BYTES = 65536
"""Most bytes that are read of an error."""
ANSWER_BYTES = 1 << 22
"""Most bytes of an answer that does not come as a stream."""
THINKING_TOKENS = 4096
"""Room for the thoughts of a model that thinks before it answers; they count as its answer."""
TOKEN_CHARACTERS = 40
"""A token has fewer; an endpoint that sends more does not keep to what it was asked for."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something that the person should know."""

    text: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is going on while nothing comes."""

    task: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The answer is over; `only_thoughts` when the model came to none."""

    only_thoughts: bool


Event = str | Note | Waiting | Ended


class Dialect:
    """How an endpoint wants to be asked, as far as it has said so."""

    def __init__(self) -> None:
        """Begin as most are."""
        self._length = "max_tokens"
        self._takes_temperature = True
        self.thinks = False

    def body(self, model: str, messages: Sequence[object], max_tokens: int) -> dict[str, object]:
        """Return a request for a streamed answer."""
        room = max_tokens + (THINKING_TOKENS if self.thinks else 0)
        body = {"model": model, "messages": messages, self._length: room, "stream": True}
        return body | {"temperature": 0} if self._takes_temperature else body

    def learn(self, status: int, said: str) -> bool:
        """Return whether a refusal says how to ask instead."""
        if status not in (400, 422):
            return False
        if "max_completion_tokens" in said and self._length == "max_tokens":
            # Only models that think insist on it.
            self._length, self.thinks = "max_completion_tokens", True
            return True
        if "temperature" in said and self._takes_temperature:
            self._takes_temperature = False
            return True
        return False


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of an endpoint.

    Attributes:
        endpoint: Where it is.
        model: Its name there.
        key: Empty for none.
        messages: In the endpoint's form.
        max_tokens: Most tokens of the answer.
        models: The names that the endpoint told, for an error.
    """

    endpoint: Endpoint
    model: str
    key: str
    messages: Sequence[Mapping[str, str]] = ()
    max_tokens: int = 0
    models: Sequence[str] = ()

    def __repr__(self) -> str:
        """Return it without key and messages."""
        return f"Request({self.endpoint.name}, {self.model})"


async def ask_for_models(
    request: Request, tell: Callable[[dict[str, dict[str, Any]]], None]
) -> None:
    """Tell what an endpoint says of its models, by name; nothing where it does not say.

    Raises:
        ModelLoadError: It cannot be reached, or not with this key.
    """
    try:
        async with (
            _client(request, silence_s=CONNECT_S) as client,
            client.stream("GET", f"{request.endpoint.url}/models") as response,
        ):
            body = await _beginning(response, ANSWER_BYTES)
    except httpx2.ReadTimeout:
        # Some endpoints cannot do this.
        return
    except httpx2.HTTPError as error:
        raise connection_error(request.endpoint, error, ModelLoadError) from error
    if response.status_code == 401:
        refused = _refused(request, response, body)
        raise ModelLoadError(refused.message, hint=refused.hint)
    if response.is_success:
        tell(_models(body))


async def ask_for_answer(request: Request, dialect: Dialect, tell: Callable[[Event], None]) -> None:
    """Tell an answer as it is written, and what a person should know meanwhile.

    Raises:
        GenerationError: There is no answer.
    """
    endpoint = request.endpoint
    tries = 0
    try:
        async with _client(request, silence_s=SILENCE_S) as client:
            while True:
                body = dialect.body(request.model, request.messages, request.max_tokens)
                url = f"{endpoint.url}/chat/completions"
                async with client.stream("POST", url, json=body) as response:
                    if response.status_code == 200:
                        await _Answer(request, tell).read(response)
                        return
                    said = await _beginning(response, ERROR_BYTES)
                if dialect.learn(response.status_code, said):
                    continue
                tries += 1
                wait_s = _wait_s(response, said, tries)
                if wait_s is None:
                    raise _refused(request, response, said)
                why = "is busy" if response.status_code == 429 else "is not ready"
                tell(Waiting(f"{endpoint.name} {why}; trying again in {wait_s:.0f} s"))
                await asyncio.sleep(wait_s)
    except httpx2.HTTPError as error:
        raise connection_error(endpoint, error) from error


class _Answer:
    """An answer while it comes."""

    def __init__(self, request: Request, tell: Callable[[Event], None]) -> None:
        self._request = request
        self._endpoint = request.endpoint
        self._tell = tell
        self._filter = WithoutThoughts()
        self._characters = 0
        self._finish = ""
        self._has_thought = False

    async def read(self, response: httpx2.Response) -> None:
        """Tell what comes; what has come stays when the rest does not."""
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in ("text/event-stream", "application/json"):
            raise not_an_endpoint(self._endpoint, kind)
        is_whole = False
        try:
            is_whole = await (self._stream if "stream" in kind else self._whole)(response)
            self._say(self._filter.rest())
        except (httpx2.HTTPError, NotAnAnswerError) as error:
            if not self._characters:
                if isinstance(error, NotAnAnswerError):
                    said = server_words(json.dumps(str(error)), self._request.key)
                    raise no_answer(self._endpoint, said) from error
                raise
        if self._characters and self._finish == "content_filter":
            self._tell(Note(f"{self._endpoint.name} held back the rest of the answer", KEEP_HERE))
        elif self._characters and not (is_whole or self._finish):
            self._tell(Note(f"{self._endpoint.name} broke off: the answer is not whole"))
        elif not self._characters and self._finish == "content_filter":
            raise no_answer(self._endpoint, "its filter held it back")
        elif not (self._characters or self._finish or self._has_thought):
            raise no_answer(self._endpoint)
        # Some do not show that they think; they say only that there was no more room.
        has_thought = self._has_thought or self._finish == "length"
        self._tell(Ended(only_thoughts=has_thought and not self._characters))

    async def _stream(self, response: httpx2.Response) -> bool:
        """Take the events of a stream; return whether its end was among them."""
        async for event in httpx2.EventSource(response):
            if event.data.strip() == "[DONE]":
                return True
            if event.data.strip():
                self._take(read_piece(event.data))
            if self._characters > TOKEN_CHARACTERS * self._request.max_tokens:
                return False
        return False

    async def _whole(self, response: httpx2.Response) -> bool:
        """Take an answer that comes at once, where the endpoint cannot stream."""
        self._take(read_piece(await _beginning(response, ANSWER_BYTES)))
        return True

    def _take(self, piece: Piece) -> None:
        self._finish = piece.finish or self._finish
        self._say(self._filter.take(piece.text))
        if (piece.is_thought or self._filter.is_thinking) and not self._has_thought:
            self._has_thought = True
            self._tell(Waiting(f"{self._request.model} is thinking"))

    def _say(self, text: str) -> None:
        if text:
            self._characters += len(text)
            self._tell(text)


@asynccontextmanager
async def _client(request: Request, silence_s: float) -> AsyncIterator[httpx2.AsyncClient]:
    """Have a client that goes to the endpoint and nowhere else, but through the person's proxy."""
    endpoint = request.endpoint
    headers = {"User-Agent": "tera", "Accept": "text/event-stream, application/json"}
    if request.key:
        headers["Authorization"] = f"Bearer {request.key}"
    try:
        certificates = _certificates(*map(os.environ.get, CERTIFICATE_VARIABLES))
        own = None
        if endpoint.is_local:
            # A proxy would take what is for this machine to another one.
            own = httpx2.AsyncHTTPTransport(verify=certificates, uds=endpoint.socket or None)
        client = httpx2.AsyncClient(
            headers=headers,
            timeout=httpx2.Timeout(silence_s, connect=CONNECT_S),
            follow_redirects=False,
            verify=certificates,
            transport=own,
        )
    except (ImportError, ValueError, OSError, httpx2.InvalidURL) as error:
        # A SOCKS proxy without its library, a proxy that is no URL, SSL_CERT_FILE without a file.
        raise ModelLoadError(
            f"{endpoint.name} cannot be asked: {str(error).splitlines()[0]}",
            hint="see HTTPS_PROXY, ALL_PROXY and SSL_CERT_FILE in the environment",
        ) from error
    async with client:
        if client.build_request("GET", endpoint.url).url.host != endpoint.host:
            raise GenerationError(f"{endpoint.name} is not understood as a host", hint=KEEP_HERE)
        yield client


@cache
def _certificates(file: str | None, folder: str | None) -> ssl.SSLContext:
    """Return whom to trust; reading them takes a tenth of a second.

    Args:
        file: What SSL_CERT_FILE says, from where they are read.
        folder: What SSL_CERT_DIR says, likewise.
    """
    return httpx2.create_ssl_context()


async def _beginning(response: httpx2.Response, most: int) -> str:
    data = bytearray()
    async for block in response.aiter_bytes():
        data += block
        if len(data) >= most:
            break
    return data[:most].decode("utf-8", "replace")


def _refused(request: Request, response: httpx2.Response, body: str) -> GenerationError:
    location = response.headers.get("location", "")
    return response_error(
        request.endpoint,
        request.model,
        response.status_code,
        location,
        body,
        request.key,
        request.models,
    )


def _wait_s(response: httpx2.Response, said: str, tries: int) -> float | None:
    """Return after how long to try again; None for not at all."""
    if response.status_code not in BUSY or tries >= MOST_TRIES or "insufficient_quota" in said:
        return None
    asked_for = response.headers.get("retry-after", "").strip()
    wait_s: float = FIRST_WAIT_S * 2 ** (tries - 1)
    if asked_for.isascii() and asked_for.replace(".", "", 1).isdigit():
        wait_s = float(asked_for)
    elif asked_for:
        try:
            moment = parsedate_to_datetime(asked_for)
        except ValueError:
            return wait_s
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        wait_s = max(0.0, (moment - datetime.now(UTC)).total_seconds())
    return wait_s if wait_s <= MOST_WAIT_S else None


def _models(body: str) -> dict[str, dict[str, Any]]:
    try:
        listed = json.loads(body)["data"]
        return {str(model["id"]): model for model in listed}
    except (ValueError, KeyError, TypeError):
        return {}
