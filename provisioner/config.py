"""What the server itself is told: one flat table of options.

An option comes, the later word winning, from its default, from config.toml, from
PROVISIONER_<OPTION>, and for secrets from the file that PROVISIONER_<OPTION>_FILE names.
Only this room reads config.toml and the environment. What phones are told are settings
(vocabulary.py), and live in the store.

`config.example.toml` and `docs/options.md` are written from the table:

    python -m provisioner.config          rewrites both, from the root of the source tree
"""

from __future__ import annotations

import ipaddress
import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple

from provisioner import kinds
from provisioner.errors import BadConfig, nearest
from provisioner.kinds import Bool, Choice, Int, Kind, Many, Text

PREFIX = "PROVISIONER_"
PLACES = (Path("config.toml"), Path("/etc/provisioner/config.toml"))
MASK = "********"

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Listen(NamedTuple):
    """Where a door listens; port 0 lets the system choose, an empty host with port 0 is a door that is off."""

    host: str
    port: int

    def __str__(self) -> str:
        """Return HOST:PORT as people write it, IPv6 in brackets, or nothing for a door that is off."""
        shown = f"[{self.host}]" if ":" in self.host else self.host
        return f"{shown}:{self.port}" if self.host else ""

    def __bool__(self) -> bool:
        """Return True where the door is on."""
        return bool(self.host)


@dataclass(frozen=True)
class Address:
    """HOST:PORT to listen on."""

    off = Listen("", 0)

    def read(self, text: object) -> Listen:
        """Return the address; empty turns the door off.

        >>> Address().read("[::]:69"), Address().read("127.0.0.1:0")
        (Listen(host='::', port=69), Listen(host='127.0.0.1', port=0))
        """
        if isinstance(text, Listen):
            return text
        value = kinds.clean(text).strip()
        if not value:
            return self.off
        name, colon, number = value.rpartition(":")
        if not colon or not number.isascii() or not number.isdigit() or int(number[:6]) > 65535 or (":" in name and not name.startswith("[")):
            raise ValueError(f"{value!r} is not an address to listen on; write it as 0.0.0.0:8080 or [::]:8080, or leave it empty to turn it off")
        return Listen(kinds.host(name), int(number))

    def say(self) -> str:
        """Return the type in words."""
        return "HOST:PORT, or empty for off"


@dataclass(frozen=True)
class Folder:
    """A folder's name; one that does not start with / is looked for where the server is started."""

    off = Path()

    def read(self, text: object) -> Path:
        """Return the path; ~ is the home of whoever starts the server."""
        value = kinds.clean(text, 1024).strip()
        return Path(value).expanduser() if value else self.off

    def say(self) -> str:
        """Return the type in words."""
        return "a folder"


@dataclass(frozen=True)
class FileName(Folder):
    """A file's name; one that does not start with / is looked for where the server is started."""

    def say(self) -> str:
        """Return the type in words."""
        return "a file"


@dataclass(frozen=True)
class Net:
    """A network or a single address."""

    off = ipaddress.ip_network("127.0.0.1/32")

    def read(self, text: object) -> Network:
        """Return the network; bits outside its mask are refused, they are mostly a slip."""
        value = kinds.clean(text).strip()
        try:
            return ipaddress.ip_network(value)
        except ValueError:
            raise ValueError(f"{value!r} is not a network; write it as 192.0.2.0/24, or as one address") from None

    def say(self) -> str:
        """Return the type in words."""
        return "a network (192.0.2.0/24) or one address"


@dataclass(frozen=True)
class Place:
    """A network, an address, or a host by its name."""

    off = ""

    def read(self, text: object) -> str:
        """Return it in the one spelling that is kept."""
        value = kinds.clean(text).strip()
        if "/" in value or kinds.is_address(value):
            return str(Net().read(value))
        return kinds.host(value)

    def say(self) -> str:
        """Return the type in words."""
        return "a host, a network (192.0.2.0/24) or one address"


def _option(default: object, kind: Kind, help: str, *, unit: str = "", secret: bool = False) -> Any:
    """Return one row of the table: a field whose default, type and help stand together."""
    return field(default=kind.read(default), metadata={"kind": kind, "help": help, "unit": unit, "secret": secret}, repr=not secret)


