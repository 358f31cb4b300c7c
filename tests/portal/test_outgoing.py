"""What calls to other programs take from this machine's environment."""

import pytest

from portal.lib.http import OutgoingSession
from tests.support.prometheus import StandInPrometheus


@pytest.fixture
def places(monkeypatch):
    """A program on this machine, and the proxy of the environment."""
    answer = (200, b"here")
    with StandInPrometheus(lambda *_: answer) as here, StandInPrometheus(lambda *_: (200, b"by proxy")) as proxy:
        for name in ("http_proxy", "HTTP_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        yield here, proxy


def test_the_proxy_of_the_environment_is_for_all_but_this_machine_whatever_was_asked_before(places):
    here, proxy = places
    with OutgoingSession("test", 5) as session:
        found = [session.get(url).text for url in (here.url, "http://portal.example.org/", here.url)]
    assert found == ["here", "by proxy", "here"]
    assert (len(here.asked), len(proxy.asked)) == (2, 1)
