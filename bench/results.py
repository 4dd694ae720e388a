"""What was measured, kept as JSON in bench/results: one file a kind of run, with the time, the commit and the machine."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import processes

FOLDER = Path(__file__).parent / "results"
_MEASURED = ("provisioner", "templates", "requirements.lock")  # what a measurement is of


def read(kind: str) -> dict[str, Any]:
    """Return what the last run of a kind left, or nothing."""
    file = FOLDER / f"{kind}.json"
    return dict(json.loads(file.read_text())) if file.is_file() else {}


def write(kind: str, result: Mapping[str, Any]) -> Path:
    """Keep what a run measured; return the file."""
    FOLDER.mkdir(exist_ok=True)
    file = FOLDER / f"{kind}.json"
    file.write_text(json.dumps(result, indent=1) + "\n")
    return file


def about() -> dict[str, Any]:
    """Return when, where and of what something is measured."""
    return {"at": datetime.now(UTC).isoformat(timespec="seconds"), "commit": commit(), "machine": machine()}


def commit() -> str:
    """Return the commit that is measured, with a + where the server's files are not as in it."""

    def git(*words: str) -> str:
        return subprocess.run(["git", "-C", str(FOLDER.parent.parent), *words], capture_output=True, text=True, check=False).stdout.strip()

    return git("rev-parse", "--short", "HEAD") + ("+" if git("status", "--porcelain", "--", *_MEASURED) else "")


def machine() -> dict[str, Any]:
    """Return what a reader must know of where this was measured."""
    model = next((line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return {
        "cpu": model, "cpus": len(processes.CPUS), "memory_gb": round(memory), "kernel": platform.release(), "python": platform.python_version(), "load_before": os.getloadavg()[0],
    }  # fmt: skip
