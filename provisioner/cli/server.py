"""provisioner serve, check, health, config"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from provisioner import config as options
from provisioner import server
from provisioner.admin import Admin, checks, operators, portable, sites, words
from provisioner.cli import out
from provisioner.cli.session import FAILURE, Session, session, who
from provisioner.config import Config
from provisioner.errors import StoreTrouble

_MAC, _MODEL, _ACCOUNT = "80:5e:c0:d5:7d:72", "yealink/T46U", "212@sip.example.com"


@click.command()
@click.option("--try-here", is_flag=True, help="For a first look on this machine: the default site gets this server's loopback URL, where it has none.")
@click.option("--bundle", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="Serve what `export portable` wrote, and nothing of this machine's own state.")
@click.option("--passphrase-file", "file", type=click.Path(path_type=Path), metavar="FILE", help="Of the bundle: file with its passphrase, in one line; without it you are asked.")
@click.option("--network", "networks", multiple=True, metavar="NETWORK", help="Of the bundle: a network, such as 192.0.2.0/24, in which its phones need no token and get their files over TFTP too; more than once.")
@session
def serve(here: Session, try_here: bool, bundle: Path | None, file: Path | None, networks: tuple[str, ...]) -> None:
    """Serve phones until Ctrl-C or SIGTERM; SIGHUP reads the config, the families and the certificate again.

    \b
    Examples:
      provisioner serve
      PROVISIONER_TFTP_ADDRESS=0.0.0.0:69 provisioner serve
      provisioner serve --bundle /media/stick/lisbon --passphrase-file phrase.txt --network 192.0.2.0/24
    """
    if bundle:
        _serve_bundle(here.config, bundle, out.secret("passphrase", False, file, True) or "", networks)
        return
    if file or networks:
        raise click.UsageError("--passphrase-file and --network are for --bundle DIR; say which bundle")
    config = here.config

    def ready(running: server.Running) -> None:
        for name, address in (("HTTP", running.http), ("HTTPS", running.https), ("TFTP", running.tftp)):
            if address:
                click.echo(f"phones over {name}: {name.lower()}://{address}/")
        if running.proxy:
            click.echo(f"proxies with PROXY headers: {running.proxy}")
        if running.admin:
            click.echo(f"people and programs: http://{running.admin}/")
        _first_words(config, running, try_here)
        sys.stdout.flush()

    click.get_current_context().exit(server.serve(config, ready, here.config_again))


def _serve_bundle(config: Config, folder: Path, passphrase: str, networks: tuple[str, ...]) -> None:
    with portable.opened(folder, passphrase, config, networks) as served:

        def ready(running: server.Running) -> None:
            about = served.about
            click.echo(f"{about.facts['phones']} {'phone' if about.facts['phones'] == '1' else 'phones'} of the bundle {about.facts['name']}, until {about.expires_at}; their events go to {folder}")
            for name, address in (("HTTP", running.http), ("HTTPS", running.https), ("TFTP", running.tftp)):
                if address:
                    click.echo(f"phones over {name}: {name.lower()}://{address}/")
            sys.stdout.flush()

        code = server.serve(served.config, ready, guest=server.Guest(served.events, served.over))
    click.get_current_context().exit(code)


def _first_words(config: Config, running: server.Running, try_here: bool) -> None:
    """Say what to type next, while there is no phone yet."""
    try:
        admin = Admin.open(config, who(), "cli")
    except StoreTrouble:
        return
    try:
        if try_here and sites.try_here(admin, running.http.port, running.tftp.port):
            click.echo("the default site's URL is this machine's loopback; before the first real phone: `provisioner site change default --public-url http://HOST:PORT`", err=True)
        secret = operators.first_link(admin) if running.admin else ""
        if secret:
            host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(running.admin.host, running.admin.host)
            click.echo(f"\nNobody can sign in yet. Open this link within a day, and choose a password:\n  http://{running.admin._replace(host=host)}/setup/{secret}")
        if admin.store.devices():
            return
    except StoreTrouble as why:
        click.echo(f"note: {why}", err=True)
        return
    finally:
        admin.close()
    me = sys.argv[0] if sys.argv[0].endswith("/provisioner") else "provisioner"
    click.echo(f"\nNext, in a second shell:\n  {me} account add {_ACCOUNT}\n  {me} device add {_MAC} --model {_MODEL}\n  {me} assign {_MAC} {_ACCOUNT}")
    if running.http:
        click.echo(f"  curl http://127.0.0.1:{running.http.port}/{_MAC.replace(':', '')}.cfg")


@click.command()
@click.option("--output", is_flag=True, help="Make every file of every model too, and compare its parameters and values with the family's known.txt.")
@out.as_json
@session
def check(here: Session, output: bool, json_: bool) -> None:
    """Say what is wrong before a phone meets it: families' folders, config, store, sites, phones.

    Exit code 1 where there is a fault; warnings alone are 0.
    """
    found = checks.run(here.config, who(), "cli", output)
    if json_:
        out.machine([finding.shown() for finding in found])
    for finding in [] if json_ else found:
        click.echo(out.safe(f"{finding.kind}: {finding.sentence}"))
    faults = sum(finding.kind == checks.FAULT for finding in found)
    click.echo(f"{words.count(faults, 'fault')}, {words.count(len(found) - faults, 'warning')}" if found else "all is well", err=True)
    if faults:
        click.get_current_context().exit(FAILURE)


@click.command()
@out.as_json
@session
def health(here: Session, json_: bool) -> None:
    """Ask the running server, at its doors, as a phone would. Exit code 1 where a part is not well."""
    parts = server.health(here.config)
    rows = [{"part": part, "well": well, "sentence": sentence} for part, well, sentence in parts]
    out.machine(rows) if json_ else out.table([{**row, "well": "well" if row["well"] else "NOT WELL"} for row in rows], ("part", "well", "sentence"))
    if not all(well for _, well, _ in parts):
        click.get_current_context().exit(FAILURE)


@click.group()
def config() -> None:
    """Options of the server."""


@config.command()
@out.as_json
@session
def show(here: Session, json_: bool) -> None:
    """Show every option that counts, and who said it; secrets masked."""
    found = options.values(here.config) if json_ else options.show(here.config)
    rows = [{"option": name, "value": value, "said_by": by} for name, value, by in found]
    out.machine(rows) if json_ else out.table(rows, ("option", "value", "said_by"))
