"""One-line mutants of Python source: small changes of what a line does, each of which a test should notice.

A mutant replaces the text of one node of the syntax tree, so the rest of the file stays as it is. These are the kinds:

    comparison      ``<`` becomes ``<=`` or ``>=``, ``==`` becomes ``!=``, ``in`` becomes ``not in``, ``is`` becomes ``is not``
    condition       the condition of an ``if``, ``while``, ternary or comprehension is negated, ``not x`` becomes ``x``
    logic           ``and`` becomes ``or``, ``any`` becomes ``all``, ``min`` becomes ``max``, and the other way round
    arithmetic      ``+`` becomes ``-``, ``*`` becomes ``/`` and the other way round, ``//`` becomes ``/``; a minus sign is dropped
    constant        a number, a truth value or a word is another one; many of them are default values
    statement       a call, an assignment to an entry, a ``raise``, an early ``return``, ``continue`` or ``break`` is removed
    call            ``x.lower()`` becomes ``x``, ``sorted(x)`` becomes ``list(x)``
    argument        a keyword argument is removed
    entry           an entry of a tuple, list, set or dict is removed
    swap            two neighbouring arguments are swapped

What no test should pin down is left out: docstrings, annotations, messages of errors, words that are printed or logged, and hints that
change no result (``non_blocking``; ``strict`` of ``zip``).
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

COMPARISONS: dict[type[ast.cmpop], tuple[str, tuple[str, ...]]] = {
    ast.Lt: ("<", ("<=", ">=")),
    ast.LtE: ("<=", ("<", ">")),
    ast.Gt: (">", (">=", "<=")),
    ast.GtE: (">=", (">", "<")),
    ast.Eq: ("==", ("!=",)),
    ast.NotEq: ("!=", ("==",)),
    ast.In: ("in", ("not in",)),
    ast.NotIn: ("not in", ("in",)),
    ast.Is: ("is", ("is not",)),
    ast.IsNot: ("is not", ("is",)),
}
ARITHMETIC: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "/"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "/"),
    ast.Mod: ("%", "*"),
    ast.Pow: ("**", "*"),
}
OPPOSITES = {"any": "all", "all": "any", "min": "max", "max": "min"}
CONVERSIONS = {"items", "keys", "values", "split", "splitlines", "read", "close"}
"""Methods that change the type: without them, every test that runs the line fails."""
SAID = {"print", "say", "log", "warn", "warning", "info", "debug", "rule", "Table", "add_row", "add_column", "TypeVar", "cast", "super"}
"""Calls whose arguments are for people or for the type checker, by the last part of their names."""
HINTS = {"help", "description", "title", "prog", "metavar", "usage", "soft_wrap", "markup", "highlight", "style", "strict", "non_blocking"}
"""Keyword arguments that change no result."""
PATHS = ("folder", "path", "root", "output", "parent", "directory")
"""Names of operands whose ``/`` joins paths."""
PLAIN = (ast.Name, ast.Attribute, ast.Constant)
"""Arguments that are swapped: names and constants."""
FOR_PEOPLE = {"__repr__", "__str__"}
"""Functions whose results are messages."""


@dataclass(frozen=True)
class Mutant:
    """A change of one line.

    Args:
        file: path of the module, such as ``rga/reid/recipe.py``.
        line: from 1, where the change begins.
        start: its offset in the text.
        end: the offset behind it.
        before: the text there.
        after: the text in its place.
        kind: one of the list above.
        statement: first and last line of the statement around it, without the statements that this one holds.
        names: what the statement binds if it runs when the module is imported: a constant, a field, a function for its default values.
    """

    file: str
    line: int
    start: int
    end: int
    before: str
    after: str
    kind: str
    statement: tuple[int, int]
    names: tuple[str, ...] = ()

    def apply(self, text: str) -> str:
        """The file's text with the change."""
        return text[: self.start] + self.after + text[self.end :]

    def __str__(self) -> str:
        """Where it is and what it does."""
        return f"{self.file}:{self.line} {self.kind}: {shorten(self.before)} -> {shorten(self.after)}"


