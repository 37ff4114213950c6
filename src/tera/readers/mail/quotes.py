"""Takes out of a reply what repeats the mail that it answers; forwarded text stays.

mail-parser-reply, the kept library for this, ends a reply at the first quoted line or at a line
like "Data: five", so that answers between quotes are lost; blank lines keep it busy for minutes.
"""

from __future__ import annotations

import re

SNIPPET_CHARACTERS = 400
"""Of a quote with an answer below it, its end: enough to say what is answered."""

_WROTE = (
    r"wrote|writes|schrieb|schreibt|a écrit|écrit|escribió|escribio|ha scritto|schreef|napisał"
    r"|napisała|napisał\(a\)|pisze|skrev|kirjoitti|escreveu|napsal|napsala|napsal\(a\)|написал|"
    r"написала|написал\(а\)|пише|пишет|írta|yazdı|έγραψε|a scris|va escriure|je napisao"
)
_ATTRIBUTION = re.compile(
    rf"(?:\b(?:{_WROTE})\b\)?.{{0,200}}|写道|寫道|작성하였습니다|님이 작성|のメッセージ|書きました)"
    r"\s*[:：]\s*$",
    re.I,
)
_START = re.compile(
    r"\s*(?:On|Am|Le|El|Il|Op|Dnia|W dniu|Den|Em|No dia|Dne|A|Em|Pe|Στις|Tarihinde|В|Em"
    r"|\w{2,4}[.,]) |"
    r"\s*\d{1,4}[-./年년 ]",
)
_STRONG = re.compile(r"\d{1,2}[:.h]\d\d|\S@\S")
_FORWARDED = re.compile(
    r"\s*[-_=*]{2,} ?(?:Forwarded|Weitergeleitet|Message transféré|Message réexpédié"
    r"|Courriel transféré"
    r"|Mensaje reenviado|Messaggio inoltrato|Doorgestuurd|Wiadomość przekazana|Przekazana wiadomość"
    r"|Vidarebefordra|Mensagem encaminhada|Mensagem reencaminhada|Videresendt|Přeposlaná"
    r"|Továbbított"
    r"|Пересылаемое|Välitetty|转发|轉寄|転送|Ende der weitergeleiteten)"
    r"|\s*(?:Begin forwarded message|Anfang der weitergeleiteten|Début du message (?:transféré"
    r"|réexpédié)"
    r"|Inicio del mensaje reenviado|Inizio (?:del )?messaggio inoltrato|Begin doorgestuurd bericht"
    r"|Vidarebefordrat brev|Início da mensagem (?:encaminhada|reencaminhada))",
    re.I,
)
_ORIGINAL = re.compile(
    r"\s*[-_=*]{2,} ?(?:Original Message|Original-Nachricht|Ursprüngliche Nachricht"
    r"|Originalnachricht"
    r"|Original Appointment|Message d'origine|Message d’origine|Message original|Courriel original"
    r"|Mensaje original|Messaggio originale|Oorspronkelijk bericht|Wiadomość oryginalna"
    r"|Oryginalna wiadomość|Ursprungligt meddelande|Originalmeddelande|Mensagem original"
    r"|Oprindelig meddelelse|Opprinnelig melding|Původní zpráva|Alkuperäinen viesti"
    r"|Исходное сообщение|Eredeti üzenet|原始邮件|原始郵件|元のメッセージ|원본 메시지)"
    r" ?[-_=*]{2,}",
    re.I,
)
_LABEL = re.compile(r"[\s>*_]*([^\W\d_][\w ./-]{0,20}?)\s?\**\s?[:：]\**(?:\s|$)")
_FROM_LABELS_WORDS = (
    "from von de da van od från fra lähettäjä от feladó gönderen expéditeur 发件人 寄件者 差出人 "
    "보낸사람"
)
_FROM_LABELS = frozenset(_FROM_LABELS_WORDS.split())
_OTHER_LABELS_WORDS = (
    "sent date gesendet datum envoyé enviado fecha inviato data verzonden wysłano skickat sendt "
    "dato odesláno lähetetty отправлено дата elküldve gönderildi 发送时间 日期 送信日時 보낸날짜 "
    "to an à para a aan do till til komu vastaanottaja кому címzett kime 收件人 宛先 받는사람 "
    "cc kopie kopia kopi dw subject betreff objet asunto oggetto onderwerp temat ämne emne předmět "
    "aihe тема tárgy konu assunto 主题 主旨 件名 제목"
)
_OTHER_LABELS = frozenset(_OTHER_LABELS_WORDS.split())
_RULE = re.compile(r"\s*[_\-=*]{5,}\s*$")
_SIGNATURE = re.compile(r"-- ?$")
_SENT_FROM = re.compile(
    r"\s*(?:Sent from (?:my|Outlook|Mail|Yahoo|Proton)|Get Outlook for|Von meinem \w+ gesendet"
    r"|Gesendet (?:von|mit) "
    r"|Envoyé (?:de|depuis) |Enviado desde |Inviato da|Verzonden (?:vanaf|van|met) |Wysłano z "
    r"|Wysłane z "
    r"|Skickat från |Sendt fra |Enviado do |Odesláno z |Lähetetty |Отправлено с |发自我的"
    r"|從我的).{0,50}$",
    re.I,
)
# "My answers are below, in red": colours are lost, so that nothing can tell them from the quote.
_IN_BETWEEN = re.compile(
    r"\b(?:in ?line|in[- ]?between|in (?:red|blue|green|bold)|below|unten|in (?:rot|blau|grün)"
    r"|darunter"
    r"|ci-dessous|en (?:rouge|bleu|vert)|más abajo|abajo|en (?:rojo|azul)|qui sotto|sotto"
    r"|in (?:rosso|blu)"
    r"|hieronder|in het rood|poniżej|nedan|i rött|abaixo)\b",
    re.I,
)
_LABELS_WITHIN = 10
_LINES_OF_ATTRIBUTION = 4


