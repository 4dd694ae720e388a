"""FAT32 images: read back by mtools, found sound by fsck.vfat, and no trust in what somebody else made."""

from __future__ import annotations

import random
import struct
import subprocess
from datetime import datetime
from pathlib import Path

import pytest

from provisioner import fat
from provisioner.errors import BadValue

AT = datetime(2026, 11, 25, 12, 30, 58)
FILES = {
    "MANIFEST.TXT": b"short name",
    "guide.html": b"<html>" * 500,
    "empty": b"",
    "phones/805ec0d57d72_212_Ana Silva.cfg": b"a" * 511,
    "phones/805ec0d57d73_213_Rui Costa.cfg": b"b" * 512,
    "phones/805ec0d57d74_214_Eva.cfg": b"c" * 513,
    "phones/deep/er/x.tar.gz": b"d" * 70_000,
    "phones/." + "l" * 250 + ".cfg": b"e",
    "phones/thirteen.char": b"",
    "phones/twentysixcharacterslong.xx": b"f",
}


def system(*words: object) -> str:
    """Return what a command says; it must end well."""
    ended = subprocess.run([*map(str, words)], capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, (ended.stdout, ended.stderr)
    return ended.stdout


@pytest.fixture
def image(tmp_path: Path) -> Path:
    file = tmp_path / "stick.img"
    file.write_bytes(fat.image(FILES, AT))
    return file


def test_mtools_read_every_file_back_under_its_long_name(image: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()

    system("mcopy", "-s", "-i", image, "::", tmp_path / "out")

    out = next(path for path in (tmp_path / "out", *(tmp_path / "out").iterdir()) if (path / "guide.html").exists())
    assert {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()} == FILES


def test_fsck_finds_nothing_to_mend(image: Path) -> None:
    said = system("fsck.vfat", "-n", "-v", image)

    assert "32 bits" in said or "FAT32" in said or "4 bytes per FAT entry" in said or "32 bit" in said, said
    assert not [word for word in ("differ", "wrong", "lost", "Reclaim", "orphan", "Dirty", "Bad") if word in said], said


def test_the_label_and_the_time_are_those_that_were_said(image: Path) -> None:
    said = system("mdir", "-i", image, "::/phones")

    assert "Volume in drive : is PROVISION" in said
    assert "2026-11-25  12:30" in said and "805ec0d57d72_212_Ana Silva.cfg" in said


def test_the_same_files_are_the_same_image() -> None:
    assert fat.image(FILES, AT) == fat.image(dict(reversed(FILES.items())), AT)


def test_an_image_is_read_by_us_as_well(image: Path) -> None:
    assert fat.files(image.read_bytes()) == FILES


def test_an_image_of_mkfs_and_mcopy_is_read(tmp_path: Path) -> None:
    file = tmp_path / "other.img"
    with file.open("wb") as handle:
        handle.truncate(300 * 1024 * 1024)
    system("mkfs.vfat", "-F", "32", "-s", "8", file)
    (tmp_path / "phones").mkdir()
    (tmp_path / "phones" / "A long name.cfg").write_bytes(b"x" * 10_000)
    (tmp_path / "SHORT.TXT").write_bytes(b"y")
    system("mcopy", "-s", "-i", file, tmp_path / "phones", tmp_path / "SHORT.TXT", "::")
    system("mdel", "-i", file, "::/SHORT.TXT")

    assert fat.files(file.read_bytes()) == {"phones/A long name.cfg": b"x" * 10_000}


def test_thousands_of_names_that_begin_alike_stay_apart(tmp_path: Path) -> None:
    many = {f"805ec0d5{number:04x}_{number}.cfg": str(number).encode() for number in range(3000)}
    file = tmp_path / "many.img"
    file.write_bytes(fat.image(many, AT))

    system("fsck.vfat", "-n", file)
    assert len(system("mdir", "-b", "-i", file, "::").split("\n")) == 3001
    assert fat.files(file.read_bytes()) == many


@pytest.mark.parametrize("names", [("a.cfg", "A.CFG"), ("x/a", "X/A"), ("a", "A/b"), ("a", "a/b")])
def test_names_that_differ_in_case_alone_are_refused(names: tuple[str, str]) -> None:
    with pytest.raises(BadValue, match="one name on FAT"):
        fat.image(dict.fromkeys(names, b""), AT)


@pytest.mark.parametrize("name", ["a:b", "a?", "a\\b", "a\n", "a.", "a ", "", "a//b", "x" * 256])
def test_a_name_that_cannot_be_on_fat_is_refused(name: str) -> None:
    with pytest.raises(BadValue, match="cannot be the name"):
        fat.image({name: b""}, AT)


def damaged(image: bytes, place: int, value: int) -> bytes:
    body = bytearray(image)
    struct.pack_into("<I", body, place, value)
    return bytes(body)


@pytest.mark.parametrize("entry", range(2, 8))
@pytest.mark.parametrize("value", [0, 1, 2, 3, 0x0FFFFFF7, 0x7FFFFFFF, 70_000])
def test_a_chain_that_leads_astray_ends_in_a_sentence(image: Path, entry: int, value: int) -> None:
    body = image.read_bytes()
    try:
        assert isinstance(fat.files(damaged(body, fat._RESERVED * fat.SECTOR + 4 * entry, value)), dict)
    except BadValue as why:
        assert "damaged" in str(why)


def test_bytes_changed_anywhere_in_the_folders_end_in_a_sentence_or_in_files_no_larger_than_the_image(image: Path) -> None:
    body = image.read_bytes()
    dice = random.Random(20261125)
    start = fat.SECTOR * (fat._RESERVED + 2 * struct.unpack_from("<I", body, 36)[0])
    for _ in range(200):
        changed = bytearray(body[: start + 500_000])
        for _ in range(4):
            changed[dice.choice((dice.randrange(512), start + dice.randrange(8192), 32 * 512 + dice.randrange(1024)))] = dice.randrange(256)
        try:
            assert sum(map(len, fat.files(bytes(changed)).values())) <= len(body)
        except BadValue:
            pass


@pytest.mark.parametrize("body", [b"", b"\0" * 100_000, b"\x55\xaa" * 50_000, b"PK\3\4" * 20_000])
def test_what_is_no_image_is_said_so(body: bytes) -> None:
    with pytest.raises(BadValue, match="no FAT32 image"):
        fat.files(body)
