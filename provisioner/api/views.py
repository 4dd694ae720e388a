"""What the views of all resources do alike: pages of lists, ETags, what a verb did."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import urlencode

from flask import Response, g, request

from provisioner.admin import Admin, Done, audit
from provisioner.api.shapes import Paged
from provisioner.errors import BadValue, NotHere, Outdated, UnknownName

_View = TypeVar("_View", bound=Callable[..., Any])

_WHY = {
    200: "As it is now", 201: "Added", 400: "It is no JSON, or an idempotency key is too long", 404: "There is none, or it is in a site that this key does not reach", 409: "At odds with what is stored",
    412: "Somebody else was first: read it again", 422: "It cannot be; `detail` says why and what to do",
    502: "Who was asked for it did not answer, or said no",
}  # fmt: skip


def answers(*codes: int, headers: Mapping[str, Any] | None = None, of: str = "") -> Any:
    """Return what a view may answer, as OpenAPI has it; errors are problem details. headers: of answers that are none; of: the model that those are, said as its output too."""
    thing = {"application/json": {"schema": {"$ref": f"#/components/schemas/{of}"} if of else {"type": "object", "additionalProperties": True}}}
    error = {"application/problem+json": {"schema": {"type": "object", "required": ["type", "title", "status", "detail"]}}}
    return {str(code): {"description": _WHY[code], "content": thing if code < 400 else error, **({"headers": dict(headers)} if headers and code < 400 else {})} for code in codes}


def document(what: str, *types: str) -> Any:
    """Return what a view answers with that gives a document, as OpenAPI has it."""
    return {"200": {"description": what, "content": {one: {"schema": {"type": "string", **({} if one.startswith("text/") else {"contentMediaType": one})}} for one in types}}}


def page_of(rows: list[dict[str, Any]], limit: int, key: str) -> dict[str, Any]:
    """Return a page of rows, of which one more was asked for than it takes. key: whose value is the cursor."""
    return {"items": rows[:limit], "next": rows[limit - 1][key] if len(rows) > limit else None}


def sliced(rows: Sequence[dict[str, Any]], said: Paged, key: str) -> Any:
    """Return a page of rows of which all are there. key: by what they are sorted, and whose value is the cursor."""
    behind = sorted((row for row in rows if row[key] > said.cursor), key=lambda row: str(row[key]))
    return paged(page_of(behind[: said.limit + 1], said.limit, key))


def paged(page: dict[str, Any]) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Return a page with a Link to the next one (RFC 8288)."""
    if not page["next"]:
        return page, 200, {}
    return page, 200, {"Link": f'<{request.path}?{urlencode({**request.args, "cursor": page["next"]})}>; rel="next"'}


def one(known: Mapping[str, Any], version: str, status: int = 200, notes: Iterable[str] = ()) -> Response:
    """Return a thing with its ETag; notes: what to look at after a verb."""
    said = list(notes)
    return Response(json.dumps({**known, **({"notes_of_verb": said} if said else {})}), status, {"ETag": f'"{version}"'}, content_type="application/json")


def versioned(admin: Admin, noun: str, name: str) -> Callable[[], str]:
    """Return what tells the ETag of a thing by its noun and name in the history: the number of its last change."""
    return lambda: audit.version(admin, noun, name)


def tag_of(known: Any) -> str:
    """Return what tells the ETag of a list that is shown whole: another one for each that it could be."""
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:24]


def takes(*types: str) -> Callable[[_View], _View]:
    """Say which media types the body of an ask may have, where it is no JSON; any other is refused with 415."""

    def said(view: _View) -> _View:
        view.takes = types  # type: ignore[attr-defined]
        return view

    return said


def body(most: int) -> bytes:
    """Return what was sent, at most so many bytes; raises BadValue."""
    found = request.get_data()
    if len(found) > most:
        raise BadValue(f"{len(found):,} bytes are too many; send at most {most:,}")
    return found


def secret(answer: Any) -> Any:
    """Return an answer that shows a secret: it is not kept for when it is asked again."""
    g.shows_secret = True
    return answer


@contextmanager
def in_path() -> Iterator[None]:
    """Make a name that nobody knows a 404, where it stands in the path."""
    try:
        yield
    except UnknownName as why:
        raise NotHere(str(why)) from None


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
