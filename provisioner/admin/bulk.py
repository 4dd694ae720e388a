"""Many things at once: accounts, devices, assignments and keys as CSV, all of a file or nothing of it.

A row says a thing by what it is named after (SIP address, MAC, MAC and line, scope with module and position) and is added or changed;
nothing is taken away for not being in the file. A column that is left out leaves its fact as it is; an empty cell takes the fact back
to its default, but leaves a secret, a state, a model and a firmware as they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from provisioner import csvfile
from provisioner.admin import SAME, Admin, Done, accounts, devices, did, keys, lines, scopes, words
from provisioner.changes import Transaction
from provisioner.context import SHOWN
from provisioner.errors import BadInput, BadRows, BadValue, Unfit, nearest
from provisioner.mac import parse, pretty
from provisioner.rights import REVEAL
from provisioner.things import Account, Device, Key, Line

MOST_ROWS = 20_000  # of a file: a plan holds them all, in some 7 KB each
_MOST_TOLD = 100  # faults
_MOST_NOTES = 10
_SECRETS = words.SECRET_FACTS
_STAY = (*_SECRETS, "state", "model", "firmware")  # what an empty cell leaves as it is
Cells = Mapping[str, str]


@dataclass(frozen=True)
class Wish:
    """What one row asks for. name: as sentences name it; before: what is there, None where nothing is; notes: what to look at."""

    name: str
    before: Any
    after: Any
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Form:
    """How things of one noun stand in a file.

    key: the columns that a thing is named after; needed: those and what else each row must say.
    cells: what a thing says in each column; phones: those that a wish touches.
    """

    noun: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    needed: tuple[str, ...]
    listed: Callable[[Admin], Iterable[Any]]
    cells: Callable[[Any], Cells]
    wish: Callable[[Admin, Cells], Wish]
    put: Callable[[Transaction, Any], bool]
    phones: Callable[[Admin, Any], Iterable[Device]]


@dataclass(frozen=True)
class Plan:
    """What a file asks for, compared with what is there. rows: row number and wish; notes: of the file as a whole."""

    file: str
    form: Form
    rows: tuple[tuple[int, Wish], ...]
    notes: tuple[str, ...] = ()

    @property
    def news(self) -> tuple[tuple[int, Wish], ...]:
        """The rows that ask for what is not so already."""
        return tuple((number, wish) for number, wish in self.rows if wish.before != wish.after)

    def diff(self) -> Iterator[str]:
        """Yield a sentence for each thing that would be added or changed; of a secret only that it is another one."""
        for _, wish in self.news:
            if wish.before is None:
                yield f"add {wish.name}"
            else:
                old, new = self.form.cells(wish.before), self.form.cells(wish.after)
                yield f"change {wish.name}: {'; '.join(_step(name, old[name], new[name]) for name in self.form.columns if old[name] != new[name])}"


def _step(name: str, old: str, new: str) -> str:
    said = name.replace("_", " ")
    return said if name in _SECRETS else f"{said} {words.text(old)} -> {words.text(new)}"


def exported(admin: Admin, noun: str, reveal: bool = False) -> Iterator[str]:
    """Yield all things of a noun as CSV, headings first; the cells of secrets are empty unless `reveal`."""
    if reveal:
        admin.rights.need(REVEAL)
    form = FORMS[noun]
    shown = [name for name in form.columns if reveal or name not in _SECRETS]
    yield from csvfile.written([form.columns])
    yield from csvfile.written([cells[name] if name in shown else "" for name in form.columns] for cells in map(form.cells, form.listed(admin)))


def plan(admin: Admin, file: str, body: bytes) -> Plan:
    """Return what a CSV file asks for; raises BadValue with what is wrong in it, by row and column. file: its name for sentences."""
    try:
        text, guessed = csvfile.decoded(body)
        table = csvfile.rows(text)
        form, names = _headings(next(table, (1, []))[1])
    except BadValue as why:
        raise BadValue(f"{file}: {why}") from None
    told = _Told(file)
    found = _wishes(admin, form, _cells(table, names, told), told)
    notes = _notes_of(found)
    if guessed:
        notes.insert(0, f"{file} is not UTF-8 and was read as Windows-1252, as Excel writes it in western Europe; look at letters with accents, or save it as CSV UTF-8")
    return Plan(file, form, tuple(found), tuple(notes))


def planned(admin: Admin, noun: str, rows: Iterable[Mapping[str, str | int | None]]) -> Plan:
    """Return what rows ask for, each a thing of the noun by its columns, None being an empty cell; raises BadRows with what is wrong in them, counted from 1."""
    form, told = FORMS[noun], _Told(noun)

    def cells() -> Iterator[tuple[int, Cells]]:
        for number, row in enumerate(rows, 1):
            strange = [name for name in row if name not in form.columns]
            for name in strange:
                told.add(number, f"{form.noun} have no column {name[:40]!r}{nearest(name, form.columns)}; there are {', '.join(form.columns)}")
            if not strange:
                yield number, {name: cell if name in _SECRETS else cell.strip() for name, cell in ((name, "" if cell is None else str(cell)) for name, cell in row.items())}

    found = _wishes(admin, form, cells(), told)
    return Plan(noun, form, tuple(found), tuple(_notes_of(found)))


def _cells(table: Iterable[tuple[int, list[str]]], names: list[str], told: _Told) -> Iterator[tuple[int, Cells]]:
    """Yield the rows of a file as they are numbered, with their cells by column; blank ones are passed over, and those that do not fit the columns told."""
    try:
        for number, cells in table:
            if number > MOST_ROWS + 1:
                raise BadValue(f"there are more than {MOST_ROWS:,} rows; divide the file")
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) > len(names) and any(cell.strip() for cell in cells[len(names) :]):
                told.add(number, f"has {len(cells)} cells, and there are {len(names)} columns; put a cell that holds a comma or semicolon into quotes")
            elif any(cell.strip() for name, cell in zip(names, cells, strict=False) if not name):
                told.add(number, "has a cell in a column without a heading; give it one, or take it out")
            else:
                yield number, {name: cell if name in _SECRETS else cell.strip() for name, cell in zip(names, cells, strict=False) if name}
    except BadValue as why:  # of the whole file: what comes behind cannot be read
        told.add(0, str(why))


def _wishes(admin: Admin, form: Form, rows: Iterable[tuple[int, Cells]], told: _Told) -> list[tuple[int, Wish]]:
    """Return what each row asks for; raises BadRows with all that is wrong."""
    found: list[tuple[int, Wish]] = []
    places: dict[tuple[str, ...], int] = {}
    for number, said in rows:
        wish = _wish(admin, form, number, said, told)
        if wish is None:
            continue
        key = tuple(form.cells(wish.after)[name] for name in form.key)
        if key in places:
            told.add(number, f"{wish.name} is in row {places[key]} already; keep one of them", form.key[-1])
        places.setdefault(key, number)
        found.append((number, wish))
    told.end()
    return found


def _notes_of(found: list[tuple[int, Wish]]) -> list[str]:
    notes = [f"row {number}: {note}" for number, wish in found if wish.before != wish.after for note in wish.notes]
    if len(notes) > _MOST_NOTES:
        notes[_MOST_NOTES:] = [f"and {words.count(len(notes) - _MOST_NOTES, 'note')} more"]
    return notes


def carry_out(admin: Admin, plan: Plan, dry: bool = False) -> Done:
    """Write what a plan asks for, in one change, where the phones that it touches can still get their files.

    dry: all is tried, and nothing is written. Raises BadValue with the rows that cannot be; then nothing was written.
    """
    news, form = plan.news, plan.form
    counts = Counter("add" if wish.before is None else "change" for _, wish in news)
    if not news:
        return Done(f"{SAME}: {words.count(len(plan.rows), 'row')} unchanged", changed=False)
    touched: dict[str, tuple[int, Device]] = {}
    for number, wish in news:
        for device in form.phones(admin, wish):
            touched.setdefault(device.mac, (number, device))
    phones = _mixed(device for _, device in touched.values())

    def work(tx: Transaction) -> bool:
        told = _Told(plan.file)
        for number, wish in news:
            try:
                form.put(tx, wish.after)
            except BadInput as why:
                told.add(number, *_placed(form, str(why)))
        told.end()
        return True

    notes: tuple[str, ...] = ()
    try:
        if dry:
            admin.try_change(work, phones)
        else:
            _, notes = admin.change(work, phones)
    except Unfit as found:
        told = _Told(plan.file)
        for mac, why in sorted(found.faults.items(), key=lambda fault: touched[fault[0]][0]):
            told.add(touched[mac][0], f"phone {admin.named(touched[mac][1])} could not get its file: {why}")
        told.end()
    numbers = f"{counts['add']:,} added, {counts['change']:,} changed, {len(plan.rows) - len(news):,} unchanged"
    if not dry:
        new = _mixed(wish.after for _, wish in news if wish.before is None and isinstance(wish.after, Device))
        notes += tuple(f"phone {pretty(mac)} gets no file yet: {why}" for mac, why in admin.troubles(new[:_MOST_NOTES]).items())
    return Done(f"nothing was written; it would be: {numbers}", changed=False) if dry else did(True, f"{form.noun}: {numbers}", notes)


def _mixed(phones: Iterable[Device]) -> list[Device]:
    """Return phones so that the first of every model come first, for those are the ones that are tried."""
    seen: Counter[tuple[str, str]] = Counter()
    ranked = []
    for device in phones:
        ranked.append((seen[device.family, device.model], device))
        seen[device.family, device.model] += 1
    return [device for _, device in sorted(ranked, key=lambda pair: pair[0])]


class _Told:
    """Collects what is wrong in a file, so that it is told at once."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._faults: list[tuple[int, str, str]] = []
        self._count = 0

    def add(self, number: int, sentence: str, column: str = "") -> None:
        """number: of the row, 0 for the whole file."""
        self._count += 1
        if self._count <= _MOST_TOLD:
            self._faults.append((number, column, sentence))

    def end(self) -> None:
        """Raise BadRows with what was wrong."""
        if self._count:
            more = f"\n  and {self._count - _MOST_TOLD:,} more" if self._count > _MOST_TOLD else ""
            raise BadRows("nothing was written:\n  " + "\n  ".join(self._sentence(*fault) for fault in self._faults) + more, self._faults)

    def _sentence(self, number: int, column: str, sentence: str) -> str:
        where = f"row {number}{f', column {column}' if column else ''}: " if number else ""
        return f"{self._file}: {where}{sentence}"


