"""Accounts, devices, assignments and keys as CSV: what goes out comes in again, and one wrong row keeps all others out."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable

import pytest
from click.testing import Result
from hypothesis import given
from hypothesis import strategies as st

from provisioner import csvfile
from provisioner.admin import SAME, Admin, accounts, bulk, devices, groups, keys, lines
from provisioner.errors import BadValue
from tests.acme import ADDRESS, MAC, OTHER
from tests.test_cli import config, run  # noqa: F401  # fixtures

HOSTILE = ("=cmd|' /C calc'!A0", "@SUM(1)", "+1", "-1", "\t=1", "\r=1", "'=1", "'", "''", 'a";=1,"b', "a;=1", "+351912345678", "-", "João, \"o\" Silva")


@pytest.fixture
def office(admin: Admin) -> Admin:
    """Return the verbs, with two phones, two accounts, a group and keys, some of their words hostile to spreadsheets."""
    groups.add(admin, "default/desk")
    accounts.add(admin, ADDRESS, {"password": "=s3cret; ", "display_name": "=cmd|' /C calc'!A0", "voicemail": "*97", "outbound_proxy": "proxy.example.com:5080"})
    accounts.add(admin, "+351213@sip.example.com", {"password": "'x", "transport": "tls", "notes": "'s-Gravenhage; \"so\", he said"})
    devices.add(admin, MAC, "acme/Two", {"group": "desk", "name": "-Reception", "factory_password": "0000", "modules": 1})
    devices.add(admin, OTHER, "acme/One", {"lines": 2})
    lines.assign(admin, MAC, ADDRESS)
    lines.assign(admin, MAC, "+351213@sip.example.com")
    keys.put(admin, f"device:{MAC}", 2, "speed-dial", "+351210000000", "@Home", line=1, module=1)
    keys.put(admin, "group:default/desk", 1, "blf", "213")
    return admin


def _import(admin: Admin, text: str | bytes, dry: bool = False) -> tuple[list[str], str]:
    """Return the diff and the sentence of an import."""
    plan = bulk.plan(admin, "f.csv", text.encode() if isinstance(text, str) else text)
    return list(plan.diff()), bulk.carry_out(admin, plan, dry).sentence


def _faults(admin: Admin, text: str | bytes) -> list[str]:
    """Return what an import says is wrong, nothing having been written."""
    before = admin.store.changes()
    with pytest.raises(BadValue) as fault:
        _import(admin, text)
    assert admin.store.changes() == before
    return [line.strip().removeprefix("f.csv: ") for line in str(fault.value).splitlines() if "nothing was written" not in line]


# Cells


@pytest.mark.parametrize("cell", HOSTILE)
def test_no_cell_is_a_formula_and_each_comes_back_as_it_was(cell: str) -> None:
    text = "".join(csvfile.written([["a", "b"], [cell, cell]]))

    shown = [one for row in csv.reader(io.StringIO(text, newline="")) for one in row]
    assert [one for one in shown if one.startswith(("=", "+", "-", "@", "\t", "\r"))] == []
    assert list(csvfile.rows(text)) == [(1, ["a", "b"]), (2, [cell, cell])]


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("=+-@'\"\t\r\n;,"), max_size=8), min_size=2, max_size=4), min_size=1, max_size=5))
def test_any_cells_come_back_as_they_were(table: list[list[str]]) -> None:
    whole = [["a", "b"], *table]

    assert [cells for _, cells in csvfile.rows("".join(csvfile.written(whole)))] == whole


@pytest.mark.parametrize("body", [
    "sip_address,display_name\n214@sip.example.com,João\n".encode(),
    "\ufeffSIP address;Display name\r\n214@sip.example.com;João\r\n".encode(),
    "sip-address\tdisplay-name\n214@sip.example.com\tJoão\n".encode("utf-16"),
    "sip_address;display_name;;\r214@sip.example.com;João;;\r;;;\r".encode("latin-1"),
    b'"sip_address","display_name"\r\n"214@sip.example.com","Jo\xc3\xa3o"',
])  # fmt: skip
def test_files_are_read_as_spreadsheets_save_them(admin: Admin, body: bytes) -> None:
    plan = bulk.plan(admin, "f.csv", body)
    bulk.carry_out(admin, plan)

    assert accounts.one(admin, "214@sip.example.com").display_name == "João"
    assert ("was read as Windows-1252" in "".join(plan.notes)) == (b"\xe3" in body and not body.startswith(b"\xff\xfe"))


# There and back


@pytest.mark.parametrize("noun", bulk.FORMS)
@pytest.mark.parametrize("reveal", [True, False])
def test_what_was_exported_is_unchanged_when_it_comes_back(office: Admin, noun: str, reveal: bool) -> None:
    text = "".join(bulk.exported(office, noun, reveal))
    before = office.store.changes()

    assert _import(office, text) == ([], f"{SAME}: 2 rows unchanged")
    assert office.store.changes() == before


def test_secrets_are_exported_when_asked_for_alone(office: Admin) -> None:
    for noun, secret in (("accounts", "'=s3cret; "), ("devices", "0000")):
        cells = [cell for reveal in (False, True) for row in csv.reader(bulk.exported(office, noun, reveal)) for cell in row]
        assert cells.count(secret) == 1


def test_another_server_becomes_the_same(office: Admin, tmp_path_factory: pytest.TempPathFactory) -> None:
    from tests import acme

    other = acme.admin(tmp_path_factory.mktemp("other"))
    groups.add(other, "default/desk")
    for noun in bulk.FORMS:
        _import(other, "".join(bulk.exported(office, noun, reveal=True)))

    assert [list(bulk.exported(other, noun, True)) for noun in bulk.FORMS] == [list(bulk.exported(office, noun, True)) for noun in bulk.FORMS]
    other.close()


# What an import does


def test_rows_add_and_change_and_leave_alone_what_they_do_not_say(office: Admin) -> None:
    diff, sentence = _import(office, f"sip_address,display_name,password,voicemail\n214@sip.example.com,Eva,new,\n{ADDRESS},Anna,,\n+351213@sip.example.com,,other,\n")

    assert diff == [
        "add 214@sip.example.com",
        f"""change {ADDRESS}: display name =cmd|' /C calc'!A0 -> Anna; voicemail *97 -> \"\"""",
        "change +351213@sip.example.com: password",
    ]
    assert sentence == "accounts: 1 added, 2 changed, 0 unchanged"
    assert (accounts.one(office, ADDRESS).password, accounts.one(office, ADDRESS).outbound_proxy.port) == ("=s3cret; ", 5080)
    assert accounts.one(office, "+351213@sip.example.com").password == "other"


