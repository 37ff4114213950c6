from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tera.datatypes import Secret
from tera.sensitive import find_secrets, redact

HEX = "0a1b2c3d4e5f6a7b8c9d"
BODY = "MIIEowIBAAKCAQEA" * 4
KEY = f"-----BEGIN RSA PRIVATE KEY-----\n{BODY}\nAbC=\n-----END RSA PRIVATE KEY-----"
OPENSSH = KEY.replace("RSA", "OPENSSH")

# Tokens are put together here, so that no scanner of this repository takes them for real ones.
TOKENS = {
    "AWS access key": ["AKIA" + "IOSFODNN7EXAMPL2", "ASIA" + "IOSFODNN7EXAMPL2"],
    "Azure storage key": ["AccountKey=" + "a1" * 43 + "=="],
    "GitHub token": ["ghp_" + "a1B2" * 9, "gho_" + "a1B2" * 9, "github_pat_" + "11ABC" * 8],
    "GitLab token": ["glpat-" + "a1B2c" * 4, "glrt-" + "a1B2_" * 4],
    "Slack token": ["xoxb-" + "123456789012-abcDEF123456", "xapp-" + "1-A0123456-345-abc123"],
    "Stripe key": ["sk_live_" + "a1" * 12, "rk_live_" + "a1" * 50, "sk_test_" + "a1" * 12],
    "OpenAI key": ["sk-" + "a1B2" * 12, "sk-proj-" + "a1B2-_" * 20],
    "Anthropic key": ["sk-ant-" + "api03-a1B2_c3-" * 6],
    "Hugging Face token": ["hf_" + "aBcD1" * 7],
    "Google key": ["AIza" + "SyA-1_bC2d" * 3 + "abcde", "GOCSPX-" + "a1B2-c3D4" * 3],
    "JSON Web Token": ["eyJ" + "hbGciOiJIUzI1NiJ9.eyJ" + "zdWIiOiIxMjM0In0.c2ln-bmF0dXJl_1"],
    "npm token": ["npm_" + "a1B2" * 9],
    "PyPI token": ["pypi-" + "AgEIcHlwaS5vcmc" + "a1B2-" * 15],
    "SendGrid key": ["SG." + "a" * 21 + "1." + "b" * 43],
    "Telegram token": ["123456789:" + "AAE-a1B2c" * 3 + "abcdefgh"],
    "Discord token": ["M" + "T" * 22 + "1.abcdef." + "x" * 27],
    "Twilio key": ["SK" + "a1" * 16],
    "DigitalOcean token": ["dop_v1_" + "a1" * 32],
    "private key": [KEY, OPENSSH, KEY.replace("\n", "\\n")],
}

NAMED = {
    # Settings, programs and command lines.
    "password: «hunter2»": "password",
    "Password: «Swordfish»": "password",
    "PASSWORD=«hunter2»": "password",
    "export DB_PASS='«s3cr3t pass!»'": "password",
    "DB_PASSWORD=«swordfish»": "password",
    'db_password: "«correct horse»"': "password",
    '  "password": "«tr0ub4dor&3»",': "password",
    '{"user": "x", "pass": "«abcd1234»"}': "password",
    'password = "«hunter2»"': "password",
    "spring.datasource.password=«hunter2»": "password",
    "<password>«hunter2»</password>": "password",
    "Server=db;User Id=sa;Password=«hunter2»;Database=x": "password",
    "postgres://app:«hunter2»@db:5432/x": "password",
    "https://bob:«p$ss!w0rd»@example.org/path": "password",
    "machine example.org login bob password «s3cret99»": "password",
    "Authorization: Basic «dXNlcjpodW50ZXIyMjI=»": "password",
    "curl -u bob:«hunter2» https://example.org": "password",
    "mysqldump --password=«hunter2» db": "password",
    "aws_secret_access_key = «wJalrXUtnFEMI/K7MDENG/bPxRfiCY»": "key",
    f"api_key: «{HEX}»": "key",
    f"API_KEY=«{HEX}»": "key",
    f'"access_token": "«{HEX}»"': "key",
    "SECRET_KEY='«django-insecure-8x!k2#abc9»'": "key",
    "client_secret: «8Q~abcDEF123456»": "secret",
    # What people say.
    "my wifi password is «correct-horse-7»": "password",
    "the password for staging is «xyzzy42»": "password",
    "The wifi password at the cabin is «Bluebird!2019».": "password",
    "the wifi password is «swordfish»": "password",
    'My Netflix password is now "«sunshine»"': "password",
    "password for the router: «admin4711»": "password",
    "wifi password «hunter2x»": "password",
    "«hunter2x» is the password for staging": "password",
    "use «Sommer2024!» as the password": "password",
    "Das WLAN-Passwort ist «Sonne1234»": "password",
    "Passwort: «geheim99»": "password",
    "mot de passe : «soleil99»": "password",
    "la contraseña es «luna2024»": "password",
    f"the API key for the weather service is «{HEX}»": "key",
    "my recovery phrase is «correct horse battery staple again»": "passphrase",
    "the PIN of the alarm is «4711»": "PIN",
    "PIN: «4711»": "PIN",
    "my card PIN is «0815»": "PIN",
    "the door code is «2580»#": "PIN",
    "the safe combination is «12-34-56»": "PIN",
    "the passcode for the meeting is «839201»": "PIN",
}

