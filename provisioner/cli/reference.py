"""docs/api.md: every operation of the API as its spec has it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from provisioner.api.door import bare
from provisioner.api.spec import ONCE, PROBLEM, by_noun

Spec = Mapping[str, Any]


def page() -> str:
    """Return the page."""
    spec = bare().spec
    assert isinstance(spec, dict)
    lines = [
        "# The API",
        "",
        "Written from the code (`make docs`). The server shows the same at `/api/v1/`, and as OpenAPI at `/api/v1/openapi.json`. [doors.md](doors.md) tells which command does the same.",
        "",
        *spec["info"]["description"].splitlines(),
        "",
        "```console",
        '$ key=$(provisioner apikey add "nightly report" --role reader | tail -1)',
        '$ curl -H "Authorization: Bearer $key" http://127.0.0.1:8090/api/v1/devices?limit=2',
        "```",
        "",
        "| right | who has it |",
        "| --- | --- |",
        "| look | everybody |",
        "| operate | helpdesk, admin, owner |",
        "| change, reveal | admin, owner |",
        "| rule | owner |",
    ]
    for noun, operations in by_noun(spec).items():
        lines += ["", f"## {noun[0].upper()}{noun[1:]}"]
        for method, path, known in operations:
            lines += _operation(spec, path, method, known)
    return "\n".join(lines) + "\n"


def _operation(spec: Spec, path: str, method: str, known: Spec) -> Iterator[str]:
    yield from ("", f"### {known['summary']}", "", f"`{method} {path}`, with the right to *{known['x-right']}*. {known['description']}")
    rows = [(one["name"], one["in"], _kind(spec, one["schema"]), one.get("description", "")) for one in known["parameters"] if one["in"] != "header"]
    for kind, body in known.get("requestBody", {}).get("content", {}).items():
        shape = _shape(spec, body["schema"])
        fields = shape.get("properties", {})
        rows += [(name, "body, required" if name in shape.get("required", ()) else "body", _kind(spec, field), field.get("description", "")) for name, field in fields.items()]
        if not fields:
            rows.append(("", f"body, `{kind}`", _kind(spec, shape), shape.get("description", "")))
    if rows:
        yield from ("", "| name | in | type | meaning |", "| --- | --- | --- | --- |")
        yield from (f"| {f'`{name}`' if name else ''} | {place} | {_cell(kind)} | {_cell(meaning)} |" for name, place, kind, meaning in rows)
    answers = [f"{code}: {_answer(spec, answer)}" for code, answer in known["responses"].items() if code < "400"]
    problems = [code for code, answer in known["responses"].items() if "400" <= code < "600" and answer["content"]["application/problem+json"]["schema"] == PROBLEM]
    conditions = [f"`{one['name']}`" for one in known["parameters"] if one["in"] == "header" and one["name"] != ONCE]
    taken = f" Takes {' and '.join(conditions)}." if conditions else ""
    yield from ("", f"Answers {'; '.join(answers)}. Problems: {', '.join(sorted(problems))}.{taken}")


def _answer(spec: Spec, answer: Spec) -> str:
    kinds = []
    for kind, content in answer.get("content", {}).items():
        shape = _shape(spec, content["schema"])
        names = ", ".join(f"`{name}`{_of_items(spec, field)}" for name, field in shape.get("properties", {}).items())
        kinds.append(names or (f"`{kind}`" if kind != "application/json" else "an object"))
    return " or ".join(kinds) or answer["description"]


def _of_items(spec: Spec, field: Spec) -> str:
    names = ", ".join(f"`{name}`" for name in _shape(spec, field.get("items", {})).get("properties", {}))
    return f" (each {names})" if names else ""


def _shape(spec: Spec, schema: Spec) -> Spec:
    """Return a schema itself, where it only names one of the shapes."""
    found: Spec = spec["components"]["schemas"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    return found


def _kind(spec: Spec, schema: Spec) -> str:
    """Return a type in words: text, number, list of text, one of …; null is told apart."""
    schema = _shape(spec, schema)
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_kind(spec, one) for one in schema["anyOf"]))
    if "enum" in schema or "const" in schema:
        return "one of " + ", ".join(f"`{word}`" if word != "" else "nothing" for word in schema.get("enum", [schema.get("const")]))
    kind = schema.get("type", "any")
    if kind == "array":
        return f"list of {_kind(spec, schema.get('items', {}))}"
    bounds = [str(schema[name]) for name in ("minimum", "maximum") if name in schema]
    words = {"string": "text", "integer": "number", "number": "number", "boolean": "true or false", "object": "object", "null": "null"}.get(kind, "any")
    return f"{words} {' to '.join(bounds)}" if len(bounds) == 2 else words


def _cell(words: str) -> str:
    return words.replace("|", "\\|").replace("\n", " ")
