"""Every sentence that people read in their own language is there in it, with the same values in it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioner.errors import UnknownName
from provisioner.language import LANGUAGES, LOCALE, Language, catalogue

HOUSE = Path(__file__).parent.parent / "provisioner"
OTHERS = [tag for tag in LANGUAGES if tag != "en"]


def sentences(tree: ast.AST) -> Iterator[tuple[str, ...]]:
    """Yield what `say(…)` and `say.many(…)` are called with: one sentence, or the one for 1 and the one for more."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            wanted = {"say": 1, "say.many": 2}.get(name, 0)
            texts = tuple(one.value for one in node.args[:wanted] if isinstance(one, ast.Constant) and isinstance(one.value, str))
            if wanted and len(texts) != wanted:
                raise AssertionError(f"line {node.lineno}: {name} takes its sentence as it stands, so that a catalogue can have it")
            if wanted:
                yield texts


SAID = sorted({texts for file in HOUSE.rglob("*.py") for texts in sentences(ast.parse(file.read_text("utf-8")))})


def test_the_sentences_are_found() -> None:
    assert ("Press “{key}”.",) in SAID and len(SAID) > 20


@pytest.mark.parametrize("tag", OTHERS)
def test_no_sentence_is_missing(tag: str) -> None:
    known = catalogue(tag)
    missing = [texts for texts in SAID if (known.gettext(texts[0]) if len(texts) == 1 else known.ngettext(*texts, 1)) in ("", texts[0]) and texts[0] not in SAME]
    assert not missing


SAME = {"PIN"}  # words that are alike in both


@pytest.mark.parametrize("tag", OTHERS)
def test_a_translation_has_the_values_of_its_sentence(tag: str) -> None:
    known = catalogue(tag)
    for texts in SAID:
        for n in (1, 2) if len(texts) == 2 else (1,):
            there = known.gettext(texts[0]) if len(texts) == 1 else known.ngettext(*texts, n)
            assert set(re.findall(r"\{\w+\}", there)) <= set(re.findall(r"\{\w+\}", texts[-1])) | {"{n}"}, there
            if len(texts) == 1:
                assert set(re.findall(r"\{\w+\}", there)) == set(re.findall(r"\{\w+\}", texts[0])), there


@pytest.mark.parametrize("file", sorted(LOCALE.rglob("*.po")), ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_no_entry_is_left_undecided(file: Path) -> None:
    text = file.read_text("utf-8")
    assert "#, fuzzy" not in text and not re.search(r'msgstr(\[\d\])? ""\n(\n|$)', text)


def test_a_sentence_without_translation_stays_english() -> None:
    assert Language("pt")("nobody said {what} yet", what="this") == "nobody said this yet"


def test_a_region_falls_back_to_its_language_and_a_stranger_is_named() -> None:
    assert Language("pt-BR").tag == Language("pt_PT").tag == "pt" and Language().tag == "en"
    with pytest.raises(UnknownName, match="there are en, pt"):
        Language("tlh")


def test_a_value_with_braces_stays_as_it_is() -> None:
    assert Language("en")("Press “{key}”.", key="{x}") == "Press “{x}”."
