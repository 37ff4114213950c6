"""Secrets that are known by what is said of them: "the wifi password is ...", `DB_PASS='...'`.

Each rule looks for a few letters first, and only where they stand for the rest, a few hundred
characters at most: what a text costs grows with its length alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tera.sensitive.tokens import Span

_IS = r"(?:is|was|ist|war|lautet|est|es|é|è|=)"
_GAP = r"[ \t]{1,4}"
_OPEN_QUOTE = r"[\"'`“„«‘‚]?"
_ASSIGNED = (
    # What is left of a name (`_HASH`, `"]`), the sign, and what it is set to.
    r"(?P<rest>\w{0,40})[\"'`\])*]{0,4}[ \t]{0,8}"
    r"(?P<sign>:=|=>|={1,3}|:|>(?=[^<\s]{1,200}</))(?P<space>[ \t]{0,8})\*{0,2}"
    r"(?:[@brf]{0,2}(?P<quote>[\"'`])(?P<quoted>[^\"'`\n]{3,200})(?P=quote)"
    r"|(?P<bare>(?:[^\s\"'`<>;&,]|[;&,](?!\w{1,40}=)){4,200}))(?P<last>[^\w\n]{0,9}$)?"
)
_OF_ANOTHER_THING = (
    r"(?:reset|manager|policy|policies|length|rules?|strength|prompt|hash\w*|field|protect\w*|hint"
    r"|generator|recovery|change|check\w*|file|expir\w*|requirements?|based|less|free|entropy)"
)
_SAID = (
    # "password for staging is", "Passwort vom WLAN ist": no verb and no other clause between.
    r"[a-zà-ÿ]{0,8}[\"'’]?(?![ \t-]" + _OF_ANOTHER_THING + r"\b)"
    r"(?:"
    + _GAP
    + r"(?!(?:"
    + _IS[3:-1]
    + r"|are|were|has|have|had|and|but|or|when|because|if|that|so"
    r"|which|who|und|aber|oder|wenn|hat|hatte)\b)[^\s,;!?\"]{0,39}[^\s,;!?\".:]){0,8}?"
    + r"(?:"
    + _GAP
    + _IS
    + r":?|:)"
    + _GAP
    + r"(?:(?:now|still|just|currently|set to|jetzt|noch)"
    + _GAP
    + r"){0,2}"
    + r"(?P<open>"
    + _OPEN_QUOTE
    + r")(?P<said>[^\s\"“”„«»<>]{3,64})(?P<last>[^\w\n?]{0,9}(?:$|(?<=[.!;])))?"
)
_BESIDE = r"[a-z]{0,8}" + _GAP + r"(?P<said>[^\s\"“”„«»<>:=()]{6,64})"
_OWNERS = (" the ", " my ", " our ", " your ", " his ", " her ", " their ", " das ", " mein ")
_BEFORE = re.compile(
    r"(?:^|[\s\"'`“„(])(?P<said>[^\s\"'`“”„<>(]{4,64})[\"'`”“]?[ \t](?:is|was|as|ist|als)[ \t]"
    r"(?:" + "|".join(_OWNERS).replace(" ", "") + r")[ \t](?:[\w-]{1,20}[ \t]){0,3}\Z",
    re.I,
)
_PHRASE = (
    r"(?:" + _GAP + r"(?:is|was|ist)|[ \t]{0,4}[:=])" + _GAP + r"[\"'`“„]?"
    r"(?P<said>[a-zà-ÿ]{2,12}(?:[ -][a-zà-ÿ]{2,12}){3,23})(?=[\"'`”“]?[.!]?[ \t]*$)"
)
_PIN = (
    r"(?<![A-Za-zÀ-ÿ]pin)(?:(?:"
    + _GAP
    + r"(?!is\b)[\w'’-]{1,20}){0,6}"
    + _GAP
    + r"(?:is|was|ist)|[ \t]{0,4}[:=])?"
    r"[ \t]{1,4}(?P<said>\d{4,8}|\d{1,2}(?:-\d{1,2}){2})(?![\w-]|[.,:]\d|[ \t]{0,2}%)"
)

_NO_SECRET = re.compile(
    r"[$%{<\[(]|https?:|\.{0,2}/|[*•x._-]+\Z|(?:self|this|os|process|config|settings|args|request|env)\."
    r"|(?:none|null|nil|true|false|string|str|yes|no|unknown|empty|required|optional|redacted|hidden"
    r"|secret|password|passwd|pass|changeme|example\w*|your\w*|my_?password|\w{0,20}password)\W{0,3}\Z"
    r"|[\w.]{1,60}[(\[]|\d{4}-\d\d-\d\d|\d{1,2}[:.]\d\d\Z"
    r"|(?:sha|md|aes|rsa|utf|hs|rs|es)-?\d|base\d|bcrypt|argon|pbkdf|oauth|x509|1password"
    r"|\d{1,3}(?:\W?(?:to|-)?\W?\d{0,3}\W?(?:char\w*|letter\w*|digit\w*|bit\w*|day\w*|month\w*|word\w*"
    r"|st|nd|rd|th|x|%|\+)?)?\Z",
    re.I,
)
_SYMBOL_INSIDE = re.compile(r"\w[!@#$%^&*+=~?]+\w|[!@#$%^&*+=~]{2,}\w")
_CAPITAL_INSIDE = re.compile(r"[a-z][A-Z]|[A-Z]{2}[a-z]")
_PLAIN_END = re.compile(
    r"(?:ed|ing|able|ible|ful|less|ory|ive|ous|ly|ent|ant|al|en)\Z|"
    r"(?:wrong|weak|strong|safe|secure|correct|incorrect|here|there|below|above|elsewhere|unique|short|long"
    r"|longer|shorter|stronger|weaker|better|good|great|gone|lost|known|unknown|invalid|valid|simple|complex"
    r"|different|fine|easy|hard|stuck|ready|private|public|safer|needed|mine|yours|theirs|right|false|true"
    r"|falsch|richtig|sicher|unsicher|abgelaufen|lang|kurz|overdue|obvious|awful|terrible|everything"
    r"|power|stupid|knowledge|memory)\Z",
    re.I,
)
_TRAILING = ".,;:!?)]}”“’'*"


@dataclass(frozen=True, slots=True)
class _Rule:
    """Where one of the beginnings stands, the pattern is tried; `is_secret` judges its match."""

    kind: str
    beginnings: tuple[str, ...]
    pattern: re.Pattern[str]
    is_secret: Callable[[re.Match[str], str], bool]


def find_named(text: str) -> Iterator[Span]:
    """Find secrets by the words around them."""
    # Only this letter changes its length, and what is found must stand at the same place.
    lower = text.replace("İ", "I").lower()
    for rule in _RULES:
        for beginning in rule.beginnings:
            for at in _places(lower, beginning):
                match = rule.pattern.match(text, at)
                if match and (span := _value(match)):
                    start, end = span
                    if rule.is_secret(match, text[start:end]):
                        yield start, end, rule.kind
    for at in _places(lower, "passw"):
        word = at - len("passw")
        if not any(owner in lower[max(0, word - 70) : word] for owner in _OWNERS):
            continue
        before = _BEFORE.search(text, max(0, word - 130), word)
        if before and looks_random(before["said"]):
            yield *before.span("said"), "password"


def looks_random(value: str) -> bool:
    """Return whether a word is none of a language: digits in it, signs, capitals inside."""
    if _NO_SECRET.match(value):
        return False
    if any(map(str.isdigit, value)):
        return any(map(str.isalpha, value)) or len(value) >= 4
    return bool(_SYMBOL_INSIDE.search(value)) or bool(_CAPITAL_INSIDE.search(value))


def _places(lower: str, beginning: str) -> Iterator[int]:
    at = lower.find(beginning)
    while at >= 0:
        yield at + len(beginning)
        at = lower.find(beginning, at + len(beginning))


def _value(match: re.Match[str]) -> tuple[int, int] | None:
    """Return where the value of a match stands, without the sentence's punctuation."""
    groups = match.groupdict()
    name = next(name for name in ("quoted", "bare", "said") if groups.get(name) is not None)
    start, end = match.span(name)
    if name != "quoted":
        # A link of Markdown ends where its address does.
        end = start + len(match[name].partition(")](")[0].rstrip(_TRAILING))
    return (start, end) if end - start >= 3 else None


