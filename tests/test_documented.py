"""What there is, is written down: every command, option, setting, family; and no page is stale."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import click
import pytest

from provisioner import config, timezones, vocabulary
from provisioner.cli import pages
from provisioner.cli.root import cli
from provisioner.families import SCHEMA, Catalog
from provisioner.formats import PLACES

ROOT = Path(__file__).parent.parent
PAGES = {**pages.pages(), "docs/options.md": config.reference(), "config.example.toml": config.example()}


@pytest.mark.parametrize("path", PAGES)
def test_a_generated_page_is_as_it_would_be_written_now(path: str) -> None:
    assert (ROOT / path).read_text("utf-8") == PAGES[path], f"{path} is stale; `make docs` writes it anew"


def _commands(command: click.Command, above: str) -> list[tuple[str, click.Command]]:
    found = [(above, command)]
    if isinstance(command, click.Group):
        for name, under in command.commands.items():
            found += _commands(under, f"{above} {name}")
    return found


COMMANDS = dict(_commands(cli, "provisioner"))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_what_it_does_and_so_does_every_option(name: str) -> None:
    page, command = (ROOT / "docs/cli.md").read_text("utf-8"), COMMANDS[name]
    assert f"\n## {name}\n" in page
    assert command.help and command.get_short_help_str()
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.help, f"{name} {option.opts}"
            assert option.opts[-1] in page


def test_every_setting_option_family_and_model_is_in_its_page(catalog: Catalog) -> None:
    settings, options, families = ((ROOT / f"docs/{name}.md").read_text("utf-8") for name in ("settings", "options", "families"))
    assert [name for name in (*vocabulary.BY_NAME, *vocabulary.KEY_TYPES) if f"| `{name}` |" not in settings] == []
    assert [name for name in config.BY_NAME if f"| `{name}` |" not in options] == []
    assert [name for name in catalog.families if f"\n## {name}\n" not in families] == []
    assert [model for family in catalog.families.values() for model in family.models if f"| `{model}` |" not in families] == []


def test_the_readme_and_the_help_name_only_what_is_there(catalog: Catalog) -> None:
    text = (ROOT / "README.md").read_text("utf-8") + (ROOT / "docs/cli.md").read_text("utf-8")
    for family, model in re.findall(r"--model ([a-z][a-z-]*)/(\w+)", text):
        assert catalog.model(f"{family}/{model}")
    for words in re.findall(r"(?:^|[` /])provisioner ((?:[a-z]+(?:-[a-z]+)* ?){1,3})", text):
        assert _known(words.split()), words
    for link in re.findall(r"\]\(([\w./-]+)\)", (ROOT / "README.md").read_text("utf-8")):
        assert (ROOT / link).is_file(), link


def _known(words: list[str]) -> bool:
    """Return True where the first words are a command; what follows may be its arguments."""
    command: click.Command = cli
    for word in words:
        if not isinstance(command, click.Group):
            return True
        if word not in command.commands:
            return False
        command = command.commands[word]
    return True


def test_no_file_of_the_packaging_names_a_registry() -> None:
    for name in ("requirements.lock", "pyproject.toml", "Makefile", ".ci/run"):
        text = (ROOT / name).read_text("utf-8")
        assert not re.search(r"index-url\s*[= ]\s*\S*:|--find-links\s|--trusted-host|file://|https?://", text), name
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    pinned = re.sub(r"^[a-z0-9._-]+==[\w.]+(?: ; [^\\\n]*)? \\\n(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+", "", lock, flags=re.MULTILINE)
    assert [line for line in pinned.splitlines() if not line.startswith("#")] == []


def test_the_page_on_phones_names_all_that_manifests_and_templates_have(catalog: Catalog) -> None:
    page = (ROOT / "docs/add-a-phone.md").read_text("utf-8")
    words = set(re.findall(r"\w+", page))
    seen = {name for kind in (timezones.Time, timezones.Turn) for name in dir(kind) if not name.startswith("_")}
    seen |= {row.name for kind in (timezones.Time, timezones.Turn) for row in fields(kind)}
    assert sorted(seen - words) == []
    assert [name for table in SCHEMA.values() for name in table if name not in words] == []
    assert [name for family in catalog.families.values() for name in family.digitmap if name not in words] == []
    assert [place for place in PLACES if place != "value" and f"`in_{place}(x)`" not in page] == []


def test_the_page_on_architecture_names_only_rooms_that_are_there() -> None:
    page = (ROOT / "docs/architecture.md").read_text("utf-8")
    names = re.findall(r"`([\w/]+\.py)`", page)
    assert names
    assert [name for name in names if not (ROOT / name).is_file() and not (ROOT / "provisioner" / name).is_file()] == []
