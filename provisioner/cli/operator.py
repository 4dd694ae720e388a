"""provisioner operator …, apikey …, audit …"""

from __future__ import annotations

from typing import Any

import click

from provisioner.admin import apikeys, audit, operators, sessions
from provisioner.cli import out
from provisioner.cli.session import Session, session
from provisioner.people import ROLES


@click.group()
def operator() -> None:
    """Operators: who may sign in to the console, in which role, for which sites."""


_ROLE = click.option("--role", type=click.Choice(ROLES), help="owner: everything; admin: phones, accounts, secrets; helpdesk: keys, contacts, restarts, no secrets; reader: looks.")
_SITE = click.option("--site", "sites", multiple=True, metavar="SITE", help="Binds him to this site; may be said again. Without it: all sites.")
_LANGUAGE = click.option("--language", metavar="TAG", help="Of the pages that he sees: en or pt.")
_ZONE = click.option("--timezone", metavar="ZONE", help="In which he sees times, such as Europe/Lisbon.")


def _said(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value}


@operator.command()
@click.argument("name")
@_ROLE
@_SITE
@_LANGUAGE
@_ZONE
@session
def add(here: Session, name: str, role: str | None, sites: tuple[str, ...], language: str | None, timezone: str | None) -> None:
    """Add an operator, and print the link with which he sets his password. It is good once, and for a day.

    \b
    Examples:
      provisioner operator add anna --role admin --site hq --language pt
      provisioner operator add ben --role helpdesk
    """
    done, secret = operators.add(here.admin, name, **_said(role=role, sites=sites, language=language, timezone=timezone))
    out.done(done)
    _link(here, secret)


def _link(here: Session, secret: str) -> None:
    address = here.config.admin_address
    where = f"http://{address}" if address else "http://(the console's address; admin_address is off)"
    click.echo(f"{where}/setup/{secret}")


@operator.command("list")
@out.as_json
@session
def list_(here: Session, json_: bool) -> None:
    """List the operators."""
    rows = operators.listed(here.admin)
    out.machine(rows) if json_ else out.table(rows, ("operator", "role", "sites", "can_sign_in", "sessions", "last_seen_at"), "no operators; `provisioner operator add NAME --role owner`")


@operator.command()
@click.argument("name")
@_ROLE
@_SITE
@click.option("--all-sites", is_flag=True, help="Binds him to no site any more.")
@_LANGUAGE
@_ZONE
@session
def change(here: Session, name: str, role: str | None, sites: tuple[str, ...], all_sites: bool, language: str | None, timezone: str | None) -> None:
    """Change what was said of an operator; another role or other sites end his sessions.

    \b
    Example:
      provisioner operator change ben --role admin --site hq --site north
    """
    if sites and all_sites:
        raise click.UsageError("say --site or --all-sites")
    facts = _said(role=role, sites=sites, language=language, timezone=timezone)
    out.done(operators.change(here.admin, name, {**facts, **({"sites": ()} if all_sites else {})}))


@operator.command()
@click.argument("name")
@session
def link(here: Session, name: str) -> None:
    """Print a new link with which an operator sets another password; the way back in for who forgot his."""
    done, secret = operators.link(here.admin, name)
    out.done(done)
    _link(here, secret)


@operator.command("sign-out")
@click.argument("name")
@session
def sign_out(here: Session, name: str) -> None:
    """End all sessions of an operator."""
    out.done(sessions.end(here.admin, name))


@operator.command("sessions")
@click.argument("name")
@out.as_json
@session
def list_sessions(here: Session, name: str, json_: bool) -> None:
    """List the sessions of an operator: where he has signed in, and when each was used last."""
    rows = sessions.listed(here.admin, name)
    out.machine(rows) if json_ else out.table(rows, ("address", "agent", "made_at", "seen_at"), f"{name} has no session")


@operator.command()
@click.argument("name")
@session
def remove(here: Session, name: str) -> None:
    """Remove an operator, with his sessions and API keys."""
    out.done(operators.remove(here.admin, name))


@click.group()
def apikey() -> None:
    """API keys: what programs show at /api/v1. Each acts for an operator."""


@apikey.command("add")
@click.argument("label")
@click.option("--operator", "name", default="", metavar="NAME", help="For whom it acts; without it the only operator.")
@click.option("--role", type=click.Choice(ROLES), help="Less than his own.")
@click.option("--site", "sites", multiple=True, metavar="SITE", help="Only this site; may be said again.")
@click.option("--days", type=int, default=365, show_default=True, help="How long it is good.")
@session
def add_key(here: Session, label: str, name: str, role: str | None, sites: tuple[str, ...], days: int) -> None:
    """Add a key and print it; nobody sees it again.

    \b
    Example:
      provisioner apikey add "nightly report" --role reader --days 90
    """
    done, secret = apikeys.add(here.admin, label, name, role or "", sites, days)
    out.done(done)
    click.echo(secret)


@apikey.command("list")
@out.as_json
@session
def list_keys(here: Session, json_: bool) -> None:
    """List the keys, by their first characters."""
    rows = apikeys.listed(here.admin)
    out.machine(rows) if json_ else out.table(rows, ("key", "label", "operator", "role", "sites", "expires_at", "last_used_at"), 'no keys; `provisioner apikey add "what for"`')


@apikey.command("remove")
@click.argument("prefix", metavar="KEY")
@session
def remove_key(here: Session, prefix: str) -> None:
    """Remove a key, named by its first characters; it opens nothing any more."""
    out.done(apikeys.remove(here.admin, prefix))


@click.group("audit")
def audit_() -> None:
    """Audit: who changed what, from which door, before and after."""


@audit_.command("list")
@click.option("--noun", default="", metavar="NOUN", help="Only changes of a device, account, line, key, setting, site, group, contact, operator, session, ….")
@click.option("--phone", default="", metavar="MAC", help="Only changes of a phone with its lines, keys and settings.")
@click.option("--name", default="", metavar="NAME", help="Only changes of this one, as the list names it.")
@click.option("--who", default="", metavar="NAME", help="Only what one operator did.")
@click.option("--most", type=click.IntRange(1, 1000), default=50, show_default=True, help="How many.")
@click.option("--below", type=int, default=0, metavar="NUMBER", help="Only changes before this one.")
@out.as_json
@session
def list_changes(here: Session, noun: str, phone: str, name: str, who: str, most: int, below: int, json_: bool) -> None:
    """List the last changes, the newest first; a secret is shown as *changed*.

    \b
    Examples:
      provisioner audit list --phone 805ec0d57d72
      provisioner audit list --who anna --json
    """
    if phone and (noun or name or who):
        raise click.UsageError("--phone goes with --most and --below alone")
    rows = audit.of_phone(here.admin, phone, most, below) if phone else audit.listed(here.admin, noun, name, who, most, below)
    out.machine(rows) if json_ else out.table(rows, ("id", "at", "who", "door", "verb", "noun", "name", "what"), "no changes")


@audit_.command()
@session
def export(here: Session) -> None:
    """Write every change as a line of JSON, the newest first.

    \b
    Example:
      provisioner audit export > changes.jsonl
    """
    for row in audit.exported(here.admin):
        out.line(row)


@audit_.command()
@click.argument("number", type=int)
@session
def undo(here: Session, number: int) -> None:
    """Take a change back, with all that was changed together with it; refused where it was changed again since.

    \b
    Example:
      provisioner audit undo 1042
    """
    out.done(audit.undo(here.admin, number))
