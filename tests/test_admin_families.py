"""What this server knows of phones, and who a request would be from."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.admin import Admin, families
from provisioner.admin.families import who, who_each
from provisioner.errors import UnknownName
from provisioner.families import Catalog, Model, load


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
