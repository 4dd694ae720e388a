"""An example site with an account and a phone of every family, for `demo`."""

from __future__ import annotations

import secrets

from provisioner.admin import Admin
from provisioner.families import Family, Model
from provisioner.things import Account, Contact, Device, Group, Key, Line, Network, Site

SITE = "hq"
_OWN_OUI = "02d3f0"  # locally administered, for a family that names no OUI


def arrange(admin: Admin, http_url: str, tftp_url: str) -> list[Device]:
    """Fill an empty store; return its phones, one for each family, in the families' order."""
    phones = []
    with admin.writing() as tx:
        tx.put_site(Site(SITE, "Head office", (Network("127.0.0.1/32", True, True),), http_url, tftp_url, "PT"))
        tx.put_group(Group(SITE, "reception"))
        tx.say(f"site:{SITE}", {"timezone": "Europe/Lisbon", "language": "pt", "tones": "PT"})
        tx.put_contact(Contact(SITE, "Anna Silva", (("work", "201"), ("mobile", "+351912345678"))))
        for number, (_, family) in enumerate(sorted(admin.catalog.families.items()), 1):
            account = Account(
                f"{200 + number}@sip.example.com", password=secrets.token_urlsafe(15), outbound_proxy="proxy.example.com:5080",  # type: ignore[arg-type]
                display_name=f"Desk {number}", voicemail="*97",
            )  # fmt: skip
            device = Device(f"{(family.ouis or (_OWN_OUI,))[0]}d3e0{number:02x}", family.slug, model(family).name, site=SITE, group="reception", name=f"Desk {number}")
            tx.put_account(account)
            tx.put_device(device)
            tx.put_line(Line(device.mac, 1, account.sip_address))
            phones.append(device)
        tx.put_key(Key(f"group:{SITE}/reception", 1, "line", line=1))
        tx.put_key(Key(f"group:{SITE}/reception", 2, "blf", "201", "Anna"))
    return phones


def model(family: Family) -> Model:
    """Return the model of a family with the most lines and keys, the first of several."""
    return max(family.models.values(), key=lambda one: (one.lines or 0, one.keys or 0))