def test_phones_move_and_an_empty_model_state_or_firmware_stays(office: Admin) -> None:
    devices.block(office, OTHER)
    diff, _ = _import(office, f"mac,model,site,group,state,lines,name\n{OTHER},,,desk,,,Door\n02:ac:0e:00:00:03,acme/two,,,,,\n")

    assert diff == [f'change {OTHER} (Acme One): group "" -> desk; name "" -> Door; lines 2 -> ""', "add 02ac0e000003 (Acme Two)"]
    assert (office.device(OTHER).state, office.device(OTHER).lines, office.device("02ac0e000003").state) == ("blocked", None, "approved")


def test_lines_and_keys_are_replaced_in_their_places(office: Admin) -> None:
    assert _import(office, f"mac,line,account\n{OTHER},1,{ADDRESS}\n{MAC},2,{ADDRESS}\n")[0] == [
        f"add line 1 of {OTHER} (Acme One)", f"change line 2 of {MAC} (Acme Two): account +351213@sip.example.com -> {ADDRESS}",
    ]  # fmt: skip
    assert _import(office, f"scope,position,type,value,label\ngroup:default/desk,1,blf,214,Eva\ndevice:{MAC},1,line,,\n")[0] == [
        'change key 1 of group:default/desk: value 213 -> 214; label "" -> Eva', f"add key 1 of device:{MAC}",
    ]  # fmt: skip


def test_a_dry_run_says_the_same_and_writes_nothing(office: Admin) -> None:
    before = office.store.changes()

    assert _import(office, "sip_address\n214@sip.example.com\n", dry=True) == (["add 214@sip.example.com"], "nothing was written; it would be: 1 added, 0 changed, 0 unchanged")
    assert office.store.changes() == before


# What is wrong


