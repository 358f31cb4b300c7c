"""Troubles that are told together: groups as Alertmanager has them, and digests after quiet hours."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from django.db import transaction

from notifications import rulebook, wording
from notifications.deciding import Book
from notifications.message import RANK, Message, Severity, Status
from notifications.models import AlertChannel, Bundle, Notification, Watch, WatchState
from notifications.routing.plan import Lane, Target, plan, quiet, targets
from notifications.routing.reasons import Reason
from notifications.routing.rules import RouteRule, Rules
from notifications.telling import keep, tell_targets
from portal.lib import clock

LONGEST_KEY = 400


def join(route: RouteRule, kind: str, key: str, due_at: datetime) -> Bundle:
    """The open bundle of that key, due at the latest then, or when it may speak again. Call it in a transaction."""
    short = key if len(key) <= LONGEST_KEY else hashlib.sha256(key.encode()).hexdigest()
    bundle, made = Bundle.objects.get_or_create(
        route_id=route.pk, kind=kind, key=short, closed_at=None, defaults={"route_name": route.name, "due_at": due_at}
    )
    if not made:
        hurry(bundle, route, clock.now())
    return bundle


def hurry(bundle: Bundle, route: RouteRule | None, moment: datetime) -> None:
    """There is something new for it: it speaks as soon as its interval allows, or when it is due anyway."""
    if bundle.due_at is not None:
        return
    waits = route is not None and bundle.kind == Bundle.GROUP and bundle.said_at is not None
    soonest = bundle.said_at + route.interval if waits and route and bundle.said_at else moment
    bundle.due_at = max(moment, soonest)
    Bundle.objects.filter(pk=bundle.pk, closed_at=None, due_at=None).update(due_at=bundle.due_at)


def flush(pk: int) -> bool:
    """Say what a bundle has to say, if it is due and nobody else is at it. All in one transaction: a worker that dies
    leaves it as it was."""
    moment = clock.now()
    with transaction.atomic():
        if not Bundle.objects.filter(pk=pk, due_at__lte=moment, closed_at=None).update(due_at=None):
            return False
        bundle = Bundle.objects.get(pk=pk)
        rules = rulebook.load(moment)
        _Flush(bundle, rules, moment).run()
    return True


class _Flush:
    """One round of a bundle."""

    def __init__(self, bundle: Bundle, rules: Rules, moment: datetime) -> None:
        self.bundle, self.rules, self.moment = bundle, rules, moment
        self.route = rules.route(bundle.route_id)

    def run(self) -> None:
        from notifications import turning

        watches = list(
            self.bundle.watch_set.select_for_update(of=("self",))
            .exclude(state=WatchState.OVER)
            .select_related("notification", "recovery")
            .order_by("pk")
        )
        if self.route is None:
            for watch in watches:
                turning.reroute(watch, self.moment)
            Bundle.objects.filter(pk=self.bundle.pk).update(closed_at=self.moment)
            return
        fresh = [watch for watch in watches if watch.state == WatchState.WAITING and self._may_speak(watch)]
        over = [watch for watch in watches if watch.state == WatchState.ENDING]
        if over and (end := self._quiet(over)):
            Bundle.objects.filter(pk=self.bundle.pk).update(due_at=end)
            over = []
        if fresh or over:
            still = [watch for watch in watches if watch.state == WatchState.TOLD]
            self._say(fresh, over, still)
        if not Watch.objects.filter(bundle=self.bundle).exclude(state=WatchState.OVER).exists():
            Bundle.objects.filter(pk=self.bundle.pk).update(closed_at=self.moment)

    def _may_speak(self, watch: Watch) -> bool:
        """Whether nothing holds it now. What is held meanwhile leaves this bundle; what somebody looks after is not
        told anew."""
        from notifications import watching

        message = watch.notification.message
        book = Book(watch.incident, watch.notification, self.moment)
        lane = self._lane(message)
        if watch.acknowledged_at:
            book.note(Reason.ACKNOWLEDGED, self.route, by=watch.acknowledged_by)
            watch.put(state=WatchState.TOLD, told_at=watch.told_at or self.moment, held_by="")
        elif lane and lane.held_until:
            watching.take(watch, lane, book)
        book.write()
        return not watch.acknowledged_at and not (lane and lane.held_until)

    def _lane(self, message: Message) -> Lane | None:
        answer = plan(self.rules, rulebook.facts_of(message), message.severity, self.moment)
        return next((lane for lane in answer.matched if lane.route == self.route), None)

    def _quiet(self, over: list[Watch]) -> datetime | None:
        told = [watch for watch in over if watch.told_at]
        ends = [quiet(self.route, watch.notification.severity, self.moment) for watch in told if self.route]
        return min((end for end in ends if end), default=None) if ends and all(ends) else None

    def _say(self, fresh: list[Watch], over: list[Watch], still: list[Watch]) -> None:
        from notifications import watching

        route = self.route
        assert route is not None  # noqa: S101  (run has looked)
        notification = say(self.bundle, fresh, over, still, self.moment)
        wanted = self._targets(route, fresh, over)
        for watch in [*fresh, *over]:
            book = Book(watch.incident, notification, self.moment)
            tell_targets_once(book, route, wanted, notification)
            book.write()
        for watch in fresh:
            watching.told(watch, route, self.moment)
        for watch in over:
            watching.finish(watch, self.moment)

    def _targets(self, route: RouteRule, fresh: list[Watch], over: list[Watch]) -> list[Target]:
        """Who is told: of what is new, the route's channels; of what is over, those that were told of it."""
        news = [watch for watch in [*fresh, *over] if watch in fresh or not watch.told_at]
        found = list(targets(route.channels, worst(news), {}, route.name)) if news else []
        if any(watch.told_at for watch in over):
            heard = AlertChannel.objects.filter(enabled=True, delivery__incident=self.bundle.message_id)
            told = {target.channel.pk for target in found if target.reason is None}
            more = [rulebook.as_receiver(channel) for channel in heard.distinct() if channel.pk not in told]
            late = {channel.pk for channel in more}
            found = [target for target in found if target.channel.pk not in late]
            found += [Target(channel) for channel in more]
        return found


