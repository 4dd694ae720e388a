"""The generated pages: docs/cli.md from the commands' own help, docs/settings.md, docs/families.md, docs/phones.md, docs/api.md, docs/doors.md.

    python -m provisioner.cli.pages          rewrites them, from the root of the source tree
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import click

from provisioner import vocabulary
from provisioner.admin.families import brands, matrix
from provisioner.admin.words import text
from provisioner.cli import doors, reference
from provisioner.cli.root import cli
from provisioner.families import Catalog, Family
from provisioner.families import load as load_families

WIDTH = 110


def pages() -> Mapping[str, str]:
    """Return the text of every generated page, by its path in the source tree."""
    return {"docs/cli.md": commands(), "docs/settings.md": settings(), "docs/families.md": families(load_families()), "docs/api.md": reference.page(), "docs/doors.md": doors.page()}


def commands() -> str:
    """Return docs/cli.md."""
    lines = [
        "# Commands",
        "",
        "Written from the commands' own help (`make docs`). Data goes to stdout, messages to stderr; `--json` gives the same facts to machines.",
        "Saying what is so already is no error: `nothing to change`, exit code 0. Nothing prompts without a terminal, no password is an argument,",
        "and secrets are masked everywhere but with `--reveal` and in `device token`.",
        "",
        "| exit code | meaning |",
        "| --- | --- |",
        "| 0 | done, or nothing to change |",
        "| 1 | failure: the sentence on stderr says what to do; nothing was half-written |",
        "| 2 | wrong usage |",
        "| 78 | bad config: `config.toml`, the environment, or an address that is taken |",
        "| 130 | Ctrl-C |",
    ]
    for name, helped in _walk(cli, ()):
        lines += ["", f"## {name}", "", "```text", helped, "```"]
    return "\n".join(lines) + "\n"


def _walk(command: click.Command, above: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield (name, help) of a command and of all under it."""
    name = " ".join(("provisioner", *above))
    with click.Context(command, info_name=name, terminal_width=WIDTH, help_option_names=["-h", "--help"]) as context:
        yield name, "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
        if isinstance(command, click.Group):
            for word in command.list_commands(context):
                under = command.get_command(context, word)
                if under:
                    yield from _walk(under, (*above, word))


def settings() -> str:
    """Return docs/settings.md."""
    lines = [
        "# Settings of phones",
        "",
        "Written from the table in `provisioner/vocabulary.py` (`make docs`). `provisioner set SCOPE NAME=VALUE` says one; `provisioner device explain MAC NAME`",
        "shows who says what, who wins, and the line of the phone's file that it became.",
        "",
        "`-` as default: nothing is written where nobody says the setting, and what the phone's user chose stays. *per line*: an account or a line may say it too.",
        "*may strand*: a wrong value can cut the phone off from this server.",
    ]
    for group, rows in vocabulary.GROUPS.items():
        lines += ["", f"## {group}", "", "| name | type | default | | meaning |", "| --- | --- | --- | --- | --- |"]
        for row in rows:
            marks = ", ".join(mark for mark, there in (("per line", row.per == "line"), ("secret", row.secret), ("may strand", row.may_strand)) if there)
            kind = row.kind.say() + (f", {row.unit}" if row.unit else "")
            lines.append(f"| `{row.name}` | {_cell(kind)} | {'-' if row.default is None else f'`{text(row.default)}`'} | {marks} | {_cell(row.help)} |")
    lines += ["", "## Types of keys", "", "`provisioner key set SCOPE POSITION TYPE [VALUE]`", "", "| type | meaning |", "| --- | --- |"]
    lines += [f"| `{name}` | {_cell(words)} |" for name, words in vocabulary.KEY_TYPES.items()]
    return "\n".join(lines) + "\n"


def families(catalog: Catalog) -> str:
    """Return docs/families.md."""
    lines = [
        "# Families of phones",
        "",
        "Written from the manifests in `templates/phones` (`make docs`). Counts with a question mark have no document or second source: exceeding them warns,",
        "exceeding the others is refused; `provisioner device change MAC --lines N` says what a phone really has. `-` is unknown.",
        "",
        "| family | brands | models | wires | key types |",
        "| --- | --- | --- | --- | --- |",
    ]
    known = [family for _, family in sorted(catalog.families.items())]
    lines += [
        f"| [`{family.slug}`](#{family.slug}) | {_cell(', '.join(brands(family)))} | {len(family.models)} | {', '.join(family.wires)} | {len(family.maps.get('key', {}))} |" for family in known
    ]
    for family in known:
        lines += _family(family)
    return "\n".join(lines) + "\n"


