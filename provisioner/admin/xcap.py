"""The contacts that an account's provider keeps (XCAP): shown, put into the phone books of the account's phones, edited there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from provisioner.admin import SAME, Admin, Done, Phones, accounts, did, events, scopes, settings, words
from provisioner.errors import BadValue, Conflict, Declined, ProvisionerError, StoreTrouble
from provisioner.outgoing import Allowed
from provisioner.sip.link import trusting
from provisioner.things import VERDICTS, Account, Book, Check, Contact
from provisioner.things import sip_address as read_address
from provisioner.xcap.client import Client, Kept
from provisioner.xcap.link import Means
from provisioner.xcap.lists import Lists, Services, number_of, uri_of

_REFUSALS = 3  # of one server, then it is left alone: who guesses on is locked out
_SHOWN = 5  # contacts that a sentence names


def means(admin: Admin, patience: float, trust: Path | None) -> Means:
    """Return what servers are asked with; trust: a file of roots to believe beside the system's. Raises BadValue."""
    allowed = Allowed.of(admin.config.outgoing)
    return Means(allowed, patience, trusting(trust)) if trust else Means(allowed, patience)


def shown(admin: Admin, sip_address: str, ways: Means) -> dict[str, Any]:
    """Return what an account's server offers and keeps, asked now; raises Unreached, Declined."""
    account = accounts.one(admin, sip_address)
    client = Client(account, ways)
    kept = client.read() if Lists.auid in (offered := client.auids()) else None
    here = admin.store.book(account.sip_address)
    contacts, notes = _contacts(account, kept) if kept else ((), ())
    return {
        "sip_address": account.sip_address, "xcap_root": account.xcap_root, "auids": list(offered),
        "document": kept.path if kept else "", "etag": kept.etag if kept else "",
        "contacts": [{"name": one.name, "numbers": [{"kind": kind, "number": number} for kind, number in one.numbers]} for one in contacts],
        "fetched": {"at": here.at, "same": bool(kept) and here.contacts == contacts} if here else None, "notes": list(notes),
    }  # fmt: skip


def fetch(admin: Admin, sip_address: str, ways: Means) -> Done:
    """Put the contacts that an account's server keeps into the phone books of its phones, where they are others than before.

    What became of it is kept with the account, and as an event unless nothing was new.
    """
    account = accounts.one(admin, sip_address)
    before = admin.store.book(account.sip_address)
    try:
        kept = Client(account, ways).read_again(before.etag if before else "")
        done = _take(admin, account, kept) if kept else Done(SAME, changed=False)
    except StoreTrouble:
        raise
    except ProvisionerError as why:
        _keep(admin, account, Check(verdict if (verdict := getattr(why, "verdict", "")) in VERDICTS else "wrong", str(why), "xcap_root"))
        raise
    _keep(admin, account, Check("right", done.sentence), done.changed)
    return done


def _keep(admin: Admin, account: Account, found: Check, news: bool = True) -> None:
    admin.whole.put_fetch(account, found)
    if news:
        events.tell(admin, account, "xcap", found)


def _take(admin: Admin, account: Account, kept: Kept[Lists], sentence: str = "") -> Done:
    """Keep the contacts of a document that was read or written just now; the files of the phones that show them are tried first."""
    book, notes = _book(account, kept)
    phones = _phones(admin, account)
    changed, more = admin.change(lambda tx: tx.put_book(book), phones)
    reach = f"; {words.count(len(phones), 'phone')} will show them" if phones else ""
    return did(changed, sentence or f"took {words.count(len(book.contacts), 'contact')} of {account.sip_address} from its server{reach}", (*notes, *more))


def _phones(admin: Admin, account: Account) -> Phones:
    return scopes.phones(admin, scopes.Scope("account", account.sip_address))


def _book(account: Account, kept: Kept[Lists]) -> tuple[Book, tuple[str, ...]]:
    """Return the phone book of a document, and a note where some cannot stand in one."""
    contacts, notes = _contacts(account, kept)
    return Book(account.sip_address, contacts, kept.etag), notes


