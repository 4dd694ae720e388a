"""Phones' dial plans, played key by key: what becomes of a number that somebody dials.

One player for each syntax, written from the makers' guides; nothing of the product is used, so
that a plan which the product writes is judged by other code. Each player returns

    at once     the call starts with the last digit
    after wait  the call starts when the wait between digits is over
    refused     the phone does not dial it
    cut short   the call starts before the last digit, so another number is called
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

AT_ONCE, AFTER_WAIT, REFUSED, CUT_SHORT = "at once", "after wait", "refused", "cut short"


@dataclass(frozen=True)
class _Piece:
    """One place of a rule: which keys fit, and how often."""

    keys: str
    least: int = 1
    most: int = 1  # -1 for any number


@dataclass(frozen=True)
class _Rule:
    pieces: tuple[_Piece, ...]
    waits: bool = False
    instant: bool = False
    barred: bool = False


_DIGITS = "0123456789"
_KEYS = _DIGITS + "*#+"


def _reach(pieces: Sequence[_Piece], dialled: str) -> set[int]:
    """Return at how many pieces one can stand after these keys; the number of pieces means complete."""

    def rest(at: int, used: int, left: str) -> set[int]:
        places: set[int] = set()
        if at < len(pieces):
            piece = pieces[at]
            if used >= piece.least:
                places |= rest(at + 1, 0, left)
            if left and left[0] in piece.keys and (piece.most < 0 or used < piece.most):
                places |= rest(at, min(used + 1, piece.least + 1) if piece.most < 0 else used + 1, left[1:])
            if not left:
                places.add(at)
        elif not left:
            places.add(at)
        return places

    return rest(0, 0, dialled)


def _complete(rule: _Rule, dialled: str) -> bool:
    return len(rule.pieces) in _reach(rule.pieces, dialled)


def _grows(rule: _Rule, dialled: str) -> bool:
    """Return True where another key could follow within this rule."""
    return any(_reach(rule.pieces, dialled + key) for key in _KEYS)


def _set(inside: str) -> str:
    """Return the keys of a bracket: 1-5, 147, 2,5,8, x for every digit."""
    keys = ""
    for first, last, one in re.findall(r"(\d)-(\d)|([\d*#+xX])", inside):
        keys += _DIGITS[int(first) : int(last) + 1] if first else _DIGITS if one in "xX" else one
    return keys


def _keyed(dialled: str, starts: Callable[[str], bool], ends: Callable[[str], str]) -> str:
    """Press one key after the other; `starts` says that a call starts by itself, `ends` what the wait brings."""
    for so_far in range(1, len(dialled)):
        if starts(dialled[:so_far]):
            return CUT_SHORT
    return AT_ONCE if starts(dialled) else ends(dialled)


# RFC 3435, 2.1.5, as Poly phones take it: `|` alternatives, x, [..], a dot for zero or more of the
# piece before, T for a wait, + as a key (SoundPoint IP administrator's guide, dialplan.digitmap).


def digit_map(plan: str, dialled: str) -> str:
    """Play an RFC 3435 digit map; the first complete alternative without T starts the call."""
    rules = [_digit_map_rule(text) for text in plan.strip().strip("()").split("|")]
    return _keyed(
        dialled,
        lambda so_far: any(_complete(rule, so_far) and not rule.waits for rule in rules),
        lambda whole: AFTER_WAIT if any(_complete(rule, whole) for rule in rules) else REFUSED,
    )


def _digit_map_rule(text: str) -> _Rule:
    pieces: list[_Piece] = []
    text = text.strip()
    waits = text.endswith("T")
    for inside, one in re.findall(r"\[([^\]]*)\]|(.)", text.removesuffix("T")):
        if one == ".":
            pieces[-1] = _Piece(pieces[-1].keys, 0, -1)
        elif one == ",":
            continue  # a dial tone
        else:
            pieces.append(_Piece(_set(inside) if inside else _DIGITS if one == "x" else one))
    return _Rule(tuple(pieces), waits)


# Grandstream: { a | b }; x a digit, + one or more and . zero or more of the piece before, [3-5], [147],
# ^ excludes, \ takes the next key as it is, T at the end waits (GRP261x administration guide, "Dial Plan").


def braces(plan: str, dialled: str) -> str:
    """Play a dial plan in braces; a rule of fixed length starts the call with its last digit."""
    inside = plan.strip()
    if not (inside.startswith("{") and inside.endswith("}")):
        return REFUSED
    rules = [_brace_rule(text) for text in inside[1:-1].split("|")]
    allowed = [rule for rule in rules if not rule.barred]

    def barred(whole: str) -> bool:
        return any(rule.barred and _complete(rule, whole) for rule in rules)

    return _keyed(
        dialled,
        lambda so_far: not barred(so_far) and any(_complete(rule, so_far) and not rule.waits for rule in allowed),
        lambda whole: AFTER_WAIT if not barred(whole) and any(_complete(rule, whole) for rule in allowed) else REFUSED,
    )


def _brace_rule(text: str) -> _Rule:
    pieces: list[_Piece] = []
    text = text.strip()
    waits, barred = text.endswith("T"), text.startswith("^")
    for escaped, inside, one in re.findall(r"\\(.)|\[([^\]]*)\]|(.)", text.removeprefix("^").removesuffix("T")):
        if one in ("+", ".") and pieces:
            pieces[-1] = _Piece(pieces[-1].keys, 1 if one == "+" else 0, -1)
            waits = True  # the phone cannot know which digit is the last
        elif one in (" ", ","):
            continue
        else:
            pieces.append(_Piece(escaped or (_set(inside) if inside else _DIGITS if one in "xX" else one)))
    return _Rule(tuple(pieces), waits, barred=barred)


# Cisco: (a|b); x, [..], a dot for zero or more of the piece before, S0 at the end ends the wait, ! bars,
# P, L and S with seconds are timers, < : > replaces, comma is a dial tone (SPA administration guide, "Dial Plans").


def parentheses(plan: str, dialled: str) -> str:
    """Play a dial plan in parentheses; it starts a call at S0, or where no sequence could take another key."""
    found = re.fullmatch(r"(?:[LS]:\d+,)*\s*\((.*)\)", plan.strip())
    if not found:
        return REFUSED
    rules = [_sequence(text) for text in found[1].split("|")]

    def starts(so_far: str) -> bool:
        fitting = [rule for rule in rules if _complete(rule, so_far)]
        if any(rule.barred for rule in fitting):
            return False
        return any(rule.instant for rule in fitting) or (bool(fitting) and not any(_grows(rule, so_far) for rule in rules))

    def ends(whole: str) -> str:
        fitting = [rule for rule in rules if _complete(rule, whole)]
        return AFTER_WAIT if fitting and not any(rule.barred for rule in fitting) else REFUSED

    return _keyed(dialled, starts, ends)


def _sequence(text: str) -> _Rule:
    pieces: list[_Piece] = []
    text = text.strip()
    barred, text = text.endswith("!"), text.removesuffix("!").strip()
    instant, text = text.endswith("S0"), re.sub(r"S\d*$", "", text).strip()
    for before, inside, one in re.findall(r"<([^:>]*):[^>]*>|\[([^\]]*)\]|([^<>])", re.sub(r"P\d*", "", text)):
        if one == ".":
            pieces[-1] = _Piece(pieces[-1].keys, 0, -1)
        elif one in (" ", ","):
            continue
        elif before:
            pieces += [_Piece(_DIGITS if key == "x" else key) for key in before]
        else:
            pieces.append(_Piece(_set(inside) if inside else _DIGITS if one == "x" else one))
    return _Rule(tuple(pieces), instant=instant, barred=barred)


# Yealink: a list of dial-now rules, one a line; x any key, a dot any text, [5-7], [2,5,8]
# (administrator's guide T2/T4/T5, "Dial Plan"). What fits no rule is dialled after the wait.


def dial_now(plan: str, dialled: str) -> str:
    """Play a list of dial-now rules, one a line."""
    rules = [_dial_now_rule(text) for text in plan.splitlines() if text.strip()]
    return _keyed(dialled, lambda so_far: any(_complete(rule, so_far) for rule in rules), lambda whole: AFTER_WAIT)


def _dial_now_rule(text: str) -> _Rule:
    pieces: list[_Piece] = []
    for inside, one in re.findall(r"\[([^\]]*)\]|([^()])", text.strip()):
        pieces.append(_Piece(_KEYS, 1, -1) if one == "." else _Piece(_set(inside) if inside else _KEYS if one == "x" else one))
    return _Rule(tuple(pieces))


# Snom: entries with blanks between, |expression|result|flags, any character may part them; the first that
# fits is taken, and the flag d makes the number complete (Snom wiki, "Dial Plan - Regular Expressions").


def expressions(plan: str, dialled: str) -> str:
    """Play a list of regular expressions with flags; what fits none is dialled after the wait."""
    entries = [entry[1:].split(entry[0]) for entry in plan.split(" ") if entry]

    def starts(so_far: str) -> bool:
        for entry in entries:
            if re.search(entry[0], so_far):
                return len(entry) > 2 and "d" in entry[2]
        return False

    return _keyed(dialled, starts, lambda whole: AFTER_WAIT)


# Fanvil: a list of digit maps, one a line; x a digit, [..], a dot any length, Tn at the end waits n seconds,
# none means T0 (X34 and later user guides, "Dial Plan"). What fits none is dialled after the wait.


def timed_list(plan: str, dialled: str) -> str:
    """Play a list of digit maps, one a line, each with its own wait."""
    rules = [_timed_rule(text) for text in plan.splitlines() if text.strip()]
    return _keyed(dialled, lambda so_far: any(_complete(rule, so_far) and not rule.waits for rule in rules), lambda whole: AFTER_WAIT)


def _timed_rule(text: str) -> _Rule:
    text = text.strip()
    timer = re.search(r"T(\d)$", text)
    pieces: list[_Piece] = []
    for inside, one in re.findall(r"\[([^\]]*)\]|(.)", re.sub(r"T\d$", "", text)):
        if one == ",":
            continue
        pieces.append(_Piece(_DIGITS, 0, -1) if one == "." else _Piece(_set(inside) if inside else _DIGITS if one in "xX" else one))
    return _Rule(tuple(pieces), waits=bool(timer and timer[1] != "0"))


# Cisco enterprise: a list of templates, each with the seconds to wait; . any key, * any number of keys, \\* the star,
# no brackets (usecallmanager.nz, "Dial Template"). The first that fits sets the wait; 0 dials at once. What fits none is dialled after a long wait.


def templates(plan: str, dialled: str) -> str:
    """Play a list of `seconds template`, one a line."""
    rules = [_template(*line.split(" ", 1)) for line in plan.splitlines() if line.strip()]

    def starts(so_far: str) -> bool:
        fitting = [rule for rule in rules if _complete(rule, so_far)]
        return bool(fitting) and fitting[0].instant

    return _keyed(dialled, starts, lambda whole: AFTER_WAIT)


def _template(seconds: str, text: str) -> _Rule:
    pieces = [_Piece(escaped) if escaped else _Piece(_KEYS, 0, -1) if one == "*" else _Piece(_KEYS if one == "." else one) for escaped, one in re.findall(r"\\(.)|([^,])", text)]
    return _Rule(tuple(pieces), instant=seconds == "0")


# Phones that know no dial plan dial what was keyed, when it is whole.


def nothing(plan: str, dialled: str) -> str:
    """Play no plan at all."""
    assert not plan
    return AFTER_WAIT if dialled else REFUSED


# Aastra and Mitel: alternatives with |, x a digit, [..], + for none or more of the piece before, * # . as keys. A call
# starts at a complete match, which # may end, or after the wait; what begins no alternative is rejected
# (administrator's guide R3.2.2, p. C-6; 6800i guide, p. A-57).


def exact_match(plan: str, dialled: str) -> str:
    """Play a dial plan in which a complete match starts the call, and # is a key like another."""
    rules = [_exact_rule(text) for text in plan.split("|")]
    return _keyed(
        dialled,
        lambda so_far: any(_complete(rule, so_far) for rule in rules),
        lambda whole: AFTER_WAIT if any(_reach(rule.pieces, whole) for rule in rules) else REFUSED,
    )