@dataclass(frozen=True)
class Config:
    """What the server was told. Each field is an option; their order is the order of the docs."""

    state: Path = _option("var", Folder(), "Folder of the databases, the server's key and what runs now")
    assets: Path = _option("", Folder(), "Folder of firmware, pictures and ring tones that phones fetch; empty is the folder assets in `state`")
    phones_path: tuple[Path, ...] = _option((), Many(Folder()), "Folders with phone families of your own, which win over the shipped ones")
    providers_path: tuple[Path, ...] = _option((), Many(Folder()), "Folders with providers of your own, which win over the shipped ones")

    http_address: Listen = _option("0.0.0.0:8080", Address(), "Where phones fetch their files over HTTP; [::]:8080 is IPv4 and IPv6")
    https_address: Listen = _option("", Address(), "Where phones fetch their files over HTTPS, such as 0.0.0.0:8443; TLS 1.2 and 1.3")
    tls_certificate: Path = _option(
        "", FileName(), "The server's certificate in PEM, its intermediates behind it (what ACME clients call fullchain). It is read again when it changes, and at SIGHUP"
    )
    tls_key: Path = _option("", FileName(), "The private key of the certificate in PEM, without a passphrase; empty where it lies in the certificate's file")
    http_workers: int = _option(2, Int(1, 64), "Processes that answer HTTP, and as many that answer HTTPS")
    trusted_proxies: tuple[Network, ...] = _option(
        (), Many(Net(), most=64), "Proxies whose X-Forwarded-For is believed. A forwarded request of anybody else comes from nowhere, so no network of a site lets it in. A proxy must drop header names with an underscore (nginx does), which look the same behind it"
    )

    proxy_address: Listen = _option(
        "", Address(), "Where trusted_proxies pass connections on that begin with a PROXY header, version 1 or 2 (HAProxy's send-proxy); behind it HTTP without any X-Forwarded header, or TLS where there is a tls_certificate"
    )

    admin_address: Listen = _option("127.0.0.1:8090", Address(), "Where people find the console, and programs the API; put a proxy with TLS in front before it listens beyond this machine")
    admin_names: tuple[str, ...] = _option(
        (), Many(Place(), most=64), "Names by which browsers reach the console, such as phones.example.com; addresses and localhost always count, any other name is refused"
    )

    tftp_address: Listen = _option("0.0.0.0:6969", Address(), "Where phones fetch their files over TFTP; phones expect port 69, which needs a privilege")
    tftp_workers: int = _option(1, Int(1, 16), "Processes that answer TFTP; more than one helps only where there are cores to spare")
    tftp_single_port: bool = _option(False, Bool(), "Answer TFTP from the listening port itself, for containers, NAT and firewalls (the phone must not insist on a new port)")
    tftp_block_size: int = _option(1428, Int(512, 65464), "Largest block that a TFTP client gets; 1428 fits an Ethernet frame (RFC 2348)", unit="bytes")
    tftp_retries: int = _option(4, Int(1, 20), "How often one TFTP packet is sent again; each wait is longer than the one before")
    tftp_transfers: int = _option(4096, Int(16, 60000), "TFTP transfers at one time; beyond it the one that was idle longest ends")
    tftp_transfers_per_address: int = _option(
        1024, Int(1, 60000), "TFTP transfers at one time with one address; beyond it that address's longest idle one ends. Hundreds of phones may share one address behind NAT"
    )

    outgoing: tuple[str, ...] = _option(
        (), Many(Place(), most=64), "Hosts and networks that this server may ask beside public hosts over HTTPS, for the contacts that a provider keeps (XCAP): those at private addresses, and those over http"
    )

    bundle_keys: tuple[str, ...] = _option((), Many(Text(), most=64), "Public keys of other servers whose bundles `import usb` takes, as their `export key` prints them")

    account_check_hours: int = _option(0, Int(0, 720), "How often each account's server is asked whether the account is right, spread over that time; 0 never. One that was refused is not asked again until its facts change", unit="hours")
    contacts_hours: int = _option(0, Int(0, 720), "How often the contacts that providers keep (XCAP) are fetched, spread over that time; 0 never", unit="hours")

    unknown_phones: str = _option("hold", Choice("refuse", "hold", "add"), "A phone that nobody added: refuse it, hold it on the waiting list, or add it. A site may say otherwise")
    upload_limit: int = _option(1_000_000, Int(1_000, 16_000_000), "Largest file that a phone may send", unit="bytes")
    uploads_per_phone: int = _option(10, Int(0, 100), "Files of its own that are kept of one phone; 0 keeps none")
    events_days: int = _option(30, Int(1, 3650), "How long events are kept", unit="days")

    user: str = _option("", Text(32), "User to become once the doors are open, where the server is started as root; empty stays as it is")
    log_level: str = _option("info", Choice("debug", "info", "warning", "error"), "How much the server says about itself on its standard error")

    said_by: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    base: Path | None = field(default=None, compare=False)  # a folder with phones and providers in place of those that ship: a bundle's

    @property
    def assets_folder(self) -> Path:
        """Return where assets lie, `assets` or the folder of that name in `state`."""
        return self.assets if self.assets != Path() else self.state / "assets"

    @property
    def base_phones(self) -> Path | None:
        """Return the folder of phone families in place of those that ship, or None."""
        return self.base / "phones" if self.base else None

    @property
    def base_providers(self) -> Path | None:
        """Return the folder of providers in place of those that ship, or None."""
        return self.base / "providers" if self.base else None

    @property
    def tls_files(self) -> tuple[Path, Path]:
        """Return the files of certificate and key."""
        return self.tls_certificate, self.tls_certificate if self.tls_key == Path() else self.tls_key

    @property
    def run_folder(self) -> Path:
        """Return where the running server says what it is."""
        return self.state / "run"

    @property
    def log_number(self) -> int:
        """Return the level as the logging module counts it."""
        return {"debug": 10, "info": 20, "warning": 30, "error": 40}[self.log_level]


