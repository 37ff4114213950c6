"""What goes wrong with an endpoint -> one line and what to do about it, never with the key."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

import httpx2

from tera.endpoint import Endpoint
from tera.errors import GenerationError, ModelError
from tera.llms.chat_stream import said_in
from tera.llms.keys import how_to_give

MOST_CHARACTERS = 200
"""Most characters of what an endpoint says of its error."""
SHOWN_MODELS = 8
KEEP_HERE = "tera ask --local answers without it, --no-llm quotes"
URL_HINT = "llm.url is the part before /chat/completions and mostly ends in /v1"
CONNECT_S, SILENCE_S = 10.0, 120.0


def response_error(
    endpoint: Endpoint,
    model: str,
    status: int,
    location: str,
    body: str,
    key: str,
    models: Sequence[str],
) -> GenerationError:
    """Return the error that a response tells of.

    Args:
        endpoint: Where it came from.
        model: The model that was asked.
        status: The HTTP status.
        location: Where the response sends to; empty when nowhere.
        body: The beginning of its content.
        key: The key that was sent, which the content may repeat.
        models: The names of the models that the endpoint has, as far as it told.
    """
    host = endpoint.name
    said = server_words(body, key)
    because = f" ({status}): {said}" if said else f" ({status})"
    lacks_model = "model" in said.lower() and "context" not in said.lower()
    message, hint = f"{host} failed{because}", KEEP_HERE
    if 300 <= status < 400:
        # Followed, the key, the question and the passages would go to whoever is named there.
        message = (
            f"{host} sends on to {urlsplit(location).netloc or 'itself'}, which is not followed"
        )
        hint = "if that is right, set llm.url"
    elif status == 401:
        # What it says may hold the key, in part.
        message = f"{host} does not accept the key" if key else f"{host} wants a key"
        hint = how_to_give(endpoint)
    elif status in (400, 404) and lacks_model:
        message, hint = f"{host} does not have {model}{because}", _names(models)
    elif status in (404, 405):
        message, hint = f"{host} has no chat completions at {endpoint.url}", URL_HINT
    elif status in (400, 413, 422):
        message = f"{host} refuses the request{because}"
        hint = "if it is too long: lower ask.context_tokens, or set llm.context_tokens"
    elif status in (402, 403):
        message = f"{host} refuses{because}"
    elif status in (429, 503, 529):
        message, hint = f"{host} is busy{because}", f"try again later; {KEEP_HERE}"
    return GenerationError(message, hint=hint)


def server_words(body: str, key: str) -> str:
    """Return what an endpoint says of its error in one short line, without the key."""
    try:
        said = said_in(json.loads(body))
    except ValueError:
        # A page of a proxy, mostly.
        said = "" if "<" in body[:200] else body
    line = next((line.strip() for line in said.splitlines() if line.strip()), "")
    if key:
        line = line.replace(key, "[key]")
    shown = "".join(character for character in line if character.isprintable())
    return shown if len(shown) <= MOST_CHARACTERS else shown[:MOST_CHARACTERS] + "…"


def no_answer(endpoint: Endpoint, why: str = "") -> GenerationError:
    """Return the error for an endpoint that says why there is no answer, or nothing at all."""
    if why:
        return GenerationError(f"{endpoint.name} gave no answer: {why}", hint=KEEP_HERE)
    return GenerationError(
        f"{endpoint.name} ended without a word",
        hint="if the prompt is too long for it, set llm.context_tokens",
    )


def not_an_endpoint(endpoint: Endpoint, kind: str) -> GenerationError:
    """Return the error for an answer that is a web page or another kind of thing."""
    what = "a web page" if "html" in kind else (kind or "something else")
    return GenerationError(
        f"{endpoint.name} answers with {what}, not as an OpenAI-compatible endpoint",
        hint=URL_HINT,
    )


def connection_error(
    endpoint: Endpoint, error: Exception, kind: type[ModelError] = GenerationError
) -> ModelError:
    """Return the error for an endpoint that cannot be reached, or no longer."""
    host, hint = endpoint.name, KEEP_HERE
    match error:
        case httpx2.ProxyError():
            message, hint = f"the proxy does not let {host} through", "see HTTPS_PROXY, NO_PROXY"
        case httpx2.ConnectTimeout():
            message = f"{host} does not answer within {CONNECT_S:.0f} s"
        case httpx2.TimeoutException():
            message = f"{host} was silent for {SILENCE_S:.0f} s"
        case httpx2.ConnectError():
            message, hint = _unreachable(host, error)
        case _:
            message = f"the connection to {host} broke"
    return kind(message, hint=hint)


def _unreachable(host: str, error: Exception) -> tuple[str, str]:
    for cause in _causes(error):
        match cause:
            case ssl.SSLCertVerificationError():
                return (
                    f"the certificate of {host} is not trusted: {cause.verify_message}",
                    "SSL_CERT_FILE names a file with the certificates to trust",
                )
            case ssl.SSLError():
                return (
                    f"{host} does not speak TLS as it should: {cause.reason or 'it breaks off'}",
                    "a server without TLS has an http:// URL",
                )
            case socket.gaierror():
                return f"no address is known for {host}", f"is it spelt so? {KEEP_HERE}"
            case ConnectionRefusedError() | FileNotFoundError():
                return f"nothing listens at {host}", f"start the server, or: {KEEP_HERE}"
    return f"{host} cannot be reached", KEEP_HERE


def _names(models: Sequence[str]) -> str:
    if not models:
        return "tera models use NAME --url URL"
    more = len(models) - SHOWN_MODELS
    return f"it has {', '.join(models[:SHOWN_MODELS])}" + (f" and {more} more" if more > 0 else "")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what it came of, the parts of a group too."""
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for part in error.exceptions:
                yield from _causes(part)
        error = error.__cause__ or error.__context__
