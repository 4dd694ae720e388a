"""The phone book of a site."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from provisioner import addressbook
from provisioner.admin import Admin, Done, did, scopes
from provisioner.admin.words import count
from provisioner.changes import Transaction
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


def bring(admin: Admin, site: str, body: bytes, alone: bool = False, dry: bool = False) -> Done:
    """Put the people of a CSV or vCard file into a site's phone book, in place of those of the same names; all of them or none.

    alone: the file is the whole book, and who is not in it is taken out; dry: say what would be done, and do nothing.
    Raises BadValue with the rows and columns that are wrong.
    """
    found = addressbook.read(scopes.site(admin, site), body)
    counts = [0, 0, 0]

    def work(tx: Transaction) -> bool:
        counts[:] = tx.put_contacts(site, found.contacts, alone)
        return any(counts)

    if dry:
        known = {contact.name: contact for contact in admin.store.contacts(site)}
        news = [contact for contact in found.contacts if contact.name not in known]
        others = [contact for contact in found.contacts if contact.name in known and known[contact.name] != contact]
        counts = [len(news), len(others), len(known.keys() - {contact.name for contact in found.contacts}) if alone else 0]
        return Done(f"would have {_counted(counts)} the phone book of site {site}; nothing was written", changed=False, notes=found.left_out)
    changed, notes = admin.change(work, admin.store.devices(site=site))
    return did(changed, f"{_counted(counts)} the phone book of site {site}", (*notes, *found.left_out))


def _counted(counts: Sequence[int]) -> str:
    added, replaced, gone = counts
    return f"added {count(added, 'person', 'people')} to, replaced {replaced:,} in, and took {gone:,} out of"


def given(admin: Admin, site: str, form: str) -> str:
    """Return a site's phone book as a file. form: csv or vcard."""
    contacts = admin.store.contacts(scopes.site(admin, site))
    return addressbook.write_csv(contacts) if form == "csv" else addressbook.write_vcards(contacts)
