"""Which published chat templates Tera can use, and in which form they take a prompt.

    python benchmarks/chat_templates.py FOLDER_OR_FILE ...

Takes `*.jinja` files, such as those of `vendor/llama.cpp/models/templates` in llama-cpp-python's
source distribution, and GGUF files.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tera.datatypes import Turn
from tera.errors import ModelLoadError
from tera.llms.chat_template import ChatTemplate
from tera.prompts import Prompt

PROMPT = Prompt("SYSTEM", "LAST", (Turn("FIRST", "ANSWER"),))


def source_of(file: Path) -> str:
    """Return a file's template; empty if it has none."""
    if file.suffix != ".gguf":
        return file.read_text("utf-8")
    from gguf import GGUFReader

    field = GGUFReader(file).fields.get("tokenizer.chat_template")
    return str(field.contents()) if field else ""


def main() -> None:
    """Print a line for each template."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("paths", nargs="+", type=Path)
    usable = count = 0
    for path in parser.parse_args().paths:
        files = [path] if path.is_file() else sorted({*path.glob("*.jinja"), *path.glob("*.gguf")})
        for file in files:
            source = source_of(file)
            if not source:
                continue
            count += 1
            try:
                template = ChatTemplate(source, "<BOS>", "<EOS>", model=file.stem)
            except ModelLoadError as error:
                print(f"{file.stem:48} CANNOT BE USED: {error.message}")
                continue
            usable += 1
            text = "".join(segment.text for segment in template.segments(PROMPT))
            print(f"{file.stem:48} {text[-300:]!r}")
    print(f"{usable} of {count} can be used")


if __name__ == "__main__":
    main()
