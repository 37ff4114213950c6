"""Tera: a private memory for people who live in a terminal."""

from __future__ import annotations

__version__ = "0.1.0"
