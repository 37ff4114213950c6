from __future__ import annotations

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tera.endpoint import parse_endpoint
from tera.errors import ConfigError


@pytest.mark.parametrize(
    ("url", "name", "is_local", "is_encrypted", "is_private"),
    [
        ("https://api.example.org/v1", "api.example.org", False, True, False),
        ("https://API.example.org:8443/v1/", "api.example.org:8443", False, True, False),
        ("http://localhost:8080/v1", "localhost:8080", True, False, True),
        ("http://127.0.0.1/v1", "127.0.0.1", True, False, True),
        ("http://127.8.8.8:1/v1", "127.8.8.8:1", True, False, True),
        ("http://[::1]:8080/v1", "[::1]:8080", True, False, True),
        ("http://[::ffff:127.0.0.1]/v1", "[::ffff:127.0.0.1]", True, False, True),
        ("http://192.168.1.7:8080/v1", "192.168.1.7:8080", False, False, True),
        ("http://10.0.0.1/v1", "10.0.0.1", False, False, True),
        ("http://203.0.113.5.example/v1", "203.0.113.5.example", False, False, False),
        # Some programs read these as addresses of this machine; here they count as others.
        ("http://127.1/v1", "127.1", False, False, False),
        ("http://2130706433/v1", "2130706433", False, False, False),
        ("http://localhost.example.org/v1", "localhost.example.org", False, False, False),
        ("unix:///run/llm.sock", "/run/llm.sock", True, True, True),
    ],
)
def test_a_url_says_where_it_leads(
    url: str, name: str, is_local: bool, is_encrypted: bool, is_private: bool
) -> None:
    endpoint = parse_endpoint(url)
    assert endpoint.name == name
    assert endpoint.is_local is is_local
    assert endpoint.is_encrypted is is_encrypted
    assert endpoint.is_private is is_private
    assert not endpoint.url.endswith("/")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.example.org/v1",
        "ftp://api.example.org",
        "https://",
        "https:///v1",
        "https://host:99999/v1",
        "https://ho st/v1",
        "https://host\t/v1",
        "https://bücher.example/v1",
        "https://evil.example\\@localhost/v1",
        "http://[::1%25eth0]/v1",
        "http://[localhost]/v1",
        "http://a..%2f/v1",
        "unix:relative.sock",
        "unix://host/run/llm.sock",
        "unix:///",
    ],
)
def test_what_is_no_url_of_an_endpoint_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match=r"llm\.url") as caught:
        parse_endpoint(url)
    assert caught.value.hint
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    "url",
    [
        "https://someone:sesame@api.example.org/v1",
        "https://sesame@api.example.org/v1",
        "https://api.example.org/v1?key=sesame",
        "https://api.example.org/v1#sesame",
    ],
)
def test_a_url_that_may_hold_a_key_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_endpoint(url, "--url")
    assert "sesame" not in caught.value.message + caught.value.hint
    assert caught.value.message.startswith("--url ")


@given(
    st.one_of(
        st.text(max_size=40),
        st.text("htps:/@[]\\?#%.:127localhostexample \t\n-_", max_size=40),
        st.builds(
            "{}://{}{}{}".format,
            st.sampled_from(["http", "https", "HTTP"]),
            st.sampled_from(["localhost", "127.0.0.1", "[::1]", "a.example", "A.b-c", "1.2"]),
            st.sampled_from(["", ":80", ":8080", ":", ":x", "@b.example", "\\@b.example", ":0"]),
            st.sampled_from(["", "/", "/v1", "/v1/", "//", "/%2e", "/..", "/a b"]),
        ),
    )
)
def test_the_host_that_is_told_is_the_host_that_is_asked(url: str) -> None:
    try:
        endpoint = parse_endpoint(url)
    except ConfigError:
        return
    if not endpoint.socket:
        asked = httpx2.URL(f"{endpoint.url}/models")
        assert asked.host == endpoint.host
        assert asked.userinfo == b""
