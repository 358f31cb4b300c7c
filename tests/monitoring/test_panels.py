"""The catalogue of panels, and how values get into their expressions."""

import re

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from monitoring import panels, promql
from monitoring.panel_queries import filled, seconds_of
from monitoring.panel_words import WORDS


@pytest.mark.parametrize("thing", ["server", "node", "cluster"])
def test_the_page_of_one_thing_has_six_panels_at_most(thing):
    found = panels.panels_of(thing)
    assert 4 <= len(found) <= 6
    values = {"cluster": "demo", "node": "pve1", "server": "100"}
    assert all(panel.queries(values, 15, 3600) for panel in found)


def test_what_is_not_shipped_is_an_error_of_keys():
    with pytest.raises(panels.UnknownDashboard):
        panels.dashboard("../../etc/passwd")
    with pytest.raises(panels.UnknownPanel):
        panels.panel("business", 4711)
    assert issubclass(panels.UnknownDashboard, KeyError)
    assert issubclass(panels.UnknownPanel, KeyError)


@pytest.mark.parametrize(("step", "window"), [(1, "60s"), (15, "60s"), (45, "60s"), (60, "75s"), (3600, "3615s")])
def test_a_rate_looks_at_four_scrapes_or_at_all_between_two_points(step, window):
    assert filled("rate(a[$__rate_interval])", {}, step, 3600) == f"rate(a[{window}])"


def test_the_range_and_the_step_are_put_in_as_seconds():
    assert filled("rate(a[$__range]) + rate(b[$__interval])", {}, 30, 86400) == "rate(a[86400s]) + rate(b[30s])"


@pytest.mark.parametrize(
    ("expression", "value", "wanted"),
    [
        ('a{x="$v"}', "web-01", 'a{x="web-01"}'),
        ('a{x="$v"}', 'a"} or b{c="', 'a{x="a\\"} or b{c=\\""}'),
        ('a{x="$v"}', "back\\slash\nline", 'a{x="back\\\\slash\\nline"}'),
        ('a{x=~"$v"}', "web.01", 'a{x=~"web\\\\.01"}'),
        ('a{x=~"$v"}', ".*|x", 'a{x=~"\\\\.\\\\*\\\\|x"}'),
        ('a{x=~"$v"}', panels.ALL, 'a{x=~".*"}'),
        ('a{x=~"$v"}', "$__all$v", 'a{x=~"\\\\$__all\\\\$v"}'),
        ('a{x="$v"}', "$__rate_interval", 'a{x="$__rate_interval"}'),
    ],
)
def test_a_value_is_never_read_as_promql(expression, value, wanted):
    assert filled(expression, {"v": value}, 15, 3600) == wanted


def test_what_nobody_chose_is_everything_or_an_error():
    assert filled('a{x=~"$v"}', {}, 15, 60) == 'a{x=~".*"}'
    with pytest.raises(panels.UnknownVariable):
        filled('a{x="$v"}', {}, 15, 60)


@pytest.mark.parametrize("expression", ['a{x="$v-1"}', "$v", "a[$v]", 'a{x="${v}"}', "a[$__rate_intervals]"])
def test_a_variable_at_another_place_is_refused(expression):
    with pytest.raises(panels.UnknownVariable):
        filled(expression, {"v": "x"}, 15, 60)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_whatever_a_value_is_the_expression_stays_one_selector(value):
    for operator in ("=", "=~"):
        text = filled(f'up{{x{operator}"$v"}}', {"v": value}, 15, 60)
        assert promql.judge(text, {"up": None}).troubles == []
        selector = promql.ast.parse(text)
        assert isinstance(selector, promql.ast.VectorSelector)
        (matcher,) = selector.matchers.matchers
        assert value in {"$__all", matcher.value} or operator == "=~"


def texts_of(one):
    """Everything that a reader of that dashboard reads and that is words."""
    yield from (one.title, one.description, *(variable.label for variable in one.variables))
    for panel in one.panels:
        yield from (panel.title, panel.description, panel.empty)
        yield from (target.legend for target in panel.targets)
        yield from (column.title for column in panel.columns)
        yield from (word.text for word in panel.words)


def test_those_who_translate_have_every_word_of_the_dashboards_and_no_other():
    texts = {text for one in panels.dashboards() for text in texts_of(one)}
    shown = {text for text in texts if re.search("[A-Za-z]{2}", re.sub(r"{{.*?}}", "", text))}
    assert sorted(shown ^ WORDS) == [], "add to or drop from monitoring/panel_words"


def test_a_reader_gets_his_own_language_and_grafana_keeps_its_addresses():
    with translation.override("ko"):
        found = panels.dashboard("infrastructure")
        assert found.variables[0].label == "클러스터"
        assert (found.slug, found.uid) == ("infrastructure", "infrastructure")
        oldest = panels.panel("infrastructure", 16)
        assert oldest.sort[0] in {column.title for column in oldest.columns}
    assert panels.dashboard("infrastructure").variables[0].label == "Cluster"


@pytest.mark.parametrize(("text", "seconds"), [("30s", 30), ("now-6h", 21600), ("7d", 604800), ("1m", 60)])
def test_lengths_of_time_are_seconds(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "6", "now", "-1h", "1y", "now-6h/h"])
def test_a_length_that_is_none_is_told(text):
    with pytest.raises(ValueError, match="length of time"):
        seconds_of(text)


def test_the_catalogue_reads_what_both_renderers_need():
    cpu = panels.panel("system-overview", 7)
    assert (cpu.kind, cpu.unit, cpu.minimum, cpu.maximum) == ("timeseries", "percent", 0, 100)
    assert [(target.legend, target.threshold) for target in cpu.targets][1] == ("Threshold", True)
    nodes = panels.panel("infrastructure", 11)
    assert [(word.value, word.text, word.colour) for word in nodes.words] == [
        (1, "Online", "green"), (0, "Offline", "red"),
    ]  # fmt: skip
    oldest = panels.panel("infrastructure", 16)
    assert [column.field for column in oldest.columns] == ["cluster", "name", "vmid", "Value"]
    assert (oldest.sort, oldest.empty) == (("Age", True), "no backup known")
    assert panels.panel("business", 8).stacked
