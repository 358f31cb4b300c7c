"""Whatever sources say, and in whichever order: one open incident of a thing, and its messages take turns."""

import datetime as dt
from itertools import pairwise

import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from monitoring import setting_aside
from monitoring.conditions import Finding
from monitoring.incidents import raise_alert, resolve_alert, settle
from monitoring.models import Alert, Incident
from notifications.models import Notification
from portal.lib import clock

SOURCES = ("portal", "alertmanager", "proxmox")
STEPS = st.one_of(
    st.tuples(st.just("raise"), st.sampled_from(SOURCES), st.sampled_from(["info", "warning", "critical"])),
    st.tuples(st.just("resolve"), st.sampled_from(SOURCES), st.none()),
    st.tuples(st.just("close"), st.none(), st.none()),
    st.tuples(st.just("repeat"), st.sampled_from(SOURCES[1:]), st.none()),
    st.tuples(st.just("wait"), st.sampled_from([5, 120, 700, 7200]), st.none()),
)


class IncidentMachine(TestCase):
    @settings(max_examples=40, deadline=None)
    @given(st.lists(STEPS, min_size=4, max_size=20))
    def test_one_trouble_is_one_incident_and_is_told_in_turns(self, steps):
        with time_machine.travel(clock.now(), tick=False) as traveller:
            for step, what, severity in steps:
                if step == "wait":
                    traveller.shift(dt.timedelta(seconds=what))
                    settle(clock.now())
                else:
                    traveller.shift(dt.timedelta(seconds=1))
                    getattr(self, f"do_{step}")(what, severity)
                self.judge()

    def do_raise(self, source, severity):
        finding = Finding(
            "guest_down", "server:7", severity, "web-1 is down", "It fell.", clock.now(), labels={"name": "web-1"}
        )
        raise_alert(finding, source=source, fingerprint=source)

    def do_resolve(self, source, _severity):
        for alert in Alert.objects.filter(source=source, status="firing"):
            resolve_alert(alert, clock.now())

    def do_close(self, _what, _severity):
        for incident in Incident.objects.filter(closed_at=None):
            seen = incident.alerts.filter(source="portal", status="firing").exists()
            assert setting_aside.close(incident, "jihye") != seen

    def do_repeat(self, source, _severity):
        """What it said last, said again: news only where that had been set aside."""
        last = Alert.objects.filter(source=source).order_by("starts_at").last()
        if last is not None:
            aside = last.set_aside
            finding = Finding("guest_down", "server:7", "warning", "web-1 is down", "It fell.", last.starts_at)
            raise_alert(finding, source=source, fingerprint=source)
            last.refresh_from_db()
            assert (last.status == "firing") or not aside

    def judge(self):
        """What must hold after each step."""
        found = list(Incident.objects.order_by("pk"))
        assert sum(row.is_open for row in found) <= 1
        assert any(row.is_open for row in found) == Alert.objects.filter(status="firing").exists()
        for row in found:
            assert row.closed_at is None or row.closed_at >= row.opened_at
            told = list(
                Notification.objects.filter(incident=row.message_id).order_by("pk").values_list("status", flat=True)
            )
            assert told[:1] == ["firing"]
            assert all(pair != ("resolved", "resolved") for pair in pairwise(told))
            # Its end is told at once, or, where it flaps, later; what goes on has not been told to be over.
            assert not (row.is_open and row.tell_at is None and told[-1] == "resolved")
            assert row.is_open or row.tell_at is not None or told[-1] == "resolved"
