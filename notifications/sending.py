"""One delivery: claimed, sent outside of any transaction, settled. Every step may be run twice."""

import json
import logging
import time
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from notifications import channels, deciding
from notifications.backoff import GIVE_UP, next_try
from notifications.channels.base import Channel, Outcome, Verdict
from notifications.dispatch import publish
from notifications.message import Message, Severity, Status
from notifications.models import AlertChannel, Delivery, DeliveryAttempt, DeliveryState, NotificationCounter, Result
from notifications.models.delivery import WAITING
from notifications.telling import wake
from portal.lib import clock
from portal.lib.encrypted import Sealed, Undecryptable

logger = logging.getLogger(__name__)


def deliver(delivery_pk: int) -> bool:
    """Send that delivery if it is due and nobody else is at it. Whether this call was the one that tried."""
    delivery = Delivery.objects.select_related("notification", "channel").filter(pk=delivery_pk).first()
    if delivery is None or _must_wait(delivery):
        return False
    token = delivery.claim(clock.now())
    if not token:
        return False
    message = delivery.notification.message
    begin = time.monotonic()
    outcome = _reason_against(delivery, message) or _send(delivery, message)
    _settle(delivery, message, token, outcome, round(time.monotonic() - begin, 3))
    return True


def _must_wait(delivery: Delivery) -> bool:
    """Whether the channel has sent as much as it may in this minute: then it is due when there is room again."""
    channel = delivery.channel
    if channel is None or delivery.notification.status == Status.TEST or delivery.state not in WAITING:
        return False
    moment = clock.now()
    free_at = channel.free_at(moment)
    if free_at is None:
        return False
    sentence = _("The channel takes %(number)d messages a minute: this one waits for its turn.")
    columns = {"due_at": free_at, "nudged_at": None, "last_error": sentence % {"number": channel.max_per_minute}}
    with transaction.atomic():
        if delivery.move(WAITING, **columns):
            deciding.limited({delivery.pk: free_at})
    return True


def _reason_against(delivery: Delivery, message: Message) -> Outcome | None:
    """Why it is not to be sent at all, where there is a reason."""
    channel = delivery.channel
    if channel is None and not delivery.draft:
        return Outcome.permanent(_("The channel was deleted before this could be sent."))
    if channel and not channel.enabled and message.status != Status.TEST:
        return Outcome.permanent(_("The channel is disabled: enable it and send this again."))
    if message.status == Status.RESOLVED and not _opening_arrived(delivery):
        return Outcome(Verdict.WITHHELD, _("Nobody was told of the trouble here, so its end was not sent either."))
    if clock.now() - delivery.queued_at > GIVE_UP + (GIVE_UP / 24):
        return Outcome.permanent(_("It was tried for a day, and no attempt came to an end."))
    return None


def _opening_arrived(delivery: Delivery) -> bool:
    openings = Delivery.objects.filter(
        channel=delivery.channel, incident=delivery.incident, pk__lt=delivery.pk, notification__status=Status.FIRING
    )
    states = set(openings.values_list("state", flat=True))
    return not states or DeliveryState.DELIVERED in states


def _send(delivery: Delivery, message: Message) -> Outcome:
    """The network call. Whatever goes wrong in it, the delivery has an outcome."""
    try:
        return _transport(delivery).send(message, str(delivery.idempotency_key))
    except Undecryptable:
        return Outcome.temporary(_("Its secrets cannot be decrypted: enter them again."))
    except LookupError:
        return Outcome.permanent(_("This channel does not exist any more."))
    except Exception as error:  # noqa: BLE001 (a defect in one channel must neither stop the queue nor loop at once)
        # Only the type: the text of a library's error may hold the secret address.
        logger.error("Sending through a %s channel ended with a %s.", delivery.kind, type(error).__name__)
        return Outcome.temporary(_("An error in the portal itself (%(name)s).") % {"name": type(error).__name__})


def _transport(delivery: Delivery) -> Channel:
    if isinstance(delivery.draft, Sealed):
        raise Undecryptable
    if delivery.draft:
        return channels.get(delivery.kind)(json.loads(delivery.draft))
    if delivery.channel is None:
        raise LookupError  # deleted a moment ago
    return delivery.channel.transport(delivery.thread())


