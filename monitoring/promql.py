"""Judges an expression of PromQL: does it parse, is each metric one that we export, can each label be there?

The labels of every part are worked out from the bottom up, so that a sum that drops a label which its neighbour asks
for is found before a rule stays silent for ever. Needs the package promql-parser, which requirements-dev.txt names.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import promql_parser as ast
from promql_parser import Expr, MatchOp

from monitoring.promql_known import FOREIGN, SCRAPED, VALUES, Labels

# What stands for a value that Grafana puts in.
ANY_VALUE: Final = "x"
SETS: Final = frozenset({"and", "or", "unless"})
KEEPING: Final = frozenset({"topk", "bottomk", "limitk", "limit_ratio"})
NOTHING: Final[Labels] = frozenset()


@dataclass(frozen=True)
class Trouble:
    """What is wrong with an expression, and the word by which the line is found."""

    word: str
    sentence: str


@dataclass(frozen=True)
class Shape:
    """What a part gives: numbers with these labels (None: any), or a plain number."""

    labels: Labels | None = NOTHING
    scalar: bool = False

    def with_labels(self, change: Callable[[Labels], Labels]) -> "Shape":
        """The same with other labels; any stay any."""
        return self if self.labels is None else Shape(change(self.labels))

    def lacks(self, names: Iterable[str]) -> list[str]:
        """Which of these cannot be there."""
        return [] if self.labels is None else sorted(set(names) - self.labels)


@dataclass
class Judgement:
    """One expression: its troubles, and the labels of what it gives."""

    known: Mapping[str, Labels | None]
    troubles: list[Trouble] = field(default_factory=list)
    result: Shape = field(default_factory=Shape)

    def of(self, expr: Expr) -> Shape:
        """What that part gives. What is wrong in it is noted."""
        readers: dict[type[Any], Callable[[Any], Shape]] = {
            ast.VectorSelector: self._selector,
            ast.MatrixSelector: lambda part: self._selector(part.vector_selector),
            ast.AggregateExpr: self._aggregation,
            ast.BinaryExpr: self._pair,
            ast.Call: self._call,
            **dict.fromkeys((ast.ParenExpr, ast.UnaryExpr, ast.SubqueryExpr), lambda part: self.of(part.expr)),
        }
        reader = readers.get(type(expr))
        return reader(expr) if reader else Shape(scalar=True)

    def wrong(self, word: str, sentence: str) -> None:
        """Note it once."""
        if (trouble := Trouble(word, sentence)) not in self.troubles:
            self.troubles.append(trouble)

    # --- the parts

    def _selector(self, expr: ast.VectorSelector) -> Shape:
        matchers = [*expr.matchers.matchers, *(one for group in expr.matchers.or_matchers for one in group)]
        name = expr.name or next(
            (one.value for one in matchers if one.name == "__name__" and one.op == MatchOp.Equal), ""
        )
        if not name:
            self.wrong("{", "it selects series without naming a metric")
            return Shape(None)
        if name not in self.known:
            self.wrong(name, f"the metric {name} is neither exported nor on the list of foreign ones")
            return Shape(None)
        labels = self.known[name]
        shape = Shape(None if labels is None else labels | SCRAPED)
        for label in shape.lacks(one.name for one in matchers if one.name != "__name__"):
            self.wrong(label, f"the metric {name} has no label {label}")
        for one in matchers:
            values = VALUES.get((name, one.name))
            if values and one.op == MatchOp.Equal and one.value not in values | {ANY_VALUE}:
                self.wrong(one.value, f"the metric {name} has no {one.name} {one.value}")
        return shape

    def _aggregation(self, expr: ast.AggregateExpr) -> Shape:
        shape, how, what = self.of(expr.expr), expr.modifier, str(expr.op)
        named = frozenset(how.labels) if how else NOTHING
        for label in shape.lacks(named):
            self.wrong(label, f"{what} names the label {label}, which is not there")
        if what in KEEPING:
            return shape
        if how is not None and how.type == ast.AggModifierType.Without:
            shape = shape.with_labels(lambda labels: labels - named)
        else:
            shape = Shape(named)
        return shape.with_labels(lambda labels: labels | {_text(expr.param)}) if what == "count_values" else shape

    def _call(self, expr: ast.Call) -> Shape:
        name, given = expr.func.name, [self.of(one) for one in expr.args]
        vectors = [shape for shape in given if not shape.scalar]
        if name in {"time", "pi", "scalar"}:
            return Shape(scalar=True)
        if name in {"absent", "absent_over_time"}:
            return Shape(_equal_labels(expr.args[0]))
        shape = vectors[-1] if vectors else Shape()
        if name in {"label_replace", "label_join"}:
            return shape.with_labels(lambda labels: labels | {_text(expr.args[1])})
        if name == "histogram_quantile":
            if shape.lacks(["le"]):
                self.wrong(name, "histogram_quantile needs the label le, which is not there any more")
            return shape.with_labels(lambda labels: labels - {"le"})
        return shape

    def _pair(self, expr: ast.BinaryExpr) -> Shape:
        left, right, what, how = self.of(expr.lhs), self.of(expr.rhs), str(expr.op), expr.modifier
        if left.scalar or right.scalar:
            return right if left.scalar else left
        self._matching(left, right, what, how)
        if what == "or":
            both = left.labels is None or right.labels is None
            return Shape(None if both else (left.labels or NOTHING) | (right.labels or NOTHING))
        group = _grouping(how)
        if what in SETS or how is None or (how.matching is None and not group):
            return left
        if not group:
            return _matched(left, how)
        many, one = (right, left) if group == "right" else (left, right)
        brought = frozenset(how.group_labels or [])
        for label in one.lacks(brought):
            self.wrong(label, f"group_{group} brings the label {label}, which the other side does not have")
        return many.with_labels(lambda labels: labels | brought)

    def _matching(self, left: Shape, right: Shape, what: str, how: Any) -> None:
        """Whether series of both sides can meet."""
        matching = how.matching if how else None
        if matching is not None and matching.type == ast.LabelModifierType.Include:
            for side, shape in (("left", left), ("right", right)):
                for label in shape.lacks(matching.labels):
                    self.wrong(label, f"on ({label}): the {side} side of {what} does not have that label")
            return
        if what == "or" or left.labels is None or right.labels is None or _grouping(how):
            return
        ignored = frozenset(matching.labels) if matching is not None else NOTHING
        if apart := sorted((left.labels ^ right.labels) - ignored):
            words = ", ".join(apart)
            self.wrong(what, f"the two sides of {what} never match: only one of them has {words}")


def judge(text: str, known: Mapping[str, Labels | None]) -> Judgement:
    """What is wrong with an expression. ``known`` has the names of our samples and their labels, and of foreign ones
    that are not on the short list; None: any labels."""
    judgement = Judgement({**FOREIGN, **known})
    try:
        expr = ast.parse(text)
    except ValueError as error:
        judgement.wrong("", f"it does not parse: {error}")
        judgement.result = Shape(None)
        return judgement
    judgement.result = judgement.of(expr)
    return judgement


def _matched(shape: Shape, how: Any) -> Shape:
    """The labels of one-to-one matching."""
    named = frozenset(how.matching.labels)
    if how.matching.type == ast.LabelModifierType.Include:
        return Shape(named)
    return shape.with_labels(lambda labels: labels - named)


def _grouping(how: Any) -> str:
    """'left', 'right' or ''."""
    if how is None:
        return ""
    names = {"ManyToOne": "left", "OneToMany": "right"}
    return names.get(str(how.card).rpartition(".")[2], "")


def _equal_labels(expr: Any) -> Labels:
    """The labels that ``absent`` makes out of its selector."""
    while isinstance(expr, ast.ParenExpr | ast.SubqueryExpr):
        expr = expr.expr
    selector = expr.vector_selector if isinstance(expr, ast.MatrixSelector) else expr
    if not isinstance(selector, ast.VectorSelector):
        return NOTHING
    return frozenset(one.name for one in selector.matchers.matchers if one.op == MatchOp.Equal) - {"__name__"}


def _text(expr: Any) -> str:
    return expr.val if isinstance(expr, ast.StringLiteral) else ""
