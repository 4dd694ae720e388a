"""A bundle: files that leave the server in one folder, with a signed manifest of what they are.

The manifest lists size and SHA-256 of each file, who made the bundle, for whom, and until when; it is signed with Ed25519 by the
server's bundle.key, which lies beside server.key. A folder is written beside its place and put there by one exchange, so that whoever
looks finds the old bundle or the new one. Nothing that is not ours is written over or taken away.
"""

from __future__ import annotations

import base64
import ctypes
import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from provisioner import seal
from provisioner.errors import BadValue, NotHere, ProvisionerError, StoreTrouble

MANIFEST = "MANIFEST.provisioner"
KEY_FILE = "bundle.key"
MOST_FILES = 100_000
LONGEST_MANIFEST = 32 * 1024 * 1024
LARGEST = 2**32 - 1  # of a file: FAT holds no larger one
_HEAD = "provisioner bundle 1"
_LEFT = (".new", ".old")  # what a writing that was stopped leaves beside its folder
_BLOCK = 1024 * 1024
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?")
Body = bytes | Path  # of a file: what it holds, or the file that holds it


class Signer:
    """Holds the key with which a server signs; repr shows the public one."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        """private: as `at` reads it."""
        self._private = private

    def __repr__(self) -> str:
        """Return the public key alone."""
        return f"Signer({self.public})"

    @classmethod
    def at(cls, state: Path) -> Signer:
        """Return the signer of a state folder; its key is made where it is missing. Raises StoreTrouble."""
        return cls(Ed25519PrivateKey.from_private_bytes(seal.key_of(state / KEY_FILE)))

    @property
    def public(self) -> str:
        """The public key as people write it: ed25519:BASE64."""
        return f"ed25519:{base64.b64encode(self._private.public_key().public_bytes_raw()).decode()}"

    def sign(self, body: bytes) -> bytes:
        """Return the signature of a manifest's text, 64 bytes (RFC 8032)."""
        return self._private.sign(_signed(body))


def _signed(body: bytes) -> bytes:
    return f"{_HEAD}\n".encode() + body  # says what is signed, so that no other text of this key can stand for a manifest


def public_key(text: str) -> str:
    """Return a public key in its one spelling; raises BadValue."""
    return f"ed25519:{base64.b64encode(_public(text).public_bytes_raw()).decode()}"


def _public(text: str) -> Ed25519PublicKey:
    try:
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(text.strip().removeprefix("ed25519:"), validate=True))
    except ValueError:
        raise BadValue(f"{text[:80]!r} is not a server's public key; write ed25519: and what `provisioner export key` prints behind it") from None


@dataclass(frozen=True)
class Entry:
    """One file: its size in bytes, and its SHA-256 in hex."""

    size: int
    sha256: str


@dataclass(frozen=True)
class About:
    """What a manifest says of a bundle besides its files.

    kind: what it is, such as usb; made_at, expires_at: UTC, ISO 8601, the latter empty for a bundle without end.
    made_by: the operator; made_for: who takes it; facts: what this kind has to say more, no secrets.
    """

    kind: str
    made_at: str
    expires_at: str = ""
    made_by: str = ""
    made_for: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)

    def expired(self, now: datetime) -> bool:
        """Return True where its time is over. now: UTC."""
        return bool(self.expires_at) and now >= datetime.fromisoformat(self.expires_at)


@dataclass(frozen=True)
class Manifest:
    """What a bundle holds: About, the files by name, and the public key that signed it."""

    about: About
    files: Mapping[str, Entry]
    key: str = ""


def described(kind: str, now: datetime, days: int | None, made_by: str, made_for: str = "", facts: Mapping[str, str] | None = None) -> About:
    """Return what a bundle says of itself. now: UTC; days: after which it expires, None for never."""
    ends = (now + timedelta(days=days)).isoformat(timespec="seconds") if days is not None else ""
    return About(kind, now.isoformat(timespec="seconds"), ends, made_by, made_for, dict(facts or {}))


# The manifest as a file: three lines, an empty one, and the JSON that is signed byte for byte.


def written(manifest: Manifest, signer: Signer) -> bytes:
    """Return the manifest as its file: signed, and the same bytes for the same manifest."""
    said = {**asdict(manifest.about), "files": {name: [entry.size, entry.sha256] for name, entry in sorted(manifest.files.items())}}
    body = json.dumps(said, indent=1, ensure_ascii=True).encode() + b"\n"
    signature = base64.b64encode(signer.sign(body)).decode()
    return f"{_HEAD}\nkey {signer.public}\nsignature {signature}\n\n".encode() + body


