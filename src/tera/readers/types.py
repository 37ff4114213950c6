"""The types of documents, by the names that `--as` takes."""

from __future__ import annotations

from importlib import import_module

from tera.readers.document import DocumentType, Reader

PICTURES_MB = 2048
"""Text recognition takes 1 GB for a picture of 59 megapixels."""
SPEECH_MB = 6144
"""Whisper's small model takes 1 GB; the person may have put a larger one there."""

_CODE = (
    ".py .pyi .js .mjs .ts .jsx .tsx .java .kt .scala .c .h .cc .cpp .hpp .cs .go .rs .rb .php "
    ".swift .m .r .jl .lua .pl .pm .sh .bash .zsh .fish .ps1 .sql .ex .exs .erl .hs .ml .clj .el "
    ".vim .css .scss .less .vue .svelte .toml .yaml .yml .ini .cfg .conf .env .properties .xml "
    ".tf .nix .proto .graphql .dockerfile .mk .cmake .gradle .tex .bib .patch .diff"
)


def _text(reader: str, endings: str) -> DocumentType:
    return DocumentType(reader, tuple(endings.split()), is_text=True, is_isolated=False)


def _binary(reader: str, endings: str, memory_mb: int = 1024) -> DocumentType:
    return DocumentType(reader, tuple(endings.split()), memory_mb=memory_mb)


TYPES: dict[str, DocumentType] = {
    "text": _text("plain.text:read_text", ".txt .text .log"),
    "markdown": _text("plain.markdown:read_markdown", ".md .markdown .mdx"),
    "rst": _text("plain.markup:read_rst", ".rst .rest"),
    "org": _text("plain.markup:read_org", ".org"),
    "code": _text("plain.text:read_text", _CODE),
    "csv": _text("plain.tables:read_csv", ".csv .tsv"),
    "json": _text("plain.data:read_json", ".json"),
    "jsonl": _text("plain.data:read_jsonl", ".jsonl .ndjson"),
    "subtitles": _text("speech.subtitles:read_subtitles", ".srt .vtt"),
    "calendar": _text("mail.calendar:read_calendar", ".ics .ical"),
    "contacts": _text("mail.contacts:read_contacts", ".vcf .vcard"),
    "whatsapp": _text("chats.whatsapp:read_whatsapp", ""),
    "signal": _text("chats.signal:read_signal", ""),
    "telegram": _text("chats.telegram:read_telegram", ""),
    "slack": _binary("chats.slack:read_slack", ""),
    "html": _binary("web.html:read_html", ".html .htm .xhtml .mhtml .mht"),
    "bookmarks": _binary("web.bookmarks:read_bookmarks", ""),
    "pdf": _binary("pdf.pdf:read_pdf", ".pdf", PICTURES_MB),
    "docx": _binary("office.docx:read_docx", ".docx .docm .dotx .dotm"),
    "pptx": _binary("office.pptx:read_pptx", ".pptx .pptm .ppsx .ppsm .potx .potm"),
    "xlsx": _binary("office.xlsx:read_xlsx", ".xlsx .xlsm .xltx .xltm"),
    "odt": _binary("office.opendocument:read_odt", ".odt .ott"),
    "ods": _binary("office.opendocument:read_ods", ".ods .ots"),
    "odp": _binary("office.opendocument:read_odp", ".odp .otp"),
    "rtf": _binary("office.rtf:read_rtf", ".rtf"),
    "epub": _binary("office.epub:read_epub", ".epub"),
    "email": _binary("mail.mail:read_email", ".eml .emlx"),
    "mbox": _binary("mail.mail:read_mbox", ".mbox"),
    "audio": _binary(
        "speech.speech:read_speech",
        ".wav .mp3 .m4a .ogg .oga .opus .flac .aac .wma .amr",
        SPEECH_MB,
    ),
    "video": _binary("speech.speech:read_speech", ".mp4 .m4v .mov .mkv .webm .avi", SPEECH_MB),
    "image": _binary(
        "pdf.image:read_image",
        ".png .jpg .jpeg .heic .heif .webp .tif .tiff .gif .bmp",
        PICTURES_MB,
    ),
    "archive": _binary("archive:read_archive", ".zip .tar .tgz .gz .bz2 .xz .zst"),
}


def find_reader(type_name: str) -> Reader:
    """Return the reader of a type."""
    module, _, function = TYPES[type_name].reader.partition(":")
    reader: Reader = getattr(import_module(f"tera.readers.{module}"), function)
    return reader
