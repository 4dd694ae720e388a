"""What can be said of phones: the settings and the types of keys that there are."""

from __future__ import annotations

from typing import Any

from provisioner import vocabulary
from provisioner.admin import words
from provisioner.errors import UnknownName, nearest
from provisioner.vocabulary import KEY_TYPES, Setting


def settings(group: str = "") -> list[dict[str, Any]]:
    """Return every setting, or those of a group, with its type, default and meaning; raises UnknownName."""
    if group and group not in vocabulary.GROUPS:
        raise UnknownName(f"there is no group of settings {group!r}{nearest(group, vocabulary.GROUPS)}; there are {', '.join(vocabulary.GROUPS)}")
    return [_row(name, row) for name, rows in vocabulary.GROUPS.items() if group in ("", name) for row in rows]


def _row(group: str, row: Setting) -> dict[str, Any]:
    return {
        "name": row.name, "group": group, "type": row.kind.say(), "default": words.plain(row.default), "unit": row.unit, "per": row.per, "secret": row.secret, "may_strand": row.may_strand,
        "help": row.help,
    }  # fmt: skip


def key_types() -> list[dict[str, Any]]:
    """Return every type of keys with its meaning."""
    return [{"type": name, "help": meaning} for name, meaning in KEY_TYPES.items()]
