"""Providers as data: what is known of who gives an account fills it, and nothing that was said is overruled."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from provisioner import providers, tokens
from provisioner.admin import SAME, Admin, accounts, devices, files, lines, mails
from provisioner.admin import settings as said
from provisioner.boot import Booter
from provisioner.cli.root import cli
from provisioner.errors import BadManifest, BadValue, Conflict, UnknownName
from provisioner.families import Catalog
from provisioner.providers import SURE, Providers
from tests.acme import MAC

ACME = """
name = "Acme Voice"
kind = "pbx"
aliases = ["acme tel"]
domains = ["{tenant}.voice.acme.example"]
needs = ["email", "timezone"]
[facts]
domain = { value = "pbx.acme.example", source = "made up", confidence = "doc" }
outbound_proxy = { value = "edge.acme.example:5080", source = "made up", confidence = "doc" }
transport = { value = "tls", source = "made up", confidence = "peer1" }
[username]
words = "three digits"
rule = "[0-9]{3}"
source = "made up"
[settings]
dtmf = { value = "info", source = "acme.example/papers", confidence = "doc" }
"""
NEEDED = {"email": "anna@acme.example", "timezone": "Europe/Lisbon", "password": "s3cret"}


@pytest.fixture(scope="module")
def shipped() -> Providers:
    return providers.load()


def put(folder: Path, text: str, name: str = "provider.toml") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    return folder.parent


@pytest.fixture
def here(admin: Admin, tmp_path: Path) -> Admin:
    """Return the operators' verbs, with a provider of the tests beside the shipped ones."""
    known = providers.load([put(tmp_path / "providers" / "acme", ACME)])
    assert known.faults == ()
    admin.booter.providers = known
    return admin


# The data.


def test_every_shipped_provider_can_be_read_and_every_fact_has_its_source(shipped: Providers) -> None:
    assert shipped.faults == () and len(shipped.providers) > 100
    for one in shipped.providers.values():
        for known in (*one.facts.values(), *one.settings.values()):
            assert len(known.source) > 2 and known.confidence in (*SURE, "peer1")
        assert one.facts or one.cannot or one.needs or one.username, f"{one.slug} says nothing that helps anybody"


def test_no_host_belongs_to_two_providers(shipped: Providers) -> None:
    for one in shipped.providers.values():
        for name in ("domain", "registrar", "outbound_proxy"):
            for value in one.facts[name].values if name in one.facts else ():
                host = re.sub(r"\{\w+\}", "some", str(value)).rpartition(":")[0] or re.sub(r"\{\w+\}", "some", str(value))
                assert not host or [found.slug for found in shipped.of_hosts([host])] == [one.slug], host


@pytest.mark.parametrize(("text", "sentence"), [
    ('nmae = "x"', r"provider.toml:1: nmae is not a key that manifests have; did you mean name\?"),
    ('kind = "pbx"', "provider.toml: name is missing"),
    ('name = "x"\n[facts]\nproxy = { value = "x", source = "s", confidence = "doc" }', "facts.proxy is no fact that a provider can know of its accounts; they are domain, registrar"),
    ('name = "x"\n[facts]\ndomain = { value = "x.example", confidence = "doc" }', "facts.domain.source is missing"),
    ('name = "x"\n[facts]\ndomain = { value = "x.example", source = "s", confidence = "unsure" }', "confidence must be one of doc, peer2"),
    ('name = "x"\n[facts]\ndomain = { value = "a b", source = "s", confidence = "doc" }', "facts.domain .*'a b' is not a host name"),
    ('name = "x"\n[facts]\ndomain = { source = "s", confidence = "doc" }', 'facts.domain needs either value = "…", or one_of'),
    ('name = "x"\n[facts]\ntransport = { value = "sctp", source = "s", confidence = "doc" }', "facts.transport .*must be one of|facts.transport .*'sctp'"),
    ('name = "x"\n[settings]\ntimezone = { value = "Europe/Rome", source = "s", confidence = "doc" }', "settings.timezone is one for the whole phone"),
    ('name = "x"\n[settings]\nsrtp = { value = "maybe", source = "s", confidence = "doc" }', "settings.srtp srtp: "),
    ('name = "x"\n[username]\nrule = "("\nwords = "w"\nsource = "s"', "username.rule is no regular expression"),
    ('name = "sipgate"', "has the name 'sipgate', which sipgate has too"),
    ("name =", "provider.toml: is not TOML"),
])  # fmt: skip
def test_a_fault_names_file_key_and_cure_and_the_others_keep_working(tmp_path: Path, text: str, sentence: str) -> None:
    known = providers.load([put(tmp_path / "zz-broken", text)])
    (fault,) = known.faults
    assert re.search(sentence, str(fault)) and "zz-broken" in str(fault) and isinstance(fault, BadManifest)
    assert "sip2sip" in known.providers and "zz-broken" not in known.providers


