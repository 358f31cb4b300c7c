"""What is due about incidents: what was held is told, what nobody acknowledged is repeated or escalated.

Each turn is one transaction that begins with a claim (a conditional update): a worker that dies leaves it due.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction

from notifications import bundling, rulebook, watching, wording
from notifications.deciding import Book
from notifications.message import Message
from notifications.models import Bundle, Notification, Watch, WatchState
from notifications.routing.plan import Lane, Target, plan, quiet, targets
from notifications.routing.reasons import Reason
from notifications.routing.rules import RouteRule, Rules
from notifications.telling import keep, tell_targets
from portal.lib import clock

# Of one bundle, what is due within a minute is said together.
TOGETHER: Final = timedelta(seconds=60)


def turn(pk: int) -> bool:
    """Do what is due about that watch, if anything is and nobody else is at it."""
    moment = clock.now()
    with transaction.atomic():
        watch = Watch.objects.filter(pk=pk, due_at__lte=moment).exclude(state=WatchState.OVER).first()
        if watch is None or not _claim(watch):
            return False
        rules = rulebook.load(moment)
        if watch.state == WatchState.WAITING:
            _release(watch, rules, moment)
        elif watch.state == WatchState.ENDING:
            _end(watch, moment)
        else:
            _nag(watch, rules, moment)
    return True


def _claim(watch: Watch) -> bool:
    return bool(Watch.objects.filter(pk=watch.pk, due_at=watch.due_at, state=watch.state).update(due_at=None))


def _lane(rules: Rules, watch: Watch, moment: datetime) -> Lane | None:
    message = watch.notification.message
    answer = plan(rules, rulebook.facts_of(message), message.severity, moment)
    return next((lane for lane in answer.matched if lane.route.pk == watch.route_id), None)


def _release(watch: Watch, rules: Rules, moment: datetime) -> None:
    """What held it may be over: ask the route again."""
    lane = _lane(rules, watch, moment)
    if lane is None:
        reroute(watch, moment)
        return
    book = Book(watch.incident, watch.notification, moment)
    if watch.acknowledged_at:
        book.note(Reason.ACKNOWLEDGED, lane.route, by=watch.acknowledged_by)
        watch.put(state=WatchState.TOLD, told_at=moment, held_by="")
    else:
        watching.take(watch, lane, book)
    book.write()


def reroute(watch: Watch, moment: datetime) -> None:
    """Its route is gone, or means it no more. What was not told yet goes through the routes that there are now."""
    waiting = watch.state == WatchState.WAITING
    watching.finish(watch, moment)
    if waiting and not Watch.open_of(watch.incident).exists():
        watching.opening(watch.notification, watch.notification.message)


def _end(watch: Watch, moment: datetime) -> None:
    """The end that was kept back."""
    notification = watch.recovery
    watching.finish(watch, moment)
    if notification is not None:
        book = Book(watch.incident, notification, moment)
        watching.tell_end(notification, notification.message, book)
        book.write()


# --- repetition and escalation


def _nag(watch: Watch, rules: Rules, moment: datetime) -> None:
    """Nobody has acknowledged it: say it again, or tell the next ones, unless something keeps it quiet now."""
    route = rules.route(watch.route_id)
    if route is None:
        watch.put(repeat_at=None, escalate_at=None)
        return
    step = watch.step
    if step >= len(route.steps):
        watch.put(escalate_at=None)  # the route had more steps
    escalates, repeats = _is_due(watch.escalate_at, moment), _is_due(watch.repeat_at, moment)
    if not escalates and not repeats:
        watch.put()
        return

    def climbs(one: Watch) -> bool:
        return escalates and one.step == step and _is_due(one.escalate_at, moment + TOGETHER)

    def is_repeated(one: Watch) -> bool:
        return repeats and _is_due(one.repeat_at, moment + TOGETHER)

    crowd = _crowd(watch, moment, lambda one: climbs(one) or is_repeated(one))
    if _postponed(crowd, route, rules, moment):
        return
    climbing, repeated = [one for one in crowd if climbs(one)], [one for one in crowd if is_repeated(one)]
    if climbing:
        _escalate(climbing, route, moment)
    if repeated:
        _repeat(repeated, route, moment)


def _is_due(at: datetime | None, moment: datetime) -> bool:
    return at is not None and at <= moment


def _crowd(watch: Watch, moment: datetime, joins: Callable[[Watch], bool]) -> list[Watch]:
    """It, and what of its bundle joins it, claimed: each that is at the same step, or is repeated, about now."""
    if watch.bundle_id is None:
        return [watch]
    others = Watch.objects.filter(bundle=watch.bundle_id, state=WatchState.TOLD, due_at__lte=moment + TOGETHER)
    near = others.exclude(pk=watch.pk).select_related("notification")
    return [watch, *(other for other in near if joins(other) and _claim(other))]


def _postponed(crowd: list[Watch], route: RouteRule, rules: Rules, moment: datetime) -> bool:
    """Whether all of it is to be kept quiet now; what is left is said."""
    for watch in list(crowd):
        message = watch.notification.message
        mute = rules.mute(rulebook.facts_of(message))
        hush = quiet(route, message.severity, moment)
        until = max((end for end in (mute.until if mute else None, hush) if end), default=None)
        if until is None:
            continue
        book = Book(watch.incident, watch.notification, moment)
        if mute:
            book.note(Reason(mute.kind), route, until=mute.until, name=mute.name, pk=mute.pk)
        else:
            book.note(Reason.QUIET, route, until=hush)
        book.write()
        later = {name: max(until, value) for name in ("repeat_at", "escalate_at") if (value := getattr(watch, name))}
        watch.put(**later)
        crowd.remove(watch)
    return not crowd


def _escalate(crowd: list[Watch], route: RouteRule, moment: datetime) -> None:
    number = crowd[0].step
    lasted = moment - (crowd[0].told_at or moment)
    message = wording.escalation(_of(crowd), lasted)
    notification = _say(crowd, message, f"escalation:{number}", route)
    channels = route.steps[number].channels
    for watch in crowd:
        _tell(watch, route, targets(channels, notification.severity, {}, route.name), notification, Reason.ESCALATED)
        after = watching.next_step(route, number + 1, watch.told_at or moment)
        watch.put(step=number + 1, escalate_at=after)


def _repeat(crowd: list[Watch], route: RouteRule, moment: datetime) -> None:
    lasted = moment - (crowd[0].told_at or moment)
    notification = _say(crowd, wording.reminder(_of(crowd), lasted), f"repeat:{crowd[0].repeats + 1}", route)
    for watch in crowd:
        whom = targets(route.channels, notification.severity, {}, route.name)
        _tell(watch, route, whom, notification, Reason.REPEATED)
        watch.put(repeats=watch.repeats + 1, repeat_at=moment + route.repeat if route.repeat else None)


def _tell(watch: Watch, route: RouteRule, whom: tuple[Target, ...], notification: Notification, reason: Reason) -> None:
    book = Book(watch.incident, notification, clock.now())
    made = {row.channel_id: row for row in notification.delivery_set.all()}
    if made:
        for target in whom:
            if target.channel.pk in made:
                book.note(reason, route, target.channel, delivery=made[target.channel.pk])
    else:
        tell_targets(book, route, whom, notification, reason)
    book.write()


def _of(crowd: list[Watch]) -> Message:
    return wording.Together([], [], [watch.notification.message for watch in crowd]).message()


def _say(crowd: list[Watch], message: Message, what: str, route: RouteRule) -> Notification:
    """Keep it under the id that the trouble was told under, so that its end finds everybody."""
    first = crowd[0]
    bundle = Bundle.objects.filter(pk=first.bundle_id).first() if first.bundle_id else None
    changes: dict[str, Any] = {"severity": bundling.worst(crowd)}
    if bundle:
        changes |= {"id": bundle.message_id, "previous": ""}
    said = replace(message, **changes)
    return keep(said, f"{said.id}:{route.pk}:{first.pk}:{what}")[0]
