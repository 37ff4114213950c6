"""The catalogue of ML models: reads models.toml and the person's own models.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from tera.errors import ConfigError, ModelNotFoundError
from tera.paths import Paths

DEFAULT_EMBEDDER = "bge-small-en-v1.5"
OFFLINE_EMBEDDER = "all-minilm-l6-v2"
"""Where no hub can be reached: its weights come in a Python package."""

MULTILINGUAL_EMBEDDER = "multilingual-e5-small"
ROLES = ("embedder", "reranker", "llm", "speech")


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """What models.toml says of one model; see the comments at its top for each key."""

    name: str
    role: Literal["embedder", "reranker", "llm", "speech"]
    backend: str
    summary: str = ""
    licence: str = ""
    repo: str = ""
    revision: str = "main"
    path: str = ""
    package: str = ""
    package_folder: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    size_bytes: int = 0
    dim: int = 0
    max_tokens: int = 0
    pooling: str = ""
    query_prefix: str = ""
    passage_prefix: str = ""
    languages: str = ""
    context_tokens: int = 2048
    chat_template: str = ""


def load_models(paths: Paths) -> dict[str, ModelSpec]:
    """Return every known model by name; the person's own entries win.

    Raises:
        ConfigError: The person's models.toml is broken.
    """
    return _parse(_catalogue_file()) | _parse(paths.models_file)


def find_model(models: Mapping[str, ModelSpec], name: str) -> ModelSpec:
    """Return one model.

    Raises:
        ModelNotFoundError: No model has that name.
    """
    if name not in models:
        raise ModelNotFoundError(f"unknown model {name!r}", hint="tera models list")
    return models[name]


def _catalogue_file() -> Path:
    packaged = Path(__file__).with_name("models.toml")
    # The wheel carries it beside this module; a checkout has it at the top of the repository.
    return packaged if packaged.exists() else Path(__file__).parents[2] / "models.toml"


def _parse(file: Path) -> dict[str, ModelSpec]:
    try:
        tables: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
        return {name: _spec(name, table) for name, table in tables.items()}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (tomllib.TOMLDecodeError, OSError, TypeError, ValueError) as error:
        raise ConfigError(f"cannot use {file}: {error}", hint="correct the file") from error


def _spec(name: str, table: object) -> ModelSpec:
    if not isinstance(table, dict):
        raise ValueError(f"{name!r} must be a table")
    kinds = {f.name: str(f.type) for f in fields(ModelSpec) if f.type in ("str", "int")}
    for key, value in table.items():
        if key in kinds and type(value).__name__ != kinds[key]:
            raise ValueError(f"{key} of {name!r} must be a {kinds[key]}")
    spec = ModelSpec(name=name, **table)
    if spec.role not in ROLES:
        raise ValueError(f"role of {name!r} must be one of: {', '.join(ROLES)}")
    if spec.languages not in ("", "en", "many"):
        raise ValueError(f"languages of {name!r} must be 'en' or 'many'")
    files: object = spec.files
    if not (isinstance(files, dict) and files and all(type(v) is str for v in files.values())):
        raise ValueError(f'files of {name!r} must name its files, each with a sha256 or ""')
    return spec