def test_an_operators_overlay_wins_over_what_ships(tmp_path: Path) -> None:
    root = put(tmp_path / "sip2sip", '[facts.outbound_proxy]\nvalue = "10.0.0.1"\n', "provider.local.toml")
    known = providers.load([root])
    assert known.faults == () and known.provider("SIP2SIP").facts["outbound_proxy"].values == ("10.0.0.1",)
    assert known.provider("sip2sip").facts["xcap_root"].values == ("https://xcap.sipthor.net/xcap-root",)
    assert "there is no such folder; correct providers_path" in str(providers.load([tmp_path / "none"]).faults[0])


# Accounts that are added.


def test_username_and_password_are_enough_where_the_provider_is_known(admin: Admin) -> None:
    done = accounts.add(admin, None, {"provider": "sip2sip.info", "username": "alice", "password": "s3cret"})

    assert done.sentence == "added alice@sip2sip.info"
    account = accounts.one(admin, "alice@sip2sip.info")
    assert (str(account.outbound_proxy), account.xcap_root, account.voicemail, account.provider) == ("proxy.sipthor.net", "https://xcap.sipthor.net/xcap-root", "1233", "sip2sip")
    assert done.notes[0].startswith("known of SIP2SIP: outbound proxy proxy.sipthor.net, XCAP root https://xcap.sipthor.net/xcap-root, voicemail 1233")
    assert accounts.add(admin, None, {"provider": "sip2sip", "username": "alice", "password": "s3cret"}).sentence == SAME


def test_a_domain_or_a_proxy_tells_who_gives_the_account_and_what_was_said_stays(admin: Admin) -> None:
    accounts.add(admin, "alice@sip2sip.info", {"password": "s3cret", "outbound_proxy": "", "voicemail": "99"})
    alice = accounts.one(admin, "alice@sip2sip.info")
    assert (alice.provider, alice.outbound_proxy.host, alice.voicemail) == ("sip2sip", "", "99")

    accounts.add(admin, "bob@example.com", {"password": "s3cret", "outbound_proxy": "proxy.sipthor.net"})
    assert accounts.one(admin, "bob@example.com").provider == "sip2sip"
    accounts.add(admin, "carl@sip2sip.info", {"password": "s3cret", "provider": ""})
    assert (accounts.one(admin, "carl@sip2sip.info").provider, accounts.one(admin, "carl@sip2sip.info").xcap_root) == ("", "")
    accounts.add(admin, "dora@sip.example.com", {"password": "s3cret"})
    assert accounts.one(admin, "dora@sip.example.com").provider == ""
    accounts.change(admin, "dora@sip.example.com", {"provider": "SIP2SIP.info"})
    assert (accounts.one(admin, "dora@sip.example.com").provider, accounts.one(admin, "dora@sip.example.com").voicemail) == ("sip2sip", "")  # a change fills nothing
    assert any("no provider is known here as 'Nobody Tel'" in note for note in accounts.add(admin, "eve@sip.example.com", {"provider": "Nobody Tel"}).notes)