@dataclass(frozen=True)
class Option:
    """One row of the table."""

    name: str
    default: Any
    help: str
    kind: Kind
    unit: str = ""
    secret: bool = False

    @property
    def variable(self) -> str:
        """Return the name of its environment variable."""
        return PREFIX + self.name.upper()


OPTIONS: tuple[Option, ...] = tuple(
    Option(row.name, row.default, row.metadata["help"], row.metadata["kind"], row.metadata["unit"], row.metadata["secret"]) for row in fields(Config) if "kind" in row.metadata
)
BY_NAME: Mapping[str, Option] = {option.name: option for option in OPTIONS}


def load(file: Path | None = None, environ: Mapping[str, str] | None = None) -> Config:
    """Return what the server is told.

    file: from --config; without it PROVISIONER_CONFIG, ./config.toml, /etc/provisioner/config.toml,
    the first that is there; none of them is fine.

    Raises BadConfig with file, key and cure: a file that was named and is not there, an option that
    nobody knows, a value that cannot be. Relative folders stay relative to where the server is started.
    """
    environ = os.environ if environ is None else environ
    said: dict[str, tuple[object, str]] = {}
    named = file or (Path(environ[PREFIX + "CONFIG"]) if environ.get(PREFIX + "CONFIG") else None)
    found = named or next((place for place in PLACES if place.is_file()), None)
    if found:
        said.update(_from_file(found))
    said.update(_from_environment(environ))
    values = {name: _read(BY_NAME[name], text, by) for name, (text, by) in said.items()}
    config = Config(**values, said_by={name: by for name, (_, by) in said.items()})
    if not (config.http_address or config.https_address or config.proxy_address or config.tftp_address):
        raise BadConfig("http_address, https_address, proxy_address and tftp_address are all off, so no phone could ask; turn one of them on")
    if config.proxy_address and not config.trusted_proxies:
        raise BadConfig("proxy_address is on, and trusted_proxies names nobody; name the proxies, or leave proxy_address empty")
    if config.https_address and config.tls_certificate == Path():
        raise BadConfig("https_address is on, and tls_certificate is empty; name the certificate's file, or leave https_address empty")
    return config


def forget_environment() -> None:
    """Empty this process's environment: a process that has its Config needs none, and what may be a secret is not handed on."""
    os.environ.clear()


def _from_file(file: Path) -> dict[str, tuple[object, str]]:
    try:
        table = tomllib.loads(file.read_text("utf-8"))
    except OSError as why:
        raise BadConfig(f"{file} cannot be read ({why.strerror}); name another with --config, or make it readable") from None
    except UnicodeDecodeError:
        raise BadConfig(f"{file} is not UTF-8 text; save it as UTF-8") from None
    except tomllib.TOMLDecodeError as why:
        raise BadConfig(f"{file} is not TOML: {why}; write each option as NAME = VALUE, text in double quotes, as config.example.toml does") from None
    for name in table:
        if name not in BY_NAME:
            raise BadConfig(f"{file}: there is no option {name!r}{nearest(name, BY_NAME)}; docs/options.md lists them")
    return {name: (value, str(file)) for name, value in table.items()}


def _from_environment(environ: Mapping[str, str]) -> dict[str, tuple[object, str]]:
    said: dict[str, tuple[object, str]] = {}
    for variable, text in sorted(environ.items()):
        if not variable.startswith(PREFIX) or variable == PREFIX + "CONFIG":
            continue
        name = variable.removeprefix(PREFIX).lower()
        option = BY_NAME.get(name) or BY_NAME.get(name.removesuffix("_file"))
        if option is None:
            raise BadConfig(f"environment: {variable} is no option{nearest(variable, [row.variable for row in OPTIONS])}; docs/options.md lists them")
        if name == option.name:
            said[name] = (text, variable)
        elif option.secret:
            said[option.name] = (_secret(Path(text), variable), variable)
        else:
            raise BadConfig(f"environment: {variable}: only secrets are read from a file of their own; write {option.variable}")
    return said


