"""What WhatsApp itself writes into an export, in the languages of the world, in plain words."""

from __future__ import annotations

import re

from tera.readers.chats.whatsapp_headers import MARKS

_ATTACHED = (
    "attached|file attached|angehängt|anhang|datei angehängt|adjunto|archivo adjunto|"
    "pièce jointe|fichier joint|allegato|file allegato|anexado|arquivo anexado|ficheiro anexado|"
    "bijgevoegd|bestand bijgevoegd|прикреплено|файл добавлен|вкладено|ekli|eklendi|dosya ekli|"
    "załącznik|plik załączony|terlampir|file terlampir|bifogad|fil bifogad|vedhæftet|vedlagt|"
    "liitteenä|přiloženo|csatolva|atașat|مرفق|الملف مرفق|מצורף|הקובץ מצורף|پیوست|संलग्न|"
    "附件|已附加|添付|添付ファイル|첨부됨|파일 첨부됨"
)
_EDITED = (
    "this message was edited|diese nachricht wurde bearbeitet|se editó este mensaje|"
    "este mensaje fue editado|ce message a été modifié|questo messaggio è stato modificato|"
    "mensagem editada|esta mensagem foi editada|dit bericht is bewerkt|сообщение изменено|"
    "данное сообщение изменено|bu mesaj düzenlendi|edytowano tę wiadomość|pesan ini diedit|"
    "det här meddelandet redigerades|denne besked blev redigeret|meldingen ble redigert|"
    "הודעה זו נערכה|تم تعديل هذه الرسالة|यह संदेश संपादित किया गया|"
    "此消息已编辑|此訊息已編輯|メッセージは編集済みです|수정된 메시지입니다"
)
# Each stands in the notice that opens a chat, or that a telephone was changed.
_NOTICE = re.compile(
    r"end[- ]to[- ]end|ende[- ]zu[- ]ende|de extremo a extremo|de bout en bout|"
    r"(?:de )?ponta a ponta|crittografati|eind-tot-eind|сквозн\w+ шифрован|наскрізн\w+ шифр|"
    r"uçtan uca şifre|szyfrowan\w+ (?:całkowi|typu)|ujung ke ujung|hujung ke hujung|"
    r"totalsträckskrypter|ende-til-ende|päästä päähän|végpontok között|koncov\w+ šifrov|"
    r"端到端|端對端|エンドツーエンド|종단간|התקשרות מקצה|מקצה לקצה|تشفير تام|بين الطرفين|سرتاسر|"
    r"एंड-टू-एंड|security code (?:with|for|changed)|sicherheitsnummer|sicherheitscode|"
    r"código de segur|code de sécurité|codice di sicurezza|beveiligingscode|код безопасности|"
    r"код безпеки|güvenlik kodu|kod zabezpieczeń|kode keamanan",
    re.IGNORECASE,
)
_EXTENSION = r"\.\w{1,8}"
_NAMED = re.compile(
    # iOS; where it left its mark, the words may be of any language.
    rf"[{MARKS}]*<(?:{_ATTACHED}): ?(?P<a>[^<>\n]+?) ?>"
    rf"|\u200e<[^<>:\n]{{2,30}}: ?(?P<b>[^<>\n]+{_EXTENSION}) ?>"
    # Android: at the beginning of a message.
    rf"|\A[{MARKS}]*(?P<c>\S[^\n]{{0,250}}?{_EXTENSION}) \((?:{_ATTACHED})\)"
    rf"|\A[{MARKS}]*(?P<d>[A-Z]{{3}}-\d{{8}}-WA\d{{4,6}}{_EXTENSION}) \([^()\n]{{3,40}}\)"
    rf"|\A\u200e(?P<e>\S[^\n]{{0,250}}?{_EXTENSION}) \([^()\n]{{3,40}}\)(?=\n|\Z)",
    re.IGNORECASE,
)
_EDITED_MARK = re.compile(rf"\s*[{MARKS}]*<(?:{_EDITED})\.?>\Z", re.IGNORECASE)
_LEADING_MARKS = re.compile(rf"\A[\s{MARKS}]+")

_JOINS = "with|mit|con|avec|com|amb|met|med|z|s|с|із|з|cu|dengan|kanssa|me"
_CHAT_OF = (
    re.compile(
        rf"(?:\w{{1,14}}[ _])?(?:\w{{1,3}}[ _])?WhatsApp(?:[ _-]\w{{1,12}}){{0,2}}?"
        rf"[ _](?P<join>{_JOINS}|-)[ _](?P<name>.+)",
        re.IGNORECASE,
    ),
    re.compile(r"(?P<name>.+?)[ _]ile[ _]WhatsApp(?P<join>[ _]).+", re.IGNORECASE),
)
_ENDING = re.compile(r"(?:\.(?:txt|zip))+\Z", re.IGNORECASE)
_COPY = re.compile(r"[ _]?\(\d{1,2}\)\Z")


def is_notice(text: str) -> bool:
    """Return whether what WhatsApp wrote is about encryption only."""
    return _NOTICE.search(text) is not None


def readable(text: str) -> str:
    """Return a message with attachments and edits in plain words; all others stay as they are."""
    if "<" not in text and "(" not in text:
        return _LEADING_MARKS.sub("", text)
    text = _NAMED.sub(lambda found: f"attached: {found[found.lastgroup or 0].strip()}", text)
    text = _EDITED_MARK.sub(" (edited)", text)
    return _LEADING_MARKS.sub("", text)


def chat_name(file_name: str) -> str:
    """Return whose chat a file or folder holds by its name, in the language of the export."""
    stem = _COPY.sub("", _ENDING.sub("", file_name))
    for pattern in _CHAT_OF:
        if found := pattern.fullmatch(stem):
            name = found["name"]
            return name.replace("_", " ").strip() if "_" in found[0][: found.end("join")] else name
    return ""