def tell_targets_once(book: Book, route: RouteRule, wanted: list[Target], notification: Notification) -> None:
    """As ``tell_targets``, for the next one of several incidents of one message: its deliveries may be there."""
    made = {row.channel_id: row for row in notification.delivery_set.all()}
    if not made:
        tell_targets(book, route, wanted, notification, Reason.GROUPED)
        return
    for target in wanted:
        if target.reason is not None:
            book.note(target.reason, route, target.channel, by=target.by)
        elif target.channel.pk in made:
            book.note(Reason.GROUPED, route, target.channel, delivery=made[target.channel.pk])


def say(
    bundle: Bundle, fresh: Sequence[Watch], over: Sequence[Watch], still: Sequence[Watch], moment: datetime
) -> Notification:
    """The message of a bundle as a row: what is new, what is over, how much is left."""
    bundle.sequence += 1
    bundle.said_at = moment
    Bundle.objects.filter(pk=bundle.pk).update(sequence=bundle.sequence, said_at=moment)
    messages = wording.Together(
        [watch.notification.message for watch in fresh],
        [watch.recovery.message for watch in over if watch.recovery],
        [watch.notification.message for watch in still],
    )
    open_now = [*fresh, *still]
    morning = bundle.kind == Bundle.DIGEST and (bool(fresh) or any(not watch.told_at for watch in over))
    message = replace(
        messages.message(digest=morning),
        id=bundle.message_id,
        sequence=bundle.sequence,
        severity=worst(open_now or over),
        status=Status.FIRING if open_now else Status.RESOLVED,
        timestamp=moment,
        previous="",
    )
    return keep(message)[0]


def worst(watches: Iterable[Watch]) -> Severity:
    """The highest severity among these."""
    found = [Severity(watch.notification.severity) for watch in watches]
    return max(found, key=lambda severity: RANK[severity], default=Severity.INFO)
