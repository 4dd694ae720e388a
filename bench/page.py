"""Write docs/performance.md from what lies in bench/results: `python bench/page.py`."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
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


def _growth(result: Mapping[str, Any]) -> Iterator[str]:
    sizes = result["sizes"]
    yield "## Growth"
    yield ""
    yield (
        f"`make growth`, {result['at'][:10]}: one store, devices of {result['families']} families, a thousand to a site, each with an account, a line and three rows of history. Answers are those of one process's "
        "HTTP door, without the wire, to as many different phones; commands are the whole `provisioner …` in CPU-seconds, half a second of which is Python's start."
    )
    yield ""
    yield "| | " + " | ".join(f"{size['devices']:,}" for size in sizes) + " |"
    yield "| --- |" + " ---: |" * len(sizes)

    def row(what: str, number: Callable[[Mapping[str, Any]], str]) -> str:
        return f"| {what} | " + " | ".join(map(number, sizes)) + " |"

    yield row("store", lambda size: f"{size['store_mb']:,.0f} MB")
    yield row("kept answer", lambda size: f"{size['warm_us']:.1f} µs")
    yield row("kept answer after a change elsewhere", lambda size: f"{size['checked_us']:.1f} µs")
    yield row("first answer", lambda size: f"{size['cold_us']:,.0f} µs")
    yield row("a device looked up", lambda size: f"{size['lookup_us']:.1f} µs")
    yield row("a MAC that nobody added looked up", lambda size: f"{size['nobody_us']:.1f} µs")
    yield row("memory of a server that has answered 500", lambda size: f"{size['server_mb']:,.0f} MB")
    for what in sizes[0]["commands"]:
        yield row(f"`{what}`", lambda size, what=what: _command(size["commands"][what]))
    yield ""
    most = sizes[-1]
    wide, search = most["commands"]["set defaults"], most["commands"]["device list --search"]
    if most["devices"] < 1_000_000 or not wide["cpu"] or not search["cpu"]:
        return
    yield (
        f"**The next limit, at ten million (on paper).** Look-ups grow with the depth of a tree, so answers do not meet it. What does: a setting for everyone gives each device a new revision, in one transaction of "
        f"{wide['cpu']:.0f} s with a million, so {wide['cpu'] * 10:.0f} s with ten, while other writers are sent away after five. Cure: a revision of each layer beside that of the device, of which the newest counts; then "
        "a wide setting is one row, and an answer's key seven numbers instead of one."
    )
    yield (
        f"A search reads every device ({search['cpu']:.0f} s, then {search['cpu'] * 10:.0f} s); cure: SQLite's full-text index with trigrams, kept by triggers. The file would be {most['store_mb'] / 100:,.0f} GB, two thirds of it history; "
        "cure: history older than a year goes to a file of its own. One machine's disk and one writer are then what is left, and the stores are the one room that would change."
    )


def _command(one: Mapping[str, Any]) -> str:
    return "given up" if one["cpu"] is None else f"{one['cpu']:.1f} s, {one['mb']:,.0f} MB"


_WIRES = {"http": "HTTP", "tftp": "TFTP"}
_KINDS = {"first": "first answer", "kept": "kept answer"}


def costs(result: Mapping[str, Any]) -> Iterator[str]:
    """Give the tables of where each microsecond goes."""
    yield (
        f"`make costs`, {result['at'][:10]}, commit {result['commit']}: {result['file']} of {result['family']}, {result['file_bytes']:,} bytes, {result['blocks']} blocks over TFTP. "
        "Microseconds of CPU for one answer, a connection or transfer of its own each time."
    )
    yield ""
    yield "| process | " + " | ".join(f"{_WIRES[wire]}, {_KINDS[kind]}" for wire in _WIRES for kind in _KINDS) + " |"
    yield "| --- |" + " ---: |" * 4
    names = list(dict.fromkeys(name for wire in _WIRES for name in result["processes"][wire]["first"]))
    for name in names:
        yield f"| {name} | " + " | ".join(f"{result['processes'][wire][kind].get(name, 0):,.0f}" for wire in _WIRES for kind in _KINDS) + " |"
    yield "| **together** | " + " | ".join(f"**{sum(result['processes'][wire][kind].values()):,.0f}**" for wire in _WIRES for kind in _KINDS) + " |"
    for wire, words in _WIRES.items():
        yield ""
        whose = "the HTTP process" if wire == "http" else "the TFTP process"
        rest = "granian, its threads, the kernel: sockets, wake-ups" if wire == "http" else "the loop's waiting, timers, the kernel"
        yield f"The steps within {whose}, each without those that it calls (times a call where it is not one):"
        yield ""
        yield f"| {words}: step | " + " | ".join(_KINDS.values()) + " |"
        yield "| --- | ---: | ---: |"
        kinds = {kind: {one["step"]: one for one in result["steps"][wire][kind]} for kind in _KINDS}
        for step in dict.fromkeys(step for kind in _KINDS for step in kinds[kind]):
            yield f"| {step} | " + " | ".join(_step(kinds[kind].get(step)) for kind in _KINDS) + " |"
        left = {kind: result["processes"][wire][kind][wire] - sum(one["us"] for one in result["steps"][wire][kind]) for kind in _KINDS}
        yield f"| {rest} | " + " | ".join(f"{left[kind]:,.1f}" if left[kind] > 0 else "less than the error" for kind in _KINDS) + " |"


def _step(one: Mapping[str, Any] | None) -> str:
    if one is None:
        return ""
    often = f" ({one['calls']:.1f} calls)" if abs(one["calls"] - 1) > 0.1 else ""
    return f"{one['us']:,.1f}{often}"


def pages(result: Mapping[str, Any]) -> Iterator[str]:
    """Give the table of what the console's pages cost."""
    yield (
        f"`make console`, {result['at'][:10]}, commit {result['commit']}, load average before it {result['machine']['load_before']:.1f}: {result['phones']:,} phones; the server's own time, without the wire. "
        "A page shall take at most 100 ms and 200 KB."
    )
    yield ""
    yield "| page | median | slowest | size | |"
    yield "| --- | ---: | ---: | ---: | --- |"
    for one in sorted(result["pages"], key=lambda row: -row["ms"]):
        missed = [words for words, over in (("too slow", one["ms"] > 100), ("too large", one["bytes"] > 200_000)) if over]
        yield f"| `{one['page']}` | {one['ms']:,.1f} ms | {one['worst_ms']:,.1f} ms | {one['bytes'] / 1000:,.1f} KB | {', '.join(missed) or 'met'} |"


def write() -> None:
    """Write the page."""
    profile, console = results.read("costs"), results.read("console")
    found = {kind: result for kind in KINDS if (result := results.read(kind))}
    missing = [f"`{_MAKES[kind]}`" for kind in KINDS if kind not in found]
    page = [
        "# Performance",
        "",
        "Written from `bench/results/` by `make bench`, `make storm`, `make growth`, `make costs` and `make console`; how they measure is in [bench/README.md](../bench/README.md).",
        "A commit with a + was measured with changes that were not in it yet.",
        "",
        "## Marks",
        "",
        *_marks(found),
        "",
        *([f"Not run yet: {', '.join(missing)}.", ""] if missing else []),
        *(_storm({kind: found[kind] for kind in ("storm", "crowd") if kind in found}) if "storm" in found or "crowd" in found else ()),
        "",
        *(_growth(found["growth"]) if "growth" in found else ()),
        "",
        *(["## Where each microsecond goes", "", *costs(profile), ""] if profile else []),
        *(["## The console's pages", "", *pages(console), ""] if console else []),
        *(_bench(found["latest"]) if "latest" in found else ()),
    ]
    PAGE.write_text("\n".join(page).rstrip("\n") + "\n")


if __name__ == "__main__":
    write()
