"""Assets: firmware, pictures and ring tones that phones fetch as they lie in the server's folder."""

from __future__ import annotations

from typing import Any

from provisioner.admin import Admin
from provisioner.errors import StoreTrouble
from provisioner.rights import LOOK


def listed(admin: Admin) -> list[dict[str, Any]]:
    """Return each folder that a family's phones ask in, with its files by name; one that is not there has none.

    Raises StoreTrouble where the folder cannot be read.
    """
    admin.rights.need(LOOK)
    asked: dict[str, set[str]] = {}
    for family in admin.catalog.families.values():
        for rule in family.files:
            if rule.asset:
                asked.setdefault(rule.asset, set()).add(family.slug)
    return [{"folder": folder, "families": sorted(slugs), "files": _files(admin, folder)} for folder, slugs in sorted(asked.items())]


def _files(admin: Admin, folder: str) -> list[dict[str, Any]]:
    where = admin.config.assets_folder / folder
    try:
        found = sorted(file for file in where.iterdir() if file.is_file()) if where.is_dir() else []
        return [{"name": file.name, "bytes": file.stat().st_size} for file in found]
    except OSError as why:
        raise StoreTrouble(f"{where}: {why.strerror}; check its owner") from None
