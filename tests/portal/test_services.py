"""Where the portal looks for the programs beside it."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from portal.lib.environment import Environment
from portal.lib.services import Services
from portal.up.optional import Found, addresses


def services(tmp_path, ports="", **variables):
    (tmp_path / "ports.json").write_text(ports)
    return Services(Environment(variables), tmp_path / "ports.json")


def test_without_a_word_it_is_the_usual_port_and_nobody_said_that_it_is_there(tmp_path):
    found = services(tmp_path)
    assert found.url("PORTAL_GRAFANA_URL", "grafana", 3000) == "http://127.0.0.1:3000"
    assert found.given == set()


def test_where_bin_up_started_it_is_known_to_commands_too(tmp_path):
    found = services(tmp_path, '{"prometheus": 9191}')
    assert found.url("PORTAL_PROMETHEUS_URL", "prometheus", 9090) == "http://127.0.0.1:9191"
    assert found.given == {"PORTAL_PROMETHEUS_URL"}


def test_the_environment_goes_first(tmp_path):
    found = services(tmp_path, '{"prometheus": 9191}', PORTAL_PROMETHEUS_URL="https://metrics.example.org/prom/")
    assert found.url("PORTAL_PROMETHEUS_URL", "prometheus", 9090) == "https://metrics.example.org/prom"


@pytest.mark.parametrize("kept", ["", "[]", "null", "{", '{"prometheus": "x"}'])
def test_a_file_of_ports_that_is_none_counts_as_none(tmp_path, kept):
    assert services(tmp_path, kept).url("X", "prometheus", 9090) == "http://127.0.0.1:9090"


@pytest.mark.parametrize("address", ["prometheus:9090", "ftp://a", "http://user:secret@host:9090"])
def test_an_address_that_is_none_or_holds_a_password_is_refused(tmp_path, address):
    with pytest.raises(ImproperlyConfigured, match="PORTAL_PROMETHEUS_URL") as told:
        services(tmp_path, PORTAL_PROMETHEUS_URL=address).url("PORTAL_PROMETHEUS_URL", "prometheus", 9090)
    if "secret" in address:
        assert "secret" not in str(told.value)


def test_the_children_are_told_where_bin_up_started_what(monkeypatch):
    monkeypatch.setenv("PORTAL_ALERTMANAGER_URL", "http://elsewhere:9093")
    found = [Found("prometheus", 9191), Found("alertmanager", 9093), Found("node-exporter", 9100), Found("grafana")]
    assert addresses(found) == {
        "PORTAL_PROMETHEUS_URL": "http://127.0.0.1:9191",
        "PORTAL_NODE_EXPORTER_URL": "http://127.0.0.1:9100",
    }