def _exact_rule(text: str) -> _Rule:
    pieces: list[_Piece] = []
    for inside, one in re.findall(r"\[([^\]]*)\]|(.)", text.strip()):
        if one == "+":
            pieces[-1] = _Piece(pieces[-1].keys, 0, -1)
        else:
            pieces.append(_Piece(_set(inside) if inside else _DIGITS if one in "xX" else one))
    return _Rule(tuple(pieces))


# SmartWare: tables of called-e164 entries, one a line, a blank line between tables; a dot any digit, [..], T at the end
# waits for more, default leads to the next table. An entry fits by its beginning; while another could still be completed
# none is taken, and the call is dropped if no key follows; else the longest that fits is taken
# (SmartWare configuration guide, "Call router": digit collection, overlap dialling).


def routing_tables(plan: str, dialled: str) -> str:
    """Play routing tables, one key a line."""
    tables = [[_entry(key) for key in table.split("\n") if key != "default"] for table in plan.strip().split("\n\n")]

    def taken(so_far: str) -> _Rule | None:
        for rules in tables:
            complete = [rule for rule in rules if any(_complete(rule, so_far[:end]) for end in range(1, len(so_far) + 1))]
            if any(rule not in complete and _reach(rule.pieces, so_far) for rule in rules):
                return None
            if complete:
                return max(complete, key=lambda rule: len(rule.pieces))
        return None

    def starts(so_far: str) -> bool:
        entry = taken(so_far)
        return entry is not None and not entry.waits

    return _keyed(dialled, starts, lambda whole: AFTER_WAIT if taken(whole) else REFUSED)


def _entry(text: str) -> _Rule:
    pieces = [_Piece(_set(inside) if inside else _DIGITS if one == "." else one) for inside, one in re.findall(r"\[([^\]]*)\]|(.)", text.removesuffix("T"))]
    return _Rule(tuple(pieces), text.endswith("T"))
