"""provisioner key …"""

from __future__ import annotations

import click

from provisioner.admin import dictionary, keys
from provisioner.cli import out
from provisioner.cli.session import Session, session
from provisioner.errors import NotHere
from provisioner.vocabulary import KEY_TYPES

_MODULE = click.option("--module", type=click.IntRange(0, 8), default=0, metavar="M", help="Expansion module, 1 the first; 0 is the phone itself.")
_POSITION = click.argument("position", type=click.IntRange(1, 1000))


@click.group()
def key() -> None:
    """Programmable keys of a phone (device:MAC) or of a group's phones (group:SITE/GROUP)."""


@key.command("set", short_help="Set one key.")
@click.argument("scope")
@_POSITION
@click.argument("type", metavar="TYPE")
@click.argument("value", default="")
@click.option("--label", default="", metavar="TEXT", help="What the key's label shows.")
@click.option("--line", type=click.IntRange(1, 1000), metavar="N", help="Line that it works with; the first where not said.")
@_MODULE
@session
def set_(here: Session, scope: str, position: int, type: str, value: str, label: str, line: int | None, module: int) -> None:
    """Set one key. A device's key beats its group's, position by position.

    {types}

    \b
    Examples:
      provisioner key set device:805ec0d57d72 2 blf 213 --label Anna
      provisioner key set group:hq/reception 1 line --line 1
      provisioner key set device:805ec0d57d72 5 speed-dial +351212345678 --module 1
    """
    out.done(keys.put(here.admin, scope, position, type, value, label, line or 0, module))


set_.help = (set_.help or "").replace("{types}", "\n    ".join(["\b", "TYPE is one of:", *(f"  {name:<16}{words}" for name, words in KEY_TYPES.items())]))


@key.command("types")
@out.as_json
def types(json_: bool) -> None:
    """List the types of keys that there are."""
    rows = dictionary.key_types()
    out.machine(rows) if json_ else out.table(rows, ("type", "help"))


@key.command("list")
@click.argument("scope")
@out.as_json
@session
def list_(here: Session, scope: str, json_: bool) -> None:
    """List the keys that were set in a scope."""
    rows = keys.listed(here.admin, scope)
    if json_:
        out.machine(rows)
    else:
        out.table([{**row, "module": row["module"] or "", "line": row["line"] or ""} for row in rows], ("module", "position", "type", "value", "label", "line"), f"no key of {scope} is set")


@key.command()
@click.argument("scope")
@_POSITION
@click.argument("to", type=click.IntRange(1, 1000))
@_MODULE
@session
def move(here: Session, scope: str, position: int, to: int, module: int) -> None:
    """Move a key that was set here to another position; with a key that is there it changes places.

    \b
    Example:
      provisioner key move device:805ec0d57d72 2 5
    """
    rows = [keys.Row(row["position"], to if row["position"] == position else row["position"], row["type"], row["value"], row["label"], row["line"]) for row in keys.listed(here.admin, scope) if row["module"] == module]
    if position not in [row.at for row in rows]:
        raise NotHere(f"key {position} of {scope} was not set; `provisioner key list {scope}` shows those that were")
    out.done(keys.lay(here.admin, scope, rows, module))


@key.command()
@click.argument("scope")
@_POSITION
@_MODULE
@session
def clear(here: Session, scope: str, position: int, module: int) -> None:
    """Empty a key that was set here; it stays empty."""
    out.done(keys.clear(here.admin, scope, position, module))


@key.command()
@click.argument("scope")
@_POSITION
@_MODULE
@session
def forget(here: Session, scope: str, position: int, module: int) -> None:
    """Say nothing of a key any more: its group's word counts, or what the phone's user puts there."""
    out.done(keys.forget(here.admin, scope, position, module))
