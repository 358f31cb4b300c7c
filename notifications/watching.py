"""An incident on its way through the routes: told at once, held, grouped, and at its end told to those who heard of it.

Runs inside the transaction of whoever publishes. What is not done at once is a row with a time (``Watch``, ``Bundle``).
"""

from datetime import datetime
from typing import Final

from django.db.models import Q, QuerySet

from notifications import bundling, rulebook
from notifications.deciding import Book
from notifications.message import Message, Status
from notifications.models import AlertChannel, Bundle, Delivery, DeliveryState, Notification, Watch, WatchState
from notifications.routing.plan import Lane, Plan, plan, quiet
from notifications.routing.reasons import Reason
from notifications.routing.rules import RouteRule, Rules
from notifications.telling import tell, tell_targets
from portal.lib import clock

LOST: Final = (DeliveryState.DEAD, DeliveryState.DISMISSED)


def opening(notification: Notification, message: Message) -> None:
    """Something is wrong, or more is known of it: ask every route, and do or hold what each says."""
    moment = clock.now()
    answer = judge(rulebook.load(moment), message, moment)
    book = Book(message.id, notification, moment)
    for lane in answer.lanes:
        book.lane(lane)
        if lane.matched:
            take(_watch(message.id, lane.route, notification), lane, book)
    if not answer.matched:
        book.note(Reason.NO_ROUTE)
    book.write()


def judge(rules: Rules, message: Message, moment: datetime) -> Plan:
    """The plan for a message."""
    return plan(rules, rulebook.facts_of(message), message.severity, moment)


def _watch(incident: str, route: RouteRule, notification: Notification) -> Watch:
    """The open watch of that incident and route, at the newest message. Told of anew, it is no longer snoozed."""
    watch, made = Watch.objects.exclude(state=WatchState.OVER).get_or_create(
        incident=incident,
        route_id=route.pk,
        defaults={"route_name": route.name, "notification": notification},
    )
    if not made:
        watch.put(notification=notification, recovery=None, snoozed_until=None)
    return watch


def take(watch: Watch, lane: Lane, book: Book) -> None:
    """Do with a watch what its route says at this moment: hold it, bundle it, or tell it."""
    if lane.mute:
        book.note(Reason(lane.mute.kind), lane.route, until=lane.mute.until, name=lane.mute.name, pk=lane.mute.pk)
        _hold(watch, lane.mute.kind, due_at=lane.mute.until)
    elif lane.quiet_until:
        book.note(Reason.QUIET, lane.route, until=lane.quiet_until)
        bundle = bundling.join(lane.route, Bundle.DIGEST, lane.quiet_until.isoformat(), lane.quiet_until)
        _hold(watch, Reason.QUIET, bundle)
    elif lane.bundle is not None:
        bundle = bundling.join(lane.route, Bundle.GROUP, lane.bundle, book.moment + lane.route.wait)
        book.note(Reason.GROUPED, lane.route, until=bundle.due_at, bundle=bundle.pk)
        _hold(watch, Reason.GROUPED, bundle)
    else:
        tell_targets(book, lane.route, lane.targets, watch.notification, Reason.QUEUED)
        told(watch, lane.route, book.moment)


def _hold(watch: Watch, reason: str, bundle: Bundle | None = None, due_at: datetime | None = None) -> None:
    watch.put(state=WatchState.WAITING, held_by=reason, bundle=bundle, due_at=due_at)


def told(watch: Watch, route: RouteRule, moment: datetime) -> None:
    """It was told just now: from here repetition and escalation count."""
    first = watch.told_at is None
    watch.put(
        state=WatchState.TOLD,
        held_by="",
        told_at=watch.told_at or moment,
        repeat_at=moment + route.repeat if route.repeat else None,
        **({"escalate_at": next_step(route, 0, moment)} if first else {}),
    )


def next_step(route: RouteRule, number: int, told_at: datetime) -> datetime | None:
    """When the escalation step of that number is due; None if there is none."""
    return told_at + route.steps[number].after if number < len(route.steps) else None


# --- the end


def recovery(notification: Notification, message: Message) -> None:
    """It is over: tell it to those who were told, and stop everything else."""
    moment = clock.now()
    rules = rulebook.load(moment)
    book = Book(message.id, notification, moment)
    # Locked: a turn or a bundle that is just telling it comes to its end first.
    locked = Watch.open_of(message.id).select_for_update(of=("self",))
    watches = list(locked.select_related("bundle", "notification").order_by("pk"))
    told_alone = [watch for watch in watches if not _end_quietly(watch, notification, book, rules)]
    held = _quiet_until(told_alone, rules, message, moment)
    for watch in told_alone:
        if held:
            book.note(Reason.QUIET, rules.route(watch.route_id), until=held)
            watch.put(state=WatchState.ENDING, recovery=notification, held_by=Reason.QUIET, due_at=held)
        else:
            finish(watch, moment)
    if not held and not tell_end(notification, message, book) and not watches:
        book.note(Reason.UNTOLD)
    book.write()


def _end_quietly(watch: Watch, notification: Notification, book: Book, rules: Rules) -> bool:
    """End a watch that was never told, or leave it to its bundle. False: it was told by itself."""
    route = rules.route(watch.route_id)
    bundled = watch.bundle if watch.bundle and watch.bundle.closed_at is None else None
    if bundled and (watch.told_at or bundled.kind == Bundle.DIGEST):
        watch.put(state=WatchState.ENDING, recovery=notification, due_at=None)
        bundling.hurry(bundled, route, book.moment)
        return True
    if watch.told_at:
        return False
    book.note(Reason.OVER, route)
    finish(watch, book.moment)
    return True


def _quiet_until(watches: list[Watch], rules: Rules, message: Message, moment: datetime) -> datetime | None:
    """Until when the end is kept back: only if every route that told of the trouble keeps quiet now."""
    known = [route for watch in watches if (route := rules.route(watch.route_id))]
    ends = [quiet(route, message.severity, moment) for route in known]
    return min((end for end in ends if end), default=None) if ends and all(ends) else None


def tell_end(notification: Notification, message: Message, book: Book) -> int:
    """The end, to exactly the channels that were told of the trouble by itself. Returns how many those are."""
    enabled = AlertChannel.objects.filter(enabled=True, pk__in=deliveries_of(message).values("channel"))
    channels = [rulebook.as_receiver(channel) for channel in enabled.order_by("pk")]
    by_key = {channel.pk: channel for channel in channels}
    for delivery in tell(notification, channels):
        book.note(Reason.QUEUED, None, by_key[delivery.channel_id or 0], delivery=delivery)
    return len(channels)


def deliveries_of(message: Message) -> "QuerySet[Delivery]":
    """Deliveries of what this recovery ends, that arrived or still may."""
    begun = Q(notification__incident=message.id) | Q(notification__key=message.previous)
    return Delivery.objects.filter(begun, notification__status=Status.FIRING).exclude(state__in=LOST)


def finish(watch: Watch, moment: datetime) -> None:
    """Nothing more is to be done about it."""
    watch.put(state=WatchState.OVER, ended_at=moment, held_by="", due_at=None)
