"""A FAT32 file system as an image: files in, bytes out, and the other way.

Our own, for it is small, needs no tool of the system and no right to mount, and the same files always give the same image. The image has
no table of partitions: written to a stick as it is, or opened as a disk image, every system mounts it.
Source: Microsoft, FAT: General Overview of On-Disk Format, version 1.03 (fatgen103).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count

from provisioner.errors import BadValue

SECTOR = 512  # bytes
_RESERVED = 32  # sectors before the first table
_FEWEST = 66_000  # clusters: with fewer than 65,525 it would be read as FAT16
_MOST = 4_000_000
_SPARE = 64  # clusters left free, so that a computer can write its own notes there
_END = 0x0FFFFFFF
_ENTRY = 32  # bytes
_MOST_ENTRIES = 65_536  # of a folder
_MOST_FILES = 100_000
_MOST_BYTES = 1_000_000_000  # that are read of one image
_DEEPEST = 16
_FOLDER, _LABEL, _LONG, _ARCHIVE = 0x10, 0x08, 0x0F, 0x20
_BAD = set('"*/:<>?\\|') | {chr(code) for code in range(32)} | {"\x7f"}
_SHORT = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'()-@^_`{}~")


@dataclass
class _Node:
    """A folder that is being laid out: its files and folders by name."""

    files: dict[str, bytes] = field(default_factory=dict)
    folders: dict[str, _Node] = field(default_factory=dict)


# Writing.


def image(files: Mapping[str, bytes], at: datetime, label: str = "PROVISION") -> bytes:
    """Return a FAT32 file system with these files, by name, folders divided by /.

    at: the time that every file bears, 1980 to 2107, as it stands there; label: at most 11 of A-Z, 0-9, _ and -.
    Raises BadValue where a name cannot be, two are one but for their case, or it is too much for one image.
    """
    root = _tree(files)
    heavy = sum(len(body) for body in files.values()) > 200_000_000
    per_cluster = SECTOR * (8 if heavy else 1)
    space = _Space(per_cluster)
    space.take(1)  # the root begins at cluster 2
    _lay(root, 2, 0, space, _stamp(at), _label_entry(label, _stamp(at)))
    clusters = max(_FEWEST, space.used + _SPARE)
    if clusters > _MOST:
        raise BadValue(f"{sum(len(body) for body in files.values()) / 1e9:,.1f} GB are too much for one image; export fewer phones, or write a ZIP")
    table = struct.pack(f"<{space.used + 2}I", 0x0FFFFFF8, _END, *space.chain)
    sectors = -(-(clusters + 2) * 4 // SECTOR)
    table = table.ljust(sectors * SECTOR, b"\0")
    serial = zlib.crc32(table + b"".join(space.data))
    boot = _boot(clusters, per_cluster // SECTOR, sectors, label, serial)
    info = _info(clusters - space.used, space.used + 2)
    reserved = bytearray(_RESERVED * SECTOR)
    for copy in (0, 6):
        reserved[copy * SECTOR : copy * SECTOR + 2 * SECTOR] = boot + info
    return b"".join((reserved, table, table, *space.data, bytes((clusters - space.used) * per_cluster)))


class _Space:
    """Gives out clusters, the first one being 2; chain: what the table says of each, data: what each holds, or nothing yet."""

    def __init__(self, size: int) -> None:
        """size: of a cluster in bytes."""
        self.size, self.chain, self.data = size, [], []  # type: int, list[int], list[bytes]

    @property
    def used(self) -> int:
        """How many are given out."""
        return len(self.chain)

    def take(self, count: int) -> int:
        """Return the first of so many clusters in a row; 0 for none."""
        if not count:
            return 0
        first = self.used + 2
        self.chain += [*range(first + 1, first + count), _END]
        self.data += [b""] * count
        return first

    def more(self, last: int, count: int) -> None:
        """Make a chain that ends at `last` longer by so many clusters."""
        if count:
            self.chain[last - 2] = self.take(count)

    def put(self, first: int, body: bytes) -> None:
        """Write what the chain from `first` holds."""
        for start in range(0, max(len(body), 1), self.size):
            self.data[first - 2] = body[start : start + self.size].ljust(self.size, b"\0")
            first = self.chain[first - 2]

    def store(self, body: bytes) -> int:
        """Return the first cluster of what is put into new ones; 0 for nothing."""
        first = self.take(-(-len(body) // self.size))
        if first:
            self.put(first, body)
        return first


def _tree(files: Mapping[str, bytes]) -> _Node:
    root = _Node()
    for name in sorted(files):
        *above, last = name.split("/")
        node = root
        for part in above:
            node = node.folders.setdefault(part, _Node())
        node.files[last] = files[name]
    return root


def _lay(node: _Node, first: int, parent: int, space: _Space, stamp: bytes, head: bytes) -> None:
    """Put a folder and all that is in it into clusters. first: its own, one so far; head: the entries that it begins with."""
    names = [*node.folders, *node.files]
    both = node.folders.keys() & node.files.keys()
    if both:
        raise BadValue(f"{sorted(both)[0]!r} is a file and a folder at once, and both are one name on FAT; rename one of them")
    shorts = _shorts(names)
    entered = len(head) // _ENTRY + sum(len(_long_entries(name, shorts[name])) // _ENTRY + 1 for name in names)
    if entered > _MOST_ENTRIES:
        raise BadValue(f"{len(names):,} files are too many for one folder of an image; export fewer phones, or write a ZIP")
    space.more(first, max(-(-entered * _ENTRY // space.size), 1) - 1)
    entries = [head]
    for name in names:
        entries.append(_long_entries(name, shorts[name]))
        if name in node.folders:
            own = space.take(1)
            dots = _entry(b".          ", _FOLDER, own, 0, stamp) + _entry(b"..         ", _FOLDER, first if first != 2 else 0, 0, stamp)
            _lay(node.folders[name], own, first, space, stamp, dots)
            entries.append(_entry(shorts[name], _FOLDER, own, 0, stamp))
        else:
            body = node.files[name]
            entries.append(_entry(shorts[name], _ARCHIVE, space.store(body), len(body), stamp))
    space.put(first, b"".join(entries))


def _shorts(names: list[str]) -> dict[str, bytes]:
    """Return an 8.3 name of 11 bytes for each name of a folder; raises BadValue where the names cannot be there together."""
    found: dict[str, bytes] = {}
    taken: set[bytes] = set()
    lower: dict[str, str] = {}
    numbers: dict[tuple[str, str], int] = {}
    for name in names:
        if not name or name[-1] in ". " or set(name) & _BAD or len(name.encode("utf-16-le")) > 510:
            raise BadValue(f"{name[:80]!r} cannot be the name of a file on FAT; rename it")
        if lower.setdefault(name.casefold(), name) != name:
            raise BadValue(f"{lower[name.casefold()]!r} and {name!r} are one name on FAT; rename one of them")
    for name in sorted(names, key=lambda name: (not _is_short(name), name)):  # whose name is short already keeps it
        stem, dot, end = name.upper().rpartition(".")
        stem, end = (stem, end) if dot and stem else (name.upper(), "")
        stem, end = ("".join(char if char in _SHORT else "_" for char in part if char not in " .") for part in (stem, end))
        end = end[:3]
        short = _padded(stem, end)
        if not _is_short(name.upper()) or short in taken:
            for number in count(numbers.get((stem[:2], end), 1)):
                tail = f"~{number}"
                short = _padded(stem[: 8 - len(tail)] + tail, end)
                if short not in taken:
                    break
            numbers[stem[:2], end] = number
        taken.add(short)
        found[name] = short
    return found


def _padded(stem: str, end: str) -> bytes:
    return f"{stem[:8]:<8}{end:<3}".encode("ascii")


def _is_short(name: str) -> bool:
    """Return True where a name is an 8.3 name as it stands.

    >>> _is_short("GUIDE.HTM"), _is_short("Guide.htm"), _is_short("GUIDE.HTML")
    (True, False, False)
    """
    stem, _, end = name.partition(".")
    return 0 < len(stem) <= 8 and len(end) <= 3 and set(stem + end) <= _SHORT and not name.endswith(".")


def _long_entries(name: str, short: bytes) -> bytes:
    """Return the entries that hold a long name, which stand before its file's own; none where the short one says it."""
    if _is_short(name):
        return b""
    text = name.encode("utf-16-le")
    units = [*struct.unpack(f"<{len(text) // 2}H", text)]
    if len(units) % 13:
        units += [0, *[0xFFFF] * (12 - len(units) % 13)]
    check = _checksum(short)
    parts = [units[start : start + 13] for start in range(0, len(units), 13)]
    entries = []
    for number, part in reversed([*enumerate(parts, 1)]):
        order = number | (0x40 if number == len(parts) else 0)
        entries.append(struct.pack("<B5HBBB6HH2H", order, *part[:5], _LONG, 0, check, *part[5:11], 0, *part[11:]))
    return b"".join(entries)