def _secret(file: Path, variable: str) -> str:
    """Return a secret from its file, without the final line break that editors add."""
    try:
        return file.read_text("utf-8").removesuffix("\n").removesuffix("\r")
    except OSError as why:
        raise BadConfig(f"environment: {variable} names {file}, which cannot be read ({why.strerror}); check its name and its mode") from None
    except UnicodeDecodeError:
        raise BadConfig(f"environment: {variable} names {file}, which is not UTF-8 text; save it as UTF-8") from None


def _read(option: Option, text: object, by: str) -> Any:
    wants = {Int: int, Bool: bool}.get(type(option.kind))
    if wants and by != option.variable and not (isinstance(text, wants) and (wants is bool or not isinstance(text, bool))):
        raise BadConfig(f"{by}: {option.name}: write {option.kind.say()}, without quotes")
    if isinstance(text, dict | float) or (isinstance(text, list) and not isinstance(option.kind, Many)):
        raise BadConfig(f"{by}: {option.name}: {'a table' if isinstance(text, dict) else 'this'} does not fit; write {option.kind.say()}")
    if isinstance(option.kind, Many) and isinstance(text, str) and by != option.variable:
        raise BadConfig(f'{by}: {option.name} is a list; write ["{text}"] where you wrote "{text}"')
    try:
        return option.kind.read(text)
    except (ValueError, TypeError) as why:
        raise BadConfig(f"{by}: {option.name}: {why}") from None


def show(config: Config) -> list[tuple[str, str, str]]:
    """Return (name, value as TOML, who said it) of every option, secrets masked."""
    return [
        (option.name, f'"{MASK}"' if option.secret and getattr(config, option.name) else as_toml(getattr(config, option.name)), config.said_by.get(option.name, "default"))
        for option in OPTIONS
    ]


def values(config: Config) -> list[tuple[str, Any, str]]:
    """Return (name, value, who said it) of every option, for machines: text, numbers, booleans and lists; secrets masked."""
    return [
        (option.name, MASK if option.secret and getattr(config, option.name) else _plain(getattr(config, option.name)), config.said_by.get(option.name, "default"))
        for option in OPTIONS
    ]


def _plain(value: object) -> Any:
    if isinstance(value, bool | int | str):
        return value
    if isinstance(value, tuple) and not isinstance(value, Listen):
        return [_plain(one) for one in value]
    return "" if value == Path() else str(value)


def as_toml(value: object) -> str:
    """Return a value as config.toml writes it.

    >>> as_toml((Path("/etc/phones"),)), as_toml(True), as_toml(Path())
    ('["/etc/phones"]', 'true', '""')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, tuple) and not isinstance(value, Listen):
        return "[" + ", ".join(as_toml(one) for one in value) + "]"
    text = "" if value == Path() else str(value)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def example() -> str:
    """Return the text of config.example.toml: every option with its default, switched off."""
    return "\n".join(_example_lines()) + "\n"


def _example_lines() -> Iterable[str]:
    yield "# Options of the server. Copy this file to config.toml, and take the # away from what you change."
    yield "# An environment variable PROVISIONER_<OPTION> wins over this file. `provisioner config show` says what counts."
    for option in OPTIONS:
        yield ""
        yield f"# {option.help}."
        yield f"# {_kind_words(option)}"
        yield f'# {option.name} = {_default(option)}'


def reference() -> str:
    """Return the text of docs/options.md."""
    lines = [
        "# Options of the server",
        "",
        "Written from the table in `provisioner/config.py`. They come, the later winning, from the default, from `config.toml`",
        "(`--config FILE`, else `$PROVISIONER_CONFIG`, else `./config.toml`, else `/etc/provisioner/config.toml`), from the environment variable",
        "`PROVISIONER_<OPTION>`, and for secrets from the file that `PROVISIONER_<OPTION>_FILE` names. `provisioner config show` says what counts and who said it.",
        "",
        "| option | default | type | meaning |",
        "| --- | --- | --- | --- |",
    ]
    lines += [f"| `{option.name}` | `{_default(option)}` | {_kind_words(option)} | {option.help} |" for option in OPTIONS]
    return "\n".join(lines) + "\n"


def _kind_words(option: Option) -> str:
    return option.kind.say() + (f", {option.unit}" if option.unit else "") + (", secret" if option.secret else "")


def _default(option: Option) -> str:
    return as_toml(option.default)


def main() -> None:
    """Write both generated files, from the root of the source tree."""
    Path("config.example.toml").write_text(example(), "utf-8")
    Path("docs/options.md").write_text(reference(), "utf-8")


if __name__ == "__main__":
    main()
