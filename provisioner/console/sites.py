"""Sites with their networks, groups and phone books."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from provisioner.admin import audit, dictionary, groups, phonebook, settings, sites
from provisioner.console.pages import asks, page, still, tell
from provisioner.console.visitor import visitor
from provisioner.errors import BadInput, Outdated
from provisioner.rights import CHANGE, LOOK, OPERATE, RULE
from provisioner.things import NUMBER_KINDS, PASSWORDS

pages = Blueprint("sites", __name__)
_TEXTS = ("name", "public_url", "tftp_public_url", "country", "unknown_phones", "passwords")
_UNKNOWN = ("", "refuse", "hold", "add")
PEOPLE = 200  # of a phone book on one page
_MEDIA = {"csv": "text/csv", "vcard": "text/vcard"}


@pages.get("/sites")
@asks(LOOK)
def listed() -> Response:
    """Show all sites that one sees."""
    return _listed()


@pages.post("/sites")
@asks(RULE)
def add() -> Response:
    """Add a site."""
    slug, networks = request.form.get("slug", "").strip(), tuple(request.form.get("networks", "").replace(",", " ").split())
    try:
        done = sites.add(visitor().admin, slug, {name: value for name, value in _facts().items() if value}, networks)
    except BadInput as why:
        return _listed(str(why))
    return tell(done, "sites.one", slug=slug)


@pages.get("/sites/<slug>")
@asks(LOOK)
def one(slug: str) -> Response:
    """Show a site: its URLs, networks, groups, and what is said for it."""
    return _one(slug)


@pages.post("/sites/<slug>/change")
@asks(RULE)
def change(slug: str) -> Response:
    """Change its facts; its phones are tried first."""
    try:
        done = sites.change(still("site", slug), slug, {**_facts(), "enrols": "enrols" in request.form})
    except BadInput as why:
        return _one(slug, str(why))
    except Outdated as why:
        return _one(slug, str(why), 409)
    return tell(done, "sites.one", slug=slug)


@pages.post("/sites/<slug>/remove")
@asks(RULE)
def remove(slug: str) -> Response:
    """Remove a site that has no phones."""
    return tell(sites.remove(visitor().admin, slug), "sites.listed")


@pages.post("/sites/<slug>/networks")
@asks(RULE)
def put_network(slug: str) -> Response:
    """Add a network, or change what its phones may have."""
    try:
        done = sites.add_network(visitor().admin, slug, request.form.get("network", "").strip(), "mac_is_enough" in request.form, "tftp_serves_secrets" in request.form)
    except BadInput as why:
        return _one(slug, str(why))
    return tell(done, "sites.one", slug=slug)


@pages.post("/sites/<slug>/networks/remove")
@asks(RULE)
def remove_network(slug: str) -> Response:
    """Take a network from the site."""
    return tell(sites.remove_network(visitor().admin, slug, request.form.get("network", "")), "sites.one", slug=slug)


@pages.post("/sites/<slug>/groups")
@asks(CHANGE)
def add_group(slug: str) -> Response:
    """Add a group to the site."""
    group = request.form.get("group", "").strip()
    try:
        done = groups.add(visitor().admin, f"{slug}/{group}")
    except BadInput as why:
        return _one(slug, str(why))
    return tell(done, "sites.group", slug=slug, group=group)


@pages.post("/sites/<slug>/settings")
@asks(CHANGE)
def say(slug: str) -> Response:
    """Say a setting for all phones of the site, or take one back."""
    return _said(f"site:{slug}", lambda fault: _one(slug, fault), "sites.one", slug=slug)


@pages.get("/sites/<slug>/groups/<group>")
@asks(LOOK)
def group(slug: str, group: str) -> Response:
    """Show a group: its phones, keys, and what is said for it."""
    return _group(slug, group)


@pages.post("/sites/<slug>/groups/<group>/remove")
@asks(CHANGE)
def remove_group(slug: str, group: str) -> Response:
    """Remove a group; its phones stay in the site."""
    return tell(groups.remove(visitor().admin, f"{slug}/{group}"), "sites.one", slug=slug)


@pages.post("/sites/<slug>/groups/<group>/settings")
@asks(CHANGE)
def say_of_group(slug: str, group: str) -> Response:
    """Say a setting for the phones of a group, or take one back."""
    return _said(f"group:{slug}/{group}", lambda fault: _group(slug, group, fault), "sites.group", slug=slug, group=group)


@pages.get("/phonebooks/<slug>")
@asks(LOOK)
def book(slug: str) -> Response:
    """Show a site's phone book, so many people at a time."""
    return _book(slug)


