"""XLSForm's expression language, over whole columns: constraints, relevance, rules.

An expression is parsed once and evaluated over all rows of a table at a time. What the language of ODK XForms has and
this does not raises `UnsupportedExpression`, so that a rule is either judged rightly or reported as not judged.
Source: ODK XForms specification, "XPath expressions".
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from meal_pipelines.project.values import Values


class UnsupportedExpression(ValueError):
    """The expression uses something this module does not know, or is not an expression at all."""


@dataclass(frozen=True)
class Scope:
    """What the names of an expression stand for: answers by question name, `.`, and the day of each submission.

    rows: how many rows every column has · today: days since 1970 on which each submission was made.
    """

    rows: int
    answers: Mapping[str, Values]
    today: np.ndarray[Any, Any]
    current: Values | None = None


@dataclass(frozen=True)
class Expression:
    """A parsed expression; `names` are the questions it reads."""

    source: str
    names: frozenset[str]
    _evaluate: Callable[[Scope], Values]

    def holds(self, scope: Scope) -> np.ndarray[Any, Any]:
        """For each row, whether the expression is true."""
        return np.broadcast_to(self._evaluate(scope).truth, (scope.rows,))

    def values(self, scope: Scope) -> Values:
        return self._evaluate(scope)


@lru_cache(maxsize=4096)
def parse(source: str) -> Expression:
    """Parse one expression.

    Raises: UnsupportedExpression, saying what is not understood.
    """
    parser = _Parser(source)
    node = parser.expression()
    if parser.peek():
        raise UnsupportedExpression(f"« {parser.peek()} » inattendu dans « {source} »")
    return Expression(source, frozenset(parser.names), node)


TOKENS = re.compile(
    r"""\s*(?:(?P<name>\$\{\s*[^}]+?\s*\})|(?P<string>'[^']*'|"[^"]*")|(?P<number>\d+\.?\d*|\.\d+)
    |(?P<op><=|>=|!=|[=<>+*(),|-])|(?P<word>[A-Za-z_][\w:.-]*)|(?P<dot>\.))""",
    re.VERBOSE,
)
Node = Callable[[Scope], Values]


class _Parser:
    """Recursive descent: or → and → equality → comparison → sum → product → unary → primary."""

    def __init__(self, source: str) -> None:
        self.source, self.names = source, set[str]()
        self.tokens = list(self._tokens(source))
        self.position = 0

    def _tokens(self, source: str) -> Iterator[tuple[str, str]]:
        position = 0
        source = source.replace("‘", "'").replace("’", "'").replace("“", '"').replace("”", '"').rstrip()
        while position < len(source):
            match = TOKENS.match(source, position)
            if match is None:
                raise UnsupportedExpression(f"« {source[position : position + 12]} » n'est pas compris")
            position = match.end()
            yield str(match.lastgroup), match.group(str(match.lastgroup))

    def peek(self) -> str:
        return self.tokens[self.position][1] if self.position < len(self.tokens) else ""

    def take(self, expected: str | None = None) -> tuple[str, str]:
        if self.position >= len(self.tokens):
            raise UnsupportedExpression(f"« {self.source} » s'arrête trop tôt")
        token = self.tokens[self.position]
        if expected is not None and token[1] != expected:
            raise UnsupportedExpression(f"« {expected} » attendu, « {token[1]} » trouvé dans « {self.source} »")
        self.position += 1
        return token

    def expression(self) -> Node:
        return self._chain(self._and, {"or": lambda a, b: Values("bool", a.truth | b.truth)})

    def _and(self) -> Node:
        return self._chain(self._equality, {"and": lambda a, b: Values("bool", a.truth & b.truth)})

    def _equality(self) -> Node:
        return self._chain(self._comparison, {"=": _equal, "!=": lambda a, b: Values("bool", ~_equal(a, b).data)})

    def _comparison(self) -> Node:
        return self._chain(self._sum, {sign: _comparing(sign) for sign in ("<=", ">=", "<", ">")})

    def _sum(self) -> Node:
        return self._chain(self._product, {"+": _arithmetic(np.add), "-": _arithmetic(np.subtract)})

    def _product(self) -> Node:
        signs = {"*": np.multiply, "div": np.divide, "mod": np.fmod}
        return self._chain(self._unary, {sign: _arithmetic(function) for sign, function in signs.items()})

    def _chain(self, below: Callable[[], Node], signs: Mapping[str, Callable[[Values, Values], Values]]) -> Node:
        left = below()
        while self.peek() in signs:
            left = _binary(signs[self.take()[1]], left, below())
        return left

    def _unary(self) -> Node:
        if self.peek() == "-":
            self.take()
            inner = self._unary()
            return lambda scope: Values("number", -inner(scope).number)
        return self._primary()

    def _primary(self) -> Node:
        kind, token = self.take()
        if kind == "number":
            return _constant("number", float(token))
        if kind == "string":
            return _constant("text", token[1:-1])
        if kind == "name":
            name = token[2:-1].strip().rsplit("/", 1)[-1].removeprefix("last-saved#")
            self.names.add(name)
            return lambda scope: _answer(scope, name)
        if kind == "dot":
            return _current
        if token == "(":
            inner = self.expression()
            self.take(")")
            return inner
        if kind == "word" and self.peek() == "(":
            return self._call(token)
        raise UnsupportedExpression(f"« {token} » n'est pas compris dans « {self.source} »")

    def _call(self, name: str) -> Node:
        self.take("(")
        arguments: list[Node] = []
        while self.peek() != ")":
            if arguments:
                self.take(",")
            arguments.append(self.expression())
        self.take(")")
        if name not in FUNCTIONS:
            raise UnsupportedExpression(f"la fonction « {name}() » n'est pas connue")
        function = FUNCTIONS[name]
        try:
            inspect.signature(function).bind(None, *arguments)
        except TypeError:
            raise UnsupportedExpression(f"la fonction « {name}() » n'a pas le bon nombre d'arguments") from None
        return lambda scope: function(scope, *(argument(scope) for argument in arguments))


def _binary(function: Callable[[Values, Values], Values], left: Node, right: Node) -> Node:
    return lambda scope: function(left(scope), right(scope))


def _constant(kind: str, value: Any) -> Node:
    values = Values(kind, np.array([value], dtype=object if kind == "text" else float))
    return lambda scope: values


def _answer(scope: Scope, name: str) -> Values:
    if name not in scope.answers:
        raise UnsupportedExpression(f"la question « {name} » n'est pas connue ici")
    return scope.answers[name]


def _current(scope: Scope) -> Values:
    if scope.current is None:
        raise UnsupportedExpression("« . » n'a de sens que dans une contrainte")
    return scope.current


def _equal(left: Values, right: Values) -> Values:
    if "text" == left.kind == right.kind:
        return _same_text(left, right)
    if "bool" in (left.kind, right.kind):
        return Values("bool", left.truth == right.truth)
    return Values("bool", left.number == right.number)


def _same_text(left: Values, right: Values) -> Values:
    """An answer is nearly always compared with one fixed text: then each distinct answer is, once."""
    for answer, other in ((left, right), (right, left)):
        if other.codes is None and len(other.distinct) == 1:
            return Values("bool", np.asarray(answer.distinct == other.distinct, dtype=bool), answer.codes)
    return Values("bool", np.asarray(left.text == right.text, dtype=bool))


def _comparing(sign: str) -> Callable[[Values, Values], Values]:
    compare = {"<": np.less, ">": np.greater, "<=": np.less_equal, ">=": np.greater_equal}[sign]
    return lambda left, right: Values("bool", compare(left.number, right.number))


def _arithmetic(function: Callable[..., Any]) -> Callable[[Values, Values], Values]:
    def apply(left: Values, right: Values) -> Values:
        with np.errstate(divide="ignore", invalid="ignore"):
            return Values("number", function(left.number, right.number))

    return apply


def _single(values: Values) -> str:
    if len(values.data) != 1:
        raise UnsupportedExpression("une valeur fixe est attendue")
    return str(values.text[0])


def _selected(scope: Scope, values: Values, choice: Values) -> Values:
    wanted = _single(choice)
    return values.each(lambda text: wanted in text.split(), "bool")


def _regex(scope: Scope, values: Values, pattern: Values) -> Values:
    try:
        compiled = re.compile(_single(pattern))
    except re.error:
        raise UnsupportedExpression("l'expression régulière n'est pas valide") from None
    return values.each(lambda text: compiled.search(text) is not None, "bool")


def _if(scope: Scope, condition: Values, yes: Values, no: Values) -> Values:
    if yes.kind == no.kind:
        return Values(yes.kind, np.where(condition.truth, yes.data, no.data))
    return Values("text", np.where(condition.truth, yes.text, no.text).astype(object))


def _coalesce(scope: Scope, first: Values, second: Values) -> Values:
    return Values("text", np.where(first.text != "", first.text, second.text).astype(object))


def _concat(scope: Scope, *parts: Values) -> Values:
    columns = np.broadcast_arrays(*(part.text for part in parts))
    return Values("text", np.array(["".join(row) for row in zip(*columns, strict=True)], dtype=object))


def _substr(scope: Scope, values: Values, start: Values, end: Values | None = None) -> Values:
    first = int(start.number[0])
    last = None if end is None else int(end.number[0])
    return values.each(lambda text: text[first:last], "text")


def _round(values: Values, digits: int) -> Values:
    """Halves go up, as in XPath (numpy's go to the even neighbour)."""
    return Values("number", np.floor(values.number * 10.0**digits + 0.5) / 10.0**digits)


def _today(scope: Scope) -> Values:
    return Values.of_dates(scope.today)


FUNCTIONS: dict[str, Callable[..., Values]] = {
    "selected": _selected,
    "count-selected": lambda scope, values: values.each(lambda text: len(text.split()), "number"),
    "regex": _regex,
    "string-length": lambda scope, values: values.each(len, "number"),
    "not": lambda scope, values: Values("bool", ~values.truth),
    "true": lambda scope: Values("bool", np.array([True])),
    "false": lambda scope: Values("bool", np.array([False])),
    "boolean": lambda scope, values: Values("bool", values.truth),
    "if": _if,
    "coalesce": _coalesce,
    "today": _today,
    "now": _today,
    "date": lambda scope, values: Values.of_dates(np.floor(values.number)),
    "date-time": lambda scope, values: Values.of_dates(values.number),
    "decimal-date-time": lambda scope, values: Values("number", values.number),
    "number": lambda scope, values: Values("number", values.number),
    "int": lambda scope, values: Values("number", np.trunc(values.number)),
    "round": lambda scope, values, digits=None: _round(values, 0 if digits is None else int(digits.number[0])),
    "string": lambda scope, values: Values("text", values.text),
    "concat": _concat,
    "substr": _substr,
    "contains": lambda scope, values, part: values.each(lambda text: _single(part) in text, "bool"),
    "starts-with": lambda scope, values, part: values.each(lambda text: text.startswith(_single(part)), "bool"),
}
