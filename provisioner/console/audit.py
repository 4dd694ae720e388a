"""The audit log: who changed what, from which door, before and after; taken back by who may."""

from __future__ import annotations

import json
from collections.abc import Iterator

from flask import Blueprint, Response, request

from provisioner.admin import audit
from provisioner.console.pages import PER_PAGE, asks, page, tell
from provisioner.console.visitor import visitor
from provisioner.rights import CHANGE, LOOK, NOUNS

pages = Blueprint("audit", __name__)
_FILTERS = ("noun", "name", "who")


@pages.get("/audit")
@asks(LOOK)
def listed() -> Response:
    """Show the changes that fit, the newest first, a page at a time."""
    said = {name: request.args.get(name, "").strip() for name in _FILTERS}
    after = request.args.get("after", "")
    rows = audit.listed(visitor().admin, **said, limit=PER_PAGE + 1, below=int(after) if after.isascii() and after.isdigit() and len(after) < 16 else 0)
    return page("audit.html", rows=rows[:PER_PAGE], more=rows[PER_PAGE - 1]["id"] if len(rows) > PER_PAGE else 0, said=said, nouns=sorted(NOUNS))


@pages.get("/audit/export")
@asks(LOOK)
def export() -> Response:
    """Give every change as a line of JSON, the newest first."""
    rows = audit.exported(visitor().admin)

    def lines() -> Iterator[str]:
        for row in rows:
            yield json.dumps(row) + "\n"

    return Response(lines(), content_type="application/x-ndjson", headers={"Content-Disposition": "attachment; filename=audit.ndjson"})


@pages.post("/audit/<int:number>/undo")
@asks(CHANGE)
def undo(number: int) -> Response:
    """Take back a change and all that was changed with it, as a new change."""
    return tell(audit.undo(visitor().admin, number), "audit.listed")
