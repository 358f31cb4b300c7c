"""Several web workers count as one, whatever becomes of single ones."""

import http.client
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from tests.monitoring.load import Crowd, scrape, value
from tests.support.processes import Portal, wait_until

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def portal():
    with Portal(static=False) as portal:
        portal.start("web")
        yield portal


def workers(portal) -> set[int]:
    """The process ids of the web workers."""
    master = portal.processes["web"].pid
    return {int(pid) for pid in Path(f"/proc/{master}/task/{master}/children").read_text().split()}


def replaced(portal, gone: set[int]) -> bool:
    """Whether there are two workers again, and none of these."""
    now = workers(portal)
    return len(now) == 2 and not now & gone


def counted(portal) -> float:
    return value(scrape(portal.url), "http_requests_total", endpoint="home")


def counts_exactly(portal, crowd, before: float = 0) -> bool:
    """Every answer was counted; what the client lost with a dying worker may have been counted or not."""
    return crowd.answered <= counted(portal) - before <= crowd.answered + crowd.failed


def some_answers_later(crowd, number: int = 50) -> None:
    goal = crowd.answered + number
    wait_until(lambda: crowd.answered > goal)


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGKILL])
def test_a_worker_that_ends_under_load_takes_no_count_along(portal, sig):
    before = counted(portal)
    with Crowd(portal.port) as crowd:
        for _ in range(2):
            some_answers_later(crowd)
            victim = min(workers(portal))
            os.kill(victim, sig)
            wait_until(lambda victim=victim: replaced(portal, {victim}))
        some_answers_later(crowd)
    assert counts_exactly(portal, crowd, before)
    assert crowd.failed < 20


def test_a_reload_under_load_takes_no_count_along(portal):
    before = counted(portal)
    with Crowd(portal.port) as crowd:
        for _ in range(2):
            some_answers_later(crowd)
            old = workers(portal)
            portal.kill("web", signal.SIGHUP)
            wait_until(lambda old=old: replaced(portal, old))
        some_answers_later(crowd)
    assert counts_exactly(portal, crowd, before)


def in_flight(portal) -> float:
    """The requests that arrived and were not answered (yet): also those whose worker was killed."""
    text = scrape(portal.url)
    arrived = value(text, "django_http_requests_before_middlewares_total")
    return arrived - value(text, "django_http_responses_before_middlewares_total")


class SlowPost:
    """A request whose body comes late: its worker has to wait for it."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        self.connection.putrequest("POST", "/admin/login/")
        self.connection.putheader("Content-Type", "application/x-www-form-urlencoded")
        self.connection.putheader("Content-Length", "3")
        self.connection.putheader("Cookie", f"csrftoken={'a' * 32}")  # so that the body is looked at
        self.connection.endheaders()

    def finish(self) -> int:
        self.connection.send(b"a=b")
        status = self.connection.getresponse().status
        self.connection.close()
        return status


def test_an_old_worker_that_finishes_late_takes_no_count_along(portal):
    """After HUP old and new workers live side by side; both count refused log-ins."""

    def refused() -> float:
        return value(scrape(portal.url), "http_requests_total", endpoint="admin:login", status="403")

    def refuse(times: int) -> list[int]:
        """Many at once, so that every worker gets some."""
        with ThreadPoolExecutor(8) as crowd:
            ask = lambda _: requests.post(f"{portal.url}/admin/login/", data="a=b", timeout=20).status_code  # noqa: E731
            return list(crowd.map(ask, range(times)))

    assert refuse(40) == [403] * 40
    before, old, at_rest = refused(), workers(portal), in_flight(portal)
    late = SlowPost(portal.port)
    wait_until(lambda: in_flight(portal) == at_rest + 1)
    portal.kill("web", signal.SIGHUP)
    wait_until(lambda: len(workers(portal) & old) == 1 and len(workers(portal)) == 3)
    wait_until(lambda: portal.answers("/healthz"))
    assert refuse(80) == [403] * 80
    assert late.finish() == 403
    wait_until(lambda: replaced(portal, old))
    assert refused() == before + 81


def test_a_worker_killed_at_rest_leaves_the_count_exact_to_the_last_request(portal):
    for _ in range(2):
        with Crowd(portal.port) as crowd:
            some_answers_later(crowd)
        before, gone = counted(portal), workers(portal)
        for pid in gone:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda gone=gone: replaced(portal, gone) and portal.answers("/healthz"))
        assert counted(portal) == before


def test_the_seats_of_the_dead_are_taken_again(portal):
    """While old workers finish there are four at a time; so many sets of files there are, and never more."""
    assert len(list((portal.data / "metrics").glob("counter_*.db"))) <= 4


def test_two_masters_side_by_side_do_not_write_into_the_same_files():
    """USR2 starts a second master beside the first: the way to a new version without a pause. (``python -m gunicorn``
    cannot start itself again, the script can.)"""
    with Portal(static=False) as portal:
        web = portal.program("web")
        script = str(Path(sys.executable).with_name("gunicorn"))
        portal.spawn(replace(web, command=(script, *web.command[3:])))
        wait_until(lambda: portal.ready("web"), 30)
        with Crowd(portal.port) as crowd:
            some_answers_later(crowd)
            portal.kill("web", signal.SIGUSR2)
            second = portal.data / "metrics" / "counter_b1.db"
            wait_until(second.exists, what=lambda: portal.log("web"))
            some_answers_later(crowd, 100)
        assert counts_exactly(portal, crowd)
        assert (portal.data / "metrics" / "counter_a1.db").exists()


def test_both_workers_tell_the_same_numbers(portal):
    before = counted(portal)
    with Crowd(portal.port) as crowd:
        some_answers_later(crowd, 100)
    assert {counted(portal) - before for _ in range(12)} == {crowd.answered}