def _headings(cells: list[str]) -> tuple[Form, list[str]]:
    """Return the form that a file's first row is of, and what its columns are; one without a heading must be empty."""
    names = ["_".join(cell.strip().lower().replace("-", " ").replace("_", " ").split()) for cell in cells]
    form = next((FORMS[noun] for sign, noun in _SIGNS.items() if sign in names), None)
    if form is None:
        kinds = "; ".join(f"{one.noun}: {','.join(one.needed)}" for one in FORMS.values())
        raise BadValue(f"row 1: the first row says what the columns are, and these are of nothing that is known here; it needs at least, for {kinds}")
    for place, (cell, name) in enumerate(zip(cells, names, strict=True), 1):
        if name and name not in form.columns:
            raise BadValue(f"row 1, column {place}: {form.noun} have no column {cell!r}{nearest(name, form.columns)}; there are {', '.join(form.columns)}")
        if name and name in names[: place - 1]:
            raise BadValue(f"row 1, column {place}: {cell!r} is there twice; keep one of them")
    for name in form.needed:
        if name not in names:
            raise BadValue(f"row 1: {form.noun} need a column {name}; they have {', '.join(names)}")
    return form, names


def _wish(admin: Admin, form: Form, number: int, said: Cells, told: _Told) -> Wish | None:
    """Return what a row asks for, or None where something in it is wrong; a cell that is, is left out to find the next one."""
    wrong = False
    for name in _SECRETS:
        if said.get(name) == SHOWN:
            told.add(number, "this stands for a secret and is none; leave the cell empty to keep the one that is there", name)
            said, wrong = {one: cell for one, cell in said.items() if one != name}, True
    for name in form.needed:
        if not said.get(name):
            told.add(number, "is empty, and must be said", name)
            wrong = True
    if not all(said.get(name) for name in form.needed):
        return None
    without: set[str] = set()
    while True:
        try:
            wish = form.wish(admin, {name: cell for name, cell in said.items() if cell or name not in _STAY})
            return None if wrong else wish
        except BadInput as why:
            sentence, column = _placed(form, str(why))
            if column in without:  # it is wrong without its cell too
                return None
            told.add(number, sentence, column)
            without.add(column)
            wrong = True
            if column not in said or column in form.needed or column in ("site", "model"):  # what others of the row hang on
                return None
            said = {name: cell for name, cell in said.items() if name != column}


