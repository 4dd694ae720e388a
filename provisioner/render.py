"""Template and values -> the bytes of one file, every value written by the file's own format.

One sandboxed environment for each way of writing values; templates are compiled once.
The only room that knows Jinja.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from pathlib import Path
from types import CodeType, SimpleNamespace
from typing import Any

import jinja2
from jinja2 import meta, nodes
from jinja2.bccache import Bucket
from jinja2.compiler import CodeGenerator, Frame
from jinja2.exceptions import SecurityError
from jinja2.runtime import Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from provisioner import encode, raw
from provisioner.errors import BadManifest, ProvisionerError, RenderFailed
from provisioner.families import SHARED, Catalog, Family, FileRule, shipped
from provisioner.formats import PLACES, Word, Writer, fits

LARGEST = 1_000_000  # bytes of one rendered file (D15)
MOST_PASSES = 100_000  # of all loops for one file; a file of LARGEST needs less, and no phone shall wait for a loop without end
_FRAME = {"_loop_vars", "_block_vars"}  # what compiled templates hand to every call inside a loop or block, and no macro takes


def _written(text: str) -> Markup:
    """Return text as written by a format: Markup without the questions that its constructor asks."""
    return str.__new__(Markup, text)


class _Generator(CodeGenerator):
    """Leaves out the escape around each output: `finalize` has written the value already (D7). Counts the passes of loops."""

    _looped: Sequence[nodes.Node] = ()

    def visit_For(self, node: nodes.For, frame: Frame) -> None:
        self._looped = node.body
        super().visit_For(node, frame)

    def blockvisit(self, nodes: Iterable[nodes.Node], frame: Frame) -> None:
        if nodes is self._looped:
            self.writeline("environment.one_pass()")
        super().blockvisit(nodes, frame)

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:
        self.write(finalize.src or "(")

    def _output_child_post(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:
        self.write(")")


class EndlessTemplate(Exception):
    """A template that loops more often than a file can need."""


class _Passes(threading.local):
    """How many passes of loops the file that this thread renders has left."""

    left = MOST_PASSES


class _Environment(ImmutableSandboxedEnvironment):
    """A template of a family includes its neighbours by their bare name, and _shared/ by path."""

    code_generator_class = _Generator

    def __init__(self, passes: _Passes, **options: Any) -> None:
        super().__init__(**options)
        self._passes, self._loading = passes, threading.RLock()

    def one_pass(self) -> None:
        """Count a pass of a loop; what templates are compiled to calls it."""
        self._passes.left -= 1
        if self._passes.left < 0:
            raise EndlessTemplate

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return an attribute; our own plain namespaces hold nothing unsafe and need no long check."""
        if type(obj) is SimpleNamespace and attribute[0] != "_":
            try:
                return getattr(obj, attribute)
            except AttributeError:
                return self.undefined(obj=obj, name=attribute)
        return super().getattr(obj, attribute)

    def call(__self, __context: Any, __obj: Any, *args: Any, **kwargs: Any) -> Any:
        """Call; a macro of ours that is given all its arguments in order needs no long check."""
        if type(__obj) is Macro and len(args) == __obj._argument_count and kwargs.keys() <= _FRAME and not (__obj.caller or __obj.catch_kwargs or __obj.catch_varargs):
            return _written(__obj._func(*args))
        return super().call(__context, __obj, *args, **kwargs)

    def get_template(self, name: str | jinja2.Template, parent: str | None = None, globals: MutableMapping[str, Any] | None = None) -> jinja2.Template:
        """Return a template, compiled by the first thread that asks; the others wait, where all at once would take as long as one after the other."""
        with self._loading:
            return super().get_template(name, parent, globals)

    def join_path(self, template: str, parent: str) -> str:
        if template.startswith(SHARED):
            return template
        return f"{parent.partition('/')[0]}/{template}"


def _name(family: Family, template: str) -> str:
    """Return the loader's name of a template: one of the family's own folder, or one that families share."""
    return template if template.startswith(SHARED) else f"{family.slug}/{template}"


