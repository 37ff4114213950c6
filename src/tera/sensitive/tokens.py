"""Secrets that are known by their own form, whatever stands around them.

The formats of fourteen services come from detect-secrets, as its patterns alone: its scanner reads
files, checks what it finds over the network and knows no offsets. Only patterns that are bounded
are taken. Its others miss a part of the secret (the body of a private key, the signature of a JSON
Web Token), take quadratic time on long lines, or cry wolf; those forms are here, as are those that
are newer than its last release.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

Span = tuple[int, int, str]
"""Where a secret starts and ends, and what kind it is."""

_LONG_WORD = re.compile(r"[A-Za-z0-9_\-.:/+=~]{20,}")
LONGEST_TOKEN = 4096
"""Longer words are images and archives in base64, not tokens."""

_PLUGINS = {
    "aws:AWSKeyDetector": "AWS access key",
    "azure_storage_key:AzureStorageKeyDetector": "Azure storage key",
    "discord:DiscordBotTokenDetector": "Discord token",
    "github_token:GitHubTokenDetector": "GitHub token",
    "gitlab_token:GitLabTokenDetector": "GitLab token",
    "mailchimp:MailchimpDetector": "Mailchimp key",
    "pypi_token:PypiTokenDetector": "PyPI token",
    "sendgrid:SendGridDetector": "SendGrid key",
    "slack:SlackDetector": "Slack token",
    "square_oauth:SquareOAuthDetector": "Square key",
    "stripe:StripeDetector": "Stripe key",
    "telegram_token:TelegramBotTokenDetector": "Telegram token",
    "twilio:TwilioKeyDetector": "Twilio key",
}

_FORMATS = {
    "Anthropic key": r"sk-ant-[\w-]{20,200}",
    "OpenAI key": r"sk-(?:proj-|svcacct-|admin-)?(?=[\w-]{0,200}\d)[\w-]{32,250}",
    "Hugging Face token": r"(?:hf|api_org)_[A-Za-z0-9]{30,60}",
    "Google key": r"AIza[\w-]{35}|GOCSPX-[\w-]{20,40}|ya29\.[\w-]{20,400}",
    "GitHub token": r"github_pat_\w{22,255}",
    "Slack token": r"(?:xapp|xox[a-z])-(?=[\w-]{0,40}\d)[\w-]{10,200}",
    "Stripe key": r"(?:[sr]k_(?:live|test)|whsec)_[A-Za-z0-9]{16,250}",
    "JSON Web Token": r"eyJ[\w-]{8,2000}\.eyJ[\w-]{8,2000}\.[\w-]{0,1000}",
    "npm token": r"npm_[A-Za-z0-9]{36}",
    "Docker token": r"dckr_pat_[\w-]{20,60}",
    "DigitalOcean token": r"do[opr]_v1_[a-f0-9]{64}",
    "Shopify token": r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}",
    "Vault token": r"hv[sb]\.[\w-]{20,300}",
    "Tailscale key": r"tskey-(?:[a-z]{3,10}-)?[\w-]{12,80}",
    "age key": r"AGE-SECRET-KEY-1[0-9A-Z]{58}",
    "key": r"(?:gsk_|xai-|pplx-|r8_|lin_api_|ntn_)(?=[A-Za-z]{0,40}\d)[A-Za-z0-9]{30,120}",
}
_KINDS = tuple(_FORMATS)
_ANY_FORMAT = re.compile(
    r"(?<![A-Za-z0-9_-])(?:" + "|".join(f"({form})" for form in _FORMATS.values()) + ")"
)
_TOKEN_TAIL = re.compile(r"[\w-]*")

_URL_PASSWORD = re.compile(r"://[^\s/:@?#\"'<>]{0,100}:(?P<value>[^\s/@\"'<>]{4,200})@")
_PLACEHOLDER = re.compile(r"[$%{\[*]|\W*(?:pass(?:word|wd)?|pwd|pw|secret|token|x+|\.+)\W*\Z", re.I)

_KEY_BEGINS = re.compile(
    r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----|PuTTY-User-Key-File-\d:"
)
_KEY_ENDS = re.compile(r"-----END [A-Z0-9 ]{0,50}-----|Private-MAC: ?[0-9a-f]+")
_KEY_BODY = re.compile(
    r"(?:(?:\s|\\n){1,4}[A-Za-z0-9+/=]{20,100})+(?:(?:\s|\\n){1,4}[A-Za-z0-9+/]{1,99}==?)?"
)
LONGEST_KEY = 20_000
"""Characters of a private key; an RSA key of 16,384 bits has 12,700."""


def find_blocks(text: str) -> Iterator[Span]:
    """Find private keys: the whole block, or as much as there is of it."""
    done = 0
    ends = _KEY_ENDS.finditer(text)
    end = next(ends, None)
    for begins in _KEY_BEGINS.finditer(text):
        if begins.start() < done:
            continue
        while end and end.start() < begins.end():
            end = next(ends, None)
        is_whole = end is not None and end.start() - begins.end() <= LONGEST_KEY
        body = end if is_whole else _KEY_BODY.match(text, begins.end())
        if body:
            done = body.end()
            yield begins.start(), done, "private key"


def find_url_passwords(text: str) -> Iterator[Span]:
    """Find the password in `scheme://user:password@host`."""
    for match in _URL_PASSWORD.finditer(text):
        if not _PLACEHOLDER.match(match["value"]):
            yield match.start("value"), match.end("value"), "password"


def find_tokens(text: str) -> Iterator[Span]:
    """Find tokens and keys by the form that the service gives them."""
    for word in _LONG_WORD.finditer(text):
        if len(word.group()) <= LONGEST_TOKEN and _is_mixed(word.group()):
            for start, end, kind in _tokens_in(word.group()):
                yield word.start() + start, word.start() + end, kind


def _tokens_in(word: str) -> Iterator[Span]:
    for match in _ANY_FORMAT.finditer(word):
        assert match.lastindex is not None
        yield *match.span(), _KINDS[match.lastindex - 1]
    for kind, pattern in _library_patterns():
        for match in pattern.finditer(word):
            if match.start() and word[match.start() - 1].isalnum():
                continue
            # Services have made their tokens longer since, and half a token must not stay.
            tail = _TOKEN_TAIL.match(word, match.end())
            assert tail is not None
            yield match.start(), tail.end(), kind


def _is_mixed(word: str) -> bool:
    return any(map(str.isdigit, word)) and any(map(str.isalpha, word))


@cache
def _library_patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    # 0.15 s, so only when there is a long word with digits in it.
    from importlib import import_module

    patterns = []
    for name, kind in _PLUGINS.items():
        module, plugin = name.split(":")
        detector = getattr(import_module(f"detect_secrets.plugins.{module}"), plugin)
        patterns += [(kind, pattern) for pattern in detector.denylist]
    return tuple(patterns)
