from __future__ import annotations

import ipaddress
import logging
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from tera.datatypes import Turn
from tera.endpoint import parse_endpoint
from tera.errors import ConfigError, GenerationError, ModelError, ModelLoadError
from tera.llms import LLM, connect_llm, endpoint_requests
from tera.prompts import Prompt
from tests.endpoints import (
    Reply,
    Scripted,
    cut_off,
    delta,
    endless,
    page,
    scripted_endpoint,
    streamed,
    told,
)

PROMPT = Prompt("Answer from the notes.", "Which port?", (Turn("Who?", "Ann [1]."),))
KEY = "sk-Sesame0123456789"


class Heard:
    """A listener that keeps what it hears."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.tasks: list[str] = []

    def note(self, text: str, hint: str = "") -> None:
        self.notes.append(text)

    def progress(self, task: str, done: int, total: int) -> None:
        if task not in self.tasks:
            self.tasks.append(task)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def connect(
    endpoint: Scripted, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., LLM]:
    """Connect to the scripted endpoint, whose replies are given."""
    monkeypatch.setenv("TERA_LLM_KEY", KEY)
    # The waits are tested by what is told of them.
    monkeypatch.setattr(endpoint_requests, "FIRST_WAIT_S", 0.01)

    def open_llm(*replies: Reply, context_tokens: int = 0, url: str = "") -> LLM:
        endpoint.replies[:] = replies or endpoint.replies
        return connect_llm("gpt-x", parse_endpoint(url or endpoint.url), heard, context_tokens)

    return open_llm


def answer(llm: LLM, most: int = 100) -> str:
    return "".join(llm.generate(PROMPT, most))


def test_an_answer_comes_piece_by_piece(connect: Callable[..., LLM]) -> None:
    assert list(connect().generate(PROMPT, 100)) == ["Port", " 5433", " [1]", "."]


def test_what_is_sent_is_the_prompt_and_nothing_of_the_machine(
    connect: Callable[..., LLM], endpoint: Scripted
) -> None:
    answer(connect())
    looked, asked = endpoint.sent
    assert (looked.method, looked.path, looked.body) == ("GET", "/v1/models", None)
    assert (asked.method, asked.path) == ("POST", "/v1/chat/completions")
    assert asked.body == {
        "model": "gpt-x",
        "messages": [
            {"role": "system", "content": "Answer from the notes."},
            {"role": "user", "content": "Who?"},
            {"role": "assistant", "content": "Ann [1]."},
            {"role": "user", "content": "Which port?"},
        ],
        "max_tokens": 100,
        "stream": True,
        "temperature": 0,
    }
    expected = {"host", "accept", "accept-encoding", "connection", "user-agent", "authorization"}
    assert set(looked.headers) == expected
    assert set(asked.headers) == expected | {"content-length", "content-type"}
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert asked.headers["user-agent"] == "tera"


def test_a_turn_without_an_answer_says_that_there_was_none(
    connect: Callable[..., LLM], endpoint: Scripted
) -> None:
    list(connect().generate(Prompt("S", "U", (Turn("Who?", ""),)), 10))
    assert endpoint.asked[0]["messages"][2]["content"] == "I don't know"


def test_no_key_is_sent_where_there_is_none(
    connect: Callable[..., LLM], endpoint: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TERA_LLM_KEY")
    answer(connect())
    assert not any("authorization" in sent.headers for sent in endpoint.sent)


def test_an_endpoint_on_a_unix_socket_is_asked(heard: Heard, tmp_path: Path) -> None:
    with scripted_endpoint(socket_file=tmp_path / "llm.sock") as there:
        llm = connect_llm("gpt-x", parse_endpoint(f"unix://{tmp_path}/llm.sock"), heard)
        assert answer(llm) == "Port 5433 [1]."
    assert [sent.path for sent in there.sent] == ["/v1/models", "/v1/chat/completions"]


# How much fits.


@pytest.mark.parametrize(
    ("described", "context_tokens"),
    [
        ({}, 8192),
        ({"max_model_len": 4096}, 4096),
        ({"context_length": 128_000}, 128_000),
        ({"context_window": 32_768}, 32_768),
        ({"meta": {"n_ctx": 2048, "n_ctx_train": 131_072}}, 2048),
        ({"max_model_len": "many"}, 8192),
        ({"max_model_len": 0}, 8192),
        ({"meta": None}, 8192),
    ],
)
def test_the_context_is_what_the_endpoint_says(
    connect: Callable[..., LLM],
    endpoint: Scripted,
    described: dict[str, object],
    context_tokens: int,
) -> None:
    endpoint.models = told(
        {"data": [{"id": "other", "max_model_len": 1}, {"id": "gpt-x", **described}]}
    )
    llm = connect()
    assert llm.context_tokens == llm.tokens_within(0.1) == context_tokens
    assert connect(context_tokens=1000).context_tokens == 1000


@pytest.mark.parametrize(
    "models", [page("Not Found", 404), page("Welcome"), told([1]), told({"data": 3}), told({}, 500)]
)
def test_an_endpoint_need_not_say_what_it_has(
    connect: Callable[..., LLM], endpoint: Scripted, models: Reply
) -> None:
    endpoint.models = models
    assert answer(connect()) == "Port 5433 [1]."


def test_a_prompt_that_is_too_long_is_not_sent(
    connect: Callable[..., LLM], endpoint: Scripted
) -> None:
    llm = connect(context_tokens=300)
    with pytest.raises(GenerationError, match=r"the prompt has about \d+ tokens") as caught:
        list(llm.generate(replace(PROMPT, user="x" * 1100), 10))
    assert caught.value.hint
    list(llm.generate(replace(PROMPT, user="x" * 900), 1000))
    assert len(endpoint.asked) == 1
    assert endpoint.asked[0]["max_tokens"] < 300


@given(st.text())
def test_tokens_are_rather_counted_too_high(text: str) -> None:
    llm = object.__new__(_class())
    assert len(text) / 3.5 * 0.9 <= llm.count_tokens(text) + 1 <= 1.5 * len(text) + 2


# What can go wrong.


NO_MODEL = {"error": {"message": "The model `gpt-x` does not exist"}}
TOO_LONG = {"error": {"message": "maximum context length of this model is 512"}}
NO_CREDIT = {"error": {"message": "no credit", "code": "insufficient_quota"}}
ABROAD = {"error": {"message": "not in your country"}}
BOOM = {"error": {"message": "boom"}}


@pytest.mark.parametrize(
    ("reply", "says", "hints"),
    [
        (told({"error": f"Incorrect {KEY[:8]}***"}, 401), "not accept the key", "TERA_LLM_KEY"),
        (told(NO_MODEL, 404), "does not have gpt-x", "it has llama, qwen"),
        (told(NO_MODEL, 400), "does not have gpt-x", "it has llama, qwen"),
        (told({"detail": "Not Found"}, 404), "has no chat completions at", "/v1"),
        (page("no such page", 404), "has no chat completions at", "/v1"),
        (told(TOO_LONG, 400), "refuses the request (400): maximum context", "context_tokens"),
        (told(ABROAD, 403), "refuses (403): not in your country", "--no-llm"),
        (told(NO_CREDIT, 429), "is busy (429): no credit", "later"),
        (told(BOOM, 500), "failed (500): boom", "--no-llm"),
        (page("Bad gateway", 502), "failed (502)", "--no-llm"),
        (page("Welcome"), "answers with a web page, not as an OpenAI-compatible", "/v1"),
        (told("a string"), "gave no answer: it sends something else", "--no-llm"),
        (told(BOOM, 200), "gave no answer: boom", "--no-llm"),
        (streamed(BOOM), "gave no answer: boom", "--no-llm"),
        (streamed({"choices": [{"delta": 3}]}), "sends something else", "--no-llm"),
        (streamed(ends=False), "ended without a word", "llm.context_tokens"),
        (cut_off(), "broke", "--no-llm"),
        (streamed(delta("", "content_filter"), ends=False), "filter held it back", "--no-llm"),
    ],
)
def test_an_error_is_one_line_and_what_to_do(
    connect: Callable[..., LLM], endpoint: Scripted, reply: Reply, says: str, hints: str
) -> None:
    endpoint.models = told({"data": [{"id": "qwen"}, {"id": "llama"}]})
    llm = connect(reply)
    with pytest.raises(GenerationError, match=re.escape(says)) as caught:
        answer(llm)
    message = caught.value.message + caught.value.hint
    assert "\n" not in message
    assert hints in caught.value.hint
    assert KEY[:8] not in message


def test_a_key_that_an_endpoint_repeats_is_not_shown(connect: Callable[..., LLM]) -> None:
    llm = connect(told({"error": {"message": f"key {KEY} has no rights\nto do so"}}, 403))
    with pytest.raises(GenerationError, match=r"key \[key\] has no rights$"):
        answer(llm)


def test_a_key_is_wanted_where_there_is_none(
    connect: Callable[..., LLM], endpoint: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TERA_LLM_KEY")
    endpoint.models = told({"error": {"message": "no"}}, 401)
    with pytest.raises(ModelLoadError, match="wants a key") as caught:
        connect()
    assert "TERA_LLM_KEY" in caught.value.hint


def test_nothing_is_followed_to_another_place(
    connect: Callable[..., LLM], endpoint: Scripted
) -> None:
    llm = connect(told({}, 307, location="https://elsewhere.example/v1/chat/completions"))
    with pytest.raises(
        GenerationError, match=r"sends on to elsewhere\.example, which is not followed"
    ):
        answer(llm)
    assert len(endpoint.asked) == 1
    endpoint.models = told({}, 302, location=f"http://127.0.0.1:{endpoint.port}/v1/elsewhere")
    connect()
    assert not any("elsewhere" in sent.path for sent in endpoint.sent)


@pytest.mark.parametrize("header", ["0", "0.01", "Wed, 21 Oct 2015 07:28:00 GMT", "", "soon"])
def test_a_busy_endpoint_is_asked_again(
    connect: Callable[..., LLM], endpoint: Scripted, heard: Heard, header: str
) -> None:
    busy = told({"error": {"message": "slow down"}}, 429, retry_after=header)
    llm = connect(busy, told({}, 503), streamed("Port"))
    assert answer(llm) == "Port"
    assert len(endpoint.asked) == 3
    assert any("is busy; trying again in 0 s" in task for task in heard.tasks)
    assert any("is not ready; trying again" in task for task in heard.tasks)


def test_an_endpoint_that_stays_busy_is_left(
    connect: Callable[..., LLM], endpoint: Scripted
) -> None:
    llm = connect(told({"error": {"message": "slow down"}}, 429))
    with pytest.raises(GenerationError, match=r"is busy \(429\): slow down"):
        answer(llm)
    assert len(endpoint.asked) == 4


@pytest.mark.parametrize(
    "header", ["31", "3600", format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)]
)
def test_nobody_waits_long_for_an_endpoint(
    connect: Callable[..., LLM], endpoint: Scripted, header: str
) -> None:
    with pytest.raises(GenerationError, match="is busy"):
        answer(connect(told({}, 429, retry_after=header)))
    assert len(endpoint.asked) == 1


def test_an_endpoint_may_want_other_words(connect: Callable[..., LLM], endpoint: Scripted) -> None:
    no_max = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
    no_zero = "'temperature' does not support 0 with this model."
    llm = connect(
        told({"error": {"message": no_max}}, 400),
        told({"error": {"message": no_zero}}, 400),
        streamed("Port"),
    )
    assert answer(llm) == "Port"
    assert "max_tokens" not in endpoint.asked[2]
    # Such models think before they answer, and that counts.
    assert endpoint.asked[2]["max_completion_tokens"] > 1000
    assert "temperature" not in endpoint.asked[2]
    # It is learnt once.
    assert answer(llm) == "Port"
    assert len(endpoint.asked) == 4


def test_a_request_that_is_refused_for_good_is_not_sent_again(
    connect: Callable[..., LLM], endpoint: Scripted
) -> None:
    llm = connect(told({"error": {"message": "max_completion_tokens and temperature"}}, 400))
    with pytest.raises(GenerationError, match="refuses the request"):
        answer(llm)
    assert len(endpoint.asked) == 3


@pytest.mark.parametrize(
    "reply",
    [
        cut_off("Port", " 5433"),
        streamed("Port", " 5433", ends=False),
        streamed("Port", " 5433", {"error": {"message": "out of memory"}}, ends=False),
    ],
)
def test_what_came_before_the_stream_broke_is_kept(
    connect: Callable[..., LLM], heard: Heard, reply: Reply
) -> None:
    assert answer(connect(reply)) == "Port 5433"
    assert len(heard.notes) == 1
    assert "broke off: the answer is not whole" in heard.notes[0]


def test_an_answer_that_is_held_back_in_part_is_said_to_be(
    connect: Callable[..., LLM], heard: Heard
) -> None:
    assert answer(connect(streamed("Port", delta("", "content_filter"), ends=False))) == "Port"
    assert "held back the rest" in heard.notes[0]


def test_an_answer_may_come_as_a_whole(connect: Callable[..., LLM], heard: Heard) -> None:
    whole = {
        "choices": [{"message": {"content": "<think>Hm</think>Port."}, "finish_reason": "stop"}]
    }
    assert answer(connect(told(whole))) == "Port."
    assert heard.notes == []


def test_thoughts_are_no_part_of_the_answer(connect: Callable[..., LLM], heard: Heard) -> None:
    thought = {"choices": [{"delta": {"reasoning_content": "Let me see"}}]}
    llm = connect(streamed(thought, thought, "<think>", "Hm", "</think>", "Port"))
    assert answer(llm) == "Port"
    assert heard.tasks[1:] == ["gpt-x is thinking"]


def test_a_model_that_thought_too_long_gets_more_room_once(
    connect: Callable[..., LLM], endpoint: Scripted
) -> None:
    thought = streamed({"choices": [{"delta": {"reasoning_content": "Hm"}}]}, ends=False)
    assert answer(connect(thought, streamed("Port"))) == "Port"
    assert [asked["max_tokens"] for asked in endpoint.asked] == [100, 4196]
    with pytest.raises(GenerationError, match="thought and came to no answer"):
        answer(connect(thought))
    # Some hide that they think.
    assert answer(connect(streamed(delta("", "length"), ends=False), streamed("Port"))) == "Port"


def test_an_endpoint_that_does_not_end_is_left(connect: Callable[..., LLM]) -> None:
    text = answer(connect(streamed(*["word " * 20] * 500)), most=10)
    assert len(text) <= 10 * 40 + 100


@pytest.mark.parametrize("pieces", [(), ("Port", " 5433")])
def test_an_answer_is_stopped_at_once_and_the_endpoint_hears_of_it(
    connect: Callable[..., LLM], endpoint: Scripted, pieces: tuple[str, ...]
) -> None:
    llm = connect(endless(*pieces))
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    assert "".join(llm.generate(PROMPT, 100, stop.is_set)) == "".join(pieces)
    assert endpoint.was_left.wait(20)


def test_a_wait_for_a_busy_endpoint_can_be_stopped(
    connect: Callable[..., LLM], endpoint: Scripted
) -> None:
    llm = connect(told({}, 429, retry_after="29"))
    begun = time.monotonic()
    assert list(llm.generate(PROMPT, 100, lambda: bool(endpoint.asked))) == []
    assert time.monotonic() - begun < 25


def test_an_answer_can_be_left_in_the_middle(
    connect: Callable[..., LLM], endpoint: Scripted
) -> None:
    stream = connect(endless("Port"), streamed("Else")).generate(PROMPT, 100)
    assert next(stream) == "Port"
    del stream
    assert endpoint.was_left.wait(20)


def test_several_answers_may_be_written_at_once(connect: Callable[..., LLM]) -> None:
    llm = connect()
    answers: list[str] = []
    threads = [threading.Thread(target=lambda: answers.append(answer(llm))) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == ["Port 5433 [1]."] * 5


def test_nobody_waits_for_a_listener_that_is_gone(endpoint: Scripted) -> None:
    class Gone(Heard):
        def progress(self, task: str, done: int, total: int) -> None:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        connect_llm("gpt-x", parse_endpoint(endpoint.url), Gone())


# Endpoints that are not there.


def test_an_endpoint_that_does_not_run_is_named(
    connect: Callable[..., LLM], endpoint: Scripted
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
        with pytest.raises(ModelLoadError, match=r"nothing listens at 127\.0\.0\.1:\d+$") as caught:
            connect(url=url)
    assert "start the server" in caught.value.hint


def test_a_socket_that_is_not_there_is_named(heard: Heard, tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError, match=f"nothing listens at {tmp_path}/none"):
        connect_llm("gpt-x", parse_endpoint(f"unix://{tmp_path}/none"), heard)


def test_a_name_that_nobody_knows_is_said_to_be_so(
    connect: Callable[..., LLM], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(ModelLoadError, match=r"no address is known for api\.example\.org"):
        connect(url="https://api.example.org/v1")


def test_a_server_that_is_no_web_server_is_told(connect: Callable[..., LLM]) -> None:
    with _server(lambda connection: connection.sendall(b"220 mail.example ESMTP\r\n")) as port:
        with pytest.raises(ModelLoadError, match=r"the connection to .* broke"):
            connect(url=f"http://127.0.0.1:{port}/v1")
        with pytest.raises(ModelLoadError, match="does not speak TLS as it should"):
            connect(url=f"https://127.0.0.1:{port}/v1")


def test_a_certificate_must_be_trusted(
    endpoint: Scripted, heard: Heard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = _certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with scripted_endpoint(context) as secured:
        url = secured.url.replace("http://", "https://")
        with pytest.raises(ModelLoadError, match="is not trusted: self-signed") as caught:
            connect_llm("gpt-x", parse_endpoint(url), heard)
        assert "SSL_CERT_FILE" in caught.value.hint
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert answer(connect_llm("gpt-x", parse_endpoint(url), heard)) == "Port 5433 [1]."
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
        with pytest.raises(ModelLoadError, match="cannot be asked: "):
            connect_llm("gpt-x", parse_endpoint(url), heard)


def test_a_silent_endpoint_need_not_say_what_it_has(
    connect: Callable[..., LLM], endpoint: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint_requests, "CONNECT_S", 0.1)
    endpoint.models = lambda _: time.sleep(0.5)
    assert answer(connect()) == "Port 5433 [1]."


def test_a_silent_endpoint_is_left_at_last(
    connect: Callable[..., LLM], monkeypatch: pytest.MonkeyPatch
) -> None:
    llm = connect(lambda _: time.sleep(1))
    monkeypatch.setattr(endpoint_requests, "SILENCE_S", 0.1)
    with pytest.raises(GenerationError, match="was silent for"):
        answer(llm)


# Proxies.


def test_what_is_for_this_machine_goes_to_no_proxy(
    connect: Callable[..., LLM], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert answer(connect()) == "Port 5433 [1]."


def test_another_machine_is_asked_through_the_proxy_of_the_environment(
    connect: Callable[..., LLM], endpoint: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{endpoint.port}")
    assert answer(connect(url="http://llm.example.org/v1")) == "Port 5433 [1]."
    assert [sent.path for sent in endpoint.sent] == [
        "http://llm.example.org/v1/models",
        "http://llm.example.org/v1/chat/completions",
    ]


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:9", "socks5://127.0.0.1:9", "ftp://a"])
def test_a_proxy_that_does_not_work_is_an_error(
    connect: Callable[..., LLM], monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("https_proxy", proxy)
    with pytest.raises(ModelError) as caught:
        connect(url="https://llm.example.org/v1")
    assert "\n" not in caught.value.message
    assert caught.value.hint


# The key.


@pytest.mark.parametrize("key", ["sesame\r\nX-Evil: 1", "söäme", "two words", "bell\a"])
def test_a_key_that_is_none_is_refused_and_not_shown(
    connect: Callable[..., LLM], monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("TERA_LLM_KEY", key)
    with pytest.raises(ConfigError, match="has characters that no key has") as caught:
        connect()
    assert key[:3] not in caught.value.message + caught.value.hint


def test_the_key_is_in_no_log_and_no_error(
    connect: Callable[..., LLM], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        llm = connect(cut_off("Port"))
        answer(llm)
        with pytest.raises(GenerationError) as caught:
            answer(connect(told({"error": KEY}, 500)))
    assert caplog.records
    assert KEY not in caplog.text
    shown = [repr(llm), repr(vars(llm)), repr(caught.value), repr(caught.value.__cause__)]
    assert not any(KEY in text for text in shown)


def _class() -> type[LLM]:
    from tera.llms.openai_compatible import OpenAICompatibleLLM

    return OpenAICompatibleLLM


def _certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate that only its owner has signed; return its file and that of its key."""
    owner = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(owner, owner, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now).not_valid_after(now + timedelta(days=1))
    signed = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
    encoding = serialization.Encoding.PEM
    (folder / "certificate.pem").write_bytes(signed.public_bytes(encoding))
    private = key.private_bytes(
        encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "key.pem").write_bytes(private)
    return folder / "certificate.pem", folder / "key.pem"


@contextmanager
def _server(reply: Callable[[socket.socket], None]) -> Iterator[int]:
    """Listen, and give each that connects the same reply."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                with connection, suppress(OSError):
                    connection.settimeout(5)
                    connection.recv(65536)
                    reply(connection)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield int(listening.getsockname()[1])
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()
        listening.close()