class Renderer:
    """Holds the compiled templates of a catalog; safe to share between threads."""

    def __init__(self, catalog: Catalog) -> None:
        """Templates of later roots win over those of earlier ones of the same name."""
        self._loader = jinja2.FileSystemLoader([str(root) for root in reversed(catalog.roots)])
        self._environments: dict[Writer, _Environment] = {}
        self._templates: dict[tuple[str, Writer], jinja2.Template] = {}
        self._compiled: set[tuple[str, Writer]] = set()
        self._words: dict[str, frozenset[str]] = {}
        self._lock, self._passes = threading.Lock(), _Passes()

    def render(self, family: Family, rule: FileRule, context: Mapping[str, Any], template: str = "") -> bytes:
        """Return the file's bytes; `template` stands in for the rule's own (the bootstrap file).

        Raises Unsayable where a value does not fit the format, RenderFailed with file and
        line where the template is at fault.
        """
        name = _name(family, template or rule.template)
        try:
            self._passes.left = MOST_PASSES
            text = self._template(name, rule.writer).render(context)
            if rule.raw and context.get(raw.KEY):
                text = raw.merged(text, rule.raw, rule.writer, context[raw.KEY])
            if len(text) > LARGEST:
                raise RenderFailed(f"{name} made more than {LARGEST} characters; no phone takes such a file")
            return encode.ENCODERS[rule.encode](rule.writer.encode(text))
        except ProvisionerError:
            raise
        except BadTemplate as fault:
            raise RenderFailed(str(fault)) from None
        except jinja2.TemplateNotFound as fault:
            raise RenderFailed(f"{_place(fault, name)}: includes {fault.name}, which is not there") from None
        except Exception as fault:
            raise RenderFailed(f"{_place(fault, name)}: {_told(fault)}") from None

    def compile(self, family: Family, rule: FileRule) -> None:
        """Compile the rule's template and what it includes; raises BadManifest with file, line and cure where one cannot be."""
        for name in (rule.template, family.bootstrap if rule.scope == "phone" else ""):
            if name and (_name(family, name), rule.writer) not in self._compiled:
                self._compiled.update((read, rule.writer) for read, _ in self._sources(_name(family, name), rule.writer))

    def words(self, family: Family, rule: FileRule) -> frozenset[str]:
        """Return every word in the rule's template and in what it includes: a setting that is not among them cannot reach the file.

        Raises BadManifest as `compile` does.
        """
        name = _name(family, rule.template)
        if name not in self._words:
            self._words[name] = frozenset(word for _, source in self._sources(name, rule.writer) for word in re.findall(r"\w+", source))
        return self._words[name]

    def _sources(self, name: str, writer: Writer) -> Iterator[tuple[str, str]]:
        """Yield (name, text) of a template and of all that it includes, each compiled once."""
        wanted = [name]
        for one in wanted:  # grows by what is included
            try:
                environment = self._template(one, writer).environment
                source, *_ = self._loader.get_source(environment, one)
            except BadTemplate as fault:
                raise BadManifest(str(fault)) from None
            yield one, source
            included = (environment.join_path(other, one) for other in meta.find_referenced_templates(environment.parse(source)) if other)
            wanted.extend(other for other in included if other not in wanted)

    def _template(self, name: str, writer: Writer) -> jinja2.Template:
        key = (name, writer)
        found = self._templates.get(key)
        if found is None:
            with self._lock:
                environment = self._environments.get(writer) or self._environments.setdefault(writer, self._environment(writer))
                try:
                    found = self._templates[key] = environment.get_template(name)
                except jinja2.TemplateNotFound as fault:
                    raise BadTemplate(f"{name}: includes {fault.name}, which is not there") from None
                except jinja2.TemplateSyntaxError as fault:
                    raise BadTemplate(_syntax(fault, name)) from None
        return found

    def _environment(self, writer: Writer) -> _Environment:
        truths = {truth: _written(writer.write(truth)) for truth in (False, True)}

        def finalize(value: Any) -> Markup:
            kind = type(value)
            if kind is Word or kind is str or kind is int:
                return _written(writer.write(value))
            if kind is Markup:
                return value  # type: ignore[no-any-return]
            if kind is bool:
                return truths[value]
            if isinstance(value, jinja2.Undefined):
                str(value)  # raises, with the name
            if not isinstance(value, str | int):
                raise TypeError(f"outputs {type(value).__name__}, which is neither text nor a number; ask `is not none` first")
            return _written(writer.write(value))

        environment = _Environment(
            self._passes, loader=_Checked(self._loader), undefined=jinja2.StrictUndefined, autoescape=True, finalize=finalize,
            trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, auto_reload=False, bytecode_cache=_COMPILED,
        )  # fmt: skip
        environment.globals = {f"in_{place}": _writer(writer, place) for place in PLACES if place != "value"}
        environment.tests |= {f"in_{place}": _asker(writer, place) for place in PLACES}
        return environment