def without_quotes(text: str) -> str:
    """Return a reply without the mail that it answers.

    Of a quote with an answer below it, its last paragraph stays, right above the answer. A text
    that is nothing but quotes is returned as it is.
    """
    lines = text.split("\n")
    kept: list[str] = []
    place = 0
    while place < len(lines):
        line = lines[place]
        if _FORWARDED.match(line):
            kept += lines[place:]
            break
        if _is_original(lines, place):
            if _answers_in_between(kept):
                kept += lines[place:]
            break
        if line.startswith(">"):
            end = _end_of_quote(lines, place)
            if _is_own_text(lines, end):
                is_apart = bool(kept) and bool(kept[-1].strip())
                kept += [*([""] if is_apart else []), *_snippet(lines[place:end])]
            place = end
            continue
        if length := _attribution(lines, place):
            below = _next_line(lines, place + length)
            if below < len(lines) and lines[below].startswith(">"):
                place = below
                continue
            said = " ".join(lines[place : place + length])
            if _START.match(said) and _STRONG.search(said):
                if _answers_in_between(kept):
                    kept += lines[place:]
                break
        kept.append(line)
        place += 1
    while kept and (not kept[-1].strip() or _RULE.match(kept[-1])):
        kept.pop()
    return "\n".join(kept) if any(line.strip() for line in kept) else text


def split_signature(text: str) -> tuple[str, str]:
    """Divide a text into what was written and the signature below it, which may be empty.

    The signature begins with its line "-- "; a line like "Sent from my phone" is in neither.
    """
    lines = text.rstrip().split("\n")
    first = next(
        (place for place in range(len(lines) - 1, -1, -1) if _SIGNATURE.match(lines[place])), None
    )
    # Below a forwarded or quoted text it is not the signature of who sent this.
    if first is None or any(
        line.startswith(">") or _FORWARDED.match(line) for line in lines[first + 1 :]
    ):
        first = len(lines)
    signature = lines[first:]
    body = lines[:first]
    while body and (not body[-1].strip() or _SENT_FROM.match(body[-1])):
        body.pop()
    return "\n".join(body), "\n".join(signature) if len(signature) > 1 else ""


def _is_original(lines: list[str], place: int) -> bool:
    """Return whether the mail that is answered begins here, as Outlook has it: unmarked."""
    if _ORIGINAL.match(lines[place]):
        return True
    if _label(lines[place]) not in _FROM_LABELS:
        return False
    labels = {_label(line) for line in lines[place + 1 : place + _LABELS_WITHIN]}
    return len(labels & _OTHER_LABELS) >= 2


def _label(line: str) -> str:
    found = _LABEL.match(line)
    return found[1].lower().replace(" ", "") if found else ""


def _attribution(lines: list[str], place: int) -> int:
    """Return how many lines say who wrote what is quoted below: "On Friday Ann Lee wrote:"."""
    said = ""
    for length in range(1, _LINES_OF_ATTRIBUTION + 1):
        if place + length > len(lines):
            break
        line = lines[place + length - 1]
        if not line.strip() or line.startswith(">") or len(said) + len(line) > SNIPPET_CHARACTERS:
            break
        said += f" {line}"
        if line.rstrip().endswith((":", "：")) and _ATTRIBUTION.search(said):
            return length
        if length == 1 and not _START.match(line):
            break
    return 0


def _end_of_quote(lines: list[str], place: int) -> int:
    end = place
    while place < len(lines):
        if lines[place].startswith(">"):
            end = place + 1
        elif lines[place].strip():
            break
        place += 1
    return end


def _next_line(lines: list[str], place: int) -> int:
    while place < len(lines) and not lines[place].strip():
        place += 1
    return place


def _is_own_text(lines: list[str], place: int) -> bool:
    """Return whether what follows a quote answers it."""
    place = _next_line(lines, place)
    if place == len(lines):
        return False
    line = lines[place]
    ends = (_SIGNATURE, _RULE, _SENT_FROM, _FORWARDED)
    if any(pattern.match(line) for pattern in ends) or _is_original(lines, place):
        return False
    length = _attribution(lines, place)
    below = _next_line(lines, place + length)
    return not (length and below < len(lines) and lines[below].startswith(">"))


def _snippet(quote: list[str]) -> list[str]:
    """Return the last paragraph of a quote, without the signature below it."""
    texts = [line.lstrip("> ") for line in quote]
    signature = next(
        (place for place, line in enumerate(quote) if _SIGNATURE.match(line.lstrip("> ") or "x")),
        len(quote),
    )
    end = signature
    while end and not texts[end - 1].strip():
        end -= 1
    start = end
    size = 0
    while start and texts[start - 1].strip() and size < SNIPPET_CHARACTERS:
        start -= 1
        size += len(texts[start])
    return quote[start:end]


def _answers_in_between(own: list[str]) -> bool:
    said = "\n".join(own)
    return len(said) <= SNIPPET_CHARACTERS and bool(_IN_BETWEEN.search(said))
