"""Incidents handed to a real Alertmanager."""

import pytest
import requests

from notifications import publish
from notifications.channels.alertmanager import labels_of
from tests.notifications.conftest import make, only, opening, work
from tests.support.components import need
from tests.support.processes import free_port, wait_until

CONFIGURATION = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"


@pytest.fixture
def alertmanager(tmp_path, running):
    need("prometheus-alertmanager")
    port = free_port()
    (tmp_path / "am.yml").write_text(CONFIGURATION)
    options = [f"--config.file={tmp_path}/am.yml", f"--storage.path={tmp_path}/data", "--cluster.listen-address="]
    running(["prometheus-alertmanager", *options, f"--web.listen-address=127.0.0.1:{port}"])
    url = f"http://127.0.0.1:{port}"
    wait_until(lambda: answers(url), 30, what="Alertmanager is ready")
    return url


@pytest.fixture
def running(tmp_path):
    import subprocess

    started = []
    with (tmp_path / "log").open("wb") as log:
        yield lambda command: started.append(subprocess.Popen(command, stdout=log, stderr=log))
    for process in started:
        process.kill()
        process.wait()


def answers(url):
    try:
        return requests.get(f"{url}/-/ready", timeout=2).ok
    except requests.RequestException:
        return False


def alerts(url):
    return requests.get(f"{url}/api/v2/alerts", timeout=5).json()


@pytest.mark.real
def test_an_incident_is_an_alert_there_until_it_is_over(db, alertmanager):
    make("alertmanager", url=f"{alertmanager}/")
    message = opening(
        labels={"condition": "guest_down", "cluster": "demo", "node": "pve1", "9 lives": "yes", "none": ""}
    )
    publish(message)
    work()
    (found,) = wait_until(lambda: alerts(alertmanager))
    assert found["labels"]["alertname"] == "guest_down"
    assert found["labels"]["incident"] == "incident-7"
    assert found["labels"]["_9_lives"] == "yes"
    assert found["annotations"]["summary"] == "web-1 is down"
    publish(message.resolved(severity="warning", labels={"condition": "guest_down", "node": "pve2"}))
    work()
    wait_until(lambda: not alerts(alertmanager), what="the alert is over, whatever its labels are now")


def test_an_alertmanager_that_does_not_like_it_is_told(db, receiver):
    make("alertmanager", url=receiver.url)
    receiver.answers = [400]
    publish(opening())
    work()
    assert receiver.requests[0].path == "/api/v2/alerts"
    assert only().state == "dead"


def test_the_portals_own_alerts_can_be_told_from_others():
    assert labels_of(opening())["sent_by"] == "proxmox-manager"
