"""A handout is read back as people and scanners read it: words, the QR code off the printed page, labels by the millimetre."""

from __future__ import annotations

import io
import re
import stat
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
import zxingcpp
from click.testing import CliRunner
from PIL import Image
from pypdf import PdfReader

from provisioner.admin import Admin, accounts, devices, handouts, keys, lines, settings, sites
from provisioner.cli.root import cli
from provisioner.errors import BadValue, NotHere, RenderFailed
from tests import acme
from tests.acme import ADDRESS, MAC, NEAR, OTHER

PASSWORD, OWN = "hunter2-hunter2", "a-secret-of-the-menu"


@pytest.fixture
def phone(admin: Admin) -> Admin:
    """Return the verbs, with a phone whose owner, keys and codes use all kinds of letters, and a second one."""
    accounts.add(admin, ADDRESS, {"password": PASSWORD, "display_name": "João Müller", "voicemail": "*97"})
    devices.add(admin, MAC, "acme/Two", {"name": "Receção – Ωμέγα Иван", "location": "2.º andar", "serial": "SN1", "modules": 1})
    devices.add(admin, OTHER, "acme/One", {"name": "Second"})
    lines.assign(admin, MAC, ADDRESS, 1)
    sites.add_network(admin, "default", "192.0.2.0/24", mac_is_enough=True)
    keys.put(admin, f"device:{MAC}", 1, "line", line=1)
    keys.put(admin, f"device:{MAC}", 3, "blf", "213", "Zé Šimůnek")
    keys.put(admin, f"device:{MAC}", 2, "speed-dial", "112", module=1)
    settings.say(admin, f"device:{MAC}", {"admin_password": OWN, "forward_busy": "214"})
    return admin


def printed(body: bytes, tmp_path: Path) -> str:
    """Return the words of a PDF as a reader of its own reads them."""
    (tmp_path / "read.pdf").write_bytes(body)
    return subprocess.run(["pdftotext", "-layout", tmp_path / "read.pdf", "-"], check=True, capture_output=True, text=True).stdout


def scanned(body: bytes, tmp_path: Path) -> list[list[str]]:
    """Return what a scanner reads off each page of a PDF that was drawn as pixels."""
    (tmp_path / "scan.pdf").write_bytes(body)
    subprocess.run(["pdftoppm", "-r", "150", "-gray", "-png", tmp_path / "scan.pdf", tmp_path / "page"], check=True)
    return [[code.text for code in zxingcpp.read_barcodes(Image.open(page))] for page in sorted(tmp_path.glob("page*.png"))]


def boxes(body: bytes, page: int = 0) -> list[tuple[float, float]]:
    """Return width and height, in millimetres, of every stroked box of a page."""
    stream = PdfReader(io.BytesIO(body)).pages[page].get_contents()
    assert stream is not None
    drawn = re.findall(rb"[\d.-]+ [\d.-]+ ([\d.-]+) ([\d.-]+) re S", stream.get_data())
    return [(round(abs(float(w)) * 25.4 / 72, 1), round(abs(float(h)) * 25.4 / 72, 1)) for w, h in drawn]


