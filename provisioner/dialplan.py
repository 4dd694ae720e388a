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


def written(patterns: Sequence[str], digitmap: Mapping[str, str]) -> tuple[str, ...]:
    """Return each pattern in a family's digit map.

    digitmap: `any` and `some` write x and a final x+; `star`, `hash`, `plus`, `set_open` and
              `set_close` are for digit maps in which * # + [ ] need another spelling;
              `at_once` is put behind every pattern of a known length.

    >>> written(["112", "*xx", "+x+"], {"any": "[0-9]", "some": "[0-9]+", "star": "\\\\*", "plus": "\\\\+"})
    ('112', '\\\\*[0-9][0-9]', '\\\\+[0-9]+')
    >>> written(["112", "x+"], {"any": "x", "some": "x.", "at_once": "S0"})
    ('112S0', 'x.')
    """
    words = {**_OWN, **digitmap}
    return tuple(_written(pattern, words) for pattern in patterns)


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


# Well-established numbers for police, fire and ambulance, from the national numbering plans as the
# ITU publishes them (ITU-T E.129, "Presentation of national numbering plans") and from the European
# Commission's table of numbers beside 112 (Directive (EU) 2018/1972, article 109). A number that a
# country is only said to have is left out; mobile networks add 112 and 911 by themselves (3GPP TS 22.101, 10.1).
_EU_112 = ("112",)
NUMBERS: Mapping[str, tuple[str, ...]] = MappingProxyType({
    # European Union and EEA: 112 everywhere (Directive (EU) 2018/1972, article 109); old national numbers where they still answer
    "AT": ("112", "122", "133", "144"),         # fire, police, ambulance: RTR numbering plan (KEM-V)
    "BE": ("112", "100", "101"),                # 100 medical and fire, 101 police: BIPT numbering plan
    "BG": _EU_112,                              # one number since 2009: 112 act of Bulgaria
    "CY": ("112", "199"),                       # OCECPR numbering plan
    "CZ": ("112", "150", "155", "158"),         # fire, ambulance, police: CTU numbering plan
    "DE": ("112", "110"),                       # 110 police: NotrufV, section 1
    "DK": _EU_112,                              # Danish numbering plan
    "EE": _EU_112,                              # one number since 2015: Häirekeskus
    "ES": ("112", "091", "062", "061", "080", "085"),   # national police, civil guard, ambulance, fire: CNMC numbering plan
    "FI": _EU_112,                              # one number: Traficom numbering plan
    "FR": ("112", "15", "17", "18", "114", "115", "119", "196"),   # SAMU, police, fire, text, shelter, children, sea: ARCEP decision 2005-1085
    "GR": ("112", "100", "166", "199", "108"),  # police, ambulance, fire, coast guard: EETT numbering plan
    "HR": ("112", "192", "193", "194"),         # police, fire, ambulance: HAKOM numbering plan
    "HU": ("112", "104", "105", "107"),         # ambulance, fire, police: NMHH numbering plan
    "IE": ("112", "999"),                       # ComReg numbering conditions
    "IS": _EU_112,                              # one number: law 40/2008
    "IT": ("112", "113", "115", "118"),         # police, fire, ambulance: AGCOM numbering plan
    "LI": ("112", "117", "118", "144"),         # as in Switzerland: AK numbering plan
    "LT": _EU_112,                              # RRT numbering plan
    "LU": ("112", "113"),                       # 113 police: ILR numbering plan
    "LV": ("112", "110", "113"),                # police, ambulance: SPRK numbering plan
    "MT": _EU_112,                              # MCA numbering plan
    "NL": _EU_112,                              # ACM numbering plan
    "NO": ("112", "110", "113"),                # police, fire, ambulance: Nkom numbering plan
    "PL": ("112", "997", "998", "999"),         # police, fire, ambulance: UKE numbering plan
    "PT": ("112",),                             # ANACOM numbering plan
    "RO": _EU_112,                              # one number: ANCOM numbering plan
    "SE": _EU_112,                              # PTS numbering plan
    "SI": ("112", "113"),                       # 113 police: AKOS numbering plan
    "SK": ("112", "150", "155", "158"),         # fire, ambulance, police: RU numbering plan
    # Rest of Europe
    "AD": ("112", "110", "116", "118"),         # police, medical, fire: Andorra Telecom numbering plan
    "AL": ("112", "127", "128", "129"),         # ambulance, fire, police: AKEP numbering plan
    "BA": ("112", "122", "123", "124"),         # police, fire, ambulance: RAK numbering plan
    "CH": ("112", "117", "118", "144"),         # police, fire, ambulance: AEFV (SR 784.101.113), article 28
    "GB": ("999", "112"),                       # Ofcom General Condition A3
    "GE": ("112",),                             # one number since 2012: law on 112
    "MC": ("112", "15", "17", "18"),            # Monaco numbering plan
    "MD": ("112",),                             # one number since 2018: law 174/2014
    "ME": ("112", "122", "123", "124"),         # police, fire, ambulance: EKIP numbering plan
    "MK": ("112", "192", "193", "194"),         # police, fire, ambulance: AEK numbering plan
    "RS": ("112", "192", "193", "194"),         # police, fire, ambulance: RATEL numbering plan
    "RU": ("112", "101", "102", "103"),         # fire, police, ambulance: numbering plan, order 205 of 2021
    "SM": ("112", "113", "115", "118"),         # San Marino numbering plan
    "TR": ("112", "110", "155", "156"),         # one number since 2021, the old ones lead there: BTK
    "UA": ("112", "101", "102", "103"),         # fire, police, ambulance: numbering plan, order 1105 of 2006
    "BY": ("112", "101", "102", "103"),         # fire, police, ambulance: Belarus numbering plan
    # North America and the Caribbean: the North American Numbering Plan (NANPA, N11 codes)
    "US": ("911", "933"),                       # 47 CFR 64.3001; 933 reads the address back (NENA)
    "CA": ("911",),                             # CRTC
    "BM": ("911",), "BS": ("911", "919"), "JM": ("119", "110"), "PR": ("911",), "VI": ("911",), "KY": ("911",), "TT": ("999", "990", "911"),   # NANPA; national plans
    "BB": ("211", "311", "511", "911"),         # police, fire, ambulance: Barbados numbering plan
    "DO": ("911",),                             # law 140-13
    # Latin America
    "AR": ("911", "100", "101", "107"),         # fire, police, ambulance: ENACOM numbering plan
    "BO": ("110", "118", "119"),                # police, ambulance, fire: ATT numbering plan
    "BR": ("190", "192", "193"),                # police, ambulance, fire: Anatel resolution 749/2022 (services of public emergency)
    "CL": ("131", "132", "133"),                # ambulance, fire, police: SUBTEL numbering plan
    "CO": ("123", "112", "119", "125"),         # one number, police, fire, ambulance: CRC numbering plan
    "CR": ("911",),                             # law 7566
    "CU": ("104", "105", "106"),                # ambulance, fire, police: Cuba numbering plan
    "EC": ("911",),                             # ECU 911, decree 988 of 2011
    "GT": ("110", "122", "123"),                # police, fire: SIT numbering plan
    "HN": ("911",),                             # law on 911, decree 58-2015
    "MX": ("911",),                             # one number since 2017: IFT numbering plan
    "PA": ("911", "103", "104"),                # ambulance and all, fire, police: ASEP numbering plan
    "PE": ("105", "106", "116"),                # police, ambulance, fire: MTC numbering plan
    "PY": ("911", "132", "141"),                # police, fire, ambulance: CONATEL numbering plan
    "SV": ("911", "132"),                       # police, ambulance: SIGET numbering plan
    "UY": ("911", "104", "105"),                # all, fire, ambulance: URSEC numbering plan
    "VE": ("911", "171"),                       # VEN 911: CONATEL numbering plan
    # Asia
    "AE": ("999", "997", "998"),                # police, fire, ambulance: TDRA numbering plan
    "BD": ("999",),                             # one number since 2017: BTRC numbering plan
    "BH": ("999",),                             # TRA numbering plan
    "CN": ("110", "119", "120", "122"),         # police, fire, ambulance, traffic: MIIT numbering plan (2017)
    "HK": ("999", "112"),                       # OFCA numbering plan
    "ID": ("112", "110", "113", "118", "119"),  # all, police, fire, ambulance, medical: Kominfo regulation 10/2016
    "IL": ("100", "101", "102", "112"),         # police, ambulance, fire: Israel numbering plan
    "IN": ("112", "100", "101", "102", "108"),  # one number since 2019; police, fire, ambulance: DoT numbering plan
    "IR": ("110", "115", "125", "112"),         # police, ambulance, fire: CRA numbering plan
    "JO": ("911", "112"),                       # TRC numbering plan
    "JP": ("110", "119", "118"),                # police, fire and ambulance, coast guard: Telecommunications Numbering Plan of MIC
    "KR": ("112", "119"),                       # police, fire and ambulance: MSIT numbering plan
    "KW": ("112",),                             # CITRA numbering plan
    "KZ": ("112", "101", "102", "103"),         # fire, police, ambulance: Kazakhstan numbering plan
    "LB": ("112", "140", "175"),                # police, ambulance, fire: Lebanon numbering plan
    "LK": ("119", "110", "1990"),               # police, fire and ambulance, ambulance: TRCSL numbering plan
    "MO": ("999", "112"),                       # CTT numbering plan
    "MY": ("999", "112"),                       # MCMC numbering plan
    "NP": ("100", "101", "102"),                # police, fire, ambulance: NTA numbering plan
    "OM": ("9999",),                            # TRA numbering plan
    "PH": ("911",),                             # executive order 56 of 2018
    "PK": ("15", "16", "115", "1122"),          # police, fire, ambulance, rescue: PTA numbering plan
    "QA": ("999",),                             # CRA numbering plan
    "SA": ("911", "997", "998", "999"),         # all, ambulance, fire, police: CST numbering plan
    "SG": ("999", "995"),                       # police, fire and ambulance: IMDA numbering plan
    "TH": ("191", "199", "1669"),               # police, fire, ambulance: NBTC numbering plan
    "TW": ("110", "119", "112"),                # police, fire and ambulance: NCC numbering plan
    "UZ": ("112", "101", "102", "103"),         # fire, police, ambulance: Uzbekistan numbering plan
    "VN": ("113", "114", "115", "112"),         # police, fire, ambulance, rescue: circular 22/2014/TT-BTTTT
    # Oceania
    "AU": ("000", "106", "112"),                # 106 for text phones: Telecommunications Numbering Plan 2025; 112 from mobiles
    "NZ": ("111",),                             # Telecommunications (Number Administration Deed)
    # Africa
    "DZ": ("14", "17", "1548", "112"),          # civil protection, police: ARPCE numbering plan
    "EG": ("122", "123", "180"),                # police, ambulance, fire: NTRA numbering plan
    "GH": ("112", "191", "192", "193"),         # one number, police, fire, ambulance: NCA numbering plan
    "KE": ("999", "112"),                       # CA numbering plan
    "MA": ("15", "19", "177", "150"),           # ambulance and fire, police, gendarmerie: ANRT numbering plan
    "NG": ("112",),                             # NCC numbering plan
    "SN": ("17", "18"),                         # police, fire: ARTP numbering plan
    "TN": ("190", "197", "198"),                # ambulance, police, fire: INT numbering plan
    "TZ": ("112", "114", "115"),                # police, fire, ambulance: TCRA numbering plan
    "UG": ("999", "112"),                       # UCC numbering plan
    "ZA": ("112", "10111", "10177"),            # police, ambulance and fire: ICASA numbering plan regulations 2016
})  # fmt: skip
