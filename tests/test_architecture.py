"""The house as docs/architecture.md draws it: floors, what no room may do, no vendor's name in a decision, and words over every door."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from provisioner import families

HOUSE = Path(__file__).parent.parent
FOLDERS = ("admin", "api", "cli", "console", "mail", "sip", "tftp", "web", "xcap")
_IMPORT_CALLS = ("__import__", "import_module")


@dataclass(frozen=True)
class Room:
    """One file of the house. name: as in `web.phones`; room: its place on a floor, `web` for all in that folder."""

    name: str
    tree: ast.Module

    @property
    def place(self) -> str:
        head = self.name.partition(".")[0]
        return head if head in FOLDERS else self.name

    @property
    def imports(self) -> set[str]:
        """Full names of all that it imports, also for type hints and inside functions."""
        return set(imports(self.tree))

    @property
    def uses(self) -> set[str]:
        """The rooms of ours among them."""
        return {room_of(name) for name in self.imports if name.split(".")[0] == "provisioner"} - {""}


def imports(tree: ast.AST) -> Iterator[str]:
    """Yield each imported name in full; a name imported from a module comes with its module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are written in full, so that they can be read and checked"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in _IMPORT_CALLS:
            yield from (str(argument.value) for argument in node.args[:1] if isinstance(argument, ast.Constant))


def room_of(name: str) -> str:
    """Return the room of ours that `provisioner.store.Store` is in; empty for the package itself."""
    parts = name.split(".")[1:]
    while parts and ".".join(parts) not in NAMES:
        parts.pop()
    return ".".join(parts)


def rooms() -> list[Room]:
    """Return every file of the package."""
    house = HOUSE / "provisioner"
    paths = {
        ".".join(path.relative_to(house).with_suffix("").parts).removesuffix(".__init__"): path for path in sorted(house.rglob("*.py"))
    }
    return [Room(name, ast.parse(path.read_text("utf-8"), str(path))) for name, path in paths.items() if name != "__init__"]


ROOMS = rooms()
NAMES = {room.name for room in ROOMS}


def floors() -> dict[str, tuple[int, int]]:
    """Return room -> (floor, place from the left), as docs/architecture.md draws them."""
    drawing = re.search(r"## Floors.*?```\n(.*?)```", (HOUSE / "docs/architecture.md").read_text("utf-8"), re.DOTALL)
    assert drawing
    lines = [re.match(r" *(\d) +(\S+(?: +\S+)*?)(?:   .*)?$", line) for line in drawing[1].splitlines()]
    return {room.strip("/"): (int(line[1]), place) for line in lines if line for place, room in enumerate(line[2].split())}


FLOORS = floors()


def test_every_room_has_a_floor_and_every_drawn_room_is_there() -> None:
    assert {room.place for room in ROOMS} == set(FLOORS)


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_a_room_imports_only_what_stands_below_it_or_to_its_left(room: Room) -> None:
    others = {place for place in (used.partition(".")[0] for used in room.uses) if place != room.place}
    assert not {other for other in others if FLOORS[other] >= FLOORS[room.place]}


def test_no_way_of_importing_is_overlooked() -> None:
    source = """
import provisioner.store as kept
if TYPE_CHECKING:
    from provisioner.boot import Booter
def late():
    from provisioner import render
    return importlib.import_module("provisioner.families")
"""
    assert {room_of(name) for name in imports(ast.parse(source))} == {"store", "boot", "render", "families"}


def test_inside_a_folder_nobody_goes_in_circles() -> None:
    uses = {
        room.name: {used for used in room.uses if used.partition(".")[0] == room.place} - {room.name}
        for room in ROOMS
        if room.place in FOLDERS
    }
    while leaves := {name for name, used in uses.items() if not used & uses.keys()}:
        uses = {name: used for name, used in uses.items() if name not in leaves}
    assert not uses


# What no room may do: (who, what it must not import). Who is told by floors or by names.

WIRES = ("flask", "werkzeug", "granian", "tftpy")
DATABASE = ("sqlite_utils", "sqlite3", "pysqlite3", "psycopg")
STORES = ("store", "changes", "excerpt", "records", "migrations", "eventstore")


def but(*names: str) -> set[str]:
    """Return all rooms but these."""
    return NAMES - set(names)


NEVERS = [
    ("the answer does not depend on the wire", {room.name for room in ROOMS if FLOORS.get(room.place, (0, 0))[0] < 6}, WIRES),
    ("outgrowing SQLite is the stores' job alone", but(*STORES), DATABASE),
    ("one room decides on escaping, sandbox and undefined names", but("render", "console.door"), ("jinja2", "markupsafe")),
    ("one room reads options, one reads manifests", but("config", "manifests"), ("tomllib", "tomli", "configparser")),
    (
        "a door asks boot one question",
        {name for name in NAMES if name.startswith(("web.phones", "tftp"))},
        tuple(f"provisioner.{name}" for name in (*STORES, "families", "render", "admin")),
    ),
    (
        "what an operator may do is judged where it is written and read, past which no verb goes",
        {name for name in NAMES if name.startswith("admin.")},
        ("provisioner.rights.View", "provisioner.rights.Judge", "provisioner.rights.EVERYTHING"),
    ),
    (
        "operators' rules are in admin, whichever door they come by",
        {name for name in NAMES if name.startswith(("api", "cli", "console"))},
        tuple(f"provisioner.{name}" for name in (*STORES, "boot")),
    ),
    ("the database knows things, not phones", set(STORES), ("provisioner.families", "provisioner.render", "provisioner.boot")),
    (
        "these rooms take values, and are tested with a literal",
        {"identify", "admit", "layers", "render", "encode"},
        tuple(f"provisioner.{name}" for name in STORES),
    ),
]