class _Page(HTMLParser):
    """Reads a page as a browser does: its elements, and its words."""

    def __init__(self, body: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(body.decode("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_a_pdf_says_whose_phone_it_is_and_what_its_keys_do(phone: Admin, tmp_path: Path) -> None:
    body, notes = handouts.made(phone, [MAC], "pdf")
    words = re.sub(r"\s+", " ", printed(body, tmp_path))

    assert notes == () and len(PdfReader(io.BytesIO(body)).pages) == 1
    for said in (
        "Receção – Ωμέγα Иван", "Acme Two · 02:ac:0e:00:00:01", "Line 1 212 · João Müller", f"SIP address {ADDRESS}", "Voicemail *97", "While busy, calls go to 214", "2.º andar",
        "Address http://192.0.2.1:8080/", "3 Zé Šimůnek Busy lamp (BLF) 213", "Module 1", "112", "Where it asks for its provisioning server, type http://192.0.2.1:8080/ there",
    ):  # fmt: skip
        assert said in words, said


def test_in_portuguese_the_sentences_are_portuguese(phone: Admin, tmp_path: Path) -> None:
    words = re.sub(r"\s+", " ", printed(handouts.made(phone, [MAC], "pdf", "pt")[0], tmp_path))

    for said in ("Dar o endereço ao telefone", "Se ocupado, desviar para 214", "Correio de voz *97", "Módulo 1", "3 Zé Šimůnek Ocupado (BLF) 213"):
        assert said in words, said
    assert "Give the phone" not in words and "Busy lamp" not in words


@pytest.mark.parametrize("kind", handouts.KINDS)
def test_no_secret_is_on_it_unless_the_own_address_is_asked_for(phone: Admin, tmp_path: Path, kind: str) -> None:
    (own, *_), _ = devices.token(phone, MAC)
    body, revealing = (handouts.made(phone, [MAC], kind, secrets=secrets)[0] for secrets in (False, True))
    open_words, words = (re.sub(r"\s", "", printed(one, tmp_path) if kind == "pdf" else one.decode()) for one in (body, revealing))

    assert own not in open_words and own.rstrip("/").rpartition("/")[2] not in open_words
    assert own in words
    for secret in (PASSWORD, OWN):
        assert secret not in open_words + words


@pytest.mark.parametrize("secrets", [False, True])
def test_a_scanner_reads_the_address_off_each_printed_page(phone: Admin, tmp_path: Path, secrets: bool) -> None:
    body, _ = handouts.made(phone, [MAC, OTHER], "pdf", secrets=secrets)

    assert scanned(body, tmp_path) == ([[devices.token(phone, mac)[0][0]] for mac in (MAC, OTHER)] if secrets else [["http://192.0.2.1:8080/"]] * 2)


def test_the_pages_code_is_the_same_one(phone: Admin, tmp_path: Path) -> None:
    body, _ = handouts.made(phone, [MAC], "html")
    (box,) = re.findall(r'viewBox="0 0 (\d+) \1"', body.decode())
    (path,) = re.findall(r'<path d="([^"]+)"', body.decode())
    image = Image.new("L", (int(box) * 4, int(box) * 4), 255)
    for x, y, length in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\3z", path):
        image.paste(0, (int(x) * 4, int(y) * 4, (int(x) + int(length)) * 4, int(y) * 4 + 4))

    assert [code.text for code in zxingcpp.read_barcodes(image)] == ["http://192.0.2.1:8080/"]


def test_an_app_is_told_its_own_file(phone: Admin, tmp_path: Path) -> None:
    devices.add(phone, NEAR, "linphone/Linphone", {})

    assert scanned(handouts.made(phone, [NEAR], "pdf")[0], tmp_path) == [[f"http://192.0.2.1:8080/linphone-{NEAR}.xml"]]


def test_labels_have_their_size_on_paper_and_stand_in_the_keys_order(phone: Admin, tmp_path: Path) -> None:
    body, _ = handouts.made(phone, [MAC], "pdf", label="40x9.5")

    assert boxes(body) == [(40.0, 9.5)] * 5  # keys 1 to 3, the second one empty, and two of the module
    assert re.search(r"João Müller.*Zé Šimůnek", printed(body, tmp_path).partition("Keys: labels")[2], re.DOTALL)
    page = handouts.made(phone, [MAC], "html", label="40x9.5")[0].decode()
    assert page.count('width="40mm" height="9.5mm"') == 5


def test_without_a_size_there_are_no_labels(phone: Admin) -> None:
    assert boxes(handouts.made(phone, [MAC], "pdf")[0]) == []


def test_a_model_whose_label_is_known_needs_no_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acme, "DESK", acme.DESK.replace("module_keys = 8\n", "module_keys = 8\nlabel = [33, 12.5]\n"))
    admin = acme.admin(tmp_path)
    devices.add(admin, MAC, "acme/Two", {})
    keys.put(admin, f"device:{MAC}", 2, "blf", "213")

    assert boxes(handouts.made(admin, [MAC], "pdf")[0]) == [(33.0, 12.5)] * 2
    admin.close()


@pytest.mark.parametrize("size", ["40", "40x", "0x9", "40x9mm", "999x9", "1e1x9", "٤٠x٩"])
def test_a_size_that_cannot_be_is_refused(phone: Admin, size: str) -> None:
    with pytest.raises(BadValue, match="such as 40x9.5"):
        handouts.made(phone, [MAC], "pdf", label=size)


@pytest.mark.parametrize("kind", handouts.KINDS)
def test_the_same_phone_gives_the_same_bytes(phone: Admin, kind: str) -> None:
    first = handouts.made(phone, [MAC, OTHER], kind, label="40x9")[0]

    assert handouts.made(phone, [MAC, OTHER], kind, label="40x9")[0] == first


def test_hostile_names_are_words_on_a_page_and_nothing_else(phone: Admin, tmp_path: Path) -> None:
    hostile = "</style></title><script>alert(1)</script><img src=x onerror=alert(1)>"
    devices.change(phone, MAC, {"name": hostile[:64], "location": hostile})
    keys.put(phone, f"device:{MAC}", 3, "blf", "213", '"><svg onload=alert(1)>')
    page = _Page(handouts.made(phone, [MAC], "html", label="40x9")[0])

    assert {tag for tag, _ in page.tags} <= {
        "html", "head", "meta", "title", "style", "body", "section", "figure", "svg", "path", "figcaption", "h1", "h2", "p", "dl", "dt", "dd", "ol", "li", "div",
        "table", "thead", "tbody", "tr", "th", "td", "rect", "text",
    }  # fmt: skip
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on") or name in ("src", "href", "style")]
    assert hostile in page.words and '"><svg onload=alert(1)>' in page.words
    assert hostile in re.sub(r"\s", " ", printed(handouts.made(phone, [MAC], "pdf")[0], tmp_path)).replace("  ", "") or "<script>" in printed(handouts.made(phone, [MAC], "pdf")[0], tmp_path)


def test_what_the_pdfs_font_cannot_write_is_told(phone: Admin) -> None:
    devices.change(phone, OTHER, {"name": "王小明"})

    assert handouts.made(phone, [OTHER], "pdf")[1] == ("the PDF's font has no sign for 小明王; the HTML page prints them with the fonts of the computer",)
    assert "王小明" in handouts.made(phone, [OTHER], "html")[0].decode() and not handouts.made(phone, [OTHER], "html")[1]


def test_a_phone_with_all_its_keys_stays_on_one_page(phone: Admin) -> None:
    devices.change(phone, MAC, {"keys": 48})
    for n in range(1, 49):
        keys.put(phone, f"device:{MAC}", n, "blf", f"{200 + n}", f"A rather long name of somebody {n}")

    assert len(PdfReader(io.BytesIO(handouts.made(phone, [MAC], "pdf", "pt")[0])).pages) == 1


def test_a_site_without_an_address_says_the_cure(phone: Admin) -> None:
    sites.add(phone, "branch", {})
    devices.add(phone, NEAR, "acme/One", {"site": "branch"})
    with pytest.raises(RenderFailed, match="site branch has no public URL .*--public-url"):
        handouts.made(phone, [NEAR], "pdf")


def test_an_address_that_lets_no_phone_in_is_told(phone: Admin) -> None:
    sites.add_network(phone, "default", "192.0.2.0/24", mac_is_enough=False)

    assert handouts.made(phone, [MAC], "html")[1] == (
        "the address of site default gives nothing to a phone that shows its MAC alone; --secrets prints each phone's own, which holds its token",
    )
    assert handouts.made(phone, [MAC], "html", secrets=True)[1] == ()


def test_a_phone_that_nobody_added_is_told(phone: Admin) -> None:
    with pytest.raises(NotHere, match="did you mean"):
        handouts.made(phone, ["02ac0e000003"], "pdf")


# The command.


@pytest.fixture
def run(phone: Admin, tmp_path: Path) -> CliRunner:
    file = tmp_path / "config.toml"
    file.write_text(f'state = "{phone.config.state}"\nphones_path = ["{tmp_path}/phones"]\n')
    return CliRunner(env={"PROVISIONER_CONFIG": str(file)})


def test_the_command_writes_a_file_for_its_owner_alone(run: CliRunner, tmp_path: Path) -> None:
    target = tmp_path / "desk.html"
    said = run.invoke(cli, ["handout", MAC, OTHER, "--language", "pt", "--to", str(target)])

    assert (said.exit_code, said.output) == (0, f"wrote 2 handouts to {target}\n")
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert '<section lang="pt">' in target.read_text("utf-8")
    assert not list(tmp_path.glob(".desk*"))


def test_a_dash_is_a_pdf_on_stdout(run: CliRunner) -> None:
    said = run.invoke(cli, ["handout", MAC, "--to", "-"])

    assert said.exit_code == 0 and said.stdout_bytes.startswith(b"%PDF-") and said.stdout_bytes.rstrip().endswith(b"%%EOF")


def test_a_file_of_another_kind_is_refused(run: CliRunner, tmp_path: Path) -> None:
    said = run.invoke(cli, ["handout", MAC, "--to", str(tmp_path / "desk.docx")])

    assert said.exit_code == 1 and "is neither .pdf nor .html" in said.stderr and not (tmp_path / "desk.docx").exists()
