"""Reads the TOML of a folder by a schema, and says of each fault the file, the line, the key and the cure.

A schema is table -> key -> reader; a reader returns the value, or raises ValueError with what it must be.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from provisioner.errors import BadManifest, ProvisionerError, nearest

Reader = Callable[[object], Any]


def text(value: object) -> str:
    """Return text that is not blank."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be text")
    return value


def truth(value: object) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def number(value: object) -> int:
    """Return a whole number."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError("must be a whole number, 0 or more")
    return value


def texts(value: object) -> tuple[str, ...]:
    """Return a list of text."""
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ValueError('must be a list of text, such as ["a", "b"]')
    return tuple(value)


def one_of(*words: str) -> Callable[[object], str]:
    """Return what reads one of these words."""

    def read(value: object) -> str:
        if value not in words:
            raise ValueError(f"must be one of {', '.join(words)}{nearest(str(value), words)}")
        return str(value)

    return read


def some_of(*words: str) -> Callable[[object], tuple[str, ...]]:
    """Return what reads a list of some of these words."""

    def read(value: object) -> tuple[str, ...]:
        return tuple(one_of(*words)(one) for one in texts(value))

    return read


def table(value: object) -> Mapping[str, Any]:
    """Return a table."""
    if not isinstance(value, dict):
        raise ValueError("must be a table")
    return value


def tables(value: object) -> list[Any]:
    """Return a list of tables."""
    if not isinstance(value, list):
        raise ValueError("must be written [[…]], one for each entry")
    return value


class Checker:
    """Reads one manifest and says, of each fault, the file, the line, the key and the cure."""

    def __init__(self, file: Path, schema: Mapping[str, Mapping[str, Reader]], required: Mapping[str, tuple[str, ...]]) -> None:
        """required: the keys that each table of the schema must have."""
        self.file, self._schema, self._required = file, schema, required
        self.text = ""

    def fault(self, key: str, sentence: str) -> BadManifest:
        """Return what to raise of a key."""
        return BadManifest(f"{self.file}{self._line(key)}: {key} {sentence}")

    def _line(self, key: str) -> str:
        last = key.rpartition(".")[2].strip("'\"")
        for count, line in enumerate(self.text.splitlines(), 1):
            if re.match(rf"\s*(\[+\s*)?[\w.\"'-]*{re.escape(last)}[\"']?\s*(=|\]|\.)", line):
                return f":{count}"
        return ""

    def load(self) -> dict[str, Any]:
        """Return what the file says; raises BadManifest."""
        try:
            self.text = self.file.read_text("utf-8")
            return tomllib.loads(self.text)
        except OSError as fault:
            raise BadManifest(f"{self.file}: cannot be read ({fault.strerror}); check its permissions") from None
        except UnicodeDecodeError:
            raise BadManifest(f"{self.file}: is not UTF-8; save it as UTF-8") from None
        except tomllib.TOMLDecodeError as fault:
            raise BadManifest(f"{self.file}: is not TOML: {fault}") from None

    def table(self, kind: str, raw: object, where: str) -> dict[str, Any]:
        """Return a table read by its row of the schema."""
        if not isinstance(raw, dict):
            raise self.fault(where, "must be a table")
        readers = self._schema[kind]
        read = {}
        for key, value in raw.items():
            path = f"{where}.{key}".lstrip(".")
            if key not in readers:
                raise self.fault(path, f"is not a key that manifests have{nearest(key, readers)}")
            try:
                read[key] = readers[key](value)
            except (ValueError, ProvisionerError) as why:
                raise self.fault(path, str(why)) from None
        for key in self._required.get(kind, ()):
            if key not in read:
                raise self.fault(f"{where}.{key}".lstrip("."), "is missing")
        return read


def overlaid(check: Checker, folders: Sequence[Path], overlay: str) -> dict[str, Any]:
    """Return the manifest of a folder with its overlays on top, the shipped folder first.

    check: reads the manifest of the first folder; afterwards it names the file that was read last. Raises BadManifest.
    """
    raw = check.load()
    for folder in folders:
        if (folder / overlay).is_file():
            check.file = folder / overlay
            raw = merged(raw, check.load())
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", folders[0].name):
        raise BadManifest(f"{folders[0]}: such a folder has lower-case letters, digits and - in its name")
    top: dict[str, Any] = check.table("", raw, "")
    return top


def merged(base: Mapping[str, Any], top: Mapping[str, Any]) -> dict[str, Any]:
    """Return a manifest with an overlay on top: tables are merged, all else is replaced."""
    out = dict(base)
    for key, value in top.items():
        out[key] = merged(out[key], value) if isinstance(value, dict) and isinstance(out.get(key), dict) else value
    return out
