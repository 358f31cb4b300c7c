"""What routing itself has to say: several troubles in one message, reminders, escalations."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from notifications.message import Message
from portal.lib import clock

LINES: Final = 25


@dataclass(frozen=True, slots=True)
class Together:
    """Several messages as one: what is new, what is over, and what was told before and goes on."""

    fresh: Sequence[Message]
    over: Sequence[Message]
    still: Sequence[Message]

    def message(self, *, digest: bool = False) -> Message:
        """One message; a single one speaks for itself. Its labels are those that all of them share."""
        every = [*self.fresh, *self.over, *self.still]
        if len(every) == 1 and not digest:
            return every[0]
        return Message(
            id=every[0].id,
            title=self._digest_title() if digest else self._title(),
            text=self._text(),
            labels=_shared(every),
            source=every[0].source,
            link=every[0].link if len(every) == 1 else "",
        )

    def _title(self) -> str:
        if self.fresh:
            number = len(self.fresh)
            head = ngettext("%d trouble", "%d troubles", number) % number
        elif not self.over:
            number = len(self.still)
            head = ngettext("%d trouble still open", "%d troubles still open", number) % number
        else:
            head = _("%(over)d over, %(still)d still open") % {"over": len(self.over), "still": len(self.still)}
        return f"{head}: {'; '.join(message.title for message in [*self.fresh, *self.over, *self.still][:3])}"

    def _digest_title(self) -> str:
        number = len(self.fresh) + len(self.over)
        head = ngettext("In quiet hours there was %d trouble", "In quiet hours there were %d troubles", number) % number
        return _("%(head)s, %(open)d still open") % {"head": head, "open": len(self.fresh)}

    def _text(self) -> str:
        parts = []
        for title, messages in ((_("New:"), self.fresh), (_("Over:"), self.over), (_("Still open:"), self.still)):
            if messages:
                parts.append("\n".join([title, *_lines(messages)]))
        return "\n\n".join(parts)


def _lines(messages: Sequence[Message]) -> list[str]:
    lines = [
        f"- {message.title} ({message.severity})" + (f" {message.link}" if message.link else "")
        for message in messages[:LINES]
    ]
    more = len(messages) - LINES
    return [*lines, _("… and %d more") % more] if more > 0 else lines


def _shared(messages: Sequence[Message]) -> dict[str, str]:
    first, *others = [message.labels for message in messages]
    return {name: value for name, value in first.items() if all(labels.get(name) == value for labels in others)}


def reminder(message: Message, lasted: timedelta) -> Message:
    """The same again, because nobody has acknowledged it."""
    text = _("Nobody has acknowledged this in %(span)s.") % {"span": clock.span(lasted)}
    return replace(message, title=_("Reminder: %s") % message.title, text=f"{text}\n\n{message.text}".strip())


def escalation(message: Message, lasted: timedelta) -> Message:
    """To those who are told because nobody has acknowledged it."""
    text = _("Nobody has acknowledged this in %(span)s, so you are told, too.") % {"span": clock.span(lasted)}
    return replace(message, title=_("Escalated: %s") % message.title, text=f"{text}\n\n{message.text}".strip())
