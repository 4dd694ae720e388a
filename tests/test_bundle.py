"""Bundles: a signed manifest, and a folder that is the old bundle or the new one, wherever its writing is stopped."""

from __future__ import annotations

import base64
import errno
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from provisioner import bundle
from provisioner.bundle import MANIFEST, About, Folder, Signer
from provisioner.errors import BadValue, NotHere, StoreTrouble

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
ABOUT = About("test", NOW.isoformat())
OLD = {"phones/805ec0d57d72.cfg": b"old", "guide.html": b"old guide", "gone.txt": b"old alone"}
NEW = {"phones/805ec0d57d72.cfg": b"new", "guide.html": b"new guide", "phones/more.cfg": b"new alone"}


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    (tmp_path / "state").mkdir()
    return Signer.at(tmp_path / "state")


def held(folder: Path) -> dict[str, bytes]:
    """Return what a bundle's folder holds, without its manifest."""
    return {name: Folder(folder)[name].read_bytes() for name in Folder(folder) if name != MANIFEST}


def test_a_bundle_is_read_back_as_it_was_written(tmp_path: Path, signer: Signer) -> None:
    about = bundle.described("usb", NOW, 30, "ana", "Rui Costa", {"language": "pt"})

    bundle.write_folder(tmp_path / "stick", NEW, about, signer)

    verdict = bundle.verify(bundle.opened(tmp_path / "stick"), [signer.public])
    assert (verdict.whole, verdict.extra, verdict.manifest.about) == (True, (), about)
    assert held(tmp_path / "stick") == NEW
    assert not about.expired(NOW + timedelta(days=29)) and about.expired(NOW + timedelta(days=30))


def test_the_servers_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path, signer: Signer) -> None:
    file = tmp_path / "state" / bundle.KEY_FILE
    assert file.stat().st_mode & 0o777 == 0o600
    assert Signer.at(tmp_path / "state").public == signer.public
    assert file.read_bytes().hex() not in repr(signer)


