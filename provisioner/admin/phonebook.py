"""The phone book of a site."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from provisioner.admin import Admin, Done, did, scopes
from provisioner.errors import NotHere, nearest
from provisioner.things import NUMBER_KINDS, Contact


def add(admin: Admin, site: str, name: str, numbers: Iterable[str]) -> Done:
    """Put a person into a site's phone book, in place of one of the same name. numbers: 213 or mobile=+351912345678."""
    read = []
    for text in numbers:
        kind, equals, number = text.partition("=")
        read.append((kind, number) if equals and kind in NUMBER_KINDS else ("work", text))
    contact = Contact(scopes.site(admin, site), name, tuple(read))
    verb = "replaced {} in" if contact.name in [one.name for one in admin.store.contacts(site)] else "put {} into"
    changed, notes = admin.change(lambda tx: tx.put_contact(contact), admin.store.devices(site=site))
    return did(changed, f"{verb.format(contact.name)} the phone book of site {site}", notes)


def remove(admin: Admin, site: str, name: str) -> Done:
    """Take a person out of a site's phone book."""
    known = [contact.name for contact in admin.store.contacts(scopes.site(admin, site))]
    if name not in known:
        raise NotHere(f"{name!r} is not in the phone book of site {site}{nearest(name, known)}")
    changed, notes = admin.change(lambda tx: tx.remove_contact(site, name), admin.store.devices(site=site))
    return did(changed, f"took {name} out of the phone book of site {site}", notes)


def listed(admin: Admin, site: str) -> list[dict[str, Any]]:
    """Return a site's phone book, by name."""
    contacts = admin.store.contacts(scopes.site(admin, site))
    return [{"name": contact.name, "numbers": [{"kind": kind, "number": number} for kind, number in contact.numbers]} for contact in contacts]