def _settle(delivery: Delivery, message: Message, token: str, outcome: Outcome, seconds: float) -> None:
    """Write what came of it, all in one transaction."""
    moment = clock.now()
    arrived = outcome.verdict == Verdict.DELIVERED
    with transaction.atomic():
        delivery.deliveryattempt_set.filter(claim_token=token).update(
            outcome=DeliveryAttempt.DELIVERED if arrived else DeliveryAttempt.FAILED,
            duration_seconds=seconds,
            answer_code=outcome.code,
            sentence=outcome.sentence,
        )
        state, due = _next_state(delivery, message, outcome, moment)
        columns = {"state": state, "due_at": due, "answer_code": outcome.code, "last_error": outcome.sentence}
        if state != DeliveryState.RETRYING:
            columns["draft"] = ""
        if arrived:
            columns |= {"delivered_at": moment, "reference": outcome.reference}
        if not delivery.settle(token, duration_seconds=seconds, **columns):
            return
        if delivery.kind not in channels.BUILT_IN:
            NotificationCounter.add(delivery.kind, _result(message, state))
        deciding.settled(delivery, state, due, outcome.sentence)
        if delivery.channel and not delivery.draft:
            _tell_channel(delivery.channel, outcome, moment)
        wake_next(delivery)


def _next_state(
    delivery: Delivery, message: Message, outcome: Outcome, moment: datetime
) -> tuple[DeliveryState, datetime | None]:
    if outcome.verdict == Verdict.DELIVERED:
        return DeliveryState.DELIVERED, None
    if outcome.verdict == Verdict.WITHHELD:
        return DeliveryState.DISMISSED, None
    # Somebody is waiting for the result of a test: it is tried once.
    if outcome.verdict == Verdict.TEMPORARY and message.status != Status.TEST:
        due = next_try(delivery.attempts, delivery.queued_at, moment, outcome.retry_after)
        if due:
            return DeliveryState.RETRYING, due
    return DeliveryState.DEAD, None


def _result(message: Message, state: DeliveryState) -> Result:
    if message.status == Status.TEST:
        return Result.TEST_DELIVERED if state == DeliveryState.DELIVERED else Result.TEST_FAILED
    return Result.RETRIED if state == DeliveryState.RETRYING else Result(state)


def _tell_channel(channel: AlertChannel, outcome: Outcome, moment: datetime) -> None:
    if outcome.verdict == Verdict.DELIVERED:
        channel.succeeded(moment, outcome.sentence)
    elif outcome.verdict != Verdict.WITHHELD and channel.enabled:
        channel.failed(moment, outcome.sentence)
    if outcome.closes and channel.disable(moment, outcome.sentence):
        _bury(channel)
        _give_notice(channel, outcome.sentence, moment)


def _bury(channel: AlertChannel) -> None:
    """What waits for a channel that was disabled is dead: it can be sent again when the channel works."""
    sentence = _("The channel was disabled before this could be sent: enable it and send this again.")
    waiting = Delivery.objects.filter(channel=channel, state__in=WAITING).exclude(notification__status=Status.TEST)
    keys = list(waiting.values_list("pk", flat=True))
    number = waiting.filter(pk__in=keys).update(state=DeliveryState.DEAD, due_at=None, last_error=sentence)
    if number:
        NotificationCounter.add(channel.kind, Result.DEAD, number)
        deciding.failed(keys, sentence)


def _give_notice(channel: AlertChannel, reason: str, moment: datetime) -> None:
    """Tell the other channels, once: the one in question can tell nobody."""
    publish(
        Message(
            id=f"channel-{channel.pk}-disabled-{moment:%Y%m%dT%H%M%S%f}",
            title=_("The alert channel “%(name)s” was disabled") % {"name": channel.name},
            text=_("%(reason)s Messages do not reach it until somebody repairs and enables it.") % {"reason": reason},
            severity=Severity.WARNING,
            timestamp=moment,
            labels={"channel": channel.name, "kind": channel.kind},
        ),
        channels=AlertChannel.objects.filter(enabled=True).exclude(pk=channel.pk),
    )


def wake_next(delivery: Delivery) -> None:
    """The next one about the same trouble had to wait for this one: have it sent."""
    later = Delivery.objects.filter(
        channel=delivery.channel, incident=delivery.incident, pk__gt=delivery.pk, state__in=WAITING
    )
    if delivery.channel_id and (following := later.order_by("pk").first()):
        wake(following)
