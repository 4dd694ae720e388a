"""Which value wins, and who said it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from provisioner.layers import Said, merge, values

LAYERS = st.lists(st.tuples(st.text("abc", min_size=1, max_size=2), st.dictionaries(st.sampled_from("xyz"), st.none() | st.integers(0, 9))), max_size=8)


@given(LAYERS)
def test_the_last_word_wins(layers: list[tuple[str, dict[str, int | None]]]) -> None:
    for name, said in merge(layers).items():
        last = [(by, layer[name]) for by, layer in layers if name in layer][-1]
        assert (said.by, said.value) == last


@given(LAYERS)
def test_nobody_is_forgotten(layers: list[tuple[str, dict[str, int | None]]]) -> None:
    for name, said in merge(layers).items():
        assert [*said.others, (said.by, said.value)] == [(by, layer[name]) for by, layer in layers if name in layer]


@given(LAYERS)
def test_values_are_the_winners_alone(layers: list[tuple[str, dict[str, int | None]]]) -> None:
    assert values(layers) == {name: said.value for name, said in merge(layers).items()}


def test_none_takes_a_setting_back() -> None:
    assert merge([("site", {"vlan_id": 7}), ("device", {"vlan_id": None})])["vlan_id"] == Said(None, "device", (("site", 7),))