@pytest.mark.parametrize("name", [*NEW, MANIFEST])
def test_one_changed_byte_does_not_verify(tmp_path: Path, signer: Signer, name: str) -> None:
    bundle.write_folder(tmp_path / "b", NEW, ABOUT, signer)
    file = tmp_path / "b" / name
    for place in {0, file.stat().st_size // 2, file.stat().st_size - 1}:
        body = bytearray(file.read_bytes())
        body[place] ^= 1
        file.write_bytes(body)
        try:
            assert bundle.verify(Folder(tmp_path / "b")).changed == (name,)
        except BadValue as why:
            assert name == MANIFEST and "provisioner" in str(why)
        body[place] ^= 1
        file.write_bytes(body)
    assert bundle.verify(Folder(tmp_path / "b")).whole


def test_missing_and_extra_files_are_told_and_links_are_not_followed(tmp_path: Path, signer: Signer) -> None:
    bundle.write_folder(tmp_path / "b", NEW, ABOUT, signer)
    (tmp_path / "b" / "notes.txt").write_text("mine")
    (tmp_path / "elsewhere").write_bytes(b"new guide")
    (tmp_path / "b" / "guide.html").unlink()
    (tmp_path / "b" / "guide.html").symlink_to(tmp_path / "elsewhere")

    verdict = bundle.verify(Folder(tmp_path / "b"))

    assert (verdict.changed, verdict.missing, verdict.extra) == ((), ("guide.html",), ("notes.txt",))
    assert verdict.faults() == ["guide.html is missing"]


def test_a_bundle_of_another_server_is_not_trusted(tmp_path: Path, signer: Signer) -> None:
    (tmp_path / "other").mkdir()
    bundle.write_folder(tmp_path / "b", NEW, ABOUT, Signer.at(tmp_path / "other"))

    with pytest.raises(BadValue, match="not a key that is trusted here"):
        bundle.verify(Folder(tmp_path / "b"), [signer.public])


def test_the_same_bundle_is_the_same_bytes(signer: Signer) -> None:
    assert bundle.sealed(NEW, ABOUT, signer) == bundle.sealed(dict(reversed(NEW.items())), ABOUT, signer)


@pytest.mark.parametrize(
    "name", ["../a", "/a", "a/../b", "a//b", "", ".", "a\0b", "a\\b", "CON", "nul.cfg", "Lpt1.txt", "a.", "a ", " a", "a:b", "é.cfg", "a" * 256, MANIFEST.lower(), "x/" * 8 + "y"]
)
def test_a_name_that_no_stick_takes_is_refused(name: str) -> None:
    with pytest.raises(BadValue):
        bundle.check_names([name])


@pytest.mark.parametrize("names", [("a.cfg", "A.CFG"), ("a/x", "A/y"), ("a", "A/b")])
def test_names_that_are_one_on_a_stick_are_refused(names: tuple[str, str]) -> None:
    with pytest.raises(BadValue):
        bundle.check_names(names)


def signed(signer: Signer, body: bytes) -> bytes:
    """Return a manifest of any text, signed as ours are."""
    return f"provisioner bundle 1\nkey {signer.public}\nsignature {base64.b64encode(signer.sign(body)).decode()}\n\n".encode() + body


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b'{"kind": "x", "made_at": "2026-11-25T12:00:00+00:00", "expires_at": "", "made_by": "", "made_for": "", "facts": {}, "files": {"../x": [1, "00"]}}',
        b'{"kind": "x", "made_at": "2026-11-25T12:00:00+00:00", "expires_at": "", "made_by": "", "made_for": "", "facts": {}, "files": {"x": [-1, "00"]}}',
        b'{"kind": "x", "made_at": "2026-11-25T12:00:00", "expires_at": "", "made_by": "", "made_for": "", "facts": {}, "files": {}}',
        b'{"kind": "x", "made_at": "now", "expires_at": "", "made_by": "", "made_for": "", "facts": {}, "files": {}}',
        b'{"kind": 1, "made_at": "2026-11-25T12:00:00+00:00", "expires_at": "", "made_by": "", "made_for": "", "facts": {}, "files": {}}',
        b'{"kind": "x", "made_at": "2026-11-25T12:00:00+00:00", "expires_at": "", "made_by": "", "made_for": "", "facts": {"a": 1}, "files": {}}',
        b'{"kind": "x", "made_at": "2026-11-25T12:00:00+00:00", "expires_at": "", "made_by": "", "made_for": "", "facts": {}, "files": {}, "more": ""}',
        b"\xff\xfe",
    ],
)
def test_a_hostile_manifest_is_refused_with_a_sentence_though_it_is_signed(signer: Signer, body: bytes) -> None:
    with pytest.raises(BadValue, match=MANIFEST):
        bundle.read(signed(signer, body))


def test_what_is_not_ours_is_neither_written_over_nor_taken_away(tmp_path: Path, signer: Signer) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "holiday.jpg").write_bytes(b"mine")

    with pytest.raises(BadValue, match=r"holiday\.jpg"):
        bundle.write_folder(tmp_path / "b", NEW, ABOUT, signer)
    (tmp_path / "b" / "holiday.jpg").rename(tmp_path / "holiday.jpg")
    bundle.write_folder(tmp_path / "b", OLD, ABOUT, signer)
    (tmp_path / "holiday.jpg").rename(tmp_path / "b" / "holiday.jpg")
    with pytest.raises(BadValue, match=r"holiday\.jpg"):
        bundle.write_folder(tmp_path / "b", NEW, ABOUT, signer)

    assert held(tmp_path / "b") == OLD | {"holiday.jpg": b"mine"}
    assert bundle.purge(tmp_path / "b")[0] == sorted(OLD)
    assert held(tmp_path / "b") == {"holiday.jpg": b"mine"}


def test_purge_keeps_and_names_what_was_changed_unless_forced(tmp_path: Path, signer: Signer) -> None:
    bundle.write_folder(tmp_path / "b", NEW, ABOUT, signer)
    (tmp_path / "b" / "guide.html").write_bytes(b"my notes")

    assert bundle.purge(tmp_path / "b") == (["phones/805ec0d57d72.cfg", "phones/more.cfg"], ["guide.html"])
    assert held(tmp_path / "b") == {"guide.html": b"my notes"}
    assert bundle.purge(tmp_path / "b", force=True) == (["guide.html"], [])
    assert not (tmp_path / "b").exists()


