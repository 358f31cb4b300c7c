"""Routes: which messages go to which channels, together with what, how often, and when not."""

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from typing import Any, Final

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from notifications.models.channel import AlertChannel
from notifications.models.fields import MatchersField, WeekdaysField, ZoneField
from notifications.routing.matchers import Matchers, parse
from notifications.routing.rules import Grouping, Receiver, RouteRule, Step
from notifications.routing.windows import Weekly
from portal.lib import clock

LAST: Final = 1_000_000  # where the default route stands
DEFAULT_NAME: Final = "Everything else"


class Route(models.Model):
    """One route. They are asked in order; the default one takes what no other one took."""

    position = models.PositiveIntegerField(_("order"), default=0, db_index=True)
    name = models.CharField(_("name"), max_length=80, unique=True)
    enabled = models.BooleanField(_("enabled"), default=True, help_text=_("A disabled route is passed over."))
    is_default = models.BooleanField(default=False, editable=False)
    matchers = MatchersField(_("which messages"), blank=True, default="")
    goes_on = models.BooleanField(
        _("go on to the next routes"),
        default=False,
        help_text=_("On: the routes below are asked too. Off: this is the last route for what it matches."),
    )
    every_channel = models.BooleanField(
        _("every enabled channel"), default=False, help_text=_("Also those that are added later.")
    )
    channels = models.ManyToManyField(AlertChannel, blank=True, verbose_name=_("channels"), related_name="routes")

    grouping = models.CharField(
        _("told together"),
        max_length=10,
        default=Grouping.EACH,
        choices=[
            (Grouping.EACH, _("nothing: each trouble by itself, at once")),
            (Grouping.LABELS, _("what agrees in the labels below")),
            (Grouping.ALL, _("everything that this route matches")),
        ],
    )
    group_by = models.CharField(
        _("labels to group by"), max_length=200, blank=True, default="",
        help_text=_("Separated by commas, for example: cluster, node"),
    )  # fmt: skip
    group_wait = models.PositiveIntegerField(
        _("wait for more (s)"), default=30, validators=[MaxValueValidator(3600)],
        help_text=_("Seconds from the first trouble of a group to its message."),
    )  # fmt: skip
    group_interval = models.PositiveIntegerField(
        _("then tell at most every (s)"), default=300, validators=[MinValueValidator(10), MaxValueValidator(86400)],
        help_text=_("Seconds between two messages about one group."),
    )  # fmt: skip
    repeat_minutes = models.PositiveIntegerField(
        _("repeat every (min)"), default=0, validators=[MaxValueValidator(7 * 24 * 60)],
        help_text=_("Minutes until it is said again, as long as nobody has acknowledged it. 0: never."),
    )  # fmt: skip
    quiet_zone = ZoneField(_("time zone of the quiet hours"))
    quiet_except = models.JSONField(
        _("severities that are told at any hour"), default=list, blank=True,
    )  # fmt: skip
    created_at = models.DateTimeField(_("added"), auto_now_add=True)

    class Meta:
        verbose_name = _("route")
        verbose_name_plural = _("routes")
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["is_default"], condition=Q(is_default=True), name="one_default_route")
        ]

    def __str__(self) -> str:
        return self.name

    def allows(self, action: str) -> bool:
        """The default route may be changed and switched off, but not deleted: it says where the rest goes."""
        return action != "delete" or not self.is_default

    @classmethod
    def default(cls) -> "Route":
        """The one that takes what no other one took; made if somebody emptied the table."""
        values = {"name": DEFAULT_NAME, "position": LAST, "every_channel": True}
        found, _made = cls.objects.get_or_create(is_default=True, defaults=values)
        return found

    def parsed(self) -> Matchers:
        """Its matchers. Raises BadMatcher, which the form prevents."""
        return parse(self.matchers)

    @property
    def labels_of_group(self) -> tuple[str, ...]:
        """The labels to group by."""
        return tuple(name.strip() for name in self.group_by.split(",") if name.strip())

    def rule(self, channels: Iterable[Receiver], windows: Iterable[Weekly], steps: Iterable[Step]) -> RouteRule:
        """Itself as a plain value, with the parts that are rows of their own."""
        return RouteRule(
            pk=self.pk or 0,
            name=self.name,
            matchers=self.parsed(),
            channels=tuple(channels),
            goes_on=self.goes_on,
            is_default=self.is_default,
            every_channel=self.every_channel,
            grouping=Grouping(self.grouping),
            group_by=self.labels_of_group,
            wait=timedelta(seconds=self.group_wait),
            interval=timedelta(seconds=self.group_interval),
            repeat=timedelta(minutes=self.repeat_minutes) if self.repeat_minutes else None,
            quiet=tuple(windows),
            exempt=frozenset(self.quiet_except),
            steps=tuple(sorted(steps, key=lambda step: step.after)),
        )