@pytest.mark.parametrize(("text", "told"), [
    ("sip_address,transport,timezone,password\n1@a.example,fax,Mars,s\x07\n2@a.example,udp,,\n@,,,\n,udp,,\n", [
        "row 2, column password: it has a control character", "row 2, column transport: 'fax' is not one of", "row 2, column timezone: ", "row 4, column sip_address: '@' is not a SIP address",
        "row 5, column sip_address: is empty"]),
    ("sip_address,notes\n1@a.example,\"two\nlines\"\n2@a.example,\"two\nlines\"\n", ["row 2, column notes: has a control character", "row 3, column notes: "]),
    ("sip_address\n1@a.example\nsip:1@A.example\n", ["row 3, column sip_address: 1@a.example is in row 2 already"]),
    ("sip_address,username\n1@a.example,x\n2@a.example,x\n", ["row 3: the username 'x' is taken in a.example by 1@a.example"]),
    ("sip_address,password\n1@a.example,********\n", ["row 2, column password: this stands for a secret"]),
    ("sip_address,domain\n1@a.example,a,b\n1@a.example,,\n", ["row 2: has 3 cells, and there are 2 columns"]),
    ("sip_address,\n1@a.example,x\n", ["row 2: has a cell in a column without a heading"]),
    ("sip_address,pasword\n1@a.example,x\n", ["row 1, column 2: accounts have no column 'pasword'; did you mean password?"]),
    ("sip_address,sip-address\n", ["row 1, column 2: 'sip-address' is there twice"]),
    ("name,number\nAnna,1\n", ["row 1: the first row says what the columns are"]),
    ("", ["row 1: the first row says what the columns are"]),
    ("mac,account\n", ["row 1: assignments need a column line"]),
    ('sip_address\n1@a.example\n"2@a.example"x\n', ["row 3: is no CSV"]),
    ("mac,model,site,lines\n1565123456,acme/Two,,\n02ac0e000009,acme/Tow,hq,\n02ac0e000009,,,\n02ac0e000009,acme/Two,hq,1\n02ac0e000009,acme/Two,,many\n", [
        "row 2, column mac: '1565123456' is not a MAC address", "row 3, column model: the family acme has no model 'Tow'; did you mean Two?", "row 4, column model: phone 02:ac:0e:00:00:09 is new",
        "row 5, column site: there is no site 'hq'", "row 6, column lines: 'many' is not a whole number"]),
    ("mac,group\n02ac0e000001,attic\n", ["row 2, column group: there is no group 'default/attic'"]),
    ("mac,line,account\n02ac0e000001,3,212@sip.example.com\n02ac0e000011,1,212@sip.example.com\n02ac0e000001,1,213@sip.example.com\n02ac0e000001,x,212@sip.example.com\n", [
        "row 2, column line: 02ac0e000001 (Acme Two) has 2 lines, so there is no line 3", "row 3, column mac: phone 02:ac:0e:00:00:11 is not in the inventory", "row 4, column account: there is no account",
        "row 5, column line: 'x' is not a whole number"]),
    ("scope,position,type,value,line\nsite:default,1,blf,1,\ndevice:02ac0e000001,9,blf,1,\ndevice:02ac0e000001,1,blf,,x\ngroup:default/desk,1,fax,1,\n", [
        "row 2, column scope: keys belong to a phone or a group", "row 3: 02ac0e000001 (Acme Two) has 4 keys, so there is no key 9", "row 4, column line: 'x' is not",
        "row 4, column value: a key of type blf needs one", "row 5, column type: 'fax' is not one of"]),
])  # fmt: skip
def test_all_that_is_wrong_is_told_by_row_and_column_and_nothing_is_written(office: Admin, text: str, told: list[str]) -> None:
    faults = _faults(office, text)

    assert [said[: len(wanted)] for said, wanted in zip(faults, told, strict=True)] == told


def test_one_bad_row_of_five_thousand_keeps_all_others_out(admin: Admin) -> None:
    rows = [f"{n}@sip.example.com,auto" for n in range(1000, 6000)]
    rows[4321] = "5321@sip.example.com,fax"

    assert [said[:44] for said in _faults(admin, "\n".join(["sip_address,transport", *rows]))] == ["row 4323, column transport: 'fax' is not one"]
    assert list(admin.store.accounts()) == []
    rows[4321] = "5321@sip.example.com,tls"
    assert _import(admin, "\n".join(["sip_address,transport", *rows]))[1] == "accounts: 5,000 added, 0 changed, 0 unchanged"


def test_a_hundred_faults_are_told_and_the_rest_counted(admin: Admin) -> None:
    faults = _faults(admin, "mac\n" + "x\n" * 150)

    assert (len(faults), faults[-1]) == (101, "and 50 more")


def test_a_file_that_is_too_large_is_not_read(admin: Admin) -> None:
    assert _faults(admin, b"sip_address\n" + b"x" * csvfile.LARGEST) == ["the file has more than 16,000,000 bytes; divide it"]
    assert _faults(admin, "mac\n" + "\n" * (bulk.MOST_ROWS + 1)) == ["there are more than 20,000 rows; divide the file"]


def test_what_a_phones_file_cannot_carry_is_refused_with_its_row(office: Admin) -> None:
    [fault] = _faults(office, f"sip_address,display_name\n214@sip.example.com,Eva\n{ADDRESS},%EMPTY%\n")

    assert re.match(rf"row 3: phone {MAC} \(Acme Two\) could not get its file: .*%EMPTY%", fault), fault
    with pytest.raises(BadValue, match="row 2: phone"):
        _import(office, f"sip_address,display_name\n{ADDRESS},%EMPTY%\n", dry=True)


def test_the_commands_tell_the_diff_first(run: Callable[..., Result]) -> None:  # noqa: F811
    first = run("import", "csv", "-", input="mac;model\n02ac0e000001;acme/Two\n")
    assert (first.exit_code, first.stdout) == (0, "add 02ac0e000001 (Acme Two)\ndevices: 1 added, 0 changed, 0 unchanged\n"), first.output
    assert "gets no file yet" in first.stderr

    out = run("export", "csv", "devices").stdout
    assert out.splitlines()[1].startswith("02:ac:0e:00:00:01,acme/Two,default,")
    again = run("import", "csv", "-", "--dry-run", input=out)
    assert (again.exit_code, again.stdout) == (0, "nothing to change: 1 row unchanged\n")
    bad = run("import", "csv", "-", input="mac;model\n02ac0e000001;acme/Tow\n")
    assert (bad.exit_code, bad.stdout) == (1, "")
    assert bad.stderr.startswith("provisioner: nothing was written:\n  standard input: row 2, column model: ")
