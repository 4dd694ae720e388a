"""provisioner: all commands."""

from __future__ import annotations

from pathlib import Path

import click

from provisioner import __version__
from provisioner.cli import (
    account,
    boot,
    device,
    event,
    export,
    family,
    group,
    handout,
    key,
    line,
    many,
    operator,
    phonebook,
    portable,
    provider,
    server,
    setting,
    site,
    xcap,
)
from provisioner.cli.session import Root, Session


@click.group(cls=Root, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="provisioner")
@click.option("--config", "file", type=click.Path(path_type=Path), metavar="FILE", help="Options of the server; else $PROVISIONER_CONFIG, ./config.toml, /etc/provisioner/config.toml.")
@click.option("--state", type=click.Path(path_type=Path), metavar="FOLDER", help="Folder of the databases and the server's key; outranks the option `state`.")
@click.pass_context
def cli(context: click.Context, file: Path | None, state: Path | None) -> None:
    """The server that desk phones boot from.

    \b
    From nothing to a phone that boots:
      provisioner serve --try-here
      provisioner account add 212@sip.example.com
      provisioner device add 80:5e:c0:d5:7d:72 --model yealink/T46U
      provisioner assign 80:5e:c0:d5:7d:72 212@sip.example.com

    \b
    Why does a phone get this, or nothing?
      provisioner events --follow
      provisioner why 805ec0d57d72.cfg
      provisioner device explain 805ec0d57d72 timezone

    Exit codes: 0 ok, 1 failure, 2 wrong usage, 78 bad config, 130 Ctrl-C.
    """
    context.obj = Session(file, state)
    context.call_on_close(context.obj.close)


for command in (
    server.serve, server.check, server.health, server.config, account.account, device.device, line.assign, line.unassign, setting.set_, setting.unset, setting.list_settings,
    key.key, group.group, site.site, phonebook.phonebook, provider.provider, portable.import_, export.export, handout.handout, event.overview, event.events, event.why, family.family, family.identify, boot.boot, boot.demo,
    operator.operator, operator.apikey, operator.audit_,
):  # fmt: skip
    cli.add_command(command)
account.account.add_command(xcap.xcap)
for command in (many.enrol_, many.copy, many.many_, many.keys, many.fetched, many.diff):
    device.device.add_command(command)
