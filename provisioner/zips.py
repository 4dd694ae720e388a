"""ZIP files that leave the server and come back: packed by the standard library, with a passphrase as ZIP-AES, and read without trust."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pyzipper  # type: ignore[import-untyped]

from provisioner import bundle
from provisioner.errors import BadValue, StoreTrouble

MOST_OF_ONE = 50_000_000  # bytes, unpacked
MOST = 1_000_000_000
RATIO = 100  # of unpacked to packed bytes; configuration files keep far below it
_SMALL = 100_000  # bytes, below which the ratio says nothing
_PLAIN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def packed(files: Mapping[str, bytes], at: datetime, passphrase: str = "") -> bytes:
    """Return a ZIP of files by name; without a passphrase the same files give the same bytes.

    at: the time that every file bears, 1980 to 2107. With a passphrase it is ZIP-AES of 256 bits, whose names everybody can read.
    """
    body = BytesIO()
    made: Any = pyzipper.AESZipFile(body, "w", compression=zipfile.ZIP_DEFLATED) if passphrase else zipfile.ZipFile(body, "w", compression=zipfile.ZIP_DEFLATED)
    with made as zipped:
        if passphrase:
            zipped.setpassword(passphrase.encode())
            zipped.setencryption(pyzipper.WZ_AES, nbits=256)
        for name in sorted(files):
            entry = (zipped.zipinfo_cls if passphrase else zipfile.ZipInfo)(name, at.timetuple()[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (stat.S_IFREG | 0o600) << 16
            zipped.writestr(entry, files[name])
    return body.getvalue()


class Zip(Mapping[str, bytes]):
    """The files in a ZIP, each unpacked when it is asked for; raises BadValue where the ZIP is none that a server writes."""

    def __init__(self, path: Path, passphrase: str = "") -> None:
        """passphrase: for ZIP-AES; raises BadValue, also where it is needed and wrong."""
        self._name, self._passphrase = path.name, passphrase
        try:
            self._zip = pyzipper.AESZipFile(path)
            entries = self._zip.infolist()
        except OSError as fault:
            raise StoreTrouble(f"{path}: {fault.strerror}; check its name and its mode") from None
        except (zipfile.BadZipFile, pyzipper.BadZipFile, ValueError, NotImplementedError, OverflowError) as why:
            raise BadValue(f"{path.name} is no ZIP that can be read ({why}); make it again") from None
        self._entries = {entry.filename: entry for entry in entries}
        self._judge(entries)
        self.locked = any(entry.flag_bits & 1 for entry in entries)
        if self.locked and not passphrase:
            raise BadValue(f"{path.name} is encrypted; give its passphrase with --passphrase-file")
        self._zip.setpassword(passphrase.encode())

    def _judge(self, entries: list[Any]) -> None:
        """Raise BadValue for what could harm who unpacks it: names that lead elsewhere, links, bombs."""
        if len(entries) > bundle.MOST_FILES:
            raise BadValue(f"{self._name} holds more than {bundle.MOST_FILES:,} files; it is not one that a server wrote")
        names = [entry.filename for entry in entries]
        if len(set(names)) != len(names):
            raise BadValue(f"{self._name} holds {max(names, key=names.count)[:80]!r} twice; it is not one that a server wrote")
        bundle.check_names(name for name in names if name != bundle.MANIFEST)
        for entry in entries:
            kind = stat.S_IFMT(entry.external_attr >> 16)
            if entry.orig_filename != entry.filename or kind not in (0, stat.S_IFREG) or entry.is_dir():
                raise BadValue(f"{self._name} holds {entry.filename[:80]!r}, which is no plain file; it is not one that a server wrote")
            if entry.compress_type not in _PLAIN:
                raise BadValue(f"{self._name} holds {entry.filename[:80]!r}, packed in a way that is not read here; it is not one that a server wrote")
            if entry.file_size > MOST_OF_ONE or (entry.file_size > _SMALL and entry.file_size > RATIO * max(entry.compress_size, 1)):
                raise BadValue(f"{self._name} holds {entry.filename[:80]!r}, which would unpack to {entry.file_size:,} bytes; it is not unpacked")
        if sum(entry.file_size for entry in entries) > MOST:
            raise BadValue(f"{self._name} would unpack to more than {MOST:,} bytes; it is not unpacked")

    def __iter__(self) -> Iterator[str]:
        """Yield the names in order."""
        return iter(sorted(self._entries))

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._entries)

    def __getitem__(self, name: str) -> bytes:
        """Return what a file holds, no more than its entry says; raises KeyError, BadValue."""
        entry = self._entries[name]
        try:
            with self._zip.open(entry) as file:
                body: bytes = file.read(entry.file_size + 1)
                file.read()  # to the end, where its checksum is compared
        except RuntimeError:
            raise BadValue(f"{self._name} does not open with this passphrase; give the one that it was made with") from None
        except (zipfile.BadZipFile, pyzipper.BadZipFile, zlib.error, ValueError, EOFError, OSError, NotImplementedError) as why:
            raise BadValue(f"{self._name} is damaged at {name} ({why}); make it again") from None
        if len(body) != entry.file_size:
            raise BadValue(f"{self._name} holds more in {name} than it says; it is not unpacked")
        return body
