"""provisioner assign, unassign"""

from __future__ import annotations

import click

from provisioner.admin import lines
from provisioner.cli import out
from provisioner.cli.session import Session, session

_N = click.IntRange(1, 1000)


@click.command()
@click.argument("mac")
@click.argument("account")
@click.option("--line", "n", type=_N, metavar="N", help="Position; the first free one where not said.")
@click.option("--replace", is_flag=True, help="Take the place of the account that is there.")
@session
def assign(here: Session, mac: str, account: str, n: int | None, replace: bool) -> None:
    """Put an account on a line of a phone.

    \b
    Examples:
      provisioner assign 805ec0d57d72 212@sip.example.com
      provisioner assign 805ec0d57d72 info@sip.example.com --line 2
    """
    out.done(lines.assign(here.admin, mac, account, n or 0, replace))


@click.command()
@click.argument("mac")
@click.option("--line", "n", type=_N, metavar="N", help="Position; may be left away where only one line has an account.")
@session
def unassign(here: Session, mac: str, n: int | None) -> None:
    """Take the account off a line of a phone; the account itself stays."""
    out.done(lines.unassign(here.admin, mac, n or 0))