class _Compiled(jinja2.BytecodeCache):
    """What templates are compiled to, for all environments of this process: `finalize` is called by it, not built into it."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._kept.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        if bucket.code is not None:
            self._kept[bucket.key, bucket.checksum] = bucket.code


_COMPILED = _Compiled()


class BadTemplate(jinja2.TemplateError):
    """A template that breaks the rules of docs/add-a-phone.md."""


def _writer(writer: Writer, place: str) -> Callable[[object], Markup]:
    def write(value: object) -> Markup:
        return _written(writer.write(value, place))

    return write


def _asker(writer: Writer, place: str) -> Callable[[object], bool]:
    def ask(value: object) -> bool:
        return fits(writer, place, value)

    return ask


_KEEPS_THE_RULES: set[str] = set()  # sources that have been looked at


class _Checked(jinja2.BaseLoader):
    """Loads templates that keep the rules; the others raise BadTemplate with file and line."""

    def __init__(self, loader: jinja2.FileSystemLoader) -> None:
        self._loader = loader

    def get_source(self, environment: jinja2.Environment, template: str) -> tuple[str, str | None, Callable[[], bool] | None]:
        source, filename, fresh = self._loader.get_source(environment, template)
        if source in _KEEPS_THE_RULES:
            return source, filename, fresh
        for line, sentence in faults(environment.parse(source, template, filename)):
            raise BadTemplate(f"{filename}:{line}: {sentence}")
        _KEEPS_THE_RULES.add(source)
        return source, filename, fresh


_OUTPUTS = (nodes.TemplateData, nodes.Name, nodes.Getattr, nodes.Getitem, nodes.Call)


def faults(tree: nodes.Template) -> list[tuple[int, str]]:
    """Return (line, sentence) for each way in which a template breaks the rules (D7).

    An output holds a name, an attribute, a look-up in a map, or a call of a macro or writer;
    no filters and no joining: so each value passes the file's writer whole and alone.
    """
    found = []
    for output in tree.find_all(nodes.Output):
        for node in output.nodes:
            if not isinstance(node, _OUTPUTS):
                what = {nodes.Const: "a literal", nodes.Concat: "`~`", nodes.Filter: "a filter"}.get(type(node), "an expression")
                found.append((node.lineno, f"outputs {what}; output a name, an attribute, a look-up in a map or a macro, and think in {{% set %}} or the manifest"))
    for unsafe in tree.find_all((nodes.Filter, nodes.FilterBlock, nodes.Concat, nodes.MarkSafe)):
        name = getattr(unsafe, "name", None)
        if name not in _HARMLESS_FILTERS:
            found.append((unsafe.lineno, f"uses {'`~`' if isinstance(unsafe, nodes.Concat) else f'the filter {name}'}; values are written by the file's format alone"))
    return sorted(found)


_HARMLESS_FILTERS = ("length", "first", "last", "selectattr", "rejectattr", "list", "select", "reject", "sort", "batch", "slice", "int", "groupby")


def _syntax(fault: jinja2.TemplateSyntaxError, name: str) -> str:
    """Return the sentence for a template that cannot be read: file, line and cure."""
    file = fault.filename or fault.name or name
    cure = "close the block" if "needs to be closed" in str(fault.message) else "correct it there"
    overlay = "" if Path(file).is_relative_to(shipped()) else ", or take your overlay away"
    return f"{file}:{fault.lineno}: {str(fault.message).rstrip('.')}; {cure}{overlay}"


def _where(fault: BaseException) -> tuple[str, int]:
    """Return the file, in full, and the line of the template that a fault came from; empty and 0 where none is known."""
    trace, found = fault.__traceback__, ("", 0)
    while trace:
        file = trace.tb_frame.f_code.co_filename
        if file.endswith(".j2"):
            found = (file, trace.tb_lineno)
        trace = trace.tb_next
    return found


def _place(fault: BaseException, name: str) -> str:
    """Return file:line of the template that a fault came from."""
    file, line = _where(fault)
    return f"{file}:{line}" if file else name


def _told(fault: BaseException) -> str:
    """Return what went wrong without any value, which could be a secret."""
    if isinstance(fault, jinja2.UndefinedError):
        return _missing(fault)
    if isinstance(fault, EndlessTemplate):
        return f"its loops take more than {MOST_PASSES} passes, which no phone's file needs; loop over what the phone has"
    if isinstance(fault, SecurityError):
        return "does what the sandbox forbids"
    if isinstance(fault, KeyError):
        return f"a map has no {fault.args[0]!r}; add it to the manifest"
    if isinstance(fault, TypeError) and str(fault).startswith("outputs "):
        return str(fault)
    return f"{type(fault).__name__} in the template"


def _missing(fault: jinja2.UndefinedError) -> str:
    """Return what a template looked up and did not find, in the template's own words."""
    message = fault.message or ""
    if "dict object" in message or "mappingproxy" in message or "LanguageMap" in message:
        return "looks up a word that its map does not have; ask `if x in maps.y` first, or add it to the manifest"
    if name := re.fullmatch(r"'(\w+)' is undefined", message):
        return f"there is no {name[1]!r} here; docs/add-a-phone.md lists what a template sees"
    if name := re.search(r"has no attribute '(\w+)'", message):
        owner = re.search(rf"([\w.]+)\.{name[1]}\b", _source(*_where(fault)))
        return f"{f'{owner[1]} has no' if owner else 'there is no'} {name[1]!r}{'' if owner else ' here'}; docs/add-a-phone.md lists what a template sees"
    return "looks up what is not there; docs/add-a-phone.md lists what a template sees"


def _source(file: str, line: int) -> str:
    """Return one line of a template; empty where it is gone."""
    try:
        return Path(file).read_text("utf-8").splitlines()[line - 1]
    except (OSError, IndexError, UnicodeDecodeError):
        return ""
