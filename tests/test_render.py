"""Templates are flat, sandboxed and strict; what breaks the rules is named with file and line."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from provisioner import families
from provisioner.errors import BadManifest, RenderFailed, Unsayable
from provisioner.formats import Word
from provisioner.render import Renderer, _Checked
from provisioner.timezones import Time
from tests.test_families import GOOD, folder


def render(tmp_path: Path, template: str, **context: object) -> str:
    """Return what a template of the family acme makes of a context."""
    catalog = families.load([folder(tmp_path, GOOD, template)])
    family = catalog.families["acme"]
    return Renderer(catalog).render(family, family.files[0], context).decode()


def test_a_value_is_written_by_the_format(tmp_path: Path) -> None:
    assert render(tmp_path, "a = {{ x }}\n{% if y %}\nb = {{ y }}\n{% endif %}\n", x=Word("A&B", "x"), y=True) == "a = A&B\nb = 1\n"


def test_a_value_that_the_format_cannot_carry_fails_the_whole_file(tmp_path: Path) -> None:
    with pytest.raises(Unsayable, match="the label of line 1"):
        render(tmp_path, "a = {{ x }}\n", x=Word("a\nb", "the label of line 1"))


def test_data_is_never_rendered_again(tmp_path: Path) -> None:
    assert render(tmp_path, "a = {{ x }}\n", x=Word("{{ 7*7 }}{% raw %}", "x")) == "a = {{ 7*7 }}{% raw %}\n"


@pytest.mark.parametrize(
    ("template", "what"),
    [
        ("a\n{{ x ~ y }}\n", "acme/phone.cfg.j2:2: outputs `~`"), ("{{ x|safe }}", ":1: outputs a filter"), ("{{ 'literal' }}", "outputs a literal"),
        ("{{ x + y }}", "outputs an expression"), ("{% set z = x|join(',') %}{{ z }}", "the filter join"), ("{% set z = '%s'|format(x) %}", "the filter format"),
        ("a\nb\n{% for %}\n", "phone.cfg.j2:3: "), ("{% include 'nothere.j2' %}", "nothere.j2"), ("{% filter upper %}x{% endfilter %}", "filter"),
    ],
)  # fmt: skip
def test_a_template_that_thinks_is_refused_with_its_line(tmp_path: Path, template: str, what: str) -> None:
    with pytest.raises(RenderFailed) as fault:
        render(tmp_path, template, x=Word("1", "x"), y=Word("2", "y"))

    assert what in str(fault.value)


ENDLESS = "{% for n in many %}" * 8 + "{{ n }}" + "{% endfor %}" * 8


@pytest.mark.parametrize("template", [ENDLESS, "{% if x %}" + ENDLESS + "{% endif %}", "{% macro m() %}" + ENDLESS + "{% endmacro %}{{ m() }}"])
def test_a_loop_that_never_ends_is_ended_with_its_line(tmp_path: Path, template: str) -> None:
    with pytest.raises(RenderFailed, match=r"phone.cfg.j2:2: its loops take more than 100000 passes, which no phone's file needs; loop over what the phone has"):
        render(tmp_path, "a\n" + template, many=range(1000), x=True)


def test_loops_that_a_large_file_needs_are_passed(tmp_path: Path) -> None:
    assert render(tmp_path, "{% for n in many %}{% for m in many if m %}\n{{ n }}{% endfor %}{% endfor %}", many=range(300)).count("299") == 299


def test_an_include_is_compiled_once_however_many_ask_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a restart thirty threads would compile the same template, for seconds, and answer nobody meanwhile."""
    catalog = families.load([folder(tmp_path, GOOD, "{% include 'part.j2' %}\n")])
    family = catalog.families["acme"]
    (tmp_path / "acme" / "part.j2").write_text("{% if x %}\na = {{ x }}\n{% endif %}\n" * 200)
    read: list[str] = []
    source = _Checked.get_source
    monkeypatch.setattr(_Checked, "get_source", lambda loader, environment, name: (read.append(name), source(loader, environment, name))[1])
    renderer = Renderer(catalog)
    with ThreadPoolExecutor(20) as pool:
        made = [pool.submit(renderer.render, family, family.files[0], {"x": 1}) for _ in range(20)]
        assert {one.result() for one in made} == {b"a = 1\n" * 200}
    assert read == ["acme/phone.cfg.j2", "acme/part.j2"]


