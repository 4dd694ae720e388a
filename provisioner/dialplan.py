"""Our dial patterns -> a family's digit map, and the emergency numbers of a country (F9).

A pattern is digits, * # +, x for any digit, [1-9] for a choice, and a final x+ for one or more
digits and then a wait (kinds.Dial). How a vendor spells each of these stands in the manifest's
[digitmap]; nothing here knows a vendor.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

_PIECES = re.compile(r"(?P<some>x\+$)|(?P<any>x)|(?P<set>\[[^\]]*\])|(?P<star>\*)|(?P<hash>#)|(?P<plus>\+)|(?P<digit>[0-9])")
_OWN = {"any": "x", "some": "x.", "star": "*", "hash": "#", "plus": "+", "set_open": "[", "set_close": "]"}
_DIGITS = "0123456789"
_RANGE = re.compile(r"([0-9])(?:-([0-9]))?")


def written(patterns: Sequence[str], digitmap: Mapping[str, str]) -> tuple[str, ...]:
    """Return each pattern in a family's digit map.

    digitmap: `any` and `some` write x and a final x+; `star`, `hash`, `plus`, `set_open` and
              `set_close` are for digit maps in which * # + [ ] need another spelling;
              `at_once` is put behind every pattern of a known length;
              `sets` = "apart" writes one pattern for each choice, where there are no brackets.

    >>> written(["112", "*xx", "+x+"], {"any": "[0-9]", "some": "[0-9]+", "star": "\\\\*", "plus": "\\\\+"})
    ('112', '\\\\*[0-9][0-9]', '\\\\+[0-9]+')
    >>> written(["112", "x+"], {"any": "x", "some": "x.", "at_once": "S0"})
    ('112S0', 'x.')
    >>> written(["[13-5]x"], {"any": ".", "sets": "apart"})
    ('1.', '3.', '4.', '5.')
    """
    words = {**_OWN, **digitmap}
    apart = words.get("sets") == "apart"
    return tuple(_written(one, words) for pattern in patterns for one in (_choices(pattern) if apart else (pattern,)))


def _choices(pattern: str) -> list[str]:
    """Return a pattern without brackets for each choice that its brackets leave."""
    before, bracket, rest = pattern.partition("[")
    if not bracket:
        return [pattern]
    inside, _, after = rest.partition("]")
    digits = "".join(_DIGITS[int(first) : int(last) + 1] if last else first for first, last in _RANGE.findall(inside))
    heads = [f"{before}x"] if set(digits) == set(_DIGITS) else [f"{before}{digit}" for digit in digits]
    return [head + tail for head in heads for tail in _choices(after)]


def _written(pattern: str, words: Mapping[str, str]) -> str:
    def piece(found: re.Match[str]) -> str:
        kind = found.lastgroup or "digit"
        if kind == "digit":
            return found[0]
        if kind == "set":
            return f"{words['set_open']}{found[0][1:-1]}{words['set_close']}"
        return str(words[kind])

    text = _PIECES.sub(piece, pattern)
    return text if pattern.endswith("x+") else text + str(words.get("at_once", ""))


def emergency_numbers(country: str, said: Iterable[str]) -> tuple[str, ...]:
    """Return the numbers that are dialled at once: those said, then the country's own; none twice.

    country: two letters (ISO 3166-1), or empty where the site has none.

    >>> emergency_numbers("PT", ("112", "911")), emergency_numbers("BR", ())
    (('112', '911'), ('190', '192', '193'))
    """
    return tuple(dict.fromkeys((*said, *NUMBERS.get(country, ()))))


# A country's own numbers for police, fire and ambulance. Each row names its source:
#   L  the emergency numbers of libphonenumber's short number metadata (release 9.0.43), which cites the national numbering plans
#   A  Android's emergency numbers (AOSP, packages/services/Telephony, ecc/input/eccdata.txt)
# What neither has stands with a source of its own, or not at all.
NUMBERS: Mapping[str, tuple[str, ...]] = MappingProxyType({
    # European Union and European Economic Area: 112 (Directive (EU) 2018/1972, article 109), and national numbers that still answer
    "AT": ("112", "122", "133", "144"),                 # 122 fire, 133 police, 144 ambulance; L
    "BE": ("112", "100", "101"),                        # 100 ambulance and fire, 101 police; L
    "BG": ("112",),                                     # L
    "CY": ("112", "199"),                               # L
    "CZ": ("112", "150", "155", "158"),                 # 150 fire, 155 ambulance, 158 police; L
    "DE": ("112", "110"),                               # 110 police; L
    "DK": ("112",),                                     # L
    "EE": ("112",),                                     # L
    "ES": ("112", "091", "062", "061", "080", "085"),   # 091, 062 police, 061 ambulance: Spanish press (El País, ConSalud); 080, 085 fire: L
    "FI": ("112",),                                     # L
    "FR": ("112", "15", "17", "18"),                    # 15 ambulance, 17 police, 18 fire; L
    "GR": ("112", "100", "166", "199"),                 # 100 police, 166 ambulance, 199 fire; L
    "HR": ("112", "192", "193", "194"),                 # 192 police, 193 fire, 194 ambulance; L
    "HU": ("112", "104", "105", "107"),                 # 104 ambulance, 105 fire, 107 police; L
    "IE": ("112", "999"),                               # L
    "IS": ("112",),                                     # L
    "IT": ("112", "113", "115", "118"),                 # 113 police, 115 fire, 118 ambulance; L
    "LI": ("112", "117", "118", "144"),                 # 117 police, 118 fire, 144 ambulance; L
    "LT": ("112",),                                     # L
    "LU": ("112", "113"),                               # 113 police; L
    "LV": ("112", "110", "113"),                        # 110 police, 113 ambulance; L
    "MT": ("112",),                                     # L
    "NL": ("112",),                                     # L
    "NO": ("112", "110", "113"),                        # 112 police, 110 fire, 113 ambulance; L
    "PL": ("112", "997", "998", "999"),                 # 997 police, 998 fire, 999 ambulance; L
    "PT": ("112",),                                     # L
    "RO": ("112",),                                     # L
    "SE": ("112",),                                     # L
    "SI": ("112", "113"),                               # 113 police; L
    "SK": ("112", "150", "155", "158"),                 # 150 fire, 155 ambulance, 158 police; L
    # Rest of Europe
    "AD": ("112", "110", "116", "118"),                 # 110 police, 116 ambulance, 118 fire; L
    "AL": ("112", "127", "128", "129"),                 # 127 ambulance, 128 fire, 129 police; L
    "BA": ("122", "123", "124"),                        # 122 police, 123 fire, 124 ambulance; L
    "BY": ("112", "101", "102", "103"),                 # 101 fire, 102 police, 103 ambulance; L
    "CH": ("112", "117", "118", "144"),                 # 117 police, 118 fire, 144 ambulance; L
    "GB": ("999", "112"),                               # L
    "GE": ("112",),                                     # L
    "MC": ("112", "15", "17", "18"),                    # 15 ambulance, 17 police, 18 fire; L
    "MD": ("112",),                                     # L
    "ME": ("112", "122", "123", "124"),                 # 122 police, 123 fire, 124 ambulance; L
    "MK": ("112", "192", "193", "194"),                 # 192 police, 193 fire, 194 ambulance; L
    "RS": ("112", "192", "193", "194"),                 # 192 police, 193 fire, 194 ambulance: A; the rest L
    "RU": ("112", "101", "102", "103"),                 # 101 fire, 102 police, 103 ambulance; L
    "SM": ("113", "115", "118"),                        # 113 police, 115 fire, 118 ambulance; L
    "TR": ("112", "110", "155"),                        # 112 ambulance, 110 fire, 155 police; L
    "UA": ("112", "101", "102", "103"),                 # 101 fire, 102 police, 103 ambulance; L
    # North America and the Caribbean
    "US": ("911",),                                     # L
    "CA": ("911",),                                     # L
    "BB": ("211", "311", "511", "911"),                 # 211 police, 311 fire, 511 ambulance; L
    "BM": ("911",),                                     # L
    "BS": ("911", "919"),                               # L
    "DO": ("911",),                                     # L
    "JM": ("119", "110"),                               # L
    "KY": ("911",),                                     # L
    "PR": ("911",),                                     # L
    "TT": ("999", "990"),                               # 999 police, 990 ambulance and fire; L
    "VI": ("911",),                                     # L
    # Latin America
    "AR": ("911", "100", "101", "107"),                 # L
    "BO": ("110", "118", "119"),                        # 110 police, 118 ambulance, 119 fire; L
    "BR": ("190", "192", "193"),                        # 190 police, 192 ambulance, 193 fire; L
    "CL": ("131", "132", "133"),                        # 131 ambulance, 132 fire, 133 police; L
    "CO": ("123", "112", "119"),                        # 123 for all; L
    "CR": ("911",),                                     # L
    "CU": ("104", "105", "106"),                        # 104 ambulance, 105 fire, 106 police; L
    "EC": ("911",),                                     # L
    "GT": ("110", "120", "123"),                        # 120 police, 123 ambulance and fire; L
    "HN": ("911", "199"),                               # 911: A; the rest L
    "MX": ("911",),                                     # L
    "PA": ("911", "104"),                               # 104 police: A; the rest L
    "PE": ("105", "116", "117"),                        # 105 police, 116 fire; L
    "PY": ("911",),                                     # L
    "SV": ("911", "913"),                               # 913 fire; L
    "UY": ("911",),                                     # L
    "VE": ("911", "171"),                               # L
    # Asia
    "AE": ("999", "997", "998"),                        # 999 police, 997 fire, 998 ambulance; L
    "BD": ("999",),                                     # L
    "BH": ("999",),                                     # L
    "CN": ("110", "119", "120"),                        # 110 police, 119 fire, 120 ambulance; L
    "HK": ("999", "112"),                               # L
    "ID": ("112", "110", "113", "118", "119"),          # 110 police, 113 fire, 118 ambulance; L
    "IL": ("100", "101", "102", "112"),                 # 100 police, 101 ambulance, 102 fire; L
    "IN": ("112", "100", "101", "102", "108"),          # L
    "IR": ("110", "115", "125", "112"),                 # 110 police, 115 ambulance, 125 fire; L
    "JO": ("911", "112"),                               # L
    "JP": ("110", "119", "118"),                        # 110 police, 119 fire and ambulance; 118 coast guard: public guides; the rest L
    "KR": ("112", "119"),                               # 112 police, 119 fire and ambulance; L
    "KW": ("112",),                                     # L
    "KZ": ("112", "101", "102", "103"),                 # 101 fire, 102 police, 103 ambulance; L
    "LB": ("112", "140", "175"),                        # L
    "LK": ("119", "110"),                               # 119 police, 110 ambulance and fire; L
    "MO": ("999",),                                     # L
    "MY": ("999", "112"),                               # L
    "NP": ("100", "101", "102"),                        # 100 police, 101 fire, 102 ambulance; L
    "OM": ("9999",),                                    # L
    "PH": ("911",),                                     # L
    "PK": ("15", "16", "115", "1122"),                  # 15 police, 16 fire, 115 ambulance; L
    "QA": ("999",),                                     # L
    "SA": ("911", "997", "998", "999"),                 # 997 ambulance, 998 fire: A, 999 police; the rest L
    "SG": ("999", "995"),                               # 999 police, 995 ambulance and fire; L
    "TH": ("191", "199", "1669"),                       # 191 police, 199 fire, 1669 ambulance; L
    "TW": ("110", "119", "112"),                        # 110 police, 119 ambulance and fire; L
    "UZ": ("101", "102", "103"),                        # 101 fire, 102 police, 103 ambulance: A
    "VN": ("113", "114", "115"),                        # 113 police, 114 fire, 115 ambulance; L
    # Oceania
    "AU": ("000", "106", "112"),                        # 106 is for text phones; L
    "NZ": ("111",),                                     # L
    # Africa
    "DZ": ("14", "17", "1548", "112"),                  # 1548: A; the rest L
    "EG": ("122", "123", "180"),                        # 122 police, 123 ambulance, 180 fire; L
    "GH": ("191", "192", "193"),                        # 191 police, 192 fire, 193 ambulance; L
    "KE": ("999", "112"),                               # L
    "MA": ("15", "19", "177", "150"),                   # 150 ambulance and fire: A; the rest L
    "NG": ("199", "112"),                               # 112: A, as what networks fall back to; the rest L
    "SN": ("17", "18"),                                 # 17 police, 18 fire; L
    "TN": ("190", "197", "198"),                        # 190 ambulance, 197 police, 198 fire; L
    "TZ": ("112", "114", "115"),                        # L
    "UG": ("999",),                                     # L
    "ZA": ("112", "10111", "10177"),                    # 10111 police, 10177 ambulance; L
})  # fmt: skip
