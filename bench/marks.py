"""The marks that this server is built to reach, and how a round's numbers are held against them.

A mark compares the median of all rounds; smallest and largest are told beside it. A mark on failures counts all rounds
together: one transfer that failed in one round misses it. A round in which this server's answers were partly errors
counts as 0, so that a fast refusal is not taken for work. A storm and a growth are one round each.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Mark:
    """What is measured, in which unit, what it must be, and how a round says it (None: that round has no such number)."""

    what: str
    unit: str
    least: float | None
    most: float | None
    of: Callable[[Row], float | None]
    sums: bool = False
    lacks: Callable[[Row], str] = lambda row: ""  # what the mark asks for and a run has not: such a mark is never called met


def _ratio(one: float, other: float) -> float | None:
    return one / other if other else None


def _http(kind: str, number: str) -> Callable[[Row], float | None]:
    def of(row: Row) -> float | None:
        mine, nginx = row["http"]["ours"][kind], row["http"]["nginx"][kind]
        return 0.0 if mine["bad"] or mine["errors"] else _ratio(mine[number], nginx[number])

    return of


def _cold(row: Row) -> float | None:
    mine = row["cold"]["ours"]
    if mine["bad"] or mine["errors"]:
        return 0.0
    return _ratio(mine["per_second"], row["cold"]["yardstick"]["per_second"]) if mine["all_cold"] else None


def _tftp(case: str, peer: str, number: str = "tps") -> Callable[[Row], float | None]:
    def of(row: Row) -> float | None:
        mine = row["tftp"][case]["ours"]
        return 0.0 if mine["failed"] else _ratio(mine[number], row["tftp"][case][peer][number])

    return of


def _failed(case: str) -> Callable[[Row], float | None]:
    return lambda row: row["tftp"][case]["ours"]["failed"]


def _grew(row: Row) -> float | None:
    mine = row["tftp"]["firmware"]["ours"]
    return None if mine["failed"] else mine["grew_mb"]


def _old_answers(row: Row) -> float | None:
    change = row["change"]
    return change["of_http"] - change["http"] + change["of_tftp"] - change["tftp"]


BENCH = (
    Mark("HTTP, kept answer, a connection each, per CPU-second of the server, of nginx", "times", 0.6, None, _http("new", "per_cpu_second")),
    Mark("HTTP, kept answer, kept connections, of nginx", "times", 0.40, None, _http("kept", "per_second")),
    Mark("HTTP, first answer to a phone, of bare Flask and Jinja", "times", 0.8, None, _cold),
    Mark("TFTP, 50 phones, of dnsmasq", "times", 1.0, None, _tftp("phones_50", "dnsmasq")),
    Mark("TFTP, 50 phones, failed", "transfers", None, 0, _failed("phones_50"), sums=True),
    Mark("TFTP, 500 phones, of dnsmasq", "times", 4.0, None, _tftp("phones_500", "dnsmasq")),
    Mark("TFTP, 500 phones, of tftpd-hpa", "times", 4.0, None, _tftp("phones_500", "tftpd-hpa")),
    Mark("TFTP, 500 phones, failed", "transfers", None, 0, _failed("phones_500"), sums=True),
    Mark("TFTP, 2,000 phones, of dnsmasq", "times", 4.0, None, _tftp("phones_2000", "dnsmasq")),
    Mark("TFTP, 2,000 phones, of tftpd-hpa", "times", 4.0, None, _tftp("phones_2000", "tftpd-hpa")),
    Mark("TFTP, 2,000 phones, failed", "transfers", None, 0, _failed("phones_2000"), sums=True),
    Mark("TFTP, 20 MB to 8 phones, windows of 16, of atftpd", "times", 1.2, None, _tftp("firmware", "atftpd", "mbs")),
    Mark("TFTP, 20 MB to 8 phones, memory that this server grew by", "MB", None, 20, _grew),
    Mark("A changed setting: answers on both wires that were still old", "answers", None, 0, _old_answers, sums=True),
    Mark("From start to first answer, 60 families, 10,000 devices", "seconds", None, 1.5, lambda row: row["start"]["ours"]["started_in"] if "start" in row else None),
)


def _whole_storm(row: Row) -> str:
    return "" if row["phones"] >= 10_000 and row["of_seconds"] <= 60 else f"the mark is for 10,000 phones in 60 s, and these were {row['phones']:,} in {row['of_seconds']:g} s"


STORM = (
    Mark("Storm, 10,000 phones in 60 s: boots that failed", "boots", None, 0, lambda row: row["failed"], lacks=_whole_storm),
    Mark("Storm: files with wrong bytes", "files", None, 0, lambda row: row["wrong"], lacks=_whole_storm),
    Mark("Storm: time within which 99 of 100 files are there", "seconds", None, 1.0, lambda row: row["file"]["p99_ms"] / 1000 if row["file"] else None, lacks=_whole_storm),
    Mark("Storm: resident memory of all processes", "MB", None, 400, lambda row: row["peak_mb"], lacks=_whole_storm),
)


def _whole_crowd(row: Row) -> str:
    return "" if row["phones"] >= 50 else f"the mark is for 50 phones, and these were {row['phones']}"


CROWD = (
    Mark("Hostile crowd, 50 phones among it: boots that failed", "boots", None, 0, lambda row: row["failed"] + row["wrong"], lacks=_whole_crowd),
    Mark("Hostile crowd: time within which all 50 have booted", "seconds", None, 5.0, lambda row: row["boot"]["max_ms"] / 1000 if row["boot"] else None, lacks=_whole_crowd),
)


def _grown(what: str) -> Callable[[Row], float | None]:
    def of(row: Row) -> float | None:
        sizes = {size["devices"]: size[what] for size in row["sizes"]}
        return _ratio(sizes[max(sizes)], sizes[10_000]) if 10_000 in sizes else None

    return of


def _whole_growth(row: Row) -> str:
    most = max(size["devices"] for size in row["sizes"])
    return "" if most >= 1_000_000 else f"the mark is for 1,000,000 devices, and these were {most:,}"


GROWTH = (
    Mark("1,000,000 devices: kept answer, of that with 10,000", "times", None, 1.5, _grown("warm_us"), lacks=_whole_growth),
    Mark("1,000,000 devices: kept answer after a change elsewhere, of that with 10,000", "times", None, 1.5, _grown("checked_us"), lacks=_whole_growth),
    Mark("1,000,000 devices: first answer, of that with 10,000", "times", None, 1.5, _grown("cold_us"), lacks=_whole_growth),
)

KINDS = {"latest": BENCH, "storm": STORM, "crowd": CROWD, "growth": GROWTH}


def verdicts(marks: Sequence[Mark], rounds: Sequence[Row]) -> list[dict[str, Any]]:
    """Return each mark with its number, its spread, and by how much it is missed (0 where it is met; None where there is no number)."""
    found = []
    for mark in marks:
        numbers = [number for row in rounds if (number := mark.of(row)) is not None]
        lacks = next((words for row in rounds if (words := mark.lacks(row))), "")
        told = {"what": mark.what, "unit": mark.unit, "least": mark.least, "most": mark.most, "rounds": len(numbers), "lacks": lacks}
        if not numbers:
            found.append({**told, "number": None, "low": None, "high": None, "missed_by": None})
            continue
        number = sum(numbers) if mark.sums else statistics.median(numbers)
        missed = max(0.0, mark.least - number if mark.least is not None else 0.0, number - mark.most if mark.most is not None else 0.0)
        found.append({**told, "number": number, "low": min(numbers), "high": max(numbers), "missed_by": missed})
    return found