HARMLESS = [
    "I forgot my password again",
    "password reset link",
    "the key is under the mat",
    "what is the wifi password of the office?",
    "Which password is longer?",
    "The password is wrong.",
    "My password is expired",
    "password is required",
    "the password is the name of our dog",
    "The password is stored in the safe",
    "My password has 14 characters",
    "the password is 12 characters long",
    "The password policy is 12-characters",
    "Passwords must have 12 characters",
    "change the password every 90 days",
    "the password was changed on 3rd of May",
    "the password was reset and the port is 5433",
    "We hashed the password with sha256",
    "Password manager: Bitwarden",
    "Password: see 1Password",
    "password: forgot it again",
    "password: ********",
    "password: ${DB_PASSWORD}",
    "--password <password>",
    'password = os.environ["DB_PASSWORD"]',
    "password = get_password()",
    "password = new_password",
    "password=password",
    "if password == other_password:",
    "https://user:password@example.org",
    "http://localhost:8080/@me",
    "docker run -u 1000:1000 image",
    "Das Passwort ist falsch",
    "Ich habe mein Passwort vergessen",
    "max_tokens: 4096",
    "token_embeddings = model_output[0]",
    "the token expires 2024-05-01",
    "token ring networks of 1985",
    "The secret is out",
    "The secret is patience",
    "secret ingredient: butter",
    "The secret to good bread is 24h-fermentation",
    "Secretary: 12345678a",
    '"Action": "secretsmanager:GetSecretValue"',
    '"PassthroughBehavior": "WHEN_NO_MATCH"',
    "The keyboard shortcut is ctrl+k",
    "pin 13 is the LED",
    "pin code 560001 is Bangalore",
    "We met in 2019 at the pin factory",
    "I pinned 12345 messages",
    "error code 5000",
    "my zip code is 90210",
    "The staging database listens on port 5433",
    "commit 9fceb02d0ae598e95dc970b74767f19372d61af8",
    "git show 69f390f",
    "id: 550e8400-e29b-41d4-a716-446655440000",
    "ISBN 978-3-16-148410-0",
    "call +49 170 1234567 or (555) 123-4567",
    "sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "ssh-rsa " + "AAAAB3NzaC1yc2EAAAADAQABAAABgQC7" * 8 + " bob@example.org",
    "![](data:image/png;base64," + "iVBORw0KGgoAAAANSUhEUgAAAAUA" * 300 + ")",
    "https://example.org/a/very/long/path/with-1234567890/and?query=abcdefghij0123456789&id=42",
    "-----BEGIN PRIVATE KEY----- is how a PEM file starts",
    "-----BEGIN CERTIFICATE-----\nMIIEowIBAAKCAQEA\n-----END CERTIFICATE-----",
]


@pytest.mark.parametrize(
    ("kind", "token"), [(kind, token) for kind, tokens in TOKENS.items() for token in tokens]
)
def test_tokens_are_known_by_their_form(kind: str, token: str) -> None:
    text = f"Notes\n\nuse {token} there"
    assert find_secrets(text) == [Secret(kind, 11, 11 + len(token), 3)]


@pytest.mark.parametrize(("text", "kind"), NAMED.items())
def test_secrets_are_known_by_what_is_said_of_them(text: str, kind: str) -> None:
    before, rest = text.split("«")
    value, after = rest.split("»")
    plain = before + value + after
    found = find_secrets(plain)
    assert [(finding.kind, plain[finding.start : finding.end]) for finding in found] == [
        (kind, value)
    ]
    assert redact(plain, found) == f"{before}[redacted {kind}]{after}"


