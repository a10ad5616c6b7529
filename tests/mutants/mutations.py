"""Mutants of a source: one small fault each, found in its syntax tree and made by an edit of its text.

All else keeps its form, so a mutant's diff shows the fault alone. Left out is what no test can be expected to notice:
annotations, what only a type checker reads, the text of messages (f-strings, ``raise``, strings with spaces).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

COMPARISONS: dict[type[ast.cmpop], tuple[str, tuple[str, ...]]] = {
    ast.Lt: ("<", ("<=", ">=")),
    ast.LtE: ("<=", ("<", ">")),
    ast.Gt: (">", (">=", "<=")),
    ast.GtE: (">=", (">", "<")),
    ast.Eq: ("==", ("!=",)),
    ast.NotEq: ("!=", ("==",)),
    ast.Is: ("is", ("is not",)),
    ast.IsNot: (r"is\s+not", ("is",)),
    ast.In: ("in", ("not in",)),
    ast.NotIn: (r"not\s+in", ("in",)),
}
# Old and new have the same precedence, so that no parentheses are needed; ``**`` becomes ``*`` where it stands alone.
ARITHMETIC: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: (r"\+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: (r"\*", "/"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "*"),
    ast.Pow: (r"\*\*", "*"),
    ast.BitAnd: ("&", "|"),
    ast.BitOr: (r"\|", "&"),
    ast.LShift: ("<<", ">>"),
    ast.RShift: (">>", "<<"),
}
TYPING = {"Literal", "TypeVar", "cast"}  # calls and subscripts whose strings only a type checker reads
IDENTIFIER = re.compile(r"[A-Za-z_][\w.\-]*")  # a column, a kind, a key; prose has spaces

Edit = tuple[int, int, str]


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """One fault: ``edits`` are byte offsets into the file and the new text; ``first`` to ``last`` is its statement.

    ``at_import``: the statement runs when the module is imported, not when a test calls a function.
    """

    file: str
    kind: str
    line: int
    first: int
    last: int
    at_import: bool
    edits: tuple[Edit, ...]

    def apply(self, source: bytes) -> bytes:
        """The source with the fault."""
        for start, end, text in reversed(self.edits):
            source = source[:start] + text.encode() + source[end:]
        return source


@dataclass(frozen=True)
class Place:
    """Where the walk through the tree is: lines of the statement, and whether it runs at import."""

    first: int
    last: int
    at_import: bool = True


def find_mutants(file: str, source: bytes) -> list[Mutant]:
    """Every mutant of a source, in the order of its lines; a few are none, see ``is_change``."""
    found = _Finder(file, source).walk(ast.parse(source), Place(1, 1))
    return sorted(found, key=lambda mutant: (mutant.line, mutant.edits, mutant.kind))


def is_change(mutant: Mutant, source: bytes) -> bool:
    """Whether the mutant is a program, and another one than the original."""
    try:
        return ast.dump(ast.parse(mutant.apply(source))) != ast.dump(ast.parse(source))
    except SyntaxError:
        return False


def code_lines(source: bytes) -> int:
    """Lines on which code begins: no blank lines, comments or docstrings."""
    statements = [
        node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.stmt) and not _is_docstring(node)
    ]
    operands = [child for node in statements for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
    return len({node.lineno for node in statements} | {node.lineno for node in operands})


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


class _Finder:
    def __init__(self, file: str, source: bytes) -> None:
        self.file = file
        self.source = source
        self.starts = [0]
        for line in source.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))

    def walk(self, node: ast.AST, place: Place) -> Iterator[Mutant]:
        """The mutants of a node and of all below it."""
        if _is_left_out(node):
            return
        if isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case):
            first, last = _header(node)
            place = replace(place, first=first, last=last)
        for kind, line, edits in self.faults(node):
            yield Mutant(
                file=self.file,
                kind=kind,
                line=line,
                first=place.first,
                last=place.last,
                at_import=place.at_import,
                edits=edits,
            )
        for name, child in _children(node):
            runs_later = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) and name == "body"
            yield from self.walk(child, replace(place, at_import=place.at_import and not runs_later))

    def faults(self, node: ast.AST) -> Iterator[tuple[str, int, tuple[Edit, ...]]]:
        """Kind, line and edits of the faults of this very node."""
        if isinstance(node, ast.Compare | ast.BoolOp):
            yield from self.logical(node)
        elif isinstance(node, ast.BinOp | ast.AugAssign | ast.UnaryOp):
            yield from self.arithmetic(node)
        elif isinstance(node, ast.If | ast.While | ast.IfExp | ast.comprehension):
            for test in node.ifs if isinstance(node, ast.comprehension) else [node.test]:
                yield "condition", test.lineno, self.negated(test)
        elif isinstance(node, ast.Constant) and (new := _other(node.value)) is not None:
            yield "constant", node.lineno, ((self.start(node), self.end(node), new),)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call | ast.Await):
            yield "call", node.lineno, ((self.start(node), self.end(node), "pass"),)
        elif isinstance(node, ast.Return) and node.value is not None:
            yield "return", node.lineno, ((self.start(node), self.end(node), "return None"),)

    def logical(self, node: ast.Compare | ast.BoolOp) -> Iterator[tuple[str, int, tuple[Edit, ...]]]:
        if isinstance(node, ast.BoolOp):
            old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
            gaps = pairwise(node.values)
            yield "boolean", node.lineno, tuple(edit for gap in gaps for edit in self.between(*gap, old, new))
            return
        for (left, right), operator in zip(pairwise([node.left, *node.comparators]), node.ops, strict=True):
            old, news = COMPARISONS[type(operator)]
            for new in news:
                yield "comparison", left.end_lineno or node.lineno, self.between(left, right, old, new)

    def arithmetic(self, node: ast.BinOp | ast.AugAssign | ast.UnaryOp) -> Iterator[tuple[str, int, tuple[Edit, ...]]]:
        match node:
            case ast.UnaryOp(op=ast.USub()):
                yield "arithmetic", node.lineno, ((self.start(node), self.start(node.operand), ""),)
            case ast.BinOp(left=ast.Constant(value=str()), op=ast.Mod()):
                pass  # the text of a message
            case ast.BinOp(left=left, right=right) if type(node.op) in ARITHMETIC:
                yield (
                    "arithmetic",
                    left.end_lineno or node.lineno,
                    self.between(left, right, *ARITHMETIC[type(node.op)]),
                )
            case ast.AugAssign() if type(node.op) in ARITHMETIC:
                edits = self.between(node.target, node.value, *ARITHMETIC[type(node.op)])
                yield "arithmetic", node.lineno, edits

    def negated(self, test: ast.expr) -> tuple[Edit, ...]:
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            return ((self.start(test), self.start(test.operand), ""),)
        return ((self.start(test), self.start(test), "not ("), (self.end(test), self.end(test), ")"))

    def between(self, left: ast.expr, right: ast.expr, old: str, new: str) -> tuple[Edit, ...]:
        """Replace the operator that stands between two operands; comments may stand there, too."""
        start, end = self.end(left), self.start(right)
        gap = self.source[start:end].decode()
        found = next((found for found in re.finditer(rf"#[^\n]*|(?P<old>{old})", gap) if found["old"]), None)
        if found is None:
            return ()
        offset = start + len(gap[: found.start()].encode())
        return ((offset, offset + len(found["old"].encode()), new),)

    def start(self, node: ast.expr | ast.stmt) -> int:
        return self.starts[node.lineno - 1] + node.col_offset

    def end(self, node: ast.expr | ast.stmt) -> int:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self.starts[node.end_lineno - 1] + node.end_col_offset


def _other(value: object) -> str | None:
    """Another constant in place of this one, as text; none for what is left alone."""
    match value:
        case bool():
            return repr(not value)
        case int():
            return repr(value + 1)
        case float():
            return repr(2 * value if value else 1.0)
        case str() if IDENTIFIER.fullmatch(value):
            return f'"{value}_"'
        case _:
            return None


def _is_left_out(node: ast.AST) -> bool:
    match node:
        case ast.JoinedStr() | ast.Raise() | ast.Import() | ast.ImportFrom():
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING")) | ast.If(test=ast.Compare(left=ast.Name(id="__name__"))):
            return True
        case ast.Assign(targets=[ast.Name(id="TYPE_CHECKING" | "__all__" | "__version__")]):
            return True
        case ast.Subscript(value=ast.Name(id=name)) | ast.Call(func=ast.Name(id=name)):
            return name in TYPING
        case _:
            return _is_docstring(node)


def _children(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Children with the name of their field, without annotations."""
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns"}:
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield name, child


def _header(node: ast.stmt | ast.ExceptHandler | ast.match_case) -> tuple[int, int]:
    """First and last line of a statement without the statements in it: lines on which the interpreter may report it."""
    if isinstance(node, ast.match_case):
        return node.pattern.lineno, (node.guard or node.pattern).end_lineno or node.pattern.lineno
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    first = min(node.lineno, *(one.lineno for one in decorators)) if decorators else node.lineno
    within = [child.lineno for _, child in _children(node) if isinstance(child, ast.stmt | ast.ExceptHandler)]
    within += [child.pattern.lineno for _, child in _children(node) if isinstance(child, ast.match_case)]
    return first, max(first, min(within) - 1) if within else node.end_lineno or first
