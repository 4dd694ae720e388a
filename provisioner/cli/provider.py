"""provisioner provider …"""

from __future__ import annotations

from typing import Any

import click

from provisioner.admin import providers
from provisioner.cli import out
from provisioner.cli.session import Session, session


@click.group()
def provider() -> None:
    """Providers: who gives SIP accounts, and what is known of theirs."""


@provider.command("list")
@out.as_json
@session
def list_(here: Session, json_: bool) -> None:
    """List every provider: carriers, and PBXs; and what its name fills in an account.

    \b
    Example:
      provisioner provider list
    """
    known = providers.catalog(here.config)
    rows = providers.listed(known)
    if json_:
        out.machine(rows)
    else:
        out.table([{**row, "domains": row["domains"][:2]} for row in rows], ("provider", "name", "country", "kind", "domains", "fills"))
    out.notes(str(fault) for fault in known.faults)


@provider.command()
@click.argument("name", metavar="PROVIDER")
@out.as_json
@session
def show(here: Session, name: str, json_: bool) -> None:
    """Show one provider: each fact with its source, how its usernames look, what its lines are set to.

    \b
    Example:
      provisioner provider show sip2sip
    """
    known = providers.shown(providers.catalog(here.config), name)
    if json_:
        out.machine(known)
        return
    rule = known["username"] or {}
    out.facts({**{name: value for name, value in known.items() if name not in ("facts", "settings", "username", "labels")}, "usernames": rule.get("words", ""), "labels": [f"{name}: {', '.join(said)}" for name, said in known["labels"].items()]})
    rows = [_row(name, found) for table in ("facts", "settings") for name, found in known[table].items()]
    if rows:
        click.echo()
        out.table(rows, ("fact", "value", "confidence", "source"))


def _row(name: str, found: dict[str, Any]) -> dict[str, Any]:
    values = [value if value != "" else "none" for value in found["values"]]
    return {"fact": name, "value": values[0] if len(values) == 1 else f"one of {len(values)}: {', '.join(map(str, values[:3]))}{' …' if len(values) > 3 else ''}", "confidence": found["confidence"], "source": found["source"]}
