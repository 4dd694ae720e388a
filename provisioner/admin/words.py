"""Values as people and machines read them, secrets masked."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from provisioner import vocabulary
from provisioner.context import SHOWN
from provisioner.kinds import Endpoint

SECRET_FACTS = ("password", "factory_password")


def masked(value: Any) -> str:
    """Return what stands for a secret; nothing where there is none."""
    return SHOWN if value else ""


def plain(value: Any) -> Any:
    """Return a value as JSON has it: an endpoint as HOST:PORT, a tuple as a list."""
    if isinstance(value, Endpoint):
        return str(value) if value.host else ""
    if isinstance(value, frozenset):
        return sorted(value)
    return [plain(one) for one in value] if isinstance(value, tuple) else value


def said(name: str, value: Any) -> Any:
    """Return a setting's value as JSON has it, a secret masked."""
    row = vocabulary.find(name)
    return masked(value) if row and row.secret else plain(value)


def layer(values: dict[str, Any]) -> dict[str, Any]:
    """Return what one scope says, secrets masked, by name."""
    return {name: said(name, values[name]) for name in sorted(values)}


def facts(thing: Any) -> dict[str, Any]:
    """Return the fields of one of our things, its secrets masked."""
    known = {field.name: getattr(thing, field.name) for field in fields(thing)}
    return {name: masked(value) if name in SECRET_FACTS else plain(value) for name, value in known.items()}


def text(value: Any) -> str:
    """Return a value as people write it: on, off, a list with commas; `-` where nobody said one.

    >>> text(True), text(("g722", "pcma")), text(None), text("")
    ('on', 'g722,pcma', '-', '""')
    """
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "on" if value else "off"
    value = plain(value)
    if isinstance(value, list):
        return ",".join(str(one) for one in value) or '""'
    return str(value) if value != "" else '""'


def count(number: int, what: str, many: str = "") -> str:
    """Return a number with its thing; `many`: the plural where an s does not make it.

    >>> count(1, "phone"), count(3, "phone"), count(2, "family", "families")
    ('1 phone', '3 phones', '2 families')
    """
    return f"{number} {what}" if number == 1 else f"{number:,} {many or f'{what}s'}"
