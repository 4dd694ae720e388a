"""provisioner account xcap …"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from provisioner.admin import xcap as contacts
from provisioner.cli import out
from provisioner.cli.session import FAILURE, Session, session


class _ShowsByItself(click.Group):
    """A group whose first word may be an address instead of a command: then it is shown."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that was meant."""
        return super().resolve_command(ctx, ["show", *args] if "@" in args[0] else args)


def _ways(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of how the server is asked."""
    command = click.option("--trust", type=click.Path(path_type=Path), metavar="FILE", help="Believe the roots in this file of PEM too.")(command)
    return click.option("--patience", type=click.FloatRange(0.1, 64), default=8.0, show_default=True, metavar="SECONDS", help="How long one request may take.")(command)


@click.group(cls=_ShowsByItself)
def xcap() -> None:
    """Contacts that an account's provider keeps (XCAP, RFC 4825).

    With a SIP address instead of a command: what `show` shows.

    Asked are public hosts over HTTPS alone; the option `outgoing` of the server names private ones, and those over http.
    """


@xcap.command()
@click.argument("sip_address", metavar="SIP-ADDRESS")
@_ways
@out.as_json
@session
def show(here: Session, sip_address: str, patience: float, trust: Path | None, json_: bool) -> None:
    """Show what the account's XCAP server offers, and the contacts that it keeps."""
    known = contacts.shown(here.admin, sip_address, contacts.means(here.admin, patience, trust))
    if json_:
        out.machine(known)
        return
    rows = [{"name": row["name"], "numbers": [f"{one['kind']} {one['number']}" for one in row["numbers"]]} for row in known["contacts"]]
    fetched = known["fetched"]
    when = f"{fetched['at']}, {'the same' if fetched['same'] else 'others than these'}" if fetched else f"not yet; `provisioner account xcap fetch {known['sip_address']}`"
    out.facts({**{name: known[name] for name in ("sip_address", "xcap_root", "auids", "document", "etag")}, "fetched": when})
    out.table(rows, ("name", "numbers"), "the server keeps no contacts")
    out.notes(known["notes"])


@xcap.command()
@click.argument("sip_address", metavar="SIP-ADDRESS", required=False)
@click.option("--all", "all_", is_flag=True, help="Of every account that has an XCAP root; a timer can run it. Exit code 1 where one could not be had.")
@_ways
@session
def fetch(here: Session, sip_address: str | None, all_: bool, patience: float, trust: Path | None) -> None:
    """Put the contacts into the phone books of the phones that have the account.

    They stand there beside those of the phones' site. Where nothing changed at the server nothing is done.

    \b
    Examples:
      provisioner account xcap fetch 212@sip.example.com
      provisioner account xcap fetch --all
    """
    ways = contacts.means(here.admin, patience, trust)
    if bool(sip_address) == all_:
        raise click.UsageError("name an account, or say --all")
    if sip_address:
        out.done(contacts.fetch(here.admin, sip_address, ways))
        return
    failed = False
    for one in contacts.fetch_all(here.admin, ways):
        failed = failed or bool(one.trouble)
        click.echo(out.safe(f"{one.sip_address}: {one.trouble or one.done.sentence}"))
        out.notes(one.done.notes)
    if failed:
        click.get_current_context().exit(FAILURE)


@xcap.command()
@click.argument("sip_address", metavar="SIP-ADDRESS")
@click.argument("name")
@click.argument("numbers", nargs=-1, required=True, metavar="NUMBER...")
@_ways
@session
def put(here: Session, sip_address: str, name: str, numbers: tuple[str, ...], patience: float, trust: Path | None) -> None:
    """Put a person among the contacts at the server, or give the one of that name these numbers.

    Where somebody else changed the contacts since they were fetched, nothing is written, and it is told what differs.

    \b
    Example:
      provisioner account xcap put 212@sip.example.com "Anna Silva" 213 anna@example.org
    """
    out.done(contacts.put(here.admin, sip_address, name, numbers, contacts.means(here.admin, patience, trust)))


@xcap.command()
@click.argument("sip_address", metavar="SIP-ADDRESS")
@click.argument("name")
@_ways
@session
def remove(here: Session, sip_address: str, name: str, patience: float, trust: Path | None) -> None:
    """Take a person out of the contacts at the server, as carefully as `put` does."""
    out.done(contacts.remove(here.admin, sip_address, name, contacts.means(here.admin, patience, trust)))


@xcap.command("lists")
@click.argument("sip_address", metavar="SIP-ADDRESS")
@_ways
@out.as_json
@session
def lists_(here: Session, sip_address: str, patience: float, trust: Path | None, json_: bool) -> None:
    """Show the account's lists that busy lamp fields can subscribe to (rls-services, RFC 4826).

    A phone that subscribes to one of them sees all of its members; its setting `blf_list` says which.

    \b
    Example:
      provisioner account xcap lists 212@sip.example.com
    """
    rows = contacts.lists(here.admin, sip_address, contacts.means(here.admin, patience, trust))
    if json_:
        out.machine(rows)
    else:
        out.table([{**row, "members": row["members"] or row["elsewhere"]} for row in rows], ("list", "members", "packages", "lamps", "on_phones"), "the server keeps no lists to subscribe to")


@xcap.command("put-list")
@click.argument("sip_address", metavar="SIP-ADDRESS")
@click.argument("name", metavar="LIST")
@click.argument("members", nargs=-1, required=True, metavar="NUMBER...")
@click.option("--on-phones", is_flag=True, help="Then say the setting blf_list for the account, so that its phones which can subscribe to the list.")
@_ways
@session
def put_list(here: Session, sip_address: str, name: str, members: tuple[str, ...], on_phones: bool, patience: float, trust: Path | None) -> None:
    """Put a list for busy lamp fields at the server, or give the one of that name these members.

    \b
    Example:
      provisioner account xcap put-list 212@sip.example.com team 213 214 215 --on-phones
    """
    out.done(contacts.put_list(here.admin, sip_address, name, members, contacts.means(here.admin, patience, trust), on_phones))


@xcap.command("remove-list")
@click.argument("sip_address", metavar="SIP-ADDRESS")
@click.argument("name", metavar="LIST")
@_ways
@session
def remove_list(here: Session, sip_address: str, name: str, patience: float, trust: Path | None) -> None:
    """Take a list for busy lamp fields away from the server."""
    out.done(contacts.remove_list(here.admin, sip_address, name, contacts.means(here.admin, patience, trust)))