class QuietWindow(models.Model):
    """Hours at which a route keeps quiet, every week. What happens meanwhile is told together afterwards."""

    route = models.ForeignKey(Route, on_delete=models.CASCADE, related_name="windows", verbose_name=_("route"))
    days = WeekdaysField(_("days"))
    begins = models.TimeField(_("from"), default=time(22, 0))
    ends = models.TimeField(_("to"), default=time(7, 0), help_text=_("Not after the beginning: it is on the next day."))

    class Meta:
        verbose_name = _("quiet hours")
        verbose_name_plural = _("quiet hours")
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.begins:%H:%M} – {self.ends:%H:%M}"

    def weekly(self, zone: str) -> Weekly:
        """Itself as a plain value."""
        return Weekly(frozenset(self.days), self.begins, self.ends, zone)


class EscalationStep(models.Model):
    """If nobody has acknowledged after that long, these channels are told, too."""

    route = models.ForeignKey(Route, on_delete=models.CASCADE, related_name="steps", verbose_name=_("route"))
    after_minutes = models.PositiveIntegerField(
        _("after (min)"), default=15, validators=[MinValueValidator(1), MaxValueValidator(7 * 24 * 60)]
    )
    channels = models.ManyToManyField(AlertChannel, verbose_name=_("channels"), related_name="steps")

    class Meta:
        verbose_name = _("escalation step")
        verbose_name_plural = _("escalation: if nobody has acknowledged")
        ordering = ["after_minutes", "pk"]

    def __str__(self) -> str:
        return f"{self.after_minutes} min"


class Mutes(models.Model):
    """What silences and maintenance windows share."""

    matchers = MatchersField(_("which messages"))
    reason = models.CharField(_("why"), max_length=300, blank=True, default="")
    created_at = models.DateTimeField(_("added"), auto_now_add=True)
    created_by = models.CharField(_("by"), max_length=150, default="", editable=False)

    class Meta:
        abstract = True

    def parsed(self) -> Matchers:
        """Its matchers. Raises BadMatcher, which the form prevents."""
        return parse(self.matchers)


class Silence(Mutes):
    """Nothing is told of what it matches, from one moment to another. It is ended, never deleted."""

    starts_at = models.DateTimeField(_("from"))
    ends_at = models.DateTimeField(_("until"), db_index=True)
    ended_by = models.CharField(_("ended by"), max_length=150, default="", editable=False)

    class Meta:
        verbose_name = _("silence")
        verbose_name_plural = _("silences")
        ordering = ["-ends_at", "-pk"]
        permissions = [("end_silence", _("Can end a silence early"))]

    def __str__(self) -> str:
        return self.reason or self.matchers

    def state(self, moment: datetime) -> str:
        """``coming``, ``active`` or ``over``."""
        if moment < self.starts_at:
            return "coming"
        return "active" if moment < self.ends_at else "over"

    def allows(self, action: str) -> bool:
        """Only one that is not over can be ended."""
        return action != "end" or self.ends_at > clock.now()


class Maintenance(Mutes):
    """Planned work: every week at the same time, or once. Nothing is told of what it matches meanwhile."""

    WEEKLY, ONCE = "weekly", "once"

    name = models.CharField(_("name"), max_length=80, unique=True)
    enabled = models.BooleanField(_("enabled"), default=True)
    recurrence = models.CharField(
        _("how often"), max_length=10, choices=[(WEEKLY, _("every week")), (ONCE, _("once"))], default=WEEKLY
    )
    days = WeekdaysField(_("days"), blank=True)
    begins = models.TimeField(_("at"), null=True, blank=True, default=time(2, 0))
    minutes = models.PositiveIntegerField(
        _("for (min)"), default=120, validators=[MinValueValidator(1), MaxValueValidator(7 * 24 * 60)]
    )
    zone = ZoneField(_("time zone"))
    once_at = models.DateTimeField(_("once, at"), null=True, blank=True)

    class Meta:
        verbose_name = _("maintenance window")
        verbose_name_plural = _("maintenance windows")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def window(self, moment: datetime) -> tuple[datetime, datetime] | None:
        """The window that holds at that moment, or else the next one within a week (or the single one, if it is not
        over), as (beginning, end)."""
        from notifications.routing import windows

        length = timedelta(minutes=self.minutes)
        if self.recurrence == self.ONCE:
            if self.once_at is None or self.once_at + length <= moment:
                return None
            return self.once_at, self.once_at + length
        weekly: list[Any] = []
        if self.begins is not None and self.days:
            weekly = [Weekly(frozenset(self.days), self.begins, self.begins, self.zone, length)]
        return windows.following(weekly, moment)
