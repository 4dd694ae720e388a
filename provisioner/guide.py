"""What a person does at a phone, step by step: give it our address, import a file, boot from a stick, reset it.

Where to find it in the menus stands in each family's manifest, with its source; the labels are quoted as the phone shows them.
Where no source tells, a general sentence stands instead of a guess.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from provisioner.families import Family, Model, Way
from provisioner.language import Language

_PORTS = {"http": 80, "https": 443, "tftp": 69, "": ""}


def way(family: Family, model: Model, purpose: str, firmware: str = "") -> Way | None:
    """Return how it is done with this model, the first way that fits it; None where no source tells."""
    return next((one for one in family.guide if one.purpose == purpose and one.guard.fits(model.name, firmware)), None)


def steps(
    family: Family, model: Model, language: Language, purpose: str, *, url: str = "", file: str = "", address: str = "", firmware: str = ""
) -> list[str]:
    """Return the sentences of what is to be done, one for each step, in the reader's language.

    purpose:  one of families.PURPOSES: address (have the phone ask at `url`), import (give it the one file `file` on its own
              web page), stick (boot it from a USB stick), reset (back to its factory state), find (see its IP address).
    url:      where the phone shall ask, with its scheme; a secret where it holds a token.
    address:  the phone's own IP address, where it is known.
    firmware: of the phone; where it is unknown the steps are those for any firmware.
    """
    say, values = language, {**_parts(url), "file": file}
    found = way(family, model, purpose, firmware)
    if found is None:
        return _generally(family, model, say, purpose, values, _web_page(family, model, say, address, firmware))
    first_page = next((place for place, (verb, _) in enumerate(found.steps) if verb == "page"), None)
    sentences = [_sentence(say, verb, words, values) for verb, words in found.steps]
    if first_page is not None:
        sentences[first_page:first_page] = _web_page(family, model, say, address, firmware)
    return sentences


def _parts(url: str) -> dict[str, str]:
    """Return what a step may name of the URL: all of it, or what phones have fields of their own for."""
    parts = urlsplit(url)
    bare = url.partition("://")[2].rstrip("/")
    port = parts.port or _PORTS[parts.scheme]
    return {"url": url, "bare": bare, "scheme": parts.scheme, "SCHEME": parts.scheme.upper(), "host": parts.hostname or "", "port": str(port), "path": parts.path}


def _web_page(family: Family, model: Model, say: Language, address: str, firmware: str) -> list[str]:
    """Return how an administrator comes to the phone's own web page."""
    if address:
        page = f"http://[{address}]/" if ":" in address else f"http://{address}/"
        return [say("In a browser open the phone's own web page, {page}, and log in as its administrator.", page=page)]
    sight = way(family, model, "find", firmware)
    if sight:
        shown = say("That gives the phone's IP address: open it in a browser, and log in as the phone's administrator.")
        return [*(_sentence(say, verb, words, {}) for verb, words in sight.steps), shown]
    return [say("Find the phone's IP address (its status menu or the router shows it), open it in a browser, and log in as the phone's administrator.")]


def _generally(family: Family, model: Model, say: Language, purpose: str, values: Mapping[str, str], web_page: list[str]) -> list[str]:
    """Return what holds for any phone, where no source tells the menus of this one."""
    name = model.name
    if purpose == "find":
        return [say("Look for the phone's IP address in its status menu, or in the router.")]
    if purpose == "reset":
        return [say("Set the phone back to its factory state; the maker's guide for the {model} names the menu or the keys.", model=name)]
    if purpose == "address":
        asked = say("Where it asks for its provisioning server, type {url} there; the maker's guide for the {model} names the menu.", url=values["url"], model=name)
        if family.kind == "softphone":
            return [say("Open the settings of the app."), asked]
        return [*web_page, asked, say("Save, and restart the phone.")]
    if family.kind == "softphone":
        return [say("{model} is an app, which imports no file of ours: type the account's facts into it by hand, or give it our address.", model=name)]
    upload = say("Where it takes a configuration file, choose {file}; the maker's guide for the {model} names the menu.", file=_file(say, values), model=name)
    if purpose == "stick":
        return [say("No source tells that the {model} reads a USB stick; use its own web page instead.", model=name), *web_page, upload]
    return [*web_page, upload]


