"""What is installed is what stands here: the wheel has the families, and they are found in it."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

from provisioner import families, providers

ROOT = Path(__file__).parent.parent


def test_the_wheel_has_every_family_and_finds_them(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)], cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")

    command = [sys.executable, "-c", "from provisioner import families; print(families.shipped()); print(*sorted(families.load().families))"]
    said = subprocess.run(command, cwd=tmp_path / "site", check=True, capture_output=True, text=True).stdout.splitlines()

    assert said[0] == str(tmp_path / "site" / "provisioner" / "phones")
    assert said[1].split() == sorted(families.load().families)
    assert {file.parent.name for file in (tmp_path / "site" / "provisioner" / "provider_data").glob("*/provider.toml")} == {file.parent.name for file in providers.shipped().glob("*/provider.toml")}
    assert [file.name for file in sorted((tmp_path / "site" / "provisioner" / "fonts").iterdir())] == ["DejaVuSans-Bold.ttf", "DejaVuSans.ttf", "LICENSE"]
    assert list((tmp_path / "site" / "provisioner" / "locale" / "pt").glob("*.po"))
    assert (next((tmp_path / "site").glob("*.dist-info")) / "licenses" / "LICENSE").read_text().startswith("MIT License")