def read(raw: bytes) -> Manifest:
    """Return a manifest whose signature is that of the key which it names; raises BadValue. Whose key that is, is another question."""
    head, _, body = raw.partition(b"\n\n")
    lines = re.fullmatch(rb"provisioner bundle (\d+)(?:\nkey (\S+)\nsignature (\S+))?", head)
    if not lines:
        raise BadValue(f"{MANIFEST} is not a manifest of ours, or its beginning was changed; make the bundle again")
    if lines[1] != b"1" or not lines[2]:
        raise BadValue(f"{MANIFEST} is of version {lines[1].decode()[:9]}, and this server reads 1; use the server that wrote it, or a newer one")
    key = public_key(lines[2].decode("ascii", "replace"))
    try:
        _public(key).verify(base64.b64decode(lines[3], validate=True), _signed(body))
    except (InvalidSignature, ValueError):
        raise BadValue(f"{MANIFEST} was changed since it was signed; make the bundle again") from None
    try:
        return _manifest(json.loads(body), key)
    except (BadValue, ValueError, TypeError, RecursionError) as why:
        raise BadValue(f"{MANIFEST} is signed, but cannot be read: {why}") from None


def _manifest(said: Any, key: str) -> Manifest:
    """Return what the JSON of a manifest says: every field, of its type, and no other."""
    names = [one.name for one in fields(About)]
    if not isinstance(said, dict) or set(said) != {*names, "files"}:
        raise ValueError(f"it must say {', '.join(names)} and files, and nothing else")
    files, facts = said.pop("files"), said.pop("facts")
    if not all(isinstance(value, str) for value in (*said.values(), *(facts.values() if isinstance(facts, dict) else [0]))):
        raise ValueError("what it says of the bundle must be text")
    if not isinstance(files, dict) or len(files) > MOST_FILES:
        raise ValueError(f"files must be a table of at most {MOST_FILES:,} files")
    for moment in (said["made_at"], said["expires_at"] or said["made_at"]):
        if datetime.fromisoformat(moment).tzinfo is None:
            raise ValueError(f"{moment!r} is no time in UTC")
    check_names(files)
    entries = {}
    for name, entry in files.items():
        if not (isinstance(entry, list) and len(entry) == 2 and type(entry[0]) is int and 0 <= entry[0] <= LARGEST and isinstance(entry[1], str) and re.fullmatch("[0-9a-f]{64}", entry[1])):
            raise ValueError(f"the file {name!r} must have a size and a SHA-256")
        entries[name] = Entry(entry[0], entry[1])
    return Manifest(About(**said, facts=facts), entries, key)


def check_names(names: Iterable[str]) -> None:
    """Raise BadValue where names cannot all stand in one folder of any file system, FAT too.

    A name is a path within the folder, its parts divided by /. Two that differ in case alone are one file on FAT.
    """
    taken: dict[str, str] = {MANIFEST.casefold(): MANIFEST}
    folders: dict[str, str] = {}
    for name in names:
        parts = name.split("/")
        if not name or len(name) > 400 or len(parts) > 8 or not all(map(safe, parts)):
            raise BadValue(f"{name[:80]!r} cannot be the name of a file in a bundle: letters, digits, blank, and . _ - + ( ) @ alone, no reserved word of Windows, at most 255 of them")
        if taken.setdefault(name.casefold(), name) != name or name == MANIFEST:
            raise BadValue(f"the names {taken[name.casefold()]!r} and {name!r} are one file on a stick; rename one of them")
        for depth in range(1, len(parts)):
            folder = "/".join(parts[:depth])
            if folders.setdefault(folder.casefold(), folder) != folder:
                raise BadValue(f"the folders {folders[folder.casefold()]!r} and {folder!r} are one on a stick; rename one of them")
    clash = taken.keys() & folders.keys()
    if clash:
        raise BadValue(f"{sorted(clash)[0]!r} is a file and a folder at once; rename one of them")


def safe(part: str) -> bool:
    """Return True where every file system takes this name, FAT and Windows too.

    >>> safe("805ec0d57d72_212_Ana.cfg"), safe("aux.cfg"), safe("a."), safe(".."), safe("a:b")
    (True, False, False, False, False)
    """
    return bool(re.fullmatch(r"[A-Za-z0-9_.+()@ -]{1,255}", part)) and part[-1] not in ". " and part[0] != " " and not _RESERVED.fullmatch(part)


# Where files lie: a folder, or what a ZIP or an image was read into.