def _checksum(short: bytes) -> int:
    total = 0
    for byte in short:
        total = ((total >> 1) | ((total & 1) << 7)) + byte & 0xFF
    return total


def _stamp(at: datetime) -> bytes:
    """Return a time as entries have it: two bytes of time, two of date, to two seconds."""
    return struct.pack("<HH", at.hour << 11 | at.minute << 5 | at.second // 2, at.year - 1980 << 9 | at.month << 5 | at.day)


def _entry(short: bytes, kind: int, cluster: int, size: int, stamp: bytes) -> bytes:
    return struct.pack("<11sBBB4s2sH4sHI", short, kind, 0, 0, stamp, stamp[2:], cluster >> 16, stamp, cluster & 0xFFFF, size)


def _label_entry(label: str, stamp: bytes) -> bytes:
    return _entry(f"{label:<11}".encode("ascii"), _LABEL, 0, 0, stamp)


def _boot(clusters: int, per_cluster: int, table: int, label: str, serial: int) -> bytes:
    total = _RESERVED + 2 * table + clusters * per_cluster
    block = struct.pack("<HBHBHHBHHHII", SECTOR, per_cluster, _RESERVED, 2, 0, 0, 0xF8, 0, 63, 255, 0, total)
    more = struct.pack("<IHHIHH12sBBBI11s8s", table, 0, 0, 2, 1, 6, b"", 0x80, 0, 0x29, serial, f"{label:<11}".encode("ascii"), b"FAT32   ")
    return (b"\xeb\x58\x90MSWIN4.1" + block + more).ljust(510, b"\0") + b"\x55\xaa"


def _info(free: int, following: int) -> bytes:
    return b"RRaA" + bytes(480) + struct.pack("<4sII12sI", b"rrAa", free, following, b"", 0xAA550000)


# Reading: what may have been changed by anybody.


def files(image: bytes) -> dict[str, bytes]:
    """Return the files of a FAT32 file system, by name; raises BadValue where it is none, or damaged.

    What two files hold in common, or a chain that goes in circles, makes it damaged: no more comes out than the image has bytes.
    """
    if len(image) < 64 * SECTOR or image[510:512] != b"\x55\xaa" or image[82:87] != b"FAT32":
        raise BadValue("this is no FAT32 image without partitions, as `provisioner export usb --to FILE.img` writes it")
    size, per_cluster, reserved, tables = struct.unpack_from("<HBHB", image, 11)
    table, root = struct.unpack_from("<I4xI", image, 36)
    start = (reserved + tables * table) * SECTOR
    if size != SECTOR or not per_cluster or not reserved or not tables or not table or start >= len(image):
        raise BadValue("the FAT32 image is damaged: its first sector does not fit its length; make it again")
    clusters = min((len(image) - start) // (per_cluster * SECTOR), table * SECTOR // 4 - 2)
    reader = _Reader(image, reserved * SECTOR, start, per_cluster * SECTOR, clusters)
    found: dict[str, bytes] = {}
    for name, body in reader.walk(root, "", 0):
        if name in found or len(found) >= _MOST_FILES:
            raise BadValue(f"the FAT32 image is damaged: it has {name[:80]!r} twice, or more than {_MOST_FILES:,} files; make it again")
        found[name] = body
    return found


class _Reader:
    """Reads chains of clusters, each cluster once."""

    def __init__(self, image: bytes, table: int, start: int, size: int, clusters: int) -> None:
        """table, start: where the table and the clusters begin, in bytes; size: of a cluster."""
        self._image, self._table, self._start, self._size, self._clusters = image, table, start, size, clusters
        self._seen: set[int] = set()
        self._left = _MOST_BYTES

    def _chain(self, cluster: int, most: int) -> Iterator[bytes]:
        while (most := most - self._size) > -self._size and cluster < 0x0FFFFFF8:
            if not 2 <= cluster < self._clusters + 2 or cluster in self._seen:
                raise BadValue("the FAT32 image is damaged: a chain of clusters leads astray; make it again")
            self._seen.add(cluster)
            place = self._start + (cluster - 2) * self._size
            yield self._image[place : place + self._size]
            cluster = struct.unpack_from("<I", self._image, self._table + 4 * cluster)[0] & 0x0FFFFFFF

    def walk(self, cluster: int, prefix: str, depth: int) -> Iterator[tuple[str, bytes]]:
        """Yield name and body of each file of a folder and of those in it."""
        if depth > _DEEPEST:
            raise BadValue("the FAT32 image has folders in folders without end; make it again")
        raw = b"".join(self._chain(cluster, _MOST_ENTRIES * _ENTRY))
        long: dict[int, bytes] = {}
        for place in range(0, len(raw), _ENTRY):
            entry = raw[place : place + _ENTRY]
            if entry[0] == 0:
                return
            if entry[0] == 0xE5:
                long = {}
            elif entry[11] & 0x3F == _LONG:
                long[entry[0] & 0x3F] = entry[1:11] + entry[14:26] + entry[28:32]
            elif entry[11] & _LABEL:
                long = {}
            else:
                name, long = _name(entry, long), {}
                high, low, length = struct.unpack_from("<H4xHI", entry, 20)
                if name in (".", ".."):
                    continue
                if entry[11] & _FOLDER:
                    yield from self.walk(high << 16 | low, f"{prefix}{name}/", depth + 1)
                else:
                    self._left -= length
                    if self._left < 0:
                        raise BadValue(f"the FAT32 image holds more than {_MOST_BYTES:,} bytes, which no server writes; it is not read")
                    body = b"".join(self._chain(high << 16 | low, length))
                    if len(body) < length:
                        raise BadValue(f"the FAT32 image is damaged: {name[:80]!r} is cut off; make it again")
                    yield prefix + name, body[:length]


def _name(entry: bytes, long: dict[int, bytes]) -> str:
    """Return the long name where there is one, else the short one."""
    if long:
        units = b"".join(long[number] for number in sorted(long)).decode("utf-16-le", "replace")
        return units.partition("\0")[0].replace("/", "?")
    stem, end = (part.decode("ascii", "replace").rstrip() for part in (entry[:8], entry[8:11]))
    lower = entry[12]  # Windows writes lower case by two bits
    stem, end = (stem.lower() if lower & 8 else stem), (end.lower() if lower & 16 else end)
    return f"{stem}.{end}" if end else stem
