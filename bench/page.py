"""Write docs/performance.md from what lies in bench/results: `python bench/page.py`."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import results
from marks import KINDS, verdicts

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "performance.md"
_MAKES = {"latest": "make bench", "storm": "make storm", "crowd": "make storm CROWD=1", "growth": "make growth"}


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if unit in ("transfers", "answers", "boots", "files") else f"{value:,.2f}"


def _mark(one: Mapping[str, Any]) -> str:
    if one["least"] is not None:
        return f"at least {one['least']:g} {one['unit']}"
    return f"at most {one['most']:g} {one['unit']}" if one["most"] else f"no {one['unit']}"


def _verdict(one: Mapping[str, Any]) -> str:
    """Return in words how a mark stands; what is missed says by how much."""
    if one["number"] is None:
        return "no number"
    if not one["missed_by"]:
        return f"within it, but {one['lacks']}" if one["lacks"] else "met"
    words = f"missed by {_number(one['missed_by'], one['unit'])}"
    goal = one["least"] if one["least"] is not None else one["most"]
    return f"{words} ({one['missed_by'] / goal:.0%})" if goal else words


def _spread(one: Mapping[str, Any]) -> str:
    return f"{_number(one['low'], one['unit'])} to {_number(one['high'], one['unit'])}" if one["rounds"] > 1 else ""


def lines(judged: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Give the lines for a terminal."""
    for one in judged:
        spread = f" ({_spread(one)})" if _spread(one) else ""
        yield f"{one['what']:<80} {_number(one['number'], one['unit']):>8} {one['unit']:<9}{spread}; {_mark(one)}: {_verdict(one)}"


def judged(kind: str, result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the verdicts on what a run left; only `make bench` has several rounds."""
    return verdicts(KINDS[kind], result.get("rounds", [result]))


def _marks(found: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield "| what | mark | measured | rounds, from to | | when, commit |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for kind, result in found.items():
        for one in judged(kind, result):
            yield f"| {one['what']} | {_mark(one)} | {_number(one['number'], one['unit'])} | {_spread(one)} | {_verdict(one)} | {result['at'][:16].replace('T', ' ')}, {result['commit']} |"


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


def _bench(result: Mapping[str, Any]) -> Iterator[str]:
    where, versions = result["machine"], ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    yield "## Beside others"
    yield ""
    yield (
        f"On {_machine(where)}; load average before it {where['load_before']:.1f}. Beside {versions}. {len(result['rounds'])} rounds, {result['devices']:,} devices, "
        f"{result['families']} families, {result['file_bytes']:,.0f} bytes a file; the servers that only hand out files have the same bytes."
    )
    yield "All of a server's processes share one core, the client has another. Where others work on the same machine, single numbers move by half and more: read the ratios, which are made of pairs."
    yield ""
    yield "| what | server | median | rounds, from to | |"
    yield "| --- | --- | --- | --- | --- |"
    yield from _seen(result)


def _machine(where: Mapping[str, Any]) -> str:
    return f"{where['cpus']} cores of {where['cpu']}, {where['memory_gb']} GB, Linux {where['kernel']}, Python {where['python']}, over loopback"


def _times(one: Mapping[str, float]) -> str:
    return f"{one['p50_ms']:,.1f} ms | {one['p99_ms']:,.0f} ms | {one['max_ms']:,.0f} ms |" if one else "- | - | - |"


def _storm(found: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield "## Many phones at once"
    for kind, result in found.items():
        yield ""
        wires = " and ".join(f"{count:,} over {wire.upper()}" for wire, count in sorted(result["wires"].items()))
        yield (
            f"**{_MAKES[kind]}**, {result['at'][:10]}: {result['phones']:,} phones of {result['families']} families start within {result['of_seconds']:g} s, {wires}; {result['files']:,} files, "
            f"{result['bytes'] / 1e6:,.0f} MB. Of the TFTP packets {result['loss']:g} % are lost each way, and phones send {result['duplicate']:g} % twice. "
            f"The server has all cores, and shares them with the phones. Load average before it {result['machine']['load_before']:.1f}."
        )
        if "crowd" in result:
            yield ""
            yield "The crowd meanwhile: " + ", ".join(f"{count:,} {what.replace('_', ' ')}" for what, count in result["crowd"].items()) + "."
        yield ""
        yield "| | half within | 99 of 100 within | all within |"
        yield "| --- | --- | --- | --- |"
        yield f"| a file | {_times(result['file'])}"
        for wire, times in result["by_wire"].items():
            yield f"| a file that is there, over {wire.upper()} | {_times(times)}"
        yield f"| a phone's whole boot | {_times(result['boot'])}"
        yield ""
        lost = f" {result['events']:,} events were kept, {result['events_lost']:,} lost." if result["events"] is not None else ""
        yield (
            f"{result['completed']:,} boots whole, {result['failed']:,} failed, {result['wrong']:,} files wrong. The server took {result['cpu']:.1f} CPU-seconds "
            f"({result['cpu'] / max(1, result['completed']) * 1000:.1f} ms a boot) and {result['peak_mb']:.0f} MB at most, all processes together, shared pages once; the phones took {result['client_cpu']:.1f} CPU-seconds "
            f"({result['client_cpu'] / result['cpu']:.0%} of the server's).{lost} {result['retried']:,} files were asked for a second time, {result['resent']:,} TFTP packets sent again by phones."
        )


def write() -> None:
    """Write the page."""
    found = {kind: result for kind in KINDS if (result := results.read(kind))}
    missing = [f"`{_MAKES[kind]}`" for kind in KINDS if kind not in found]
    page = [
        "# Performance",
        "",
        "Written from `bench/results/` by `make bench`, `make storm`, `make growth` and `make costs`; how they measure is in [bench/README.md](../bench/README.md).",
        "A commit with a + was measured with changes that were not in it yet.",
        "",
        "## Marks",
        "",
        *_marks(found),
        "",
        *([f"Not run yet: {', '.join(missing)}.", ""] if missing else []),
        *(_storm({kind: found[kind] for kind in ("storm", "crowd") if kind in found}) if "storm" in found or "crowd" in found else ()),
        "",
        *(_bench(found["latest"]) if "latest" in found else ()),
    ]
    PAGE.write_text("\n".join(page).rstrip("\n") + "\n")


if __name__ == "__main__":
    write()
