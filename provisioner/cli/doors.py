"""Which verb of admin/ is behind which door: read from the code of the commands, the resources and the pages, for docs/doors.md and its test."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import click
from flask import Flask

from provisioner.api.door import BASE, bare
from provisioner.cli.root import cli
from provisioner.console.door import PAGES

Named = tuple[str, str]  # a module's full name, and that of a function in it
_VERBS, _DOORS = "provisioner.admin.", ("provisioner.cli.", "provisioner.api.", "provisioner.console.")


@dataclass
class Doors:
    """By which doors a verb is reached."""

    commands: list[str] = field(default_factory=list)
    operations: list[str] = field(default_factory=list)
    pages: list[str] = field(default_factory=list)


def verbs() -> Mapping[Named, Doors]:
    """Return every function of admin/ that a door calls, with the doors that do."""
    found: dict[Named, Doors] = defaultdict(Doors)
    for name, command in _commands(cli, ()):
        for verb in _reached(command):
            found[verb].commands.append(name)
    for method, path, view in _views(bare()):
        for verb in _reached(view):
            found[verb].operations.append(f"{method} {path.removeprefix(BASE)}")
    for method, path, view in _views(_console()):
        for verb in _reached(view):
            found[verb].pages.append(f"{path}" if method == "GET" else f"{method} {path}")
    return dict(sorted(found.items()))


def _commands(command: click.Command, above: tuple[str, ...]) -> Iterator[tuple[str, Named]]:
    if isinstance(command, click.Group):
        for name, under in sorted(command.commands.items()):
            yield from _commands(under, (*above, name))
    elif command.callback:
        yield " ".join(above), _named(command.callback)


def _console() -> Flask:
    app = Flask("provisioner.console")
    for pages in PAGES:
        app.register_blueprint(pages)
    return app


def _views(app: Flask) -> Iterator[tuple[str, str, Named]]:
    rules = sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule)
    for rule in rules:
        view = app.view_functions[rule.endpoint]
        for method in sorted((rule.methods or set()) & {"GET", "POST", "PUT", "PATCH", "DELETE"}):
            if rule.endpoint.rpartition(".")[0] in app.blueprints:
                yield method, re.sub(r"<(?:[^<:]+:)?([^>]+)>", r"{\1}", rule.rule), _named(view)


def _named(function: Any) -> Named:
    plain = inspect.unwrap(function)
    return plain.__module__, plain.__name__


@cache
def _reached(start: Named) -> frozenset[Named]:
    """Return the verbs that a function of a door calls, itself or by others of the doors."""
    seen: set[Named] = set()
    wanted, found = [start], set()
    while wanted:
        here = wanted.pop()
        if here in seen:
            continue
        seen.add(here)
        for other in _calls(here[0]).get(here[1], ()):
            if other[0].startswith(_VERBS):
                found.add(other)
            elif other[0].startswith(_DOORS):
                wanted.append(other)
    return frozenset(found)


@cache
def _calls(module: str) -> Mapping[str, frozenset[Named]]:
    """Return what each function of a module names: functions of its own, and of modules of ours."""
    code = importlib.import_module(module)
    tree = ast.parse(inspect.getsource(code))
    own = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    return {name: frozenset(_names(node, code, own)) for name, node in own.items()}


def _names(node: ast.AST, code: Any, own: Iterable[str]) -> Iterator[Named]:
    mine = {part.arg for part in ast.walk(node) if isinstance(part, ast.arg)}
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and part.id in mine:
            continue
        if isinstance(part, ast.Name) and part.id in own:
            yield code.__name__, part.id
        elif isinstance(part, ast.Name):
            known = getattr(code, part.id, None)
            if inspect.isfunction(known) and known.__module__.startswith("provisioner."):
                yield _named(known)
        elif isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name):
            other = getattr(code, part.value.id, None)
            known = getattr(other, part.attr, None) if inspect.ismodule(other) else None
            if inspect.isfunction(known) and known.__module__.startswith("provisioner."):
                yield _named(known)


# What the page and its test make of it.

# Another form of a verb, which stands in that one's row.
FORMS: Mapping[str, str] = {
    "accounts.some": "accounts.listed", "accounts.new_password": "accounts.password_for", "accounts.username_rule": "accounts.planned", "bulk.planned": "bulk.plan", "devices.count": "devices.listed",
    "devices.families": "devices.listed", "events.follow": "events.latest", "events.later": "events.latest", "families.totals": "families.listed", "families.who_each": "families.who",
    "audit.of_phone": "audit.listed", "devices.credentials": "devices.token", "many.preview": "many.carry_out", "reveals.access": "devices.token", "reveals.file": "files.render",
    "reveals.packed": "files.render", "mails.as_json": "mails.rows", "operators.one": "operators.listed", "operators.shown": "operators.listed", "operators.prefer": "operators.change",
    "xcap.fetch_all": "xcap.fetch",
}  # fmt: skip
# Steps on the way of a verb, each with no meaning of its own for who asks.
STEPS = (
    "enrol.known", "enrol.look", "keys.types", "many.chosen", "many.version",
    "accounts.one", "audit.version", "devices.version", "families.catalog", "files.explanation", "files.shorten", "handouts.write", "keys.belongs", "mails.beside", "mails.shown", "proofs.means",
    "proofs.named", "providers.catalog", "scopes.read", "sites.one", "usb.chosen", "words.count", "words.text", "xcap.means", "bundles.described", "bundles.known_keys", "bundles.opened",
)  # fmt: skip
# What stands behind some doors alone, and why.
ALONE: Mapping[str, str] = {
    "bundles.purge": "on a stick in this machine", "bundles.verified": "on a stick in this machine", "demo.arrange": "a server of its own, for a look", "families.begin": "writes a folder on the server for who knows the phone",
    "operators.first_link": "what `serve` prints while nobody can sign in", "operators.linked": "a one-time link is opened in a browser", "operators.set_password": "one's own password; a link sets it for who forgot his",
    "operators.settle": "a one-time link is opened in a browser", "portable.export": "onto a stick in this machine", "portable.opened": "from a stick in this machine",
    "portable.take_events": "from a stick in this machine", "sessions.begin": "a session is a browser's; programs show a key", "sessions.sign_in": "a session is a browser's; programs show a key",
    "sessions.sign_out": "a session is a browser's; programs show a key", "sites.try_here": "for `serve --try-here`",
}  # fmt: skip


def rows() -> Mapping[str, Doors]:
    """Return every verb as noun.verb with the doors that it is behind, those of its other forms among them; steps are left out."""
    found: dict[str, Doors] = defaultdict(Doors)
    for (module, function), doors in verbs().items():
        name = f"{module.removeprefix(_VERBS)}.{function}"
        if name in STEPS:
            continue
        here = found[FORMS.get(name, name)]
        for mine, more in ((here.commands, doors.commands), (here.operations, doors.operations), (here.pages, doors.pages)):
            mine.extend(one for one in more if one not in mine)
    return dict(sorted(found.items()))


def page() -> str:
    """Return docs/doors.md."""
    lines = [
        "# One service, three doors",
        "",
        "Written from the code (`make docs`): each verb of `provisioner/admin/`, and by which commands, operations of the [API](api.md) and pages it is reached. A test fails for a verb",
        "that has no command or no operation, unless it stands here why. Paths of operations are below `/api/v1`.",
        "",
        "| verb | command | API | page |",
        "| --- | --- | --- | --- |",
    ]
    for name, doors in rows().items():
        commands = "<br>".join(f"`{one}`" for one in doors.commands)
        operations = "<br>".join(f"`{one}`" for one in doors.operations) or ALONE.get(name, "")
        lines.append(f"| {name} | {commands} | {operations} | {'<br>'.join(f'`{one}`' for one in doors.pages)} |")
    return "\n".join(lines) + "\n"
