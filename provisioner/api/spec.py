"""What OpenAPI has of all operations alike: problem details, headers that conditions and repeated asks come by, bodies that are no JSON."""

from __future__ import annotations

import inspect
import re
from collections import defaultdict
from typing import Any

from flask import Flask

from provisioner.rights import RULE

PROBLEM = {"$ref": "#/components/schemas/Problem"}
ONCE = "Idempotency-Key"
_SHAPE = {
    "type": "object", "description": "RFC 9457. type: about:blank, or which error of ours it is; detail: what is wrong, and what to do",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"}, "title": {"type": "string"}, "status": {"type": "integer"}, "detail": {"type": "string"},
        "fields": {"type": "object", "description": "what is wrong with each field, by where it stands"},
        "faults": {"type": "object", "description": "why a phone could not get its file, by its MAC"},
        "rows": {"type": "array", "items": {"type": "object"}, "description": "what is wrong with each row of many: row, column, detail"},
    },
}  # fmt: skip
_HEADERS: dict[str, dict[str, Any]] = {
    ONCE: {"description": "of at most 200 characters: a repeated ask is done once, and answered alike for a day", "schema": {"type": "string", "maxLength": 200}},
    "If-Match": {"description": "an ETag: only where it is still so, else 412", "schema": {"type": "string"}},
    "If-None-Match": {"description": "`*`: only where there is none yet, else 412", "schema": {"type": "string", "enum": ["*"]}},
}  # fmt: skip
_PATH = {
    "mac": ("of a phone, in any usual spelling", "805ec0d57d72"), "sip_address": ("of an account", "212@sip.example.com"), "slug": ("short name of a site", "default"),
    "site": ("short name of a site", "default"), "group": ("short name of a group within its site", "reception"), "n": ("position of the line, from 1", 1),
    "scope": ("defaults, family:F, model:F/M, site:S, group:S/G, device:MAC, account:SIP-ADDRESS or line:MAC/N", "defaults"), "module": ("0 is the phone itself, 1 its first expansion module", 0),
    "position": ("of the key, from 1", 1), "family": ("its short name", "yealink"), "number": ("of a change, as the list has it", 1), "prefix": ("first characters of a key", "pk_12ab34cd"),
    "name": ("of the thing, as its list has it", "anna"), "network": ("such as 192.0.2.0/24", "192.0.2.0/24"), "noun": ("which things", "devices"), "file": ("name of a file that the phone asks for", "805ec0d57d72.cfg"),
    "provider": ("its short name", "sip2sip"),
}  # fmt: skip


def completed(spec: dict[str, Any], app: Flask) -> dict[str, Any]:
    """Return the spec of an app with what holds for every operation. Views say by `takes` which bodies they have that are no JSON."""
    spec["components"].setdefault("schemas", {})["Problem"] = _SHAPE
    for rule in app.url_map.iter_rules():
        path = spec["paths"].get(re.sub(r"<(?:[^<:]+:)?([^>]+)>", r"{\1}", rule.rule))
        for method, known in (path or {}).items():
            if method.upper() in (rule.methods or ()):
                view = app.view_functions[rule.endpoint]
                known["description"] = inspect.getdoc(view) or ""
                known["x-right"] = getattr(view, "right", RULE)
                _complete(method, known, getattr(view, "takes", ()))
    return spec


def by_noun(spec: dict[str, Any]) -> dict[str, list[tuple[str, str, dict[str, Any]]]]:
    """Return (method, path, operation) of each operation, by the noun that it is of."""
    found: dict[str, list[tuple[str, str, dict[str, Any]]]] = defaultdict(list)
    for path, verbs in sorted(spec["paths"].items()):
        for method, known in verbs.items():
            found[known["tags"][0]].append((method.upper(), path, known))
    return dict(sorted(found.items()))


def _complete(method: str, known: dict[str, Any], types: tuple[str, ...]) -> None:
    answers, parameters = known["responses"], known["parameters"]
    problem = {"content": {"application/problem+json": {"schema": PROBLEM}}}
    for code, answer in answers.items():
        if code >= "400":
            answer["content"] = problem["content"]
    answers.setdefault("401", {"description": "No key, or one that does not count", **problem})
    answers.setdefault("403", {"description": "What the key's operator, or the key, may not do", **problem})
    answers["default"] = {"description": "What is wrong, and what to do", **problem}
    for one in parameters:
        if "description" in one["schema"]:
            one["description"] = one["schema"].pop("description")
        if one["in"] == "path" and one["name"] in _PATH:
            one["description"], one["example"] = _PATH[one["name"]]
            if isinstance(one["example"], int):
                one["schema"] = {"type": "integer", "minimum": 0}
    wanted = [*([ONCE] if method != "get" else []), *(["If-Match"] if "412" in answers else []), *(["If-None-Match"] if "412" in answers and "201" in answers else [])]
    parameters += [{"in": "header", "name": name, "required": False, **_HEADERS[name]} for name in wanted]
    if types:
        known["requestBody"] = {"required": True, "content": {one: {"schema": {"type": "string"}} for one in types}}
