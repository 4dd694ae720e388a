"""The first page: what there is, what needs a decision, what is going on."""

from __future__ import annotations

from flask import Blueprint, Response

from provisioner.admin import events
from provisioner.admin import overview as verbs
from provisioner.console.pages import asks, page
from provisioner.console.visitor import visitor
from provisioner.rights import LOOK

pages = Blueprint("overview", __name__)
FEED = 20  # events that the page shows


@pages.get("/")
@asks(LOOK)
def shown() -> Response:
    """Show it."""
    admin = visitor().admin
    return page("overview.html", known=verbs.shown(admin), feed=events.latest(admin, limit=FEED)[::-1])


@pages.get("/overview/feed")
@asks(LOOK, keeps=False)
def feed() -> Response:
    """Show the last events alone, as the page asks for them by itself."""
    return page("feed.html", feed=events.latest(visitor().admin, limit=FEED)[::-1])