def _contacts(account: Account, kept: Kept[Lists]) -> tuple[tuple[Contact, ...], tuple[str, ...]]:
    """Return the contacts of a document, and a note where some cannot stand in a phone book."""
    found, left = [], []
    for name, numbers in kept.lists.people(account.domain):
        try:
            found.append(Contact("", name, numbers))
        except BadValue as why:
            left.append(f"{ascii(name[:64])[1:-1]!r}: {ascii(str(why))[1:-1]}")
    return tuple(found), (f"{words.count(len(left), 'contact')} cannot stand in a phone book here: {'; '.join(left[:_SHOWN])}",) if left else ()


@dataclass(frozen=True)
class Fetched:
    """What became of one account of many; trouble: a sentence where its contacts could not be had."""

    sip_address: str
    done: Done
    trouble: str = ""


def fetch_all(admin: Admin, ways: Means) -> Iterator[Fetched]:
    """Fetch the contacts of every account that has an XCAP root, and yield what became of each. A server that refused three passwords is left alone."""
    refusals: Counter[str] = Counter()
    for account in admin.store.accounts():
        if not account.xcap_root:
            continue
        if refusals[account.xcap_root] == _REFUSALS:
            yield Fetched(account.sip_address, Done("", changed=False), f"not asked: its server refused {_REFUSALS} accounts, and one that is asked on may lock this machine out")
            continue
        try:
            yield Fetched(account.sip_address, fetch(admin, account.sip_address, ways))
        except ProvisionerError as why:
            refusals[account.xcap_root] += isinstance(why, Declined) and why.verdict == "refused"
            yield Fetched(account.sip_address, Done("", changed=False), str(why))


def put(admin: Admin, sip_address: str, name: str, numbers: Sequence[str], ways: Means) -> Done:
    """Have the server keep a person with these numbers and no others; in place of the one of that name, where there is one.

    Raises Conflict where the server's contacts are no longer those that were fetched last: nothing is overwritten that nobody here has seen.
    """
    account = accounts.one(admin, sip_address)
    contact = Contact("", " ".join(name.split()), tuple(("work", number.strip()) for number in numbers))
    wanted = [number for _, number in contact.numbers]
    return _edit(admin, account, lambda lists: lists.with_person(contact.name, wanted, account.domain), f"put {contact.name} among the contacts of {account.sip_address} at its server", ways)


def remove(admin: Admin, sip_address: str, name: str, ways: Means) -> Done:
    """Have the server keep a person no more; raises NotHere, and Conflict as `put` does."""
    account = accounts.one(admin, sip_address)
    return _edit(admin, account, lambda lists: lists.without_person(name, account.domain), f"took {name} out of the contacts of {account.sip_address} at its server", ways)


def _edit(admin: Admin, account: Account, change: Callable[[Lists], Lists], sentence: str, ways: Means) -> Done:
    client, here = Client(account, ways), admin.store.book(account.sip_address)
    kept = client.read()
    seen = here.contacts if here else _contacts(account, kept)[0]
    if here and here.etag != kept.etag:
        raise _lost(account, seen, kept)
    wanted = change(kept.lists)
    if wanted.body == kept.lists.body:
        return Done(SAME, changed=False)
    planned = _book(account, replace(kept, lists=wanted))[0]
    admin.try_change(lambda tx: tx.put_book(planned), _phones(admin, account))
    etag = client.write(kept, wanted)
    if etag is None:
        raise _lost(account, seen, client.read())
    return _take(admin, account, replace(kept, etag=etag, lists=wanted) if etag else client.read(), sentence)


def _lost(account: Account, seen: Sequence[Contact], kept: Kept[Lists]) -> Conflict:
    """Return what to say where somebody else was quicker, with what differs."""
    news = _differences(seen, _contacts(account, kept)[0])
    return Conflict(
        f"the contacts of {account.sip_address} at its server are others than those that were fetched last: {'; '.join(news) or 'the document, though not who is in it'}."
        f" Nothing was written; `provisioner account xcap fetch {account.sip_address}` takes them over, then say again what is still to be changed"
    )


