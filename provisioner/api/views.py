"""What the views of all resources do alike: pages of lists, ETags, what a verb did."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from flask import Response, request

from provisioner.admin import Admin, Done
from provisioner.errors import Outdated

_WHY = {
    200: "As it is now", 201: "Added", 404: "There is none, or it is in a site that this key does not reach", 409: "At odds with what is stored",
    412: "Somebody else was first: read it again", 422: "It cannot be; `detail` says why and what to do",
}  # fmt: skip


def answers(*codes: int, headers: Mapping[str, Any] | None = None) -> Any:
    """Return what a view may answer, as OpenAPI has it; errors are problem details. headers: of answers that are none."""
    thing = {"application/json": {"schema": {"type": "object", "additionalProperties": True}}}
    error = {"application/problem+json": {"schema": {"type": "object", "required": ["type", "title", "status", "detail"]}}}
    return {str(code): {"description": _WHY[code], "content": thing if code < 400 else error, **({"headers": dict(headers)} if headers and code < 400 else {})} for code in codes}


def page_of(rows: list[dict[str, Any]], limit: int, key: str) -> dict[str, Any]:
    """Return a page of rows, of which one more was asked for than it takes. key: whose value is the cursor."""
    return {"items": rows[:limit], "next": rows[limit - 1][key] if len(rows) > limit else None}


def paged(page: dict[str, Any]) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Return a page with a Link to the next one (RFC 8288)."""
    if not page["next"]:
        return page, 200, {}
    return page, 200, {"Link": f'<{request.path}?{urlencode({**request.args, "cursor": page["next"]})}>; rel="next"'}


def one(known: Mapping[str, Any], version: str, status: int = 200, notes: Iterable[str] = ()) -> Response:
    """Return a thing with its ETag; notes: what to look at after a verb."""
    said = list(notes)
    return Response(json.dumps({**known, **({"notes_of_verb": said} if said else {})}), status, {"ETag": f'"{version}"'}, content_type="application/json")


def did(done: Done) -> dict[str, Any]:
    """Return what a verb did."""
    return {"sentence": done.sentence, "changed": done.changed, "notes": list(done.notes)}


def provided(admin: Admin, version: Callable[[], str]) -> Admin:
    """Return the admin who writes only where If-Match is still so, looked at inside the write transaction; any where it was not said."""
    wanted = request.headers.get("If-Match", "").strip()
    if not wanted or wanted == "*":
        return admin

    def unless() -> None:
        if f'"{version()}"' not in [one.strip().removeprefix("W/") for one in wanted.split(",")]:
            raise Outdated("somebody else has changed it since you read it; read it again, and say once more what shall be another")

    return admin.provided(unless)
