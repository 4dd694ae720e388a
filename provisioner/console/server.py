"""The server itself, to look at: its options and who said them, what is wrong, the files that phones fetch, and what left it."""

from __future__ import annotations

from flask import Blueprint, Response, request

from provisioner import config
from provisioner.admin import assets, bundles, checks
from provisioner.console.pages import asks, page
from provisioner.console.visitor import visitor
from provisioner.rights import LOOK, RULE

pages = Blueprint("server", __name__)
_EXPORTS = 20


@pages.get("/server")
@asks(RULE)
def shown() -> Response:
    """Show every option that counts, its source and its meaning, secrets masked; and what left the server."""
    admin, search = visitor().admin, request.args.get("search", "").strip().casefold()
    helps = {option.name: option.help for option in config.OPTIONS}
    rows = [(name, value, by, helps[name]) for name, value, by in config.values(admin.config) if search in name or search in helps[name].casefold()]
    return page("server.html", rows=rows, search=search, exports=bundles.exports(admin, _EXPORTS))


@pages.get("/server/check")
@asks(RULE)
def check() -> Response:
    """Offer to look for what is wrong, which takes seconds where there are many phones."""
    return page("check.html", rows=None)


@pages.post("/server/check")
@asks(RULE)
def checked() -> Response:
    """Say what is wrong before a phone meets it."""
    admin = visitor().admin
    return page("check.html", rows=[finding.shown() for finding in checks.run(admin.config, admin.who, "console")])


@pages.get("/assets")
@asks(LOOK)
def files() -> Response:
    """Show firmware, pictures and ring tones as they lie in the server's folder, and which families ask for them."""
    return page("assets.html", rows=assets.listed(visitor().admin), folder=str(visitor().admin.config.assets_folder))