def _file(say: Language, values: Mapping[str, str]) -> str:
    return values.get("file") or say("the file that was made for this phone")


def _sentence(say: Language, verb: str, words: tuple[str, ...], values: Mapping[str, str]) -> str:
    """Return one step of a manifest as a sentence. words: labels of the phone, with {values} in them."""
    filled = [word.format(**values) for word in words]
    path = " > ".join(f"“{word}”" for word in filled)
    match verb, filled:
        case "page", _:
            return say("On the web page open {path}.", path=path)
        case "menu", _:
            return say("On the phone open {path}.", path=path)
        case "type", [label, ""]:
            return say("Leave “{label}” empty.", label=label)
        case "type", [label, value]:
            return say("Into “{label}” type {value}", label=label, value=value)  # no full stop: somebody would type it
        case "choose", [label, value]:
            return say("Set “{label}” to “{value}”.", label=label, value=value)
        case "tick", [label]:
            return say("Tick “{label}”.", label=label)
        case "untick", [label]:
            return say("Take the tick away from “{label}”.", label=label)
        case "file", [label]:
            return say("At “{label}” choose {file}.", label=label, file=_file(say, values))
        case "file", _:
            return say("There choose {file} and upload it.", file=_file(say, values))
        case "save", _:
            return say("Save what you changed.")
        case "password", [password]:
            return say("Where it asks for a password, give the administrator's; from the factory it is {password}", password=password)
        case "hold", [key, seconds]:
            return say("Keep “{key}” pressed for {seconds} seconds.", key=key, seconds=seconds)
        case "dial", [code]:
            return say("Lift the handset and dial {code}", code=code)
        case "stick", _:
            return say("Copy the files into the topmost folder of a USB stick with the file system FAT32, and plug it into the phone.")
        case "restart", _:
            return say("Restart the phone: take it off its power, and connect it again.")
        case _:
            return say("Press “{key}”.", key=filled[0])


def key_word(language: Language, type: str) -> str:
    """Return what a key of this type of ours is, in a word or two; the type itself where it has none.

    >>> key_word(Language("pt"), "voicemail")
    'Correio de voz'
    """
    say = language
    words = {
        "line": say("Line"), "blf": say("Busy lamp (BLF)"), "blf-list": say("Busy lamp list"), "speed-dial": say("Speed dial"), "intercom": say("Intercom"),
        "park": say("Park a call"), "unpark": say("Take back a parked call"), "pickup": say("Pick up a call"), "group-pickup": say("Pick up in the group"),
        "dtmf": say("Send digits"), "prefix": say("Prefix"), "voicemail": say("Voicemail"), "dnd": say("Do not disturb"), "forward": say("Call forwarding"),
        "transfer": say("Transfer"), "conference": say("Conference"), "hold": say("Hold"), "redial": say("Redial"), "recall": say("Call back"),
        "record": say("Record"), "mute": say("Mute"), "headset": say("Headset"), "history": say("Call list"), "directory": say("Directory"),
        "phonebook": say("Phone book"), "ldap": say("LDAP directory"), "favorites": say("Favourites"), "sms": say("Text message"), "menu": say("Phone's menu"),
        "status": say("Phone's status"), "paging": say("Paging"), "paging-list": say("Paging groups"), "presence": say("Presence"),
        "group-listening": say("Group listening"), "lock": say("Key lock"), "hot-desking": say("Hot desking"), "provision": say("Fetch configuration"),
        "url": say("Open a URL"), "xml": say("XML application"), "shared-line": say("Shared line"), "acd": say("Call queue"), "private-hold": say("Private hold"),
    }  # fmt: skip
    return words.get(type, type)