def test_what_one_source_alone_says_is_filled_only_where_the_provider_is_named(admin: Admin) -> None:
    accounts.add(admin, "1234567e0@sipgate.de", {"password": "s3cret"})
    assert accounts.one(admin, "1234567e0@sipgate.de").transport == "auto"
    accounts.add(admin, "1234567e1@sipgate.de", {"password": "s3cret", "provider": "sipgate"})
    assert accounts.one(admin, "1234567e1@sipgate.de").transport == "udp"


def test_of_several_values_one_is_to_be_said(admin: Admin) -> None:
    with pytest.raises(BadValue, match=r"the registrar is missing: Twilio has acme\.sip\.ashburn\.twilio\.com, .*; give it with --registrar"):
        accounts.add(admin, "bob@acme.sip.twilio.com", {"provider": "twilio"})
    accounts.add(admin, "bob@acme.sip.twilio.com", {"provider": "twilio", "registrar": "acme.sip.dublin.twilio.com"})
    with pytest.raises(BadValue, match="the domain is missing: Twilio has .*; give it with --domain"):
        accounts.add(admin, None, {"provider": "twilio", "username": "bob"})
    notes = accounts.add(admin, "1234567e0@sipgate.de", {"provider": "sipgate"}).notes
    assert any(note.startswith("the outbound proxy may be proxy.live.sipgate.de at sipgate; --outbound-proxy") for note in notes)
    assert any("the domain pbx.example.com is none that is known of SIP2SIP, which has sip2sip.info" in note for note in accounts.add(admin, "x@pbx.example.com", {"provider": "sip2sip"}).notes)
    with pytest.raises(BadValue, match="Orange .* cannot be used: it lets its own Livebox alone register"):
        accounts.add(admin, "x@orange-multimedia.fr", {"provider": "orange-fr"})


def test_places_in_a_domain_are_filled_in_the_other_hosts(admin: Admin) -> None:
    accounts.add(admin, "x@firm.cloudpbx.netcologne.de", {"provider": "netcologne-cloudpbx"})
    found = accounts.one(admin, "x@firm.cloudpbx.netcologne.de")
    assert (str(found.registrar), str(found.outbound_proxy), found.transport) == ("firm.cloudpbx.netcologne.de:5061", "firm.cloudpbx.netcologne.de:5061", "tls")
    accounts.add(admin, None, {"provider": "orange-neofon", "username": "48221234567"})
    assert accounts.one(admin, "48221234567@neofon.tp.pl").auth_username == "48221234567@neofon.tp.pl"


def test_the_rule_of_a_username_that_we_choose_is_kept_and_one_that_was_given_is_a_note(here: Admin) -> None:
    with pytest.raises(BadValue, match="'anna' is none for Acme Voice: there it is three digits; choose another"):
        accounts.add(here, "anna@pbx.acme.example", NEEDED)
    with pytest.raises(BadValue, match="'anna' is none for Acme Voice"):
        accounts.add(here, "anna@north.voice.acme.example", NEEDED)
    with pytest.raises(BadValue, match="the username is missing; at Acme Voice it is three digits. Give it with --username"):
        accounts.add(here, None, {"provider": "acme"})
    accounts.add(here, "212@pbx.acme.example", NEEDED)
    with pytest.raises(Conflict, match="the username '212' is taken in pbx.acme.example by 212@pbx.acme.example"):
        accounts.add(here, "front@pbx.acme.example", {**NEEDED, "username": "212"})
    notes = accounts.add(here, "bob@sipgate.de", {}).notes
    assert any("usernames of sipgate are the SIP-ID" in note and "'bob' is none, and is kept as it is" in note for note in notes)