@pages.post("/phonebooks/<slug>")
@asks(OPERATE)
def put_contact(slug: str) -> Response:
    """Put a person into it."""
    numbers = [f"{kind}={number}" for kind in NUMBER_KINDS for number in request.form.get(kind, "").replace(",", " ").split()]
    try:
        done = phonebook.add(visitor().admin, slug, request.form.get("name", "").strip(), numbers)
    except BadInput as why:
        return _book(slug, str(why))
    return tell(done, "sites.book", slug=slug)


@pages.post("/phonebooks/<slug>/remove")
@asks(OPERATE)
def remove_contact(slug: str) -> Response:
    """Take a person out of it."""
    return tell(phonebook.remove(visitor().admin, slug, request.form.get("name", "")), "sites.book", slug=slug)


@pages.post("/phonebooks/<slug>/import")
@asks(OPERATE)
def bring(slug: str) -> Response:
    """Put the people of a file into it, or say what would be done."""
    file = request.files.get("file")
    try:
        done = phonebook.bring(visitor().admin, slug, file.read() if file else b"", "replace" in request.form, "dry" in request.form)
    except BadInput as why:
        return _book(slug, str(why))
    return tell(done, "sites.book", slug=slug)


@pages.get("/phonebooks/<slug>/export.<any(csv,vcard):form>")
@asks(LOOK)
def give(slug: str, form: str) -> Response:
    """Give it as a file."""
    text = phonebook.given(visitor().admin, slug, form)
    return Response(text, content_type=f"{_MEDIA[form]}; charset=utf-8", headers={"Content-Disposition": f"attachment; filename=phonebook-{slug}.{'csv' if form == 'csv' else 'vcf'}"})


def _facts() -> dict[str, Any]:
    return {name: request.form[name].strip() for name in _TEXTS if name in request.form}


def _said(scope: str, again: Any, endpoint: str, **values: str) -> Response:
    admin, name = visitor().admin, request.form.get("setting", "").strip()
    try:
        done = settings.unsay(admin, scope, [name]) if "unsay" in request.form else settings.say(admin, scope, {name: request.form.get("value", "")})
    except BadInput as why:
        answer: Response = again(str(why))
        return answer
    return tell(done, endpoint, **values)


def _listed(fault: str = "") -> Response:
    admin = visitor().admin
    return page("sites.html", 422 if fault else 200, rows=[sites.shown(admin, site) for site in admin.store.sites()], fault=fault, said=request.form)


def _one(slug: str, fault: str = "", status: int = 422) -> Response:
    admin = visitor().admin
    known = sites.shown(admin, sites.one(admin, slug))
    return page("site.html", status if fault else 200, known=known, version=audit.version(admin, "site", slug), said={**known, **(_facts() if fault else {})}, fault=fault, unknown=_UNKNOWN, passwords=PASSWORDS, settings=dictionary.settings())


def _group(slug: str, group: str, fault: str = "") -> Response:
    return page("group.html", 422 if fault else 200, known=groups.shown(visitor().admin, f"{slug}/{group}"), slug=slug, group=group, fault=fault, settings=dictionary.settings())


def _book(slug: str, fault: str = "") -> Response:
    admin, search, after = visitor().admin, request.args.get("search", "").strip(), request.args.get("after", "")
    people = [one for one in phonebook.listed(admin, slug) if one["name"] > after and search.casefold() in f"{one['name']} {' '.join(number['number'] for number in one['numbers'])}".casefold()]
    return page(
        "phonebook.html", 422 if fault else 200, slug=slug, people=people[:PEOPLE], more=people[PEOPLE - 1]["name"] if len(people) > PEOPLE else "", search=search, fault=fault,
        sites=[site.slug for site in admin.store.sites()], kinds=NUMBER_KINDS, said=request.form,
    )  # fmt: skip