def shorten(text: str) -> str:
    """A text on one line."""
    line = " ".join(text.split()) or "nothing"
    return line if len(line) <= 90 else f"{line[:87]}..."


def mutants(file: str, text: str) -> list[Mutant]:
    r"""All mutants of a file; a few of them are no Python, see ``compiles``.

    Args:
        file: its path, for ``Mutant.file``.
        text: its source.

    Example:
        >>> [str(each) for each in mutants("a.py", "def smaller(x):\n    return x < 3\n")][:2]
        ['a.py:2 comparison: x < 3 -> x <= 3', 'a.py:2 comparison: x < 3 -> x >= 3']
    """
    return list(Walk(file, text).block(ast.parse(text).body))


def compiles(mutant: Mutant, text: str) -> bool:
    """Whether the mutated file is Python, and another program than the original."""
    try:
        changed = ast.parse(mutant.apply(text))
    except SyntaxError:
        return False
    return ast.dump(changed) != ast.dump(ast.parse(text))


class Walk:
    """Goes through the statements of a file and yields the mutants of each."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text
        self.lines = text.splitlines(keepends=True)
        self.offsets = [0, *itertools.accumulate(map(len, self.lines))]
        self.statement = (1, 1)
        self.names: tuple[str, ...] = ()
        self.inside = False  # of a function

    def at(self, line: int, column: int) -> int:
        """The offset of a line (from 1) and a column in bytes."""
        return self.offsets[line - 1] + len(self.lines[line - 1].encode()[:column].decode())

    def span(self, node: ast.expr | ast.stmt | ast.keyword) -> tuple[int, int]:
        """Where a node's text begins and ends."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self.at(node.lineno, node.col_offset), self.at(node.end_lineno, node.end_col_offset)

    def source(self, node: ast.expr | ast.stmt | ast.keyword) -> str:
        """A node's text."""
        return self.text[slice(*self.span(node))]

    def change(self, kind: str, start: int, end: int, after: str) -> Mutant:
        """The mutant that puts a text between two offsets."""
        line = self.text.count("\n", 0, start) + 1
        return Mutant(self.file, line, start, end, self.text[start:end], after, kind, self.statement, self.names)

    def replace(self, kind: str, node: ast.expr | ast.stmt, after: str) -> Mutant:
        """The mutant that puts a text in the place of a node."""
        return self.change(kind, *self.span(node), after)

    # Statements

    def block(self, statements: Iterable[ast.stmt]) -> Iterator[Mutant]:
        """The mutants of statements."""
        for each in statements:
            inner = [body for name in ("body", "orelse", "finalbody") if (body := getattr(each, name, None))]
            inner += [handler.body for handler in getattr(each, "handlers", ())]
            last = min((body[0].lineno - 1 for body in inner), default=each.end_lineno or each.lineno)
            self.statement = (each.lineno, max(each.lineno, last))
            yield from self.removed(each)
            yield from self.within(each, inner)

    def removed(self, node: ast.stmt) -> Iterator[Mutant]:
        """The mutant without a statement, if the rest would still run."""
        match node:
            case ast.Expr(value=ast.Call(func=called)):
                wanted = name_of(called) not in SAID
            case ast.Assign(targets=[ast.Subscript()]) | ast.AugAssign() | ast.Raise() | ast.Continue() | ast.Break():
                wanted = True
            case ast.Return(value=ast.expr()):
                wanted = node.col_offset > 8  # an early one
            case _:
                wanted = False
        if wanted:
            yield self.replace("statement", node, "pass")

    def within(self, node: ast.stmt, inner: Sequence[Sequence[ast.stmt]]) -> Iterator[Mutant]:
        """The mutants of a statement's expressions, and of the statements in it."""
        match node:
            case ast.FunctionDef():
                yield from self.function(node)
                return
            case ast.If(test=ast.Name(id="TYPE_CHECKING")) | ast.Import() | ast.ImportFrom() | ast.Raise() | ast.Expr(value=ast.Constant()):
                return
            case ast.If() | ast.While():
                yield from self.negated(node.test)
            case ast.AnnAssign() | ast.Assign() if not self.inside:
                target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
                self.names = (name_of(target),)
                if node.value is not None and not isinstance(node.value, ast.Subscript):  # those are aliases of types
                    yield from self.expression(node.value)
                self.names = ()
                return
            case ast.Return(value=ast.Tuple() as several):
                for each in several.elts:
                    yield from self.expression(each)
                return
        if not isinstance(node, ast.ClassDef):
            bound = [getattr(node, "annotation", None), getattr(node, "target", None), *getattr(node, "targets", ())]
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.expr) and not any(child is other for other in bound):
                    yield from self.expression(child)
                elif isinstance(child, ast.withitem):
                    yield from self.expression(child.context_expr)
        for body in inner:
            yield from self.block(body)

    def function(self, node: ast.FunctionDef) -> Iterator[Mutant]:
        """The mutants of a function's default values and of its body."""
        if node.name in FOR_PEOPLE or any(name_of(each) in ("abstractmethod", "overload") for each in node.decorator_list):
            return
        outer = self.inside
        self.names = () if outer else (node.name,)
        for default in (*node.args.defaults, *node.args.kw_defaults):
            if default is not None:
                yield from self.expression(default)
        self.names, self.inside = (), True
        yield from self.block(node.body)
        self.inside = outer

    # Expressions

    def expression(self, node: ast.expr) -> Iterator[Mutant]:
        """The mutants of an expression and of those in it."""
        if isinstance(node, ast.JoinedStr):
            return
        if isinstance(node, ast.Call):
            yield from self.call(node)
            return
        yield from self.own(node)
        if isinstance(node, ast.Subscript):
            yield from self.expression(node.value)
            if isinstance(node.slice, ast.Tuple):
                for each in node.slice.elts:
                    yield from self.expression(each)
                return
            yield from self.expression(node.slice)
            return
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                yield from self.expression(child)
            elif isinstance(child, ast.comprehension):
                yield from self.expression(child.iter)
                for condition in child.ifs:
                    yield from self.negated(condition)
                    yield from self.expression(condition)

    def own(self, node: ast.expr) -> Iterator[Mutant]:  # noqa: PLR0912  one branch for each kind of node
        """The mutants that change an expression itself."""
        match node:
            case ast.Compare(left=left, ops=[operator], comparators=[right]):
                sign, others = COMPARISONS[type(operator)]
                for other in others:
                    yield self.between("comparison", left, right, sign, other, node)
            case ast.Compare(left=left, ops=operators, comparators=operands):
                for first, operator, second in zip((left, *operands), operators, operands, strict=False):
                    sign, others = COMPARISONS[type(operator)]
                    yield self.between("comparison", first, second, sign, others[0], node)
            case ast.BoolOp(op=operator, values=values):
                words = ("and", "or") if isinstance(operator, ast.And) else ("or", "and")
                for first, second in itertools.pairwise(values):
                    yield self.between("logic", first, second, *words, node)
            case ast.BinOp(left=left, op=operator, right=right) if type(operator) in ARITHMETIC and not self.joins(node):
                yield self.between("arithmetic", left, right, *ARITHMETIC[type(operator)], node)
            case ast.UnaryOp(op=ast.Not() | ast.USub() as operator, operand=operand):
                yield self.replace("condition" if isinstance(operator, ast.Not) else "arithmetic", node, f"({self.source(operand)})")
            case ast.IfExp(test=test):
                yield from self.negated(test)
            case ast.Constant(value=value):
                if (after := other_constant(value)) is not None:
                    yield self.replace("constant", node, after)
            case ast.Tuple(elts=several) | ast.List(elts=several) | ast.Set(elts=several):
                yield from self.without_each(several, [self.span(each) for each in several], node, "entry")
            case ast.Dict(keys=keys, values=values):
                starts = [self.span(key)[0] if key else self.span(value)[0] - 2 for key, value in zip(keys, values, strict=True)]
                ends = [self.span(value)[1] for value in values]
                yield from self.without_each(values, list(zip(starts, ends, strict=True)), node, "entry")

    def call(self, node: ast.Call) -> Iterator[Mutant]:
        """The mutants of a call and of its arguments."""
        name = name_of(node.func)
        if name in SAID or name.endswith("Error"):
            return
        if isinstance(node.func, ast.Name) and name in OPPOSITES:
            yield self.replace("logic", node.func, OPPOSITES[name])
        if name == "sorted":
            yield self.replace("call", node, f"list({self.source(node.args[0])})")
        if isinstance(node.func, ast.Attribute) and not node.args and not node.keywords and name not in CONVERSIONS:
            yield self.replace("call", node, self.source(node.func.value))
        if isinstance(node.func, ast.Attribute):
            yield from self.expression(node.func.value)
        arguments: list[ast.expr | ast.keyword] = [*node.args, *node.keywords]
        arguments.sort(key=lambda each: self.span(each)[0])
        spans = [self.span(each) for each in arguments]
        wanted = [isinstance(each, ast.keyword) and each.arg not in HINTS for each in arguments]
        yield from self.without_each(arguments, spans, node, "argument", wanted)
        if name not in ("isinstance", "issubclass", *OPPOSITES):
            for first, second in itertools.pairwise(node.args):
                if isinstance(first, PLAIN) and isinstance(second, PLAIN):
                    middle = self.text[self.span(first)[1] : self.span(second)[0]]
                    after = f"{self.source(second)}{middle}{self.source(first)}"
                    yield self.change("swap", self.span(first)[0], self.span(second)[1], after)
        for each in arguments:
            if not isinstance(each, ast.keyword):
                yield from self.expression(each)
            elif each.arg not in HINTS:
                yield from self.expression(each.value)

    def negated(self, test: ast.expr) -> Iterator[Mutant]:
        """The mutant with a condition turned round, unless another one does just that."""
        if not isinstance(test, ast.UnaryOp | ast.Compare) or (isinstance(test, ast.Compare) and len(test.ops) > 1):
            yield self.replace("condition", test, f"not ({self.source(test)})")

    def between(self, kind: str, left: ast.expr, right: ast.expr, sign: str, other: str, whole: ast.expr) -> Mutant:
        """The mutant with another operator between two operands."""
        start, end = self.span(left)[1], self.span(right)[0]
        place = self.text.index(sign, start, end)
        first, last = self.span(whole)
        after = self.text[first:place] + other + self.text[place + len(sign) : last]
        return self.change(kind, first, last, after)

    def without_each(
        self,
        parts: Sequence[ast.expr | ast.keyword],
        spans: Sequence[tuple[int, int]],
        whole: ast.expr,
        kind: str,
        wanted: Sequence[bool] | None = None,
    ) -> Iterator[Mutant]:
        """The mutants without one of the parts, which commas separate."""
        for index, (start, end) in enumerate(spans):
            if wanted is not None and not wanted[index]:
                continue
            if index + 1 < len(parts):
                yield self.change(kind, start, spans[index + 1][0], "")
            elif index:
                yield self.change(kind, spans[index - 1][1], end, "")
            else:
                yield self.change(kind, start, self.span(whole)[1] - 1, "")

    def joins(self, node: ast.BinOp) -> bool:
        """Whether an operation joins texts, lists or paths: any other operator would only be a TypeError."""
        texts = ast.JoinedStr | ast.List | ast.Tuple
        sides = (node.left, node.right)
        if any(isinstance(each, texts) or (isinstance(each, ast.Constant) and isinstance(each.value, str)) for each in sides):
            return True
        if isinstance(node.left, ast.BinOp) and isinstance(node.left.op, type(node.op)) and self.joins(node.left):
            return True
        return isinstance(node.op, ast.Div) and any(word in self.source(node.left).lower() for word in PATHS)


def name_of(node: ast.expr) -> str:
    """The last part of a name: ``a.b.c`` and ``c()`` are ``c``."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Call(func=inner):
            return name_of(inner)
    return ""


def other_constant(value: object) -> str | None:
    """The source of another value of the same type; None if there is none to be had, as for sentences."""
    if isinstance(value, bool):
        return str(not value)
    if isinstance(value, int):
        return str(value + 1)
    if isinstance(value, float):
        return str(value * 2 or 0.5)
    if isinstance(value, str) and value and not any(each.isspace() for each in value):
        return repr(f"{value}_")
    return None