def test_what_the_provider_wants_to_be_told_is_asked_for(here: Admin) -> None:
    with pytest.raises(BadValue, match="the e-mail address is missing: Acme Voice .* --email; the time zone is missing: .* --timezone"):
        accounts.add(here, None, {"provider": "Acme Tel", "username": "212"})
    with pytest.raises(BadValue, match="is not an e-mail address"):
        accounts.add(here, None, {"provider": "acme", "username": "212", "email": "anna", "timezone": "Europe/Lisbon"})
    assert accounts.add(here, None, {"provider": "acme", "username": "212", **NEEDED}).sentence == "added 212@pbx.acme.example"
    assert accounts.add(here, None, {"provider": "acme", "username": "212", **NEEDED}).sentence == SAME


# What it ships for lines (D2).


def test_a_providers_setting_stands_between_the_model_and_what_operators_said(here: Admin) -> None:
    accounts.add(here, None, {"provider": "acme", "username": "212", **NEEDED})
    devices.add(here, MAC, "acme/Two", {})
    lines.assign(here, MAC, "212@pbx.acme.example")
    file = f"{MAC}.acme"

    assert "dtmf.1 = info\n" in here.booter.preview(MAC, file).decode()
    found = files.explanation(files.explain(here, MAC, "dtmf", 1))
    assert (found["value"], found["said_by"]) == ("info", "provider acme as shipped (acme.example/papers)")
    assert files.explanation(files.explain(here, MAC, "dtmf"))["value"] == "rfc4733"  # of the phone, which may have lines of several
    before = here.store.revision(MAC)
    said.say(here, "defaults", {"dtmf": "inband"})
    assert "dtmf.1 = inband\n" in here.booter.preview(MAC, file).decode()
    said.unsay(here, "defaults", ["dtmf"])
    accounts.change(here, "212@pbx.acme.example", {"provider": ""})
    assert "dtmf.1 = rfc4733\n" in here.booter.preview(MAC, file).decode() and here.store.revision(MAC) > before  # type: ignore[operator]


# Passwords that are made here.


def test_a_password_that_is_made_here_can_be_had_by_every_family(catalog: Catalog, booter: Booter) -> None:
    from provisioner.context import Secrets, context_for
    from provisioner.errors import ProvisionerError
    from provisioner.store import BootFacts
    from provisioner.things import Account, Device, Line, Site

    made = accounts.new_password()
    assert len(made) == 20 and set(made) <= set(tokens.ALPHABET) - {"i"} and made != accounts.new_password()
    account = Account("212@sip.example.com", password=made)
    for family in catalog.families.values():
        model = next(iter(family.models.values()))
        mac = f"{family.ouis[0] if family.ouis else '0a1b2c'}000001"
        facts = BootFacts(Device(mac, family.slug, model.name), Site("default", public_url="http://192.0.2.1:8080", tftp_public_url="tftp://192.0.2.1"), (), ((Line(mac, 1, account.sip_address), account, {}, {}),), (), ())
        for rule in family.rules(model.name, ""):
            if rule.template and rule.scope == "phone":
                try:
                    booter.renderer.render(family, rule, context_for(family, model, facts, Secrets(b"k" * 32)))
                except ProvisionerError as why:
                    assert "password" not in str(why), f"{family.slug}: {why}"


def test_the_command_makes_a_password_once(tmp_path: Path) -> None:
    def run(*words: str, input: str = "") -> tuple[int, str, str]:
        result = CliRunner().invoke(cli, ["--state", str(tmp_path / "state"), "account", *words], input=input)
        return result.exit_code, result.stdout, result.stderr

    code, out, _ = run("add", "213@pbx.example.com", "--password-generate")
    added, shown = out.splitlines()
    made = shown.removeprefix("its password, which is shown this once: ")
    assert code == 0 and added == "added 213@pbx.example.com" and re.fullmatch("[a-hj-km-np-z2-9]{20}", made)
    assert run("add", "213@pbx.example.com", "--password-generate")[1] == f"{SAME}\n"
    assert "213@pbx.example.com" in run("list")[1] and made not in run("show", "213@pbx.example.com")[1]
    assert run("add", "214@pbx.example.com", "--password-generate", "--password-stdin", input="x\n")[0] == 2
    assert run("change", "213@pbx.example.com", "--password-generate")[1].count("shown this once") == 1
    assert run("add", "--provider", "sip2sip", "--password-stdin", input="x\n")[2].startswith("provisioner: the username is missing; at SIP2SIP it is a name that was chosen")
    assert run("add", "--provider", "sip2sip", "--username", "al", "--password-stdin", input="x\n")[1] == "added al@sip2sip.info\n"


