"""How results look: tables and JSON on stdout, notes on stderr; nothing that a phone sent can move the terminal's cursor."""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from provisioner.admin import Done
from provisioner.admin.words import text
from provisioner.errors import BadValue

_Command = TypeVar("_Command", bound=Callable[..., Any])


def as_json(command: _Command) -> _Command:
    """Give a command the option --json."""
    return click.option("--json", "json_", is_flag=True, help="The same facts for machines.")(command)


def done(result: Done) -> None:
    """Say what was done, and its notes."""
    if result.sentence:
        click.echo(safe(result.sentence))
    notes(result.notes)


def notes(sentences: Iterable[str]) -> None:
    """Say what to look at."""
    for sentence in sentences:
        click.echo(safe(f"note: {sentence}"), err=True)


def questions(sentences: Iterable[str]) -> None:
    """Say what is to be asked."""
    for sentence in sentences:
        click.echo(safe(f"ask: {sentence}"), err=True)


def machine(value: object) -> None:
    """Write a value as JSON."""
    click.echo(json.dumps(value, indent=2))


def line(value: object) -> None:
    """Write a value as one line of JSON."""
    click.echo(json.dumps(value))


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], empty: str = "") -> None:
    """Write rows under a heading, their columns aligned; where there are none say so on stderr."""
    if not rows:
        click.echo(empty or "none", err=True)
        return
    heading = {name: name.upper().replace("_", " ") for name in columns}
    cells = [heading, *({name: safe(_cell(row.get(name))) for name in columns} for row in rows)]
    widths = {name: max(_width(cell[name]) for cell in cells) for name in columns}
    for cell in cells:
        click.echo("  ".join(cell[name] + " " * (widths[name] - _width(cell[name])) for name in columns).rstrip())


def facts(known: Mapping[str, Any]) -> None:
    """Write what is known of one thing, a line for each fact that is there."""
    there = {name: value for name, value in known.items() if value not in ("", None, [], {})}
    width = max((len(name) for name in there), default=0)
    for name, value in there.items():
        shown = [_cell(one) for one in value] if isinstance(value, list) else [f"{key} = {_cell(one)}" for key, one in value.items() if one not in ("", None, [], {})] if isinstance(value, dict) else [_cell(value)]
        for number, part in enumerate(shown):
            label = name.replace("_", " ") if not number else ""
            click.echo(safe(f"{label:<{width}}  {part}"))


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return "  ".join(f"{name} {_cell(one)}" for name, one in value.items() if one not in ("", None, [], {}))
    if isinstance(value, list):
        return ", ".join(_cell(one) for one in value)
    return "" if value in ("", None) else text(value)


def safe(value: str) -> str:
    """Return text without anything that moves a cursor or turns the reading direction.

    >>> safe("a\\x1b[2Jb")
    'a\\\\x1b[2Jb'
    """
    return "".join(char if char == " " or unicodedata.category(char)[0] not in "CZ" else ascii(char)[1:-1] for char in value)


def _width(value: str) -> int:
    return sum(0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in value)


def secret(what: str, from_stdin: bool, file: Path | None, ask: bool) -> str | None:
    """Return a secret from stdin, from a file, or from a prompt where there is a terminal; None where nobody gave one.

    One line break at its end is not part of it.
    """
    if from_stdin and file:
        raise click.UsageError("name one source for the secret: stdin or a file")
    stdin = sys.stdin
    if from_stdin:
        return _one_line(stdin.read(), what)
    if file:
        try:
            return _one_line(file.read_text("utf-8"), what)
        except OSError as why:
            raise BadValue(f"{file} cannot be read ({why.strerror}); check its name and its mode") from None
        except UnicodeDecodeError:
            raise BadValue(f"{file} is not UTF-8 text; save it as UTF-8") from None
    if ask and stdin.isatty():
        answer: str = click.prompt(what, hide_input=True, default="", show_default=False, err=True)
        return answer or None
    return None


def _one_line(value: str, what: str) -> str:
    value = value.removesuffix("\n").removesuffix("\r")
    if not value:
        raise BadValue(f"the {what.lower()} that was given is empty; give one, or leave the option away")
    return value
