"""provisioner boot, demo"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from provisioner import simulator
from provisioner.admin import Admin, families, trials
from provisioner.admin import demo as example
from provisioner.cli import out
from provisioner.cli.session import FAILURE, Session, session, who
from provisioner.config import Config, as_toml
from provisioner.errors import BadInput, BadValue, StoreTrouble
from provisioner.mac import parse
from provisioner.simulator import Phone


@click.command()
@click.argument("mac")
@click.option("--server", "url", default="", metavar="URL", help="Where the phone looks first: http://, https:// or tftp://HOST[:PORT][/PATH]; else the server that runs here.")
@click.option("--model", default="", metavar="FAMILY/MODEL", help="For a phone that is not in this inventory.")
@click.option("--firmware", default="", metavar="VERSION", help="Firmware that it says it has.")
@out.as_json
@session
def boot(here: Session, mac: str, url: str, model: str, firmware: str, json_: bool) -> None:
    """Play this phone's own boot, from factory state until it rests: every file it asks for, and what it got.

    Exit code 1 where it gave up, got nothing, or did not come to rest.

    \b
    Examples:
      provisioner boot 805ec0d57d72
      provisioner boot 805ec0d57d72 --server http://127.0.0.1:8080/
      provisioner boot 805ec0d57d72 --server tftp://127.0.0.1:6969/
    """
    if not url and (model or firmware):
        raise BadValue("say with --server whom a phone asks that is not as this inventory has it")
    result = _elsewhere(here, mac, url, model, firmware) if url else trials.boot(here.admin, mac)
    if json_:
        out.machine(trials.shown(result))
    else:
        for line in simulator.tell(result):
            click.echo(out.safe(line))
    if not (result.came_to_rest and result.complete):
        click.get_current_context().exit(FAILURE)


def _elsewhere(here: Session, mac: str, url: str, model: str, firmware: str) -> simulator.Boot:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https", "tftp") or not parts.hostname:
        raise BadValue(f"{url!r} is no server; write http://HOST:8080/, https://HOST/ or tftp://HOST:6969/")
    return simulator.boot(_phone(here, mac, model, firmware), url)


def _phone(here: Session, mac: str, model: str, firmware: str) -> Phone:
    if model:
        family, known = families.catalog(here.config).model(model)
        return Phone(family, known.name, parse(mac), firmware)
    device = here.admin.device(mac)
    found = here.admin.model_of(device)
    if found is None:
        raise BadInput(f"the family {device.family} cannot be used; `provisioner check` says why")
    return Phone(found[0], found[1].name, device.mac, firmware or device.firmware, device.serial)


_MARK = "this-is-a-demo"


@click.command()
@click.option("--stay", is_flag=True, help="Keep the server running afterwards, until Ctrl-C.")
@session
def demo(here: Session, stay: bool) -> None:
    """Show it: an example site, an account and a phone of every family; each phone boots from a server of its own.

    Everything lives in the folder demo of the state folder, on ports that the system chooses; nothing else is touched.
    """
    folder = here.config.state / "demo"
    config = replace(here.config, state=folder)
    _fresh(folder, config)
    with _server(folder) as (http, tftp):
        store = Admin.open(config, who(), "cli")
        try:
            phones = example.arrange(store, http, tftp)
            rested = [_play(store.catalog.families[device.family], device.model, device.mac, http, tftp) for device in phones]
        finally:
            store.close()
        click.echo(f"{sum(rested)} of {len(rested)} phones booted and came to rest")
        if stay:
            click.echo(f"the server stays at {http}/ and {tftp}/; another shell: `{_me()} --state {folder} device list`; Ctrl-C ends it")
            sys.stdout.flush()
            _until_interrupted()
    if not all(rested):
        click.get_current_context().exit(FAILURE)


def _me() -> str:
    return sys.argv[0] if sys.argv[0].endswith("/provisioner") else "provisioner"


def _play(family: Any, model: str, mac: str, http: str, tftp: str) -> bool:
    over_http = "http" in family.wires or "https" in family.wires
    result = simulator.boot(Phone(family, model, mac), f"{http if over_http else tftp}/")
    for line in simulator.tell(result):
        click.echo(out.safe(line))
    click.echo()
    return result.came_to_rest and result.complete


def _fresh(folder: Path, config: Config) -> None:
    """Empty the demo's folder of the last demo, and write the options of its server; raises where it is something else."""
    options = {"state": folder, "phones_path": config.phones_path, "http_address": "127.0.0.1:0", "tftp_address": "127.0.0.1:0", "admin_address": "", "http_workers": 1, "log_level": "warning"}
    try:
        if folder.exists() and not (folder / _MARK).exists():
            raise BadValue(f"{folder} is there and is no demo of ours; move it away")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, mode=0o700)
        (folder / _MARK).touch()
        (folder / "config.toml").write_text("".join(f"{name} = {as_toml(value)}\n" for name, value in options.items()), "utf-8")
    except OSError as fault:
        raise StoreTrouble(f"{folder}: {fault.strerror}; check its owner and the disk") from None


@contextmanager
def _server(folder: Path) -> Iterator[tuple[str, str]]:
    """Run a server on a demo's folder; give its HTTP and TFTP URLs, and end it."""
    command = [sys.executable, "-m", "provisioner", "--config", str(folder / "config.toml"), "serve"]
    environment = {"PYTHONPATH": str(Path(__file__).parent.parent.parent)}  # and no PROVISIONER_…, which would outrank the file
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout
            urls: list[str] = []
            while len(urls) < 2:
                line = process.stdout.readline()
                if not line:
                    raise StoreTrouble("the demo's server did not start; what it said stands above")
                if line.startswith("phones over "):
                    urls.append(line.split()[-1].rstrip("/"))
            yield urls[0], urls[1]
        finally:
            process.send_signal(signal.SIGTERM)


def _until_interrupted() -> None:
    try:
        signal.pause()
    except KeyboardInterrupt:
        click.echo("", err=True)
