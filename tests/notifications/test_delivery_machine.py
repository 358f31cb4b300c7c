"""Whatever workers, receivers, people and time do, in whichever order: a delivery moves only as its table allows."""

import datetime as dt
from contextlib import suppress

import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from notifications import channels, operating, publish, sending
from notifications.channels.base import Channel, Outcome
from notifications.models import AlertChannel, Delivery, DeliveryAttempt, DeliveryState
from notifications.models.delivery import PENDING
from portal.lib import clock
from tests.notifications.conftest import opening

# One act may be two moves: whoever sends claims and settles.
MOVES = {
    "queued": {"sending", "delivered", "retrying", "dead", "dismissed"},
    "retrying": {"sending", "delivered", "dead", "dismissed", "queued"},
    "sending": {"delivered", "retrying", "dead", "dismissed"},
    "dead": {"queued", "dismissed"},
    "dismissed": {"queued"},
    "delivered": set(),
}
ANSWERS = {
    "arrives": Outcome.delivered(200),
    "fails": Outcome.temporary("It has trouble.", 503),
    "asks for patience": Outcome.temporary("Too many.", 429, 3600.0),
    "refuses": Outcome.permanent("It refuses.", 400),
    "is gone": Outcome.permanent("It is gone.", 410, closes=True),
}
SPANS = {"a moment": 1, "a minute": 61, "a claim": 121, "an hour": 3601, "two days": 172_800}
STEPS = st.one_of(
    st.tuples(st.just("say"), st.sampled_from(["firing", "resolved"])),
    st.tuples(st.just("send"), st.sampled_from(sorted(ANSWERS))),
    st.tuples(st.just("die"), st.none()),
    st.tuples(st.just("wait"), st.sampled_from(sorted(SPANS))),
    st.tuples(st.just("person"), st.sampled_from(["resend", "dismiss", "enable"])),
)


class Scripted(Channel):
    """A receiver that answers as it is told to."""

    label, answer = "Scripted", Outcome.delivered()

    def send(self, message, idempotency_key):
        return self.answer

    def target(self):
        return "nowhere"


class DeliveryMachine(TestCase):
    def setUp(self):
        channels.KINDS["scripted"] = f"{__name__}.Scripted"
        self.addCleanup(channels.KINDS.pop, "scripted")
        self.channel = AlertChannel.objects.create(name="it", kind="scripted")

    @settings(max_examples=25, deadline=None)
    @given(st.lists(STEPS, min_size=4, max_size=18))
    def test_every_delivery_moves_as_its_table_allows(self, steps):
        self.said, self.keys, before = 0, {}, {}
        with time_machine.travel(clock.now(), tick=False) as traveller:
            for step, detail in steps:
                getattr(self, f"do_{step}")(detail, traveller)
                before = self.judge(before)

    def do_say(self, status, _traveller):
        self.said += 1
        message = opening(sequence=self.said)
        publish(message.resolved() if status == "resolved" else message, channels=[self.channel])

    def do_send(self, answer, _traveller):
        Scripted.answer = ANSWERS[answer]
        if first := Delivery._free(clock.now()).order_by("pk").first():
            sending.deliver(first.pk)

    def do_die(self, _detail, _traveller):
        if first := Delivery._free(clock.now()).order_by("pk").first():
            first.claim(clock.now())

    def do_wait(self, span, traveller):
        traveller.shift(dt.timedelta(seconds=SPANS[span]))

    def do_person(self, act, _traveller):
        if act == "enable":
            AlertChannel.objects.update(enabled=True)
            return
        row = Delivery.objects.filter(state__in=[DeliveryState.DEAD, DeliveryState.RETRYING]).order_by("pk").first()
        if row and row.allows(act):
            with suppress(operating.NotPossible):
                getattr(operating, act)(row)

    def judge(self, before):
        """What must hold after each step. Gives the states of now."""
        rows = list(Delivery.objects.order_by("pk"))
        for row in rows:
            old = before.get(row.pk, "queued")
            assert row.state == old or row.state in MOVES[old], f"{old} to {row.state}"
            assert self.keys.setdefault(row.pk, row.idempotency_key) == row.idempotency_key
            assert (row.state == DeliveryState.SENDING) == bool(row.claim_token)
            assert (row.delivered_at is not None) == (row.state == DeliveryState.DELIVERED)
            assert row.attempts <= DeliveryAttempt.objects.filter(delivery=row).count()  # a resend counts afresh
            if row.state == DeliveryState.SENDING and old != DeliveryState.SENDING:
                # Nothing of one trouble overtakes what was said of it before.
                assert not [pk for pk, state in before.items() if pk < row.pk and state in PENDING]
        return {row.pk: row.state for row in rows}
