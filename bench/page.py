"""Write docs/performance.md from bench/results/latest.json: `python bench/page.py`."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from marks import UNMEASURED, verdicts

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "performance.md"


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if unit in ("transfers", "answers") else f"{value:,.2f}"


def _mark(one: Mapping[str, Any]) -> str:
    if one["least"] is not None:
        return f"at least {one['least']:g} {one['unit']}"
    return f"at most {one['most']:g} {one['unit']}" if one["most"] else f"no {one['unit']}"


def _verdict(one: Mapping[str, Any]) -> str:
    """Return in words how a mark stands; what is missed says by how much."""
    if one["number"] is None:
        return "no number"
    if not one["missed_by"]:
        return f"below it, but {one['lacks']}" if one["lacks"] else "met"
    words = f"missed by {_number(one['missed_by'], one['unit'])}"
    goal = one["least"] if one["least"] is not None else one["most"]
    return f"{words} ({one['missed_by'] / goal:.0%})" if goal else words


def told(result: Mapping[str, Any]) -> Iterator[str]:
    """Give the lines for a terminal."""
    for one in result["verdicts"]:
        spread = f"{_number(one['low'], one['unit'])}-{_number(one['high'], one['unit'])}"
        yield f"{one['what']:<80} {_number(one['number'], one['unit']):>8} {one['unit']:<9} ({spread}); {_mark(one)}: {_verdict(one)}"


def _seen(result: Mapping[str, Any]) -> Iterator[str]:
    """Give rows with the rates behind the ratios: the median of the rounds."""
    rounds = result["rounds"]

    def row(what: str, who: str, unit: str, numbers: list[float], remark: str = "") -> str:
        return f"| {what} | {who} | {statistics.median(numbers):,.0f} {unit} | {min(numbers):,.0f} to {max(numbers):,.0f} | {remark} |"

    for kind, what in (("new", "HTTP, a connection each"), ("kept", "HTTP, kept connections")):
        for who in ("ours", "nginx"):
            loads = [one["http"][who][kind] for one in rounds]
            per_cpu = statistics.median(load["per_cpu_second"] for load in loads)
            p99 = statistics.median(load["p99_ms"] for load in loads)
            yield row(what, who, "answers/s", [load["per_second"] for load in loads], f"{per_cpu:,.0f} per CPU-second, p99 {p99:.1f} ms")
    for who in ("ours", "yardstick"):
        yield row("HTTP, first answers", who, "answers/s", [one["cold"][who]["per_second"] for one in rounds])
    for case, what in (("phones_50", "TFTP, 50 phones"), ("phones_500", "TFTP, 500 phones"), ("phones_2000", "TFTP, 2,000 phones")):
        for who in sorted(rounds[0]["tftp"][case], key=lambda name: (name != "ours", name)):
            storms = [one["tftp"][case][who] for one in rounds]
            remark = f"{sum(storm['failed'] for storm in storms)} failed, {sum(storm['timeouts'] for storm in storms)} packets asked for again"
            yield row(what, who, "files/s", [storm["tps"] for storm in storms], remark)
    for who in ("ours", "atftpd"):
        loads = [one["tftp"]["firmware"][who] for one in rounds]
        remark = f"{sum(load['failed'] for load in loads)} failed, grew by {max(load['grew_mb'] for load in loads):.1f} MB at most"
        yield row("TFTP, 20 MB to 8 phones", who, "MB/s", [load["mbs"] for load in loads], remark)


def write(result: Mapping[str, Any]) -> None:
    """Write the page."""
    where = result["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in where["versions"].items())
    lines = [
        "# Performance",
        "",
        "Written by `make bench` from `bench/results/latest.json`; how it measures is in [bench/README.md](../bench/README.md).",
        "",
        f"Measured {result['at'][:10]} on {where['cpus']} cores of {where['cpu']}, {where['memory_gb']} GB, Linux {where['kernel']}, Python {where['python']}, over loopback; "
        f"load average before it {where['load_before']:.1f}. Beside {versions}. "
        f"{len(result['rounds'])} rounds, {result['devices']:,} devices, {result['families']} families, {result['file_bytes']:,.0f} bytes a file; the servers that only hand out files have the same bytes.",
        "All of a server's processes share one core, the client has another. Where others work on the same machine, single numbers move by half and more: read the ratios, which are made of pairs.",
        "",
        "## Marks",
        "",
        "| what | mark | median (failures: sum) | rounds, from to | |",
        "| --- | --- | --- | --- | --- |",
        *(
            f"| {one['what']} | {_mark(one)} | {_number(one['number'], one['unit'])} | {_number(one['low'], one['unit'])} to {_number(one['high'], one['unit'])} | {_verdict(one)} |"
            for one in result["verdicts"]
        ),
        "",
        "Not measured by this run: " + "; ".join(UNMEASURED) + ".",
        "",
        "## What was seen",
        "",
        "| what | server | median | rounds, from to | |",
        "| --- | --- | --- | --- | --- |",
        *_seen(result),
    ]
    PAGE.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    kept = json.loads((HERE / "results" / "latest.json").read_text())
    write({**kept, "verdicts": verdicts(kept["rounds"])})