def _placed(form: Form, sentence: str) -> tuple[str, str]:
    """Return a sentence and the column that it is about, which stands in front of it; else no column."""
    head, colon, rest = sentence.partition(": ")
    column = head.replace(" ", "_")
    return (rest, column) if colon and column in form.columns else (sentence, "")


def _in(column: str, work: Callable[..., Any], *arguments: Any) -> Any:
    """Return what a function gives; its error names the column."""
    try:
        return work(*arguments)
    except BadInput as why:
        raise BadValue(f"{column}: {str(why).removeprefix(f'{column}: ')}") from None


def _text(value: Any) -> str:
    return "" if value is None else str(words.plain(value))


def _account_cells(account: Account) -> Cells:
    return {field.name: _text(getattr(account, field.name)) for field in fields(Account)}


def _account(admin: Admin, cells: Cells) -> Wish:
    facts: dict[str, Any] = {name: cell or _DEFAULTS[name] for name, cell in cells.items() if name != "sip_address"}
    address = Account(cells["sip_address"]).sip_address
    before = admin.store.account(address)
    after = accounts.changed_by(before, facts) if before else Account(address, **facts)
    return Wish(address, before, after, accounts.notes_of(after))


_DEFAULTS = {field.name: field.default for field in fields(Account)}


def _account_phones(admin: Admin, wish: Wish) -> Iterable[Device]:
    return scopes.phones(admin, scopes.Scope("account", wish.name)) if wish.before else ()


