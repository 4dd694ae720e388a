"""provisioner account …"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from provisioner.admin import accounts
from provisioner.cli import out
from provisioner.cli.session import Session, session
from provisioner.things import TRANSPORTS

_FACTS = (
    ("--username", "USER", "User part that registers; the SIP address's own where not said."),
    ("--auth-username", "USER", "Name for authentication; the username where not said."),
    ("--domain", "DOMAIN", "SIP domain; the SIP address's own where not said."),
    ("--registrar", "HOST[:PORT]", "Where the line registers; the domain where not said. No port means NAPTR and SRV."),
    ("--realm", "REALM", "Realm of the digest; whatever the server asks with where not said."),
    ("--outbound-proxy", "HOST[:PORT]", "Where every request goes first."),
    ("--transport", f"[{'|'.join(TRANSPORTS)}]", "How SIP travels."),
    ("--xcap-root", "URL", "XCAP root of the provider (RFC 4825)."),
    ("--display-name", "NAME", "Name that callees see."),
    ("--voicemail", "NUMBER", "Number of the mailbox, such as *97."),
    ("--email", "ADDRESS", "E-mail address of who it belongs to."),
    ("--timezone", "ZONE", "Time zone that the provider names, such as Europe/Lisbon."),
    ("--provider", "NAME", "Who gives the account."),
    ("--notes", "TEXT", "Anything worth remembering."),
)


def _facts(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command an option for each fact, and the ways in which a password comes."""
    command = click.option("--password-file", type=click.Path(path_type=Path), metavar="FILE", help="Read the password from a file.")(command)
    command = click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")(command)
    for name, metavar, help in reversed(_FACTS):
        command = click.option(name, metavar=metavar, help=help)(command)
    return command


def _said(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if value is not None}


@click.group()
def account() -> None:
    """SIP accounts: what a provider's e-mail says."""


@account.command()
@click.argument("sip_address", metavar="SIP-ADDRESS")
@_facts
@session
def add(here: Session, sip_address: str, password_stdin: bool, password_file: Path | None, **facts: Any) -> None:
    """Add an account.

    The password is asked for at a terminal, or comes by --password-stdin or --password-file; never as an argument, which others could read.

    \b
    Examples:
      provisioner account add 212@sip.example.com --display-name "Front desk"
      provisioner account add 212@example.com --outbound-proxy proxy.example.com:5080 --transport tls --password-file 212.secret
    """
    password = out.secret("Password", password_stdin, password_file, ask=True)
    out.done(accounts.add(here.admin, sip_address, _said({**facts, "password": password})))


@account.command()
@click.argument("sip_address", metavar="SIP-ADDRESS")
@_facts
@click.option("--ask-password", is_flag=True, help="Ask for the password at the terminal.")
@session
def change(here: Session, sip_address: str, password_stdin: bool, password_file: Path | None, ask_password: bool, **facts: Any) -> None:
    """Change the facts that are named; an empty one goes back to its default.

    The files of the phones that have the account are tried first.

    \b
    Examples:
      provisioner account change 212@sip.example.com --display-name "Reception"
      provisioner account change 212@sip.example.com --outbound-proxy ""
    """
    password = out.secret("Password", password_stdin, password_file, ask=ask_password)
    said = _said({**facts, "password": password})
    if not said:
        raise click.UsageError("say what to change; --help lists the facts")
    out.done(accounts.change(here.admin, sip_address, said))


@account.command("list")
@out.as_json
@session
def list_(here: Session, json_: bool) -> None:
    """List every account."""
    rows = [accounts.shown(here.admin, one) for one in here.admin.store.accounts()]
    if json_:
        out.machine(rows)
    else:
        out.table([{**row, "on": [f"{line['mac']}/{line['line']}" for line in row["lines"]]} for row in rows], ("sip_address", "display_name", "domain", "on"), "no accounts yet; `provisioner account add SIP-ADDRESS`")


@account.command()
@click.argument("sip_address", metavar="SIP-ADDRESS")
@out.as_json
@session
def show(here: Session, sip_address: str, json_: bool) -> None:
    """Show one account, its password masked, and the lines that have it."""
    known = accounts.shown(here.admin, accounts.one(here.admin, sip_address))
    out.machine(known) if json_ else out.facts(known)


@account.command()
@click.argument("sip_address", metavar="SIP-ADDRESS")
@session
def remove(here: Session, sip_address: str) -> None:
    """Remove an account that no phone has."""
    out.done(accounts.remove(here.admin, sip_address))