def _family(family: Family) -> Iterator[str]:
    yield from ("", f"## {family.slug}", "", f"{family.name}.")
    yield from ("", "| model | brand | lines | keys | modules | also called |", "| --- | --- | --- | --- | --- | --- |")
    for model in family.models.values():
        doubt = "" if model.sure else "?"
        counts = ["-" if count is None else f"{count}{doubt}" for count in (model.lines, model.keys)]
        modules = f"{model.modules} x {model.module_keys}" if model.modules and model.module_keys else str(model.modules or "")
        yield f"| `{model.name}` | {_cell(model.brand)} | {counts[0]} | {counts[1]} | {modules} | {_cell(', '.join(model.aliases))} |"
    if family.cannot:
        yield from ("", "What these phones have no parameter for:", "")
        for row in family.cannot:
            whom = f" ({', '.join(row.guard.models)})" if row.guard.models else ""
            yield f"- `{row.name}`{whom}: {row.why}"
    if family.unconfirmed:
        yield from ("", "Left out, since no source confirms it:", "")
        yield from (f"- {sentence}" for sentence in family.unconfirmed)


def phones(catalog: Catalog) -> str:
    """Return docs/phones.md; it renders every family with each setting toggled, which takes half a minute."""
    sections = {slug: phones_of(catalog, slug) for slug in sorted(catalog.families)}
    lines = [
        "# What the phones really take",
        "",
        "Written by rendering the files of every model with each setting, fact and key toggled, and seeing what changes (`make docs`); no manifest claims it.",
        "`provisioner family list FAMILY --matrix` shows the same, with your overlays. Settings are explained in [settings.md](settings.md).",
        "",
        f"Of {len(vocabulary.SETTINGS)} settings and {len(vocabulary.KEY_TYPES) - 1} types of keys. *SIP*, *media*: the words of `transport` and `srtp` that the files tell apart. *modules*: keys of expansion modules.",
    ]
    return "\n".join(lines) + "\n" + "".join(f"\n{text}" for text in sections.values())


def phones_of(catalog: Catalog, slug: str) -> str:
    """Return one family's section of docs/phones.md."""
    rows = list(matrix(catalog, [slug]))
    lines = [f"## {slug}", "", "| models | settings | keys | modules | wires | SIP | media | XCAP |", "| --- | --- | --- | --- | --- | --- | --- | --- |"]
    for row in rows:
        said = (len(row["settings"]), len(row["keys"]), "yes" if row["module_keys"] else "", *(", ".join(row[name]) for name in ("wires", "transports", "srtp")), "yes" if row["xcap"] else "")
        lines.append(f"| {_names(row['models'])} | {' | '.join(map(str, said))} |")
    for what, title, every in (("settings", "Settings", list(vocabulary.BY_NAME)), ("facts", "Facts of accounts", []), ("keys", "Types of keys", [])):
        common = [name for name in rows[0][what] if all(name in row[what] for row in rows)]
        some = {name: [model for row in rows if name in row[what] for model in row["models"]] for row in rows for name in row[what] if name not in common}
        lines += ["", f"{title}: {_names(common)}."] if common else []
        for models in dict.fromkeys(map(tuple, some.values())):
            lines += ["", f"{title} of {_names(models)} alone: {_names(name for name, those in some.items() if tuple(those) == models)}."]
        none = [name for name in every if name not in common and name not in some]
        lines += ["", f"In no file: {_names(none)}."] if none else []
    return "\n".join(lines) + "\n"


def _names(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _cell(words: str) -> str:
    return words.replace("|", "\\|")


def main() -> None:
    """Write every page, from the root of the source tree."""
    for path, page in {**pages(), "docs/phones.md": phones(load_families())}.items():
        Path(path).write_text(page, "utf-8")


if __name__ == "__main__":
    main()