def test_the_commands_show_what_is_known(shipped: Providers) -> None:
    run = CliRunner().invoke(cli, ["provider", "show", "SIP2SIP"])
    assert run.exit_code == 0 and re.search(r"xcap_root +https://xcap\.sipthor\.net/xcap-root +peer2\+ +its xcap-caps", run.stdout)
    listed = CliRunner().invoke(cli, ["provider", "list", "--json"])
    assert listed.exit_code == 0 and listed.stdout.count('"provider"') == len(shipped.providers)
    with pytest.raises(UnknownName, match="did you mean sipgate"):
        shipped.provider("sipgat")


# Mails.


def _mail(text: str) -> bytes:
    return f"From: x@example.com\nSubject: Your SIP account\nContent-Type: text/plain; charset=utf-8\n\n{text}\n".encode()


def test_what_a_mail_leaves_out_is_known_of_its_provider(shipped: Providers) -> None:
    mail = mails.read(_mail("SIP address: alice@sip2sip.info\nUsername: alice\nPassword: s3cret"), None, {}, shipped)
    facts = mail.accounts[0].facts
    assert {name: facts[name].value for name in ("outbound_proxy", "xcap_root", "voicemail")} == {"outbound_proxy": "proxy.sipthor.net", "xcap_root": "https://xcap.sipthor.net/xcap-root", "voicemail": "1233"}
    assert {facts[name].confidence for name in ("outbound_proxy", "xcap_root")} == {"likely"} and facts["xcap_root"].words == "known of SIP2SIP"
    assert mail.accounts[0].ask == {} and mail.accounts[0].also["provider"].value == "sip2sip"

    stays = mails.read(_mail("SIP address: alice@sip2sip.info\nPassword: s3cret\nOutbound proxy: edge.example.net"), None, {}, shipped)
    assert stays.accounts[0].facts["outbound_proxy"].value == "edge.example.net"


def test_what_a_provider_has_in_several_ways_is_asked(admin: Admin, shipped: Providers) -> None:
    mail = mails.read(_mail("SIP-ID: 1234567e0\nSIP-Passwort: s3cret\nRegistrar: sipgate.de"), None, {}, shipped)
    assert "sipgate has it as none or proxy.live.sipgate.de" in mail.accounts[0].ask["outbound_proxy"]
    admin.booter.providers = shipped
    with pytest.raises(BadValue, match="leaves something to ask"):
        mails.add(admin, mail)
    assert mails.add(admin, mails.read(_mail("SIP-ID: 1234567e0\nSIP-Passwort: s3cret\nRegistrar: sipgate.de"), None, {"outbound_proxy": ""}, shipped)).sentence == "added 1234567e0@sipgate.de"
    text = _mail("SIP address: alice@sip2sip.info\nPassword: s3cret")
    mails.add(admin, mails.read(text, None, {"outbound_proxy": ""}, shipped))
    assert (accounts.one(admin, "alice@sip2sip.info").outbound_proxy.host, accounts.one(admin, "alice@sip2sip.info").voicemail) == ("", "1233")


def test_the_mails_of_the_tests_are_read_as_without_providers(shipped: Providers) -> None:
    for file in sorted((Path(__file__).parent / "mails").glob("*.eml")):
        assert mails.read(file.read_bytes(), None, {}, shipped) == mails.read(file.read_bytes(), None, {})