def _device_cells(device: Device) -> Cells:
    # The MAC as people read it: of twelve digits a spreadsheet makes a number.
    known = {name: _text(getattr(device, name)) for name in _DEVICE if name != "model"}
    return {**known, "mac": pretty(device.mac), "model": f"{device.family}/{device.model}"}


def _device(admin: Admin, cells: Cells) -> Wish:
    mac = _in("mac", parse, cells["mac"])
    before = admin.store.device(mac)
    facts: dict[str, Any] = {name: cell for name, cell in cells.items() if name not in ("mac", "model")}
    model = cells.get("model", "")
    if model:
        _in("model", lambda: before and model == f"{before.family}/{before.model}" or admin.catalog.model(model))
    elif before is None:
        raise BadValue(f"model: phone {pretty(mac)} is new, and a new one needs its FAMILY/MODEL; `provisioner family list` lists them")
    site = facts.get("site") or ("default" if "site" in facts or before is None else before.site)
    _in("site", scopes.site, admin, site)
    group = facts.get("group", "")
    if group:
        _in("group", scopes.group, admin, group if "/" in group else f"{site}/{group}")
    if before is None:
        after = devices.made(admin, mac, model, facts)
    else:
        after = devices.changed_by(admin, before, facts, "" if model == f"{before.family}/{before.model}" else model)
    return Wish(admin.named(after), before, after, () if before else tuple(devices.doubts(admin, after)))