def _differences(before: Iterable[Contact], after: Iterable[Contact]) -> list[str]:
    """Return in words who is new, gone, or has other numbers; a few of them."""
    old, new = ({one.name: ", ".join(number for _, number in one.numbers) for one in some} for some in (before, after))
    said = [f"{name} is new ({new[name]})" for name in new if name not in old]
    said += [f"{name} is gone" for name in old if name not in new]
    said += [f"{name} has {new[name]} instead of {old[name]}" for name in new if name in old and new[name] != old[name]]
    return said if len(said) <= _SHOWN else [*said[:_SHOWN], f"and {len(said) - _SHOWN} more"]


# Lists that busy lamp fields subscribe to (RFC 4826, 4; RFC 4662).


def lists(admin: Admin, sip_address: str, ways: Means) -> list[dict[str, Any]]:
    """Return an account's lists that can be subscribed to, asked now, with which one its phones are told; raises Unreached, Declined."""
    account = accounts.one(admin, sip_address)
    told = admin.store.layer(f"account:{account.sip_address}").get("blf_list") or ""
    return [
        {
            "list": _bare(one.uri), "members": [number_of(member, account.domain) or member for member in one.members], "elsewhere": one.elsewhere, "packages": list(one.packages),
            "lamps": one.lamps, "on_phones": _bare(str(told)) == _bare(one.uri),
        }
        for one in Client(account, ways).services().lists.services
    ]  # fmt: skip


def put_list(admin: Admin, sip_address: str, name: str, members: Sequence[str], ways: Means, on_phones: bool = False) -> Done:
    """Have the server keep a list of these members and no others, which lamps can subscribe to.

    name: of the list, a SIP address or its part before @. on_phones: then say the setting `blf_list` for the account's lines.
    Raises Conflict where somebody else changed the lists at the same moment.
    """
    account = accounts.one(admin, sip_address)
    uri = _uri(account, name)
    wanted = [uri_of(member.strip(), account.domain) for member in members]
    changed = _edit_services(account, lambda services: services.with_service(uri, wanted), ways)
    done = did(changed, f"put {words.count(len(wanted), 'member')} into the list {_bare(uri)} of {account.sip_address} at its server")
    if not on_phones:
        return done
    said = settings.say(admin, f"account:{account.sip_address}", {"blf_list": _bare(uri)})
    sentence = "; ".join(one.sentence for one in (done, said) if one.changed) or SAME
    return Done(sentence, done.changed or said.changed, (*done.notes, *said.notes))


def remove_list(admin: Admin, sip_address: str, name: str, ways: Means) -> Done:
    """Have the server keep a list no more; raises NotHere, and Conflict where its phones are told of it still."""
    account = accounts.one(admin, sip_address)
    uri = _uri(account, name)
    if _bare(str(admin.store.layer(f"account:{account.sip_address}").get("blf_list") or "")) == _bare(uri):
        raise Conflict(f"phones of {account.sip_address} are told to show {_bare(uri)}; `provisioner unset account:{account.sip_address} blf_list` takes that back first")
    changed = _edit_services(account, lambda services: services.without_service(uri), ways)
    return did(changed, f"took the list {_bare(uri)} of {account.sip_address} away from its server")


def _edit_services(account: Account, change: Callable[[Services], Services], ways: Means) -> bool:
    client = Client(account, ways)
    kept = client.services()
    wanted = change(kept.lists)
    if wanted.body == kept.lists.body:
        return False
    if client.write(kept, wanted) is None:
        raise Conflict(f"somebody else changed the lists of {account.sip_address} at its server just now; nothing was written. `provisioner account xcap lists {account.sip_address}` shows them; then say it again")
    return True


def _uri(account: Account, name: str) -> str:
    try:
        return f"sip:{read_address(name if '@' in name else f'{name}@{account.domain}')}"
    except ValueError as why:
        raise BadValue(f"list: {why}") from None


def _bare(uri: str) -> str:
    """Return a list's address as phones are told it, without its scheme."""
    return uri.partition(":")[2] if uri.startswith(("sip:", "sips:")) else uri