@pytest.mark.parametrize(("who", "what"), [never[1:] for never in NEVERS], ids=[never[0].replace(" ", "-") for never in NEVERS])
def test_never(who: set[str], what: tuple[str, ...]) -> None:
    found = {
        (room.name, name)
        for room in ROOMS
        if room.name in who
        for name in room.imports
        if any(name == root or name.startswith(root + ".") for root in what)
    }
    assert not found


@pytest.mark.parametrize("room", [room for room in ROOMS if room.name != "config"], ids=lambda room: room.name)
def test_only_config_reads_the_environment(room: Room) -> None:
    names = ("environ", "environb", "getenv", "getenvb")
    used = {ast.unparse(node) for node in ast.walk(room.tree) if isinstance(node, ast.Attribute)} | room.imports
    assert not used & {f"os.{name}" for name in names}


# A vendor is a folder.


def vendors() -> set[str]:
    """Return the words that name a vendor: folders' names and their first words, vendors, brands, and what their phones say first in a user agent."""
    found = set()
    for family in families.load([HOUSE / "templates/phones"]).families.values():
        found |= {family.slug, family.slug.partition("-")[0], family.vendor, *(model.brand for model in family.models.values())}
        found |= {match[0] for pattern in family.user_agents if (match := re.match(r"[A-Za-z]{4,}", pattern.text))}
    return {name.casefold() for name in found if name}


VENDORS = vendors()


def decisions(tree: ast.AST) -> Iterator[ast.expr]:
    """Yield what decisions are made by: both sides of comparisons, keys of tables, cases, look-ups, and the tests of a text's ends."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            yield from (node.left, *node.comparators)
        elif isinstance(node, ast.Dict):
            yield from (key for key in node.keys if key)
        elif isinstance(node, ast.MatchValue):
            yield node.value
        elif isinstance(node, ast.Subscript):
            yield node.slice
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("startswith", "endswith", "get", "match", "search", "fullmatch")
        ):
            yield from node.args
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "dict":
            yield from (ast.Constant(keyword.arg) for keyword in node.keywords if keyword.arg)


def names_of_vendors(tree: ast.AST) -> set[str]:
    """Return the vendors' names on which a piece of Python decides."""
    texts = [
        part.value for one in decisions(tree) for part in ast.walk(one) if isinstance(part, ast.Constant) and isinstance(part.value, str)
    ]
    return {name for name in VENDORS for text in texts if re.search(rf"(?<![a-z]){re.escape(name)}(?![a-z])", text.casefold())}


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_no_python_decides_by_a_vendors_name(room: Room) -> None:
    assert not names_of_vendors(room.tree)


@pytest.mark.parametrize(
    "source",
    [
        "if family.slug == 'yealink': pass",
        "x = 'Snom' in agent",
        "x = slug in {'poly', 'other'}",
        "table = {'cisco-spa': 1}",
        "table = dict(yealink=1)",
        "x = table['grandstream']",
        "x = table.get('cisco-mpp', 0)",
        "x = agent.startswith('Linksys/')",
        "match slug:\n    case 'poly' | 'other': pass",
        "x = re.match(r'Yealink SIP-(.*)', agent)",
    ],
)
def test_a_vendors_name_in_a_decision_is_found(source: str) -> None:
    assert names_of_vendors(ast.parse(source))


def test_a_vendors_name_in_a_sentence_is_no_decision() -> None:
    assert not names_of_vendors(ast.parse("raise BadValue('write it as yealink/T46U')"))


def test_the_names_of_vendors_are_known() -> None:
    assert {"yealink", "snom", "grandstream", "poly", "cisco", "cisco-spa", "linksys"} <= VENDORS


# Words over every door.


def without_words(room: Room) -> Iterator[str]:
    """Yield each public module, class, function and method that has no docstring."""
    if not ast.get_docstring(room.tree):
        yield room.name
    for node in room.tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            if not ast.get_docstring(node):
                yield f"{room.name}.{node.name}"
            if isinstance(node, ast.ClassDef):
                for method in node.body:
                    if isinstance(method, ast.FunctionDef) and not method.name.startswith("_") and not ast.get_docstring(method):
                        yield f"{room.name}.{node.name}.{method.name}"


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_every_public_module_class_and_function_says_what_it_is(room: Room) -> None:
    assert not list(without_words(room))