def _line_cells(line: Line) -> Cells:
    return {"mac": pretty(line.mac), "line": str(line.n), "account": line.sip_address}


def _line(admin: Admin, cells: Cells) -> Wish:
    device = _in("mac", admin.device, cells["mac"])
    address = _in("account", scopes.account, admin, cells["account"])
    number: Any = cells["line"]
    try:
        after = Line(device.mac, number, address)
    except BadValue as why:
        raise BadValue(f"line: {str(why).removeprefix('n: ')}") from None
    before = next((line for line in admin.store.lines_of(device.mac) if line.n == after.n), None)
    notes = () if before == after else _in("line", lines.within, admin, device, after.n, True)
    return Wish(f"line {after.n} of {admin.named(device)}", before, after, notes)


def _line_phones(admin: Admin, wish: Wish) -> Iterable[Device]:
    return scopes.phones(admin, scopes.Scope("device", wish.after.mac))


def _key_cells(key: Key) -> Cells:
    return {name: _text(getattr(key, name)) for name in _KEY}


def _key(admin: Admin, cells: Cells) -> Wish:
    where = _in("scope", keys.belongs, admin, cells["scope"])
    facts: dict[str, Any] = {**cells, "scope": str(where), **{name: cells.get(name) or 0 for name in ("module", "line") if name in cells}}
    place = {name: facts.pop(name) for name in ("scope", "position", "module") if name in facts}
    probe = Key(type=keys.NONE, **place)
    before = next((key for key in admin.store.keys_of(str(where)) if (key.module, key.position) == (probe.module, probe.position)), None)
    kept = {name: getattr(before, name) for name in ("type", "value", "label", "line")} if before else {}
    after = Key(**place, **{**kept, **facts})
    notes = () if before == after else keys.fits(admin, where, after, scopes.phones(admin, where))  # may be for its place, type or line, so no column
    return Wish(f"key {keys.place(after)} of {where}", before, after, tuple(notes))


def _key_phones(admin: Admin, wish: Wish) -> Iterable[Device]:
    return scopes.phones(admin, keys.belongs(admin, wish.after.scope))


def _every_line(admin: Admin) -> Iterator[Line]:
    for mac in admin.store.devices().macs():
        yield from admin.store.lines_of(mac)


def _every_key(admin: Admin) -> Iterator[Key]:
    for group in admin.store.groups():
        yield from admin.store.keys_of(group.scope)
    for mac in admin.store.devices().macs():
        yield from admin.store.keys_of(f"device:{mac}")


_ACCOUNT = tuple(field.name for field in fields(Account))
_DEVICE = ("mac", "model", "site", "group", "state", "name", "location", "serial", "asset_tag", "firmware", "lines", "keys", "modules", "factory_password", "notes")
_KEY = ("scope", "module", "position", "type", "value", "label", "line")
FORMS = {
    form.noun: form
    for form in (
        Form("accounts", _ACCOUNT, ("sip_address",), ("sip_address",), lambda admin: admin.store.accounts(), _account_cells, _account, Transaction.put_account, _account_phones),
        Form("devices", _DEVICE, ("mac",), ("mac",), lambda admin: admin.store.devices(), _device_cells, _device, Transaction.put_device, lambda admin, wish: [wish.before] if wish.before else []),
        Form("assignments", ("mac", "line", "account"), ("mac", "line"), ("mac", "line", "account"), _every_line, _line_cells, _line, Transaction.put_line, _line_phones),
        Form("keys", _KEY, ("scope", "module", "position"), ("scope", "position", "type"), _every_key, _key_cells, _key, Transaction.put_key, _key_phones),
    )
}
_SIGNS = {"scope": "keys", "account": "assignments", "mac": "devices", "sip_address": "accounts"}  # the column that tells a form, the rarest first
