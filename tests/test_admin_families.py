"""What this server knows of phones, and who a request would be from."""

from __future__ import annotations

import io
import json
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.admin import Admin, checks, families
from provisioner.admin.families import who, who_each
from provisioner.config import Config
from provisioner.errors import BadConfig, BadValue, Conflict, UnknownName
from provisioner.families import Catalog, Model, load
from tests import recorded


def test_every_family_is_listed_with_the_names_that_the_other_commands_take(catalog: Catalog) -> None:
    rows = families.listed(catalog)
    assert [row["name"] for row in rows] == sorted(catalog.families)
    for row in rows:
        assert row["vendor"] and row["kind"] in ("hardware", "softphone") and row["models"]
        for model in row["models"]:
            assert catalog.model(f"{row['name']}/{model['name']}")[1].brand == model["brand"]
        assert sorted(row["brands"]) == sorted({model["brand"] for model in row["models"]})
    with pytest.raises(UnknownName, match="there is no family 'nobody'"):
        families.shown(catalog, "nobody")


def test_the_totals_count_a_brand_once_and_softphones_apart(admin: Admin) -> None:
    acme = admin.catalog.families["acme"]
    models = {"A": Model("A", "Acme"), "B": Model("B", "Bell"), "C": Model("C", "Bell")}
    known = Catalog({"acme": replace(acme, models=models), "bell": replace(acme, models={"D": Model("D", "Bell")}), "soft": replace(acme, kind="softphone", models={"E": Model("E", "Acme")})})
    assert families.totals(known) == "hardware: 2 brands, 4 models in 2 families; softphones: 1 brand, 1 model in 1 family"


def test_a_new_family_passes_check_and_its_recorded_boot_holds(tmp_path: Path) -> None:
    config = Config(state=tmp_path / "state", phones_path=(tmp_path / "phones",))
    files, done = families.begin(config, "bell-desk", "Bell & Co", "00:1A:2B")
    assert [str(file.relative_to(tmp_path / "phones" / "bell-desk")) for file in files] == ["boots/first-boot.expected", "boots/first-boot.toml", "family.toml", "known.txt", "phone.cfg.j2"]
    assert "@" not in "".join(file.read_text() for file in files).replace("212@sip.example.com", "") and done.notes == ()

    known = load(config.phones_path)
    assert [*checks.manifests(known), *checks.files(known, known.families["bell-desk"])] == []
    case = recorded.Case(files[1], tomllib.loads(files[1].read_text()))
    reply = recorded.play(case, known)
    assert reply.body == case.expected.read_bytes()
    said = dict(line.split(" = ") for line in reply.body.decode().splitlines() if not line.endswith("= "))
    assert case.table["says"].items() <= said.items()
    assert families.who(known, "Bell & Co Model1 1.0.0 001a2b000001") == {"vendor": "Bell & Co", "family": "bell-desk", "model": "Model1", "firmware": "1.0.0", "mac": "001a2b000001"}
    assert [path.name for path in (tmp_path / "phones").iterdir()] == ["bell-desk"]


@pytest.mark.parametrize(("name", "vendor", "oui", "fault", "sentence"), [
    ("yealink", "Y", "00:1a:2b", Conflict, "or change that one in .*/yealink/family.local.toml"), ("../x", "Y", "001a2b", BadValue, "is no name of a family"),
    ("x", 'Y"', "001a2b", BadValue, "is no brand"), ("x", "Y", "00:1a", BadValue, "is not the first half of a MAC"),
])  # fmt: skip
def test_a_new_family_stands_over_no_other(tmp_path: Path, name: str, vendor: str, oui: str, fault: type[Exception], sentence: str) -> None:
    with pytest.raises(fault, match=sentence):
        families.begin(Config(phones_path=(tmp_path,)), name, vendor, oui)
    assert list(tmp_path.iterdir()) == []


def test_a_new_family_needs_a_folder_of_its_own_and_is_told_where_nobody_reads_it(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="name one in phones_path, or say --into DIR"):
        families.begin(Config(), "bell", "Bell", "001a2b")
    _, done = families.begin(Config(), "bell", "Bell", "001a2b", tmp_path)
    assert done.notes == (f"this server does not read it yet: name {tmp_path} in phones_path",)
    with pytest.raises(Conflict, match="or change that one in .*/bell/family.toml"):
        families.begin(Config(), "bell", "Bell", "001a2b", tmp_path)


def test_a_user_agent_names_its_phone_and_leaves_null_what_it_does_not_say(catalog: Catalog) -> None:
    assert who(catalog, "Yealink SIP-T46U 108.86.0.20 80:5e:c0:d5:7d:72") == {
        "vendor": "Yealink", "family": "yealink", "model": "T46U", "firmware": "108.86.0.20", "mac": "805ec0d57d72",
    }  # fmt: skip
    assert who(catalog, "Mozilla/5.0") == {"vendor": None, "family": None, "model": None, "firmware": None, "mac": None}


def test_questions_get_one_answer_each_in_their_order_whatever_they_are(catalog: Catalog) -> None:
    agent = "Yealink SIP-T46U 108.86.0.20 80:5e:c0:d5:7d:72"
    questions = [agent.encode() + b"\r\n", json.dumps({"user_agent": agent, "path": "/805ec0d57d72.cfg"}).encode(), json.dumps({"path": "805ec0d57d72.cfg"}).encode(),
                 b"", b" ", b"{", b"{}", b'{"user_agent": 7}', b'{"path": ["a"]}', b'{"agent": "x"}', b"\xff\xfe", b"x" * 5000, b"{" * 100_000]  # fmt: skip
    answers = list(who_each(catalog, io.BytesIO(b"\n".join(question.rstrip(b"\n") for question in questions))))
    assert len(answers) == len(questions)
    assert answers[0] == answers[1] and answers[0]["model"] == "T46U"
    assert answers[2]["mac"] == "805ec0d57d72"
    assert all(list(answer) == ["error"] for answer in answers[3:])


@given(st.lists(st.binary(max_size=80).filter(lambda line: b"\n" not in line), max_size=5))
def test_no_line_ends_the_run(lines: list[bytes]) -> None:
    answers = list(who_each(_CATALOG, io.BytesIO(b"".join(line + b"\n" for line in lines))))
    assert len(answers) == len(lines)
    for answer in answers:
        assert "\n" not in json.dumps(answer)


_CATALOG = load()


def test_the_maker_of_a_phone_that_no_family_knows_is_told_by_the_registry(admin: Admin) -> None:
    assert families.who(admin.catalog, "", "001451123456.boot")["maker"] == "Apple, Inc."
    assert "maker" not in families.who(admin.catalog, "Yealink SIP-T46U 108.86.0.20 80:5e:c0:d5:7d:72")
    assert "maker" not in families.who(admin.catalog, "", "02ff00123456.boot")
