"""Matchers: Alertmanager's syntax and meaning, and what is said of what is none."""

import re
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.routing import patterns
from notifications.routing.matchers import BadMatcher, Facts, Matcher, Operator, failing, parse, quoted, written
from notifications.routing.plan import matching, plan
from notifications.routing.rules import Mute, Receiver, RouteRule, Rules
from tests.support.components import need

NAMES = st.text(min_size=1, max_size=12)
VALUES = st.text(max_size=20).filter(lambda text: not any(0xD800 <= ord(sign) <= 0xDFFF for sign in text))
NAMES = NAMES.filter(lambda text: not any(0xD800 <= ord(sign) <= 0xDFFF for sign in text))
MATCHERS = st.builds(Matcher, NAMES, st.sampled_from([Operator.EQUAL, Operator.UNEQUAL]), VALUES)


def holds(text, **labels):
    return failing(parse(text), Facts(labels)) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('severity="critical"', ["severity", "=", "critical"]),
        ("severity = critical", ["severity", "=", "critical"]),
        ('{severity!="critical",}', ["severity", "!=", "critical"]),
        ("cluster=~prod-.*", ["cluster", "=~", "prod-.*"]),
        ('cluster!~"a|b"', ["cluster", "!~", "a|b"]),
        ('"größe"="klein"', ["größe", "=", "klein"]),
        ('"한국"="서울"', ["한국", "=", "서울"]),
        ('owner=""', ["owner", "=", ""]),
        (r'name="say \"hi\"\n\u00e4"', ["name", "=", 'say "hi"\nä']),
        ("größe=klein", ["größe", "=", "klein"]),
    ],
)
def test_matchers_are_read_as_alertmanager_writes_them(text, expected):
    (found,) = parse(text)
    assert [found.name, found.operator, found.value] == expected


def test_several_are_separated_by_commas_or_lines():
    assert parse('a="1", b=~"2|3"\nc!=4') == (*parse("a=1"), *parse('b=~"2|3"'), *parse("c!=4"))
    assert parse("") == parse("{}") == ()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("severity", "compares nothing"),
        ("severity=", "compares with nothing"),
        ('="x"', "name missing"),
        ('severity="critical', "not closed"),
        ("{a=b", "brace"),
        ("a=b c=d", "no comma before"),
        ("a='b'", "double quotation marks"),
        ('""="x"', "cannot be empty"),
        ('a=~"("', "no regular expression"),
        (r'a="\d"', "backslash is written twice"),
        (r'a="\ud800"', "no character"),
        ("a" * 5000 + "=b", "too long"),
        (r'a=~"(?=x)"', "Alertmanager has not"),
        (r'a=~"(a)\\1"', "Alertmanager has not"),
        ('a=~"(a+)+"', "take forever"),
        ('a=~"(a|ab?c|ad)*"', "take forever"),
        ('a=~"[[:alpha:]]"', "no regular expression"),
    ],
)
def test_what_is_no_matcher_is_refused_with_a_sentence(text, sentence):
    with pytest.raises(BadMatcher, match=re.escape(sentence)):
        parse(text)


@given(st.lists(MATCHERS, max_size=5))
def test_what_is_written_is_read_back(matchers):
    assert parse(written(matchers)) == tuple(matchers)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_and_nothing_else(text):
    try:
        found = parse(text)
    except BadMatcher:
        return
    assert parse(written(found)) == found


@given(st.dictionaries(st.sampled_from("abc"), VALUES), st.sampled_from("abcd"), VALUES)
def test_a_negative_matcher_is_the_opposite_of_its_positive_one(labels, name, value):
    facts = Facts(labels)
    equal, unequal = (Matcher(name, operator, value).holds(facts) for operator in (Operator.EQUAL, Operator.UNEQUAL))
    assert equal is not unequal
    assert equal == (labels.get(name, "") == value)


@given(VALUES, VALUES)
def test_a_regular_expression_matches_the_whole_value(value, more):
    pattern = re.escape(value)
    if len(pattern) <= patterns.MAX_PATTERN:
        assert patterns.matches(pattern, value)
        assert patterns.matches(pattern, value + more) == (more == "")


def test_a_missing_label_is_the_empty_text():
    assert holds('owner=""')
    assert holds('owner!="x"')
    assert holds('owner=~".*"')
    assert holds('owner!~".+"')
    assert not holds('owner!=""')
    assert not holds('owner=~".+"')