@pytest.mark.parametrize("text", HARMLESS, ids=lambda text: text[:60])
def test_what_only_speaks_of_secrets_is_left_alone(text: str) -> None:
    assert find_secrets(text) == []


def test_a_private_key_without_its_end_is_found_as_far_as_it_goes() -> None:
    text = KEY.rsplit("\n", 1)[0] + "\n\nThe rest of the note."
    assert redact(text, find_secrets(text)) == "[redacted private key]\n\nThe rest of the note."


def test_each_finding_knows_its_line() -> None:
    text = "one\npassword: hunter2\r\n\nPIN: 4711 and\npassword: hunter3"
    assert [finding.line for finding in find_secrets(text)] == [2, 4, 5]


def test_letters_that_change_their_length_do_not_move_what_is_found() -> None:
    text = "İİİ ﬁ ß 🙂 my wifi password is xyzzy42"
    assert redact(text, find_secrets(text)) == "İİİ ﬁ ß 🙂 my wifi password is [redacted password]"


PIECES = st.lists(
    st.sampled_from(
        [
            *(named.replace("«", "").replace("»", "") for named in NAMED),
            *(token for tokens in TOKENS.values() for token in tokens),
            *HARMLESS[:20],
        ]
    )
    | st.text(max_size=20),
    max_size=6,
)


@given(PIECES, st.sampled_from(["\n", " ", "", '"', ";", "="]))
def test_what_was_found_is_gone_and_all_else_is_as_it_was(pieces: list[str], between: str) -> None:
    text = between.join(pieces)
    found = find_secrets(text)
    redacted = redact(text, found)

    ends = [0, *(finding.end for finding in found)]
    starts = [*(finding.start for finding in found), len(text)]
    assert all(end <= start for end, start in zip(ends, starts, strict=True))
    assert all(finding.start < finding.end for finding in found)
    assert all(finding.line == 1 + text.count("\n", 0, finding.start) for finding in found)
    kept = [text[end:start] for end, start in zip(ends, starts, strict=True)]
    placeholders = [f"[redacted {finding.kind}]" for finding in found]
    expected = kept[0] + "".join(
        placeholder + rest for placeholder, rest in zip(placeholders, kept[1:], strict=True)
    )
    assert redacted == expected


@pytest.mark.parametrize("text", [*(named.replace("«", "").replace("»", "") for named in NAMED)])
def test_nothing_is_found_in_what_was_redacted(text: str) -> None:
    assert find_secrets(redact(text, find_secrets(text))) == []


LONG = 300_000
"""Characters; a pattern that takes quadratic time would take many minutes for them."""


@pytest.mark.parametrize(
    "piece",
    [
        *(
            "password ",
            "password:",
            "password is ",
            "password",
            'password="',
            "passphrase is aa bb ",
        ),
        *(
            "token=",
            "pin ",
            " -u a:",
            "eyJ",
            "eyJaaaaaaaa.",
            "sk-1",
            "://a:",
            "a",
            "1",
            "a ",
            "x1/",
        ),
        *("-----BEGIN PRIVATE KEY-----\n", "-----END X-----", "AKIA", "gl-", "İ", " is the ", "=="),
    ],
)
def test_long_lines_are_done_in_time(piece: str) -> None:
    text = piece * (LONG // len(piece))
    assert isinstance(find_secrets(text), list)


def test_ordinary_text_does_not_load_the_library_and_tokens_do() -> None:
    program = (
        "import sys; from tera.sensitive import find_secrets;"
        "find_secrets('The staging database listens on port 5433, password is xyzzy42');"
        "assert 'detect_secrets' not in sys.modules;"
        "find_secrets('see 9fceb02d0ae598e95dc970b74767f19372d61af8');"
        "assert 'detect_secrets' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_no_socket_is_ever_opened() -> None:
    program = (
        "import socket\n"
        "def refused(*args, **kwargs): raise SystemExit('a socket was opened')\n"
        "from tera.sensitive import find_secrets\n"
        "find_secrets('warm-up-1234567890abcdef')\n"
        "socket.socket = socket.create_connection = socket.getaddrinfo = refused\n"
        f"found = find_secrets({chr(10).join(t for ts in TOKENS.values() for t in ts)!r})\n"
        "assert len(found) > 20, found\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
