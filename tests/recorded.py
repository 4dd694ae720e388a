"""Recorded boots: a request and the bytes that the phone gets (docs/add-a-phone.md).

`python -m tests.recorded` rewrites the .expected files of those whose [says] holds.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from provisioner import families
from provisioner.boot import Booter
from provisioner.families import Catalog
from provisioner.store import Store
from provisioner.things import Account, Contact, Device, Key, Line
from provisioner.vocabulary import setting
from provisioner.wire import PhoneRequest, Reply

FOLDER = Path(__file__).parent / "phones"
KEY = bytes(range(32))
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@dataclass(frozen=True)
class Case:
    """One recorded boot: its folder is its family, its name says what happens."""

    file: Path
    table: Mapping[str, Any]

    @property
    def family(self) -> str:
        """The family's slug."""
        return self.file.parent.name

    @property
    def expected(self) -> Path:
        """The file with the phone's bytes."""
        return self.file.with_suffix(".expected")

    @property
    def name(self) -> str:
        """family/case, for pytest's list."""
        return f"{self.family}/{self.file.stem}"

    @property
    def mac(self) -> str:
        """The phone's MAC."""
        return str(self.table["device"]["mac"])


def cases(family: str = "") -> list[Case]:
    """Return every recorded boot, or those of one family."""
    return [Case(file, tomllib.loads(file.read_text("utf-8"))) for file in sorted(FOLDER.glob(f"{family or '*'}/*.toml"))]


def open_store(state: Path) -> Store:
    """Return an empty store with the key and the clock of the recorded boots, and a site with a public URL."""
    state.mkdir(parents=True, exist_ok=True)
    (state / "server.key").write_bytes(KEY)
    (state / "server.key").chmod(0o600)
    return Store.open(state, now=lambda: AT)


def arrange(case: Case, store: Store, catalog: Catalog) -> None:
    """Put the case's device, accounts, settings and keys into the store."""
    table = case.table
    said = table["device"]
    family, model = catalog.model(said["model"])
    extra = {key: value for key, value in said.items() if key not in ("mac", "model")}
    site = {"public_url": "http://192.0.2.1:8080", "tftp_public_url": "tftp://192.0.2.1:6969", **table.get("site", {})}
    with store.change("test", "test") as tx:
        tx.put_site(_replace(store.site("default"), site))
        tx.put_device(Device(said["mac"], family.slug, model.name, **extra))
        for account in table.get("accounts", []):
            facts = {key: value for key, value in account.items() if key != "line"}
            tx.put_account(Account(**facts))
            tx.put_line(Line(said["mac"], account["line"], Account(**facts).sip_address))
        _say(tx, f"device:{said['mac']}", table.get("settings", {}))
        for name, settings in table.items():
            if name.startswith("settings_line_"):
                _say(tx, f"line:{said['mac']}/{name.rpartition('_')[2]}", settings)
        for key in table.get("keys", []):
            tx.put_key(Key(f"device:{said['mac']}", **key))
        for contact in table.get("contacts", []):
            tx.put_contact(Contact("default", contact["name"], tuple((kind, number) for kind, number in contact["numbers"])))


def _replace(site: Any, changes: Mapping[str, Any]) -> Any:
    from dataclasses import replace

    return replace(site, **changes)


def _say(tx: Any, scope: str, settings: Mapping[str, Any]) -> None:
    if settings:
        tx.say(scope, {name: setting(name).read(value) for name, value in settings.items()})


def request(case: Case, wire: str = "http") -> PhoneRequest:
    """Return the case's request, from loopback, over a wire."""
    asked = case.table["request"]
    return PhoneRequest(path=asked["path"], address="127.0.0.1", wire=wire, user_agent=asked.get("user_agent", "") if wire != "tftp" else "")


def play(case: Case, catalog: Catalog, wire: str = "http") -> Reply:
    """Return what the case's phone gets."""
    with tempfile.TemporaryDirectory() as state:
        store = open_store(Path(state))
        arrange(case, store, catalog)
        try:
            return Booter(store, catalog, lambda event: None).answer(request(case, wire))
        finally:
            store.close()


@lru_cache
def parsers_of(family: str) -> Mapping[str, str]:
    """Return the names in tests/parsers of a family's formats, from its parsers.tsv: `configuration`, and `book` where an XML phone book has another."""
    rows = (FOLDER / family / "parsers.tsv").read_text("utf-8").splitlines()
    return dict(row.split("\t") for row in rows)


def parse(case: Case, body: bytes) -> dict[str, str]:
    """Return the file's parameters as the phone's own parser reads them (tests/parsers)."""
    return parse_as(case.family, body, case.table.get("parser", ""))


def parse_as(family: str, body: bytes, parser: str = "") -> dict[str, str]:
    """Return a file's parameters as a family's parser reads them; an XML phone book may have a parser of its own."""
    known = parsers_of(family)
    parser = parser or (known.get("book", "") if body.lstrip().startswith(b"<") else "") or known["configuration"]
    result: dict[str, str] = importlib.import_module(f"tests.parsers.{parser}").parse(body)
    return result


def wrong(case: Case, body: bytes) -> list[str]:
    """Return a sentence for each parameter that does not say what [says] promises; \"absent\" parameters end in !"""
    said = parse(case, body)
    faults = [f"{name} is {said.get(name)!r}, not {value!r}" for name, value in case.table.get("says", {}).items() if said.get(name) != str(value)]
    return faults + [f"{name} should not be there" for name in case.table.get("says_not", []) if name in said]


def main() -> int:
    """Rewrite the .expected files of the cases whose [says] holds; print what does not."""
    catalog = families.load()
    bad = 0
    for case in cases(sys.argv[1] if len(sys.argv) > 1 else ""):
        reply = play(case, catalog)
        expected = case.table.get("outcome", "served")
        faults = [f"{reply.outcome}, not {expected}: {reply.sentence}"] if reply.outcome != expected else wrong(case, reply.body) if reply.body else []
        if faults:
            bad += 1
            print(f"{case.name}:", *faults, sep="\n  ")
        elif reply.outcome == "served" and (not case.expected.exists() or case.expected.read_bytes() != reply.body):
            case.expected.write_bytes(reply.body)
            print(f"{case.name}: recorded {len(reply.body)} bytes")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