class Folder(Mapping[str, Body]):
    """The regular files in a folder, by name; links are followed nowhere, and stand among the names as what cannot be read."""

    def __init__(self, root: Path) -> None:
        """root: a folder; raises NotHere where it is none."""
        self.root = root
        if not root.is_dir():
            raise NotHere(f"there is no folder {root}; check its name, and that the stick is mounted")
        try:
            self._names = sorted(self._walk(root, ""))
        except OSError as fault:
            raise StoreTrouble(f"{root}: {fault.strerror}; check its owner and the disk") from None

    def _walk(self, folder: Path, prefix: str) -> Iterator[str]:
        with os.scandir(folder) as found:
            for entry in found:
                if entry.is_dir(follow_symlinks=False):
                    yield from self._walk(Path(entry.path), f"{prefix}{entry.name}/")
                else:
                    yield prefix + entry.name

    def __iter__(self) -> Iterator[str]:
        """Yield the names in order."""
        return iter(self._names)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._names)

    def __getitem__(self, name: str) -> Path:
        """Return the file of a name; raises KeyError, also where it is a link or none to read."""
        path = self.root / name
        if name not in self._names or not stat.S_ISREG(path.lstat().st_mode):
            raise KeyError(name)
        return path


def digest(body: Body) -> Entry:
    """Return size and SHA-256 of what a file holds; raises OSError."""
    if isinstance(body, bytes):
        return Entry(len(body), hashlib.sha256(body).hexdigest())
    total, size = hashlib.sha256(), 0
    with open(os.open(body, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)  # what lies on the stick, not what the system remembers of it
        while block := file.read(_BLOCK):
            total.update(block)
            size += len(block)
    return Entry(size, total.hexdigest())


# Reading a bundle.


@dataclass(frozen=True)
class Verdict:
    """What is true of a bundle's files: each a tuple of names. extra: files that the manifest does not list."""

    manifest: Manifest
    changed: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Every file that the manifest lists is there, and as it was written."""
        return not self.changed and not self.missing

    def faults(self) -> list[str]:
        """Return a sentence for each file that is not as it was written."""
        return [f"{name} was changed" for name in self.changed] + [f"{name} is missing" for name in self.missing]


def manifest_of(files: Mapping[str, Body]) -> Manifest:
    """Return the manifest of a bundle's files; raises NotHere where there is none, BadValue where it is not as it was signed."""
    try:
        raw = files[MANIFEST]
        if isinstance(raw, Path):
            with open(os.open(raw, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
                raw = file.read(LONGEST_MANIFEST + 1)
    except KeyError:
        raise NotHere(f"there is no {MANIFEST}, so this is no bundle of a server; name what `provisioner export` wrote") from None
    except OSError as fault:
        raise StoreTrouble(f"{MANIFEST}: {fault.strerror}; check its owner and the disk") from None
    if len(raw) > LONGEST_MANIFEST:
        raise BadValue(f"{MANIFEST} is longer than any that a server writes; make the bundle again")
    return read(raw)


def verify(files: Mapping[str, Body], trusted: Collection[str] | None = None) -> Verdict:
    """Return what is true of a bundle, every file read.

    trusted: the public keys of servers that may have made it; None for any. Raises BadValue where the manifest is not as it was signed,
    or another's, NotHere where there is none, StoreTrouble where a file cannot be read.
    """
    manifest = manifest_of(files)
    if trusted is not None and manifest.key not in map(public_key, trusted):
        raise BadValue(f"this bundle was signed by {manifest.key}, which is not a key that is trusted here; compare it with `provisioner export key` on the server that made it")
    changed, missing = [], []
    for name, entry in manifest.files.items():
        try:
            if digest(files[name]) != entry:
                changed.append(name)
        except KeyError:
            missing.append(name)
        except OSError as fault:
            raise StoreTrouble(f"{name} cannot be read ({fault.strerror}); check the disk, and make the bundle again") from None
    extra = [name for name in files if name != MANIFEST and name not in manifest.files]
    return Verdict(manifest, tuple(changed), tuple(missing), tuple(extra))


def opened(folder: Path) -> Folder:
    """Return the files of a bundle's folder; what a writing that was stopped left of it is put back first."""
    _put_back(folder)
    return Folder(folder)


# Writing a folder.


def sealed(files: Mapping[str, Body], about: About, signer: Signer) -> dict[str, Body]:
    """Return a bundle's files with their manifest; raises BadValue where their names cannot stand beside each other."""
    check_names(files)
    if len(files) > MOST_FILES:
        raise BadValue(f"a bundle holds at most {MOST_FILES:,} files; make several")
    return {**files, MANIFEST: written(Manifest(about, {name: digest(body) for name, body in files.items()}), signer)}


def write_folder(folder: Path, files: Mapping[str, Body], about: About, signer: Signer) -> Manifest:
    """Write a bundle as a folder, in place of an older bundle there; return its manifest.

    Everything is written beside the folder, brought to the disk and read back; then it takes the folder's place in one step. Files 0600.
    Raises BadValue where something in the folder is not of a bundle, or there is too little space; StoreTrouble where the disk says no.
    In each case what was there is there still.
    """
    whole = sealed(files, about, signer)
    fresh = _beside(folder, ".new")
    old: Collection[str] = ()
    with _alone(folder):
        try:
            old = _ours(folder)
            room_for(folder.parent, [len(body) if isinstance(body, bytes) else body.stat().st_size for body in whole.values()])
            _fill(fresh, whole)
            verdict = verify(Folder(fresh), [signer.public])
            if not verdict.whole:
                raise StoreTrouble(f"{folder}: what was written is not what is read back ({verdict.faults()[0]}); the disk or stick is broken, use another")
            _exchange(fresh, folder)
        except OSError as fault:
            raise StoreTrouble(f"{folder}: {fault.strerror}; check its owner, the disk, and that the stick is still there") from None
        finally:
            _remove(fresh, {*whole, *old})  # the old bundle now, or what did not come to its place
    return verdict.manifest


def write_file(path: Path, body: bytes) -> None:
    """Write one file beside its place, bring it to the disk, read it back, and put it there in one step; mode 0600.

    Raises BadValue where there is too little space, StoreTrouble where the disk says no; what was there is there still.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        room_for(path.parent, [len(body)])
        handle, fresh = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".new")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            if digest(Path(fresh)) != digest(body):
                raise StoreTrouble(f"{path}: what was written is not what is read back; the disk or stick is broken, use another")
            os.replace(fresh, path)
            _sync(path.parent)
        finally:
            Path(fresh).unlink(missing_ok=True)
    except OSError as fault:
        raise StoreTrouble(f"{path}: {fault.strerror}; check the folder's owner, the disk, and that the stick is still there") from None


def purge(folder: Path, force: bool = False) -> tuple[list[str], list[str]]:
    """Remove what the manifest lists and is as it was written; return the names removed, and those kept since they were changed.

    force: changed ones too. Files that are not listed stay, and so does the folder while it holds any. The manifest goes last, once
    nothing that it lists is left. Raises as `verify` does.
    """
    with _alone(folder):
        files = opened(folder)
        verdict = verify(files)
        removed: list[str] = []
        kept = [] if force else list(verdict.changed)
        try:
            for name in verdict.manifest.files:
                if name not in kept and name not in verdict.missing:
                    files[name].unlink()
                    removed.append(name)
            if not kept:
                (folder / MANIFEST).unlink()
            _sweep(folder)
            _prune(folder, verdict.manifest.files)
        except OSError as fault:
            raise StoreTrouble(f"{folder}: {fault.strerror}; check its owner and the disk") from None
    return removed, kept


def room_for(folder: Path, sizes: Iterable[int]) -> None:
    """Raise BadValue where a file system has too little space for files of these sizes in bytes; raises OSError."""
    room = os.statvfs(folder)
    block = max(room.f_frsize, 512)
    need = sum((-(-size // block) + 1) * block for size in sizes)  # a file fills whole blocks, and its name takes some
    free = room.f_bavail * room.f_frsize
    if need > free:
        raise BadValue(f"{folder} has {free / 1e6:,.1f} MB free, and {need / 1e6:,.1f} MB are needed; make room there, or choose another place")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder above, so that no two write or purge beside each other."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise StoreTrouble(f"{folder.parent}: {fault.strerror}; check its owner, and that the stick is mounted") from None
    with held(folder.parent, StoreTrouble(f"another command is writing in {folder.parent}; wait until it is done")):
        yield


@contextmanager
def held(folder: Path, busy: ProvisionerError) -> Iterator[None]:
    """Hold a folder, so that no other process of ours holds it meanwhile; raises `busy` where one does, StoreTrouble where it cannot be opened."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as fault:
        raise StoreTrouble(f"{folder}: {fault.strerror}; check its owner, and that the stick is mounted") from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise busy from None
        except OSError:
            pass  # a file system without locks, such as some network drives
        yield
    finally:
        os.close(handle)


def _beside(folder: Path, end: str) -> Path:
    return folder.with_name(f".{folder.name}{end}")


def _put_back(folder: Path) -> None:
    """Bring back a bundle that was put aside by a writing which was stopped before the new one came into its place."""
    old = _beside(folder, ".old")
    try:
        if not os.path.lexists(folder) and (old / MANIFEST).is_file():
            os.rename(old, folder)
    except OSError:
        pass  # a stick that takes no writes: there is no folder then, and that is what is said


def _sweep(folder: Path) -> None:
    """Take away what a writing that was stopped left beside a folder, under names that only a writing makes."""
    _put_back(folder)
    for end in _LEFT:
        left = _beside(folder, end)
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left)


def _ours(folder: Path) -> Collection[str]:
    """Return the names of an older bundle's files in a folder, none where there is no folder or nothing in it.

    Raises BadValue where the folder holds anything else, OSError.
    """
    _sweep(folder)
    if not os.path.lexists(folder):
        return ()
    if folder.is_symlink():
        raise BadValue(f"{folder} is a link; name the folder that it leads to")
    files = Folder(folder)
    if not files and not any(folder.iterdir()):
        return ()
    try:
        verdict = verify(files)
    except NotHere:
        raise BadValue(f"{folder} holds files that are not of a bundle, such as {next(iter(files), 'a folder')}; name a folder that is not there yet") from None
    strange = [*verdict.extra, *verdict.changed]
    if strange:
        raise BadValue(f"{folder} holds {strange[0]}, which is not as a bundle left it; move it elsewhere, or name another folder")
    return [*verdict.manifest.files, MANIFEST]


def _fill(folder: Path, files: Mapping[str, Body]) -> None:
    """Write files in a new folder and bring them to the disk; the manifest comes last."""
    folder.mkdir(mode=0o700)
    for name, body in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as file:
            if isinstance(body, bytes):
                file.write(body)
            else:
                with open(body, "rb") as source:
                    shutil.copyfileobj(source, file, _BLOCK)
            file.flush()
            os.fsync(file.fileno())
    for inner in {parent for name in files for parent in Path(name).parents}:
        _sync(folder / inner)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    except OSError as fault:
        if fault.errno not in (errno.EINVAL, errno.EOPNOTSUPP):  # network drives bring a folder to the disk by themselves, and say so like this
            raise
    finally:
        os.close(handle)


def _exchange(fresh: Path, folder: Path) -> None:
    """Put the new folder in its place, and what was there in the place of the new one: in one step, where the system can."""
    if not os.path.lexists(folder):
        os.rename(fresh, folder)
    elif not _swap(fresh, folder):
        old = _beside(folder, ".old")  # two steps: `_put_back` mends a stop between them
        os.rename(folder, old)
        os.rename(fresh, folder)
        os.rename(old, fresh)
    _sync(folder.parent)


def _swap(one: Path, other: Path) -> bool:
    """Exchange two folders in one step; False where this system or file system cannot. Source: renameat2(2), RENAME_EXCHANGE."""
    swap = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if swap is None:
        return False
    here, exchange = -100, 2
    if swap(here, os.fsencode(one), here, os.fsencode(other), exchange) == 0:
        return True
    fault = ctypes.get_errno()
    if fault in (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
        return False
    raise OSError(fault, os.strerror(fault))


def _remove(folder: Path, names: Collection[str]) -> None:
    """Take away the files of a bundle that is in nobody's way any more; what else came into it meanwhile stays, for it is not ours."""
    try:
        for name in names:
            (folder / name).unlink(missing_ok=True)
        _prune(folder, names)
    except OSError:
        pass  # it is beside the bundle, hidden, and the next writing takes it away


def _prune(folder: Path, names: Iterable[str]) -> None:
    """Take away the folders of these files, and the folder itself, where they are empty."""
    inner = {parent for name in names for parent in Path(name).parents}
    for one in sorted(inner | {Path()}, key=lambda path: -len(path.parts)):
        try:
            (folder / one).rmdir()
        except OSError as fault:
            if fault.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT, errno.EBUSY):
                raise


__all__ = [
    "KEY_FILE", "LARGEST", "MANIFEST", "MOST_FILES", "About", "Body", "Entry", "Folder", "Manifest", "Signer", "Verdict", "check_names", "described", "digest",
    "manifest_of", "opened", "public_key", "purge", "read", "room_for", "safe", "sealed", "verify", "write_file", "write_folder", "written",
]  # fmt: skip
