"""What a person is told to do at a phone: in both languages, with the labels as the phone shows them, and nothing that no source tells."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from provisioner import families, guide
from provisioner.errors import BadManifest
from provisioner.families import PURPOSES, STEPS, Catalog
from provisioner.language import LANGUAGES, Language
from tests.test_families import GOOD, folder

URL = "https://prov.example.com:8443/phones/"


def told(tmp_path: Path, rows: str, purpose: str = "address", model: str = "A100", language: str = "en", **facts: str) -> list[str]:
    """Return the steps of a made-up family with these rows in its manifest."""
    family = families.read_family([folder(tmp_path, GOOD + rows) / "acme"])
    found = family.model(model)
    assert found
    return guide.steps(family, found, Language(language), purpose, **{"url": URL, **facts})


def row(steps: str, purpose: str = "address", guards: str = "") -> str:
    return f'[[guide]]\npurpose = "{purpose}"\nsteps = [{steps}]\nsource = "made up for this test"\n{guards}\n'


def test_steps_are_sentences_with_the_phones_own_labels(tmp_path: Path) -> None:
    rows = row('{ page = ["Settings", "Auto Provision"] }, { type = ["Server URL", "{url}"] }, { press = "Confirm" }')

    assert told(tmp_path, rows, address="192.0.2.7") == [
        "In a browser open the phone's own web page, http://192.0.2.7/, and log in as its administrator.",
        "On the web page open “Settings” > “Auto Provision”.",
        f"Into “Server URL” type {URL}",
        "Press “Confirm”.",
    ]


def test_the_same_steps_in_portuguese_leave_the_labels_as_they_are(tmp_path: Path) -> None:
    rows = row('{ menu = ["Menu", "Advanced"] }, { password = "456" }, { choose = ["Server Type", "{SCHEME}"] }, { type = ["Server Address", "{bare}"] }')

    assert told(tmp_path, rows, language="pt") == [
        "No telefone, abra “Menu” > “Advanced”.",
        "Se pedir uma palavra-passe, introduza a do administrador; de fábrica é 456",
        "Em “Server Type” escolha “HTTPS”.",
        "Em “Server Address” escreva prov.example.com:8443/phones",
    ]


def test_a_phone_with_fields_of_their_own_gets_the_parts(tmp_path: Path) -> None:
    rows = row('{ type = ["File", "{url}{{MAC}}.cfg"] }, { type = ["Server", "{host}"] }, { type = ["Port", "{port}"] }, { type = ["Path", "{path}"] }, { type = ["User", ""] }')

    assert told(tmp_path, rows) == [f"Into “File” type {URL}{{MAC}}.cfg", "Into “Server” type prov.example.com", "Into “Port” type 8443", "Into “Path” type /phones/", "Leave “User” empty."]


def test_the_first_way_that_fits_model_and_firmware_wins(tmp_path: Path) -> None:
    rows = row('{ press = "New" }', guards='firmware = ">=2"') + row('{ press = "B" }', guards='models = ["B*"]') + row('{ press = "Old" }')

    assert told(tmp_path / "a", rows, firmware="2.1") == ["Press “New”."]
    assert told(tmp_path / "b", rows, firmware="1.9") == told(tmp_path / "c", rows) == ["Press “Old”."]


def test_the_way_to_the_web_page_goes_by_the_phones_own_sight(tmp_path: Path) -> None:
    rows = row('{ menu = ["Enable Web"] }, { page = ["Update"] }, { file = "Upload" }', "import") + row('{ press = "OK" }', "find")

    assert told(tmp_path, rows, "import", file="T46U_212_Ana.cfg") == [
        "On the phone open “Enable Web”.",
        "Press “OK”.",
        "That gives the phone's IP address: open it in a browser, and log in as the phone's administrator.",
        "On the web page open “Update”.",
        "At “Upload” choose T46U_212_Ana.cfg.",
    ]


def test_an_ipv6_address_stands_in_brackets(tmp_path: Path) -> None:
    assert "http://[2001:db8::7]/" in told(tmp_path, "", address="2001:db8::7")[0]


def test_where_no_source_tells_there_is_a_general_sentence_and_no_menu(tmp_path: Path) -> None:
    for purpose in PURPOSES:
        sentences = told(tmp_path / purpose, "", purpose, file="x.cfg")
        assert sentences and not any("“" in one for one in sentences)
        assert {"address": URL, "import": "x.cfg", "stick": "x.cfg"}.get(purpose, "phone") in " ".join(sentences)


@pytest.mark.parametrize(
    ("steps", "sentence"),
    [
        ('{ pres = "OK" }', r"family.toml:\d+: guide\[1\].steps has the step 'pres', which nobody knows; did you mean press"),
        ('{ press = "OK", page = ["A"] }', "which is not one step"),
        ('{ type = ["Server URL"] }', "has the step 'type' with 1 words; it takes 2"),
        ('{ restart = "now" }', "it takes 0: write true"),
        ('{ type = ["Server URL", "{token}"] }', "holds a brace that is none of {url}"),
        ("", "must be a list of steps"),
    ],
)
def test_a_step_that_cannot_be_is_named(tmp_path: Path, steps: str, sentence: str) -> None:
    with pytest.raises(BadManifest, match=re.sub(r"[{}]", lambda brace: "\\" + brace[0], sentence)):
        told(tmp_path, row(steps))


@pytest.mark.parametrize("purpose", PURPOSES)
def test_every_family_tells_every_purpose_in_every_language(catalog: Catalog, purpose: str) -> None:
    for family in catalog.families.values():
        for model in family.models.values():
            said = {tag: guide.steps(family, model, Language(tag), purpose, url=URL, file="one.cfg", firmware="99.9") for tag in LANGUAGES}
            assert len({len(one) for one in said.values()}) == 1, f"{family.slug} {model.name}"
            for english, other in zip(said["en"], said["pt"], strict=True):
                assert english != other, f"{family.slug}: {english}"
                assert re.findall("“.*?”", english) == re.findall("“.*?”", other)
                assert "{" not in re.sub(r"\{(mac|MAC)\}", "", english + other)  # these two a phone reads itself


def test_every_verb_is_a_sentence_of_its_own(tmp_path: Path) -> None:
    words = {verb: {0: '"A"' if verb == "file" else "true", 1: '["A"]', 2: '["A", "B"]'}[least] for verb, (least, _) in STEPS.items()}
    said = [f"{{ {verb} = {some} }}" for verb, some in words.items()]
    sentences = told(tmp_path, row(", ".join(said)), address="192.0.2.7")[1:]  # behind the way to the web page

    assert len(set(sentences)) == len(STEPS)