def test_of_several_tags_one_is_enough_and_one_is_too_many():
    facts = Facts({"tags": "web;prod"}, frozenset({"web", "prod"}))
    for text, expected in [
        ('tag="web"', True), ('tag="db"', False), ('tag!="db"', True), ('tag!="web"', False),
        ('tag=~"pr.*"', True), ('tag!~"pr.*"', False),
    ]:  # fmt: skip
        assert (failing(parse(text), facts) is None) == expected, text
    assert failing(parse('tag!="web"'), Facts({})) is None


# --- the same tree, asked of amtool ----------------------------------------------------------------------------------
TREE = [
    ('severity="critical", cluster=~"prod-.*"', False),
    ('team="db"', True),
    ('team=~"db|web", severity!="info"', True),
    ('owner=""', True),
    ('env!~"test|dev", cluster!=""', False),
    ('name=~"web-[0-9]+"', False),
    ('severity!~".*"', False),
]
CASES = [
    {},
    {"severity": "critical"},
    {"severity": "critical", "cluster": "prod-eu"},
    {"severity": "critical", "cluster": "xprod-eu"},
    {"severity": "critical", "cluster": "prod"},
    {"team": "db", "severity": "info", "owner": "x"},
    {"team": "db", "severity": "warning", "owner": "x"},
    {"team": "dbx", "severity": "warning", "owner": "x"},
    {"team": "web", "severity": "warning"},
    {"owner": "x", "env": "prod", "cluster": "a"},
    {"owner": "x", "env": "test", "cluster": "a"},
    {"owner": "x", "env": "tester", "cluster": "a"},
    {"owner": "x", "env": "dev", "name": "web-1", "cluster": "a"},
    {"owner": "x", "env": "dev", "name": "web-1a"},
    {"owner": "x", "env": "dev", "name": "web-"},
    {"owner": "x", "cluster": ""},
    {"owner": "x", "team": "db", "cluster": "prod-1", "severity": "critical"},
    {"owner": " ", "cluster": "a b", "env": "dev test"},
]


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    lines = ["route:", "  receiver: rest", "  routes:"]
    for number, (text, goes_on) in enumerate(TREE):
        lines += [f"  - receiver: r{number}", f"    continue: {str(goes_on).lower()}", "    matchers:"]
        lines += [f"    - '{matcher}'" for matcher in parse(text)]
    lines += ["receivers:", "- name: rest", *(f"- name: r{number}" for number in range(len(TREE)))]
    path = tmp_path_factory.mktemp("tree") / "alertmanager.yml"
    path.write_text("\n".join(lines) + "\n")
    return path


def ours(labels):
    routes = [RouteRule(n + 1, f"r{n}", parse(text), goes_on=goes_on) for n, (text, goes_on) in enumerate(TREE)]
    rules = Rules((*routes, RouteRule(99, "rest", is_default=True)))
    return [route.name for route, failed, stopped in matching(rules, Facts(labels)) if not failed and not stopped]


@pytest.mark.real
@pytest.mark.parametrize("labels", CASES, ids=str)
def test_routes_match_as_alertmanagers_do(tree, labels):
    amtool = need("amtool")
    command = [amtool, "config", "routes", "test", f"--config.file={tree}"]
    command += [f"{name}={quoted(value)}" for name, value in labels.items()]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    assert ours(labels) == told.strip().split(",")


# --- the plan --------------------------------------------------------------------------------------------------------
def test_a_mute_without_conditions_covers_nothing():
    import datetime as dt

    moment = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    mute = Mute("silenced", 1, "all", (), moment)
    assert not mute.covers(Facts({"a": "b"}))


@given(st.dictionaries(st.sampled_from(["severity", "cluster", "team", "owner", "env"]), st.sampled_from("abx")))
def test_somebody_is_always_told_where_the_default_route_is_on(labels):
    import datetime as dt

    channel = Receiver(1, "mail")
    routes = [RouteRule(n, f"r{n}", parse(text), (channel,), goes_on) for n, (text, goes_on) in enumerate(TREE, 1)]
    rules = Rules((*routes, RouteRule(99, "rest", channels=(channel,), is_default=True)))
    answer = plan(rules, Facts(labels), "warning", dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    assert answer.reaches
    told = [target for lane in answer.matched for target in lane.targets if target.reason is None]
    assert len(told) == 1