def _is_assigned_password(match: re.Match[str], value: str) -> bool:
    if _NO_SECRET.match(value):
        return False
    if match["quote"]:
        return True
    is_code = match["sign"] != ":" or bool(match["rest"])
    if is_code and not match["space"]:
        return True
    # `password = new_password` is a program, "Password: see below" is prose.
    is_name = bool(re.fullmatch(r"[A-Za-z]+[_.][A-Za-z_.]*", value))
    return (looks_random(value) and not is_name) or (match["last"] is not None and _is_plain(value))


def _is_said_password(match: re.Match[str], value: str) -> bool:
    if match["open"] and not _NO_SECRET.match(value):
        return True
    return looks_random(value) or (match["last"] is not None and _is_plain(value))


def _is_plain(value: str) -> bool:
    """Return whether one word at the end of a sentence may be a password: not "wrong"."""
    is_word = len(value) >= 5 and value.replace("-", "").isalpha()
    return is_word and not _NO_SECRET.match(value) and not _PLAIN_END.search(value)


def _is_beside_password(_: re.Match[str], value: str) -> bool:
    has_both = any(map(str.isdigit, value)) and any(map(str.isalpha, value))
    return has_both and looks_random(value)


def _is_key(_: re.Match[str], value: str) -> bool:
    has_both = any(map(str.isdigit, value)) and any(map(str.isalpha, value))
    return len(value) >= 12 and has_both and " " not in value and not _NO_SECRET.match(value)


