"""What the console's pages cost with 10,000 phones: `python bench/console.py [--phones N]`.

Every page is asked in this process, as the door asks it, so that the time is the server's own: reading, deciding, writing the page.
Writes bench/results/console.json, and page.py makes docs/performance.md of it.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import page
import results

from provisioner.admin import Admin, operators, sessions
from provisioner.config import Config
from provisioner.console.door import console
from provisioner.things import Account, Device, Event, Line

PREFIX, ASKS = "001565", 9
MAC, ADDRESS = f"{PREFIX}000001", "100001@sip.example.com"
PAGES = (
    "/", "/overview/feed", "/phones", "/phones?search=desk+42", "/phones?search=person", "/phones?search=nobody-at-all", "/phones?family=yealink", "/phones/scan", f"/phones/{MAC}",
    f"/phones/{MAC}/keys", f"/phones/{MAC}/settings", f"/phones/{MAC}/files", f"/phones/{MAC}/boots", f"/phones/{MAC}/history", f"/phones/{MAC}/handout.html", "/accounts",
    "/accounts?search=person+9", f"/accounts/{ADDRESS}", "/sites", "/sites/default", "/phonebooks/default", "/families", "/families/yealink", "/families/yealink/matrix", "/providers",
    "/events", f"/why?what={MAC}.cfg", "/operators", "/apikeys", "/audit", "/server", "/server/check", "/assets", "/start",
)  # fmt: skip


def happened(admin: Admin, phones: int) -> None:
    """Let a day go by: five requests of each phone, one phone in fifty failing, 500 strangers; and 2,000 changes by operators."""
    end = datetime.now(UTC)
    rows = []
    for number in range(phones):
        mac, family = f"{PREFIX}{number:06x}", "yealink"
        for ask in range(5):
            at = (end - timedelta(seconds=(number * 7919 + ask * 17_000) % 86_400)).isoformat(timespec="milliseconds")
            bad = number % 50 == 0
            rows.append(Event(
                0, at, mac, family, "T46U", "http", f"192.0.2.{number % 250}", f"/{mac}.cfg", "{mac}.cfg", "failed" if bad else "served", "the file cannot be made" if bad else "served", 503 if bad else 200,
                20_000, 1.0, "0" * 64, firmware="108.86.0.20",
            ).row)  # fmt: skip
    for number in range(500):
        mac = f"805ec0{number:06x}"
        rows.append(Event(
            0, end.isoformat(timespec="milliseconds"), mac, "yealink", "T46U", "http", f"198.51.{number // 250}.{number % 250}", f"/{mac}.cfg", "{mac}.cfg", "unknown", "nobody added it", 404, 0, 0.5, "",
            known=False, held=("yealink",),
        ).row)  # fmt: skip
    for begin in range(0, len(rows), 1000):
        admin.eventstore.log_rows(rows[begin : begin + 1000])
    for number in range(2_000):
        with admin.store.change("anna", "console") as tx:
            tx.say(f"device:{PREFIX}{number % 500 + 1:06x}", {"timezone": ("Europe/Lisbon", "Europe/Berlin", "Asia/Tokyo")[number % 3 if number < 1_500 else (number + 1) % 3]})


def filled(state: Path, phones: int) -> Admin:
    """Return the verbs on a new store with so many phones, half of them of one model, each with an account, a day after they were added."""
    admin = Admin.open(Config(state=state), "bench", "bench")
    models = [(family.slug, model) for family in admin.catalog.families.values() for model in list(family.models)[:2]]
    site = admin.store.site("default")
    assert site
    with admin.store.change("bench", "bench") as tx:
        tx.put_site(replace(site, public_url="http://192.0.2.1:8080/"))
        for number in range(phones):
            mac, address = f"{PREFIX}{number:06x}", f"{100000 + number}@sip.example.com"
            family, model = ("yealink", "T46U") if number % 2 else models[number % len(models)]
            tx.put_device(Device(mac, family, model, name=f"Desk {number}", location=f"Floor {number % 9}"))
            tx.put_account(Account(address, password=f"secret-{mac}", display_name=f"Person {number}"))
            tx.put_line(Line(mac, 1, address))
    happened(admin, phones)
    return admin


def main() -> None:
    """Measure every page, and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--phones", type=int, default=10_000)
    phones = parser.parse_args().phones
    about, found = results.about(), []
    with tempfile.TemporaryDirectory() as folder:
        admin = filled(Path(folder) / "state", phones)
        try:
            owner = operators.settle(admin, operators.first_link(admin), "anna", "correct horse 9")
            client = console(admin).test_client()
            client.set_cookie("provisioner", sessions.begin(admin, owner, "127.0.0.1"))
            for path in PAGES:
                times = []
                for _ in range(ASKS + 1):  # the first one compiles the template
                    begun = time.perf_counter()
                    answer = client.get(path)
                    times.append((time.perf_counter() - begun) * 1000)
                if answer.status_code != 200:
                    sys.exit(f"{path} answers {answer.status_code}: a page that does not come is not measured")
                found.append({"page": path, "ms": statistics.median(times[1:]), "worst_ms": max(times[1:]), "bytes": len(answer.data)})
                print(f"{path:<45} {found[-1]['ms']:8.1f} ms {found[-1]['bytes'] / 1000:8.1f} KB", flush=True)
        finally:
            admin.close()
    results.write("console", {**about, "phones": phones, "pages": found})
    page.write()


if __name__ == "__main__":
    main()
