"""provisioner events, why"""

from __future__ import annotations

from typing import Any

import click

from provisioner.admin import events as log
from provisioner.admin import overview as glance
from provisioner.admin import why as reasons
from provisioner.cli import out
from provisioner.cli.session import FAILURE, Session, session


@click.command()
@click.option("--mac", default="", metavar="MAC", help="Of one phone.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, metavar="N", help="How many of the last ones.")
@click.option("--follow", is_flag=True, help="Then show each new one until Ctrl-C.")
@out.as_json
@session
def events(here: Session, mac: str, limit: int, follow: bool, json_: bool) -> None:
    """Show what became of phones' requests, and of what accounts' servers were asked, the latest last.

    With --json and --follow: one JSON object a line.

    \b
    Example:
      provisioner events --mac 805ec0d57d72 --follow
    """
    if follow:
        for event in log.follow(here.admin, mac, limit):
            out.line(event) if json_ else click.echo(_line(event))
        return
    rows = log.latest(here.admin, mac, limit)
    if json_:
        out.machine(rows)
        return
    if not rows:
        click.echo("no request yet", err=True)
    for event in rows:
        click.echo(_line(event))


def _line(event: dict[str, Any]) -> str:
    if event["wire"] in ("sip", "xcap"):
        return out.safe(f"{event['at'][:19]}  {event['outcome']:<12}  {'-':<12}  {event['wire']} {event['path']}: {event['sentence']}")
    times = f" ({event['times']} times)" if event["times"] > 1 else ""
    size = f" {event['bytes']} bytes" if event["bytes"] else ""
    sentence = f": {event['sentence']}" if event["sentence"] else ""
    return out.safe(f"{event['at'][:19]}  {event['outcome']:<12}  {event['mac'] or '-':<12}  {event['wire']} {event['path'] or '/'} from {event['address'] or 'nowhere'}{size}{times}{sentence}")


@click.command()
@out.as_json
@session
def overview(here: Session, json_: bool) -> None:
    """Show what there is at a glance: phones by state and family, who waits, whose boots fail; --json has the boots of each hour.

    \b
    Example:
      provisioner overview
    """
    known = glance.shown(here.admin)
    if json_:
        out.machine(known)
        return
    failing = [f"{row['mac']} {row['times']} times: {row['sentence']}" for row in known["failing"]]
    out.facts({**{name: known[name] for name in ("phones", "states", "families", "unseen")}, "waiting": known["waiting"]["count"], "failing": failing})


@click.command()
@click.argument("what", metavar="URL-or-FILE")
@click.option("--user-agent", default="", metavar="TEXT", help="As the phone sends it.")
@click.option("--address", default="127.0.0.1", show_default=True, metavar="IP", help="The phone's address.")
@click.option("--wire", type=click.Choice(("http", "https", "tftp")), help="The URL's own, else http.")
@out.as_json
@session
def why(here: Session, what: str, user_agent: str, address: str, wire: str | None, json_: bool) -> None:
    """Say what a phone would get for a URL or file name, and why: the rule, the nearest miss, the cure.

    Nothing is fetched or written. Exit code 0 where it would be served, else 1.

    \b
    Examples:
      provisioner why 805ec0d57d72.cfg --address 192.0.2.7
      provisioner why tftp://prov.example.com/805ec0d57d72.cfg
    """
    found = reasons.why(here.admin, what, user_agent, address, wire or "")
    if json_:
        out.machine(found.shown())
    else:
        for step, words in found.steps:
            click.echo(out.safe(f"{step:<9} {words}"))
        click.echo(out.safe(f"{'so':<9} {found.outcome}: {found.sentence}"))
        if found.cure:
            click.echo(out.safe(f"{'cure':<9} {found.cure}"))
    if found.outcome != "served":
        click.get_current_context().exit(FAILURE)
