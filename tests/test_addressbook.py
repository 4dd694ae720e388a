"""Phone books as files: what goes out comes in again, and what is wrong is named by row and column."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner import addressbook
from provisioner.addressbook import read, write_csv, write_vcards
from provisioner.admin import SAME, Admin, phonebook
from provisioner.errors import BadValue
from provisioner.things import Contact

ANNA = Contact("hq", "Anna Silva", (("work", "213"), ("mobile", "+351912345678")))


def test_csv_is_one_person_a_row() -> None:
    assert write_csv([ANNA, Contact("hq", "Bert", (("work", "1"), ("work", "2")))]) == "name,work,work 2,mobile\r\nAnna Silva,213,,'+351912345678\r\nBert,1,2,\r\n"


@pytest.mark.parametrize("body", [
    b"name,work,mobile\r\nAnna Silva,213,+351912345678\r\n",
    b"\xef\xbb\xbfName;Work;Cell\nAnna Silva;213;'+351912345678\n\n;;\n",
    "First_Name\tlast name\tphone\tmobile 1\nAnna\tSilva\t213\t+351912345678\n".encode("utf-16"),
    b'mobile,name,,work\n+351912345678,"Anna Silva",,213',
    b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Anna Silva\r\nTEL;TYPE=WORK,VOICE:213\r\nTEL;TYPE=CELL:+351912345678\r\nEND:VCARD\r\n",
    b"BEGIN:VCARD\nVERSION:4.0\nN:Silva;Anna;;;\nitem1.TEL;VALUE=uri;TYPE=\"work,voice\":tel:213\nTEL;VALUE=uri;TYPE=cell:tel:+351912\n 345678\nEND:VCARD\n",
    b"BEGIN:VCARD\r\nVERSION:2.1\r\nN;ENCODING=QUOTED-PRINTABLE;CHARSET=ISO-8859-1:Sil=\r\nva;=41nna\r\nTEL;WORK:213\r\nTEL;CELL;VOICE:+351912345678\r\nEND:VCARD\r\n",
], ids=["comma", "semicolon", "utf-16", "order", "vcard-3", "vcard-4", "vcard-2.1"])  # fmt: skip
def test_one_person_in_many_spellings(body: bytes) -> None:
    [found] = read("hq", body).contacts
    assert found.name == ANNA.name and set(found.numbers) == set(ANNA.numbers)


def test_an_old_card_names_its_charset() -> None:
    [found] = read("hq", b"BEGIN:VCARD\nFN;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:J=F6rg =DCbel\nTEL:1\nEND:VCARD\n").contacts
    assert found == Contact("hq", "Jörg Übel", (("other", "1"),))


def test_what_is_no_telephone_is_left_out_and_told() -> None:
    found = read("hq", b"BEGIN:VCARD\nFN:A\nTEL;TYPE=FAX:1\nEND:VCARD\nBEGIN:VCARD\nFN:B\nTEL;TYPE=HOME:2\nTEL;HOME;FAX:3\nEND:VCARD\n")
    assert found.contacts == (Contact("hq", "B", (("home", "2"),)),)
    assert found.left_out == ("left out for want of a telephone number: 1", "left out as numbers of faxes or pagers: 2")


@pytest.mark.parametrize(("body", "sentences"), [
    (b"name,work\nAnna,x!\nBert,\n,3\nCarl,4,5\nDora,6\nDora,7\n", [
        "row 2, column work: numbers: 'x!' is not a number", "row 3: 'Bert' has no number", "row 4, column name: ", "row 5: has 3 cells, and there are 2 columns", "row 7: 'Dora' is in row 6 already"]),
    (b"name,wrok\nAnna,1\n", ["row 1, column 2: there is no column 'wrok'; did you mean work?"]),
    (b"Anna,1\n", ["row 1, column 1: there is no column 'Anna'"]),
    (b"", ["row 1: the first row says what the columns are"]),
    (b'name,work\n"Anna"x,1\n', ["row 2: is no CSV"]),
    (b"name,work\nJ\xf6rg,1\n", ["neither UTF-8 nor marked as UTF-16"]),
    (b"BEGIN:VCARD\nFN:A\nTEL:1\nEND:VCARD\nBEGIN:VCARD\nFN:B\nTEL:!\nEND:VCARD\n", ["card 2, line 7, TEL: numbers: '!' is not a number"]),
    (b"BEGIN:VCARD\nTEL:1\nEND:VCARD\n", ["card 1, its name: a contact needs a name"]),
])  # fmt: skip
def test_every_fault_is_named_by_row_and_column(body: bytes, sentences: list[str]) -> None:
    with pytest.raises(BadValue) as why:
        read("hq", body)
    assert [sentence for sentence in sentences if sentence not in str(why.value)] == []


NAMES = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp", "Cf"]), min_size=1, max_size=40).map(str.strip).filter(bool)
NUMBERS = st.lists(st.tuples(st.sampled_from(["work", "mobile", "home", "other"]), st.from_regex(r"[+*#]?[0-9]{1,12}", fullmatch=True)), min_size=1, max_size=4)
BOOKS = st.lists(st.builds(lambda name, numbers: Contact("hq", name, tuple(numbers)), NAMES, NUMBERS), max_size=5, unique_by=lambda contact: contact.name)


@given(BOOKS)
def test_what_goes_out_comes_in_as_it_was(book: list[Contact]) -> None:
    for text in (write_csv(book), write_vcards(book)):
        if book:
            assert [(one.name, sorted(one.numbers)) for one in read("hq", text.encode()).contacts] == [(one.name, sorted(one.numbers)) for one in book]


@given(BOOKS)
def test_no_cell_is_a_formula_and_no_line_too_long(book: list[Contact]) -> None:
    assert [cell for row in csv.reader(io.StringIO(write_csv(book))) for cell in row if cell.startswith(("=", "+", "-", "@"))] == []
    assert max((len(line.encode()) for line in write_vcards(book).split("\r\n")), default=0) <= 75


def test_a_book_is_taken_whole_or_not_at_all(admin: Admin) -> None:
    phonebook.add(admin, "default", "Carl", ["7"])
    with pytest.raises(BadValue, match="row 3, column work"):
        phonebook.bring(admin, "default", b"name,work\nAnna,1\nBert,!\n")
    assert [row["name"] for row in phonebook.listed(admin, "default")] == ["Carl"]

    body = b"name,work\nAnna,1\nCarl,8\n"
    assert phonebook.bring(admin, "default", body, dry=True).sentence == "would have added 1 person to, replaced 1 in, and took 0 out of the phone book of site default; nothing was written"
    assert [row["name"] for row in phonebook.listed(admin, "default")] == ["Carl"]
    assert phonebook.bring(admin, "default", body).sentence == "added 1 person to, replaced 1 in, and took 0 out of the phone book of site default"
    assert phonebook.bring(admin, "default", body).sentence == SAME
    assert phonebook.bring(admin, "default", b"name,work\nAnna,1\n", alone=True).sentence == "added 0 people to, replaced 0 in, and took 1 out of the phone book of site default"
    assert phonebook.given(admin, "default", "csv") == "name,work\r\nAnna,1\r\n"


def test_an_import_is_one_change_that_its_phones_see(admin: Admin) -> None:
    from provisioner.admin import devices
    from tests.acme import MAC

    devices.add(admin, MAC, "acme/Two", {})
    before = admin.device(MAC).revision
    phonebook.bring(admin, "default", b"name,work\n" + b"".join(b"P%d,%d\n" % (n, n) for n in range(5000)))
    assert admin.device(MAC).revision == before + 1
    assert len(phonebook.listed(admin, "default")) == 5000
    assert addressbook.read("default", phonebook.given(admin, "default", "vcard").encode()).contacts == tuple(admin.store.contacts("default"))