def test_check_sees_the_same_before_any_phone_does(tmp_path: Path) -> None:
    catalog = families.load([folder(tmp_path, GOOD, "ok\n{{ x|upper }}\n")])
    family = catalog.families["acme"]

    with pytest.raises(BadManifest, match="phone.cfg.j2:2"):
        Renderer(catalog).compile(family, family.files[0])


def test_check_sees_what_a_template_includes_too(tmp_path: Path) -> None:
    catalog = families.load([folder(tmp_path, GOOD, "{% include 'one.j2' %}\n")])
    (tmp_path / "acme" / "one.j2").write_text("{% include 'two.j2' %}{% include 'one.j2' %}\n")
    (tmp_path / "acme" / "two.j2").write_text("ok\n{{ x|upper }}\n")
    family = catalog.families["acme"]

    with pytest.raises(BadManifest, match=f"{tmp_path}/acme/two.j2:2"):
        Renderer(catalog).compile(family, family.files[0])


@pytest.mark.parametrize(
    "attack",
    [
        "{{ x.__class__ }}", "{{ x.__class__.__mro__[1].__subclasses__() }}", "{{ space.__init__.__globals__ }}", "{{ ''.__class__ }}",
        "{% set y = x.format.__globals__ %}{{ y }}", "{{ self.__dict__ }}", "{{ lipsum.__globals__ }}", "{{ cycler.__init__ }}", "{{ range(999999999) }}",
        "{% for c in ().__class__.__base__.__subclasses__() %}{{ c }}{% endfor %}", "{{ config }}", "{{ request }}", "{{ namespace() }}",
    ],
)  # fmt: skip
def test_the_sandbox_gives_nothing_away(tmp_path: Path, attack: str) -> None:
    with pytest.raises(RenderFailed) as fault:
        render(tmp_path, attack, x=Word("s3cret", "x"), space=SimpleNamespace(a=1))

    assert "s3cret" not in str(fault.value)


def test_an_undefined_name_is_told_with_its_line_and_without_values(tmp_path: Path) -> None:
    with pytest.raises(RenderFailed, match=r"acme/phone.cfg.j2:2: there is no 'nothing' here; docs/add-a-phone.md") as fault:
        render(tmp_path, "a = {{ x }}\nb = {{ nothing }}\n", x=Word("s3cret", "x"))
    assert str(fault.value).startswith(f"{tmp_path}/")


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("b = {{ phone.nope }}\n", "phone has no 'nope'"), ("{% if phone.set.nope %}\n{% endif %}\n", "phone.set has no 'nope'"),
        ("{{ phone['nope'] }}\n", "there is no 'nope' here"), ("{{ phone.zone.nope }}\n", "phone.zone has no 'nope'"),
        ("{% for one in phone.all %}{{ one.nope }}{% endfor %}", "one has no 'nope'"), ("{{ phone.all[7] }}", "looks up what is not there"),
    ],
)  # fmt: skip
def test_an_undefined_attribute_is_told_in_the_templates_own_words(tmp_path: Path, template: str, words: str) -> None:
    phone = SimpleNamespace(mac=Word("s3cret", "x"), set=SimpleNamespace(), zone=Time("UTC", 0, "UTC0"), all=[SimpleNamespace(n=1)])
    with pytest.raises(RenderFailed, match=rf"{tmp_path}/.*acme/phone.cfg.j2:2: ") as fault:
        render(tmp_path, f"x\n{template}", phone=phone)
    assert f": {words}" in str(fault.value)
    assert "object" not in str(fault.value) and "Namespace" not in str(fault.value)


@pytest.mark.parametrize(("template", "cure"), [("x\n{% if x %}\ny\n", "; close the block, or take your overlay away"), ("{% fi %}", "; correct it there, or take your overlay away")])
def test_a_template_that_cannot_be_read_is_told_with_a_cure(tmp_path: Path, template: str, cure: str) -> None:
    with pytest.raises(RenderFailed) as fault:
        render(tmp_path, template, x=1)
    assert str(fault.value).startswith(f"{tmp_path}/") and str(fault.value).endswith(cure)


def test_a_word_that_a_map_lacks_is_told(tmp_path: Path) -> None:
    with pytest.raises(RenderFailed, match="phone.cfg.j2:1: .*map"):
        render(tmp_path, "a = {{ maps.codec[x] }}\n", x=Word("opus", "codecs"), maps=SimpleNamespace(codec={"pcma": 1}))
