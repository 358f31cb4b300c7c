"""Finds expressions of PromQL in files of rules, pages of documentation and dashboards, each with its line."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from monitoring.promql import ANY_VALUE, Judgement, judge
from monitoring.promql_known import Labels

FAMILY: Final = re.compile(r"^\| `(\w+)` \| (gauge|counter|histogram) \| ([\w, ]*)\|", re.MULTILINE)
# As CommonMark has them: a fence may be indented, as in a list, and be longer than three marks.
BLOCK: Final = re.compile(r"^[ \t]*(```+|~~~+)[ \t]*promql\b[^\n]*\n(.*?)^[ \t]*\1", re.MULTILINE | re.DOTALL)
TEMPLATE_LABEL: Final = re.compile(r"\$labels\.(\w+)")
# What Grafana puts in place of its variables; a variable inside of quotes is a text like any other.
GRAFANA: Final = (
    (re.compile(r"\$\{?__(?:interval_ms|range_ms|range_s)\}?"), "300"),
    (re.compile(r"\$\{?__(?:rate_interval|interval|range)\}?"), "5m"),
    (re.compile(r"\[\[(\w+)\]\]|\$\{(\w+)(?::\w+)?\}|\$(\w+)"), ANY_VALUE),
)
LABEL_VALUES: Final = re.compile(r"^label_values\(\s*(?:(?P<of>.+),\s*)?(?P<label>\w+)\s*\)$", re.DOTALL)
QUERY_RESULT: Final = re.compile(r"^query_result\((?P<of>.+)\)$", re.DOTALL)


@dataclass(frozen=True)
class Found:
    """An expression, where it begins, and what else it must bring."""

    path: Path
    line: int
    text: str
    # Labels that a text beside it names, such as the annotations of its rule.
    wanted: tuple[str, ...] = ()
    # Under which name a recording rule keeps it.
    record: str = ""

    def line_of(self, word: str) -> int:
        """The line of the file in which that word of the expression is."""
        pattern = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)" if word[:1].isalnum() else re.escape(word))
        lines = (number for number, line in enumerate(self.text.splitlines()) if word and pattern.search(line))
        return self.line + next(lines, 0)


@dataclass(frozen=True)
class Finding:
    """Something that is wrong, and where."""

    path: Path
    line: int
    sentence: str


def exported(page: Path) -> dict[str, Labels]:
    """The names of our samples and their labels, as that page lists the families."""
    known: dict[str, Labels] = {}
    for name, kind, words in FAMILY.findall(page.read_text()):
        labels = frozenset(word.strip() for word in words.split(",") if word.strip())
        if kind == "histogram":
            known |= {f"{name}_bucket": labels | {"le"}, f"{name}_sum": labels, f"{name}_count": labels}
        else:
            known[name] = labels
    return known


def find(path: Path) -> list[Found]:
    """Every expression in that file. Raises OSError, ValueError (no such format)."""
    readers = {".md": _in_page, ".yml": _in_rules, ".yaml": _in_rules, ".json": _in_dashboard}
    if path.suffix not in readers:
        raise ValueError("expressions are looked for in .yml, .yaml, .md and .json files")
    try:
        return list(readers[path.suffix](path, path.read_text()))
    except yaml.YAMLError as error:
        raise ValueError(f"it is no YAML: {str(error).splitlines()[0]}") from None


def check(found: list[Found], known: Mapping[str, Labels | None]) -> list[Finding]:
    """What is wrong with them. The names that recording rules among them keep are known to all."""
    known, findings = dict(known), []
    for one in sorted(found, key=lambda one: not one.record):
        judgement = judge(one.text, known)
        if one.record and judgement.result.labels is not None:
            known[one.record] = judgement.result.labels
        findings += [Finding(one.path, one.line_of(trouble.word), trouble.sentence) for trouble in judgement.troubles]
        findings += _missing(one, judgement)
    return sorted(set(findings), key=lambda finding: (str(finding.path), finding.line, finding.sentence))


def _missing(one: Found, judgement: Judgement) -> Iterator[Finding]:
    for label in judgement.result.lacks(one.wanted):
        yield Finding(one.path, one.line, f"a text of the rule names $labels.{label}, which its expression drops")


# --- the formats


def _in_page(path: Path, text: str) -> Iterator[Found]:
    """Blocks of ```promql, in which an empty line ends an expression."""
    for block in BLOCK.finditer(text):
        line = text.count("\n", 0, block.start(2)) + 1
        for piece in re.split(r"(\n\s*\n)", block[2]):
            if any(row.strip() and not row.strip().startswith("#") for row in piece.splitlines()):
                yield Found(path, line, piece)
            line += piece.count("\n")


def _in_rules(path: Path, text: str) -> Iterator[Found]:
    """Files with groups of rules; others have none."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    for group in _items(_entry(root, "groups")):
        for rule in _items(_entry(group, "rules")):
            expression, words = _entry(rule, "expr"), _entry(rule, "annotations")
            if expression is None:
                continue
            own = {key.value for key, _value in (getattr(_entry(rule, "labels"), "value", None) or [])}
            texts = " ".join(str(value.value) for _key, value in (words.value if words is not None else []))
            record = _entry(rule, "record")
            yield Found(
                path,
                expression.start_mark.line + (2 if expression.style in {"|", ">"} else 1),
                expression.value,
                tuple(sorted(set(TEMPLATE_LABEL.findall(texts)) - own)),
                record.value if record is not None else "",
            )


def _entry(node: Any, name: str) -> Any:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for key, value in node.value if key.value == name), None)


def _items(node: Any) -> list[Any]:
    return node.value if isinstance(node, yaml.SequenceNode) else []


def _in_dashboard(path: Path, text: str) -> Iterator[Found]:
    """Every target and every query of a variable, at any depth."""
    for raw, of in _queries(json.loads(text)):
        at = text.find(json.dumps(raw, ensure_ascii=False))
        at = at if at >= 0 else text.find(json.dumps(raw))
        plain = of
        for pattern, value in GRAFANA:
            plain = pattern.sub(value, plain)
        # In the file it is one line, whatever it is in Grafana.
        yield Found(path, text.count("\n", 0, max(at, 0)) + 1, " ".join(plain.splitlines()))


def _queries(node: Any) -> Iterator[tuple[str, str]]:
    """Each query as it is written, and the expression in it."""
    if isinstance(node, list):
        for one in node:
            yield from _queries(one)
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        if key == "expr" and isinstance(value, str):
            yield value, value
        elif key in {"query", "definition"} and isinstance(value, str):
            yield from _of_variable(value)
        else:
            yield from _queries(value)


def _of_variable(query: str) -> Iterator[tuple[str, str]]:
    if match := LABEL_VALUES.match(query):
        # Every value of a label is what a count by it would list.
        if match["of"]:
            yield query, f"count by ({match['label']}) ({match['of']})"
    elif match := QUERY_RESULT.match(query):
        yield query, match["of"]