def _is_secret(_: re.Match[str], value: str) -> bool:
    return len(value) >= 8 and " " not in value and looks_random(value)


def _is_filled_in(_: re.Match[str], value: str) -> bool:
    return not _NO_SECRET.match(value)


def _is_any(_match: re.Match[str], _value: str) -> bool:
    return True


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.I | re.M)


_PASSWORD = (
    *("passw", "passcode", "passphrase", "kennwort", "pwd", "contraseñ", "mot de passe", "senha"),
)
_PASS_NAMES = ("_pass", "-pass", '"pass', "dbpass", "userpass", "\npass")
_KEY = (
    *("token", "api key", "api_key", "api-key", "apikey", "access key", "access_key", "accesskey"),
    *("secret key", "secret_key", "private_key", "auth key", "authkey", "encryption key"),
    *("encryption_key", "signing_key", "master key", "accountkey", "account_key"),
)
_CODE = tuple(
    f"{place} {word}"
    for place in ("alarm", "door", "gate", "garage", "safe", "lock", "lockbox", "keypad", "entry")
    for word in ("code", "combination")
)
_RULES = (
    _Rule("password", _PASSWORD, _compiled(_ASSIGNED), _is_assigned_password),
    _Rule("password", _PASS_NAMES, _compiled(r"(?![a-z])" + _ASSIGNED), _is_assigned_password),
    _Rule("password", _PASSWORD, _compiled(_SAID), _is_said_password),
    _Rule("password", _PASSWORD, _compiled(_BESIDE), _is_beside_password),
    _Rule(
        "passphrase",
        ("passphrase", "seed phrase", "recovery phrase", "mnemonic"),
        _compiled(_PHRASE),
        _is_any,
    ),
    _Rule("key", _KEY, _compiled(_ASSIGNED), _is_key),
    _Rule("key", _KEY, _compiled(_SAID), _is_key),
    _Rule("secret", ("secret",), _compiled(r"(?=s?(?![a-z])|key)" + _ASSIGNED), _is_secret),
    _Rule("secret", ("client secret", "shared secret"), _compiled(_SAID), _is_secret),
    _Rule(
        "password",
        ("authorization: basic", "authorization: bearer", "authorization: token"),
        _compiled(_GAP + r"(?P<said>[\w+/=.~-]{8,2000})"),
        _is_any,
    ),
    _Rule(
        "password",
        ("--password", "--passwd"),
        _compiled(r"[ =](?P<said>[^\s-]\S{3,80})"),
        _is_filled_in,
    ),
    _Rule(
        "password",
        (" -u ", " --user "),
        _compiled(r"[\"']?[\w.@-]{1,60}:(?P<said>(?!\d+\b)[^\s\"']{4,80})"),
        _is_filled_in,
    ),
    _Rule("PIN", ("pin", "passcode"), _compiled(_PIN), _is_any),
    _Rule("PIN", _CODE, _compiled(_PIN), _is_any),
)