def test_purge_takes_nothing_where_the_manifest_was_changed(tmp_path: Path, signer: Signer) -> None:
    bundle.write_folder(tmp_path / "b", NEW, ABOUT, signer)
    file = tmp_path / "b" / MANIFEST
    file.write_bytes(file.read_bytes().replace(b"more.cfg", b"most.cfg"))

    with pytest.raises(BadValue, match="was changed since it was signed"):
        bundle.purge(tmp_path / "b", force=True)
    (tmp_path / "c").mkdir()
    with pytest.raises(NotHere, match="is no bundle"):
        bundle.purge(tmp_path / "c")
    assert held(tmp_path / "b") == NEW


def test_too_little_space_is_said_before_anything_is_written(tmp_path: Path, signer: Signer, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle.write_folder(tmp_path / "b", OLD, ABOUT, signer)
    real = os.statvfs(tmp_path)
    monkeypatch.setattr(os, "statvfs", lambda folder: os.statvfs_result((*real[:4], 1, *real[5:])))

    with pytest.raises(BadValue, match=r"MB free, and .* MB are needed"):
        bundle.write_folder(tmp_path / "b", NEW, ABOUT, signer)

    assert held(tmp_path / "b") == OLD
    assert sorted(os.listdir(tmp_path)) == ["b", "state"]


def test_a_disk_that_fails_leaves_the_old_bundle(tmp_path: Path, signer: Signer, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle.write_folder(tmp_path / "b", OLD, ABOUT, signer)

    def fails(handle: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(StoreTrouble, match="Input/output error"):
        bundle.write_folder(tmp_path / "b", NEW, ABOUT, signer)

    assert held(tmp_path / "b") == OLD
    assert sorted(os.listdir(tmp_path)) == ["b", "state"]


WRITER = """
import os, signal, sys
from pathlib import Path
from provisioner import bundle
from provisioner.bundle import About, Signer
where, stop, two_steps = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "two steps"
signer = Signer.at(where / "state")
count = 0
def point(event, arguments):
    global count
    if event in ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.scandir", "os.listdir", "ctypes.dlsym"):
        count += 1
        if count == stop:
            os.kill(os.getpid(), signal.SIGKILL)
if two_steps:
    bundle._swap = lambda one, other: False
sys.addaudithook(point)
bundle.write_folder(where / "b", {"phones/805ec0d57d72.cfg": b"new", "guide.html": b"new guide", "phones/more.cfg": b"new alone"}, About("test", "2026-11-25T12:00:00+00:00"), signer)
"""


@pytest.mark.parametrize("way", ["one step", "two steps"])
def test_a_writing_killed_at_any_step_leaves_the_old_bundle_or_the_new_one(tmp_path: Path, signer: Signer, way: str) -> None:
    found = []
    for stop in range(1, 200):
        bundle.write_folder(tmp_path / "b", OLD, ABOUT, signer)
        ended = subprocess.run([sys.executable, "-c", WRITER, tmp_path, str(stop), way], capture_output=True, timeout=60, check=False)
        verdict = bundle.verify(bundle.opened(tmp_path / "b"), [signer.public])
        assert (verdict.whole, verdict.extra) == (True, ())
        assert held(tmp_path / "b") in (OLD, NEW)
        found.append(held(tmp_path / "b") == NEW)
        if ended.returncode == 0:
            break
        assert ended.returncode == -9, ended.stderr
    assert found == sorted(found), "once the new bundle is there, it stays"
    assert found[-1] and found.count(False) > 10 and found.count(True) > 2
    bundle.purge(tmp_path / "b")
    assert os.listdir(tmp_path) == ["state"]


def test_a_file_is_the_old_or_the_new_one_and_nothing_stays_beside_it(tmp_path: Path) -> None:
    bundle.write_file(tmp_path / "x" / "a.img", b"old")
    bundle.write_file(tmp_path / "x" / "a.img", b"new")

    assert (tmp_path / "x" / "a.img").read_bytes() == b"new"
    assert os.listdir(tmp_path / "x") == ["a.img"]


def test_two_do_not_write_beside_each_other(tmp_path: Path, signer: Signer) -> None:
    with bundle._alone(tmp_path / "b"), pytest.raises(StoreTrouble, match="another command is writing"):
        bundle.write_folder(tmp_path / "b", NEW, ABOUT, signer)
