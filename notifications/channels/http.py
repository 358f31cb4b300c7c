"""What channels that speak HTTP share: one POST, and what each answer means."""

from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from notifications.channels.base import Channel, Outcome
from notifications.channels.guard import address_guard
from portal.lib import clock
from portal.lib.addresses import AddressRefused
from portal.lib.http import GuardedSession, RequestError, why

TIMEOUT: Final = 10.0
READ: Final = 2048
# The receiver understood and says no to what we sent: sending the same again is no use.
REJECTED: Final = frozenset({400, 405, 411, 413, 414, 415, 422, 431})


class HttpChannel(Channel):
    """Posts to the address in its field ``url``. ``gone`` are the answers after which the address never works again;
    ``reads`` says how much of a good answer is read and handed to ``judge``."""

    gone: ClassVar[frozenset[int]] = frozenset({410})
    reads: ClassVar[int] = 0

    def target(self) -> str:
        """The host of its address: the rest may be secret."""
        return urlsplit(str(self.settings.get("url", ""))).netloc.rpartition("@")[2]

    def post(self, body: bytes, headers: Mapping[str, str], *, role: str, url: str = "") -> Outcome:
        """Send to that address, else to the field's, and judge the answer."""
        try:
            with GuardedSession(role, TIMEOUT, address_guard()) as session:
                response = session.post(url or self.settings["url"], data=body, headers=dict(headers), stream=True)
                with response:
                    text = _beginning(response, READ if response.status_code >= 300 else self.reads)
                return self.judge(response.status_code, response.headers, text)
        except AddressRefused as refusal:
            return Outcome.permanent(_("It was not sent: %(why)s.") % {"why": why(refusal)})
        except RequestError as error:
            return Outcome.temporary(_("It could not be sent to %(host)s: %(why)s.") % self._said(why=why(error)))

    def judge(self, code: int, headers: Mapping[str, str], text: str) -> Outcome:
        """What that answer means. ``text`` is its first part."""
        if 200 <= code < 300:
            return Outcome.delivered(code)
        sentence = meaning(code) % self._said(code=code)
        if code in self.gone:
            return Outcome.permanent(sentence, code, closes=True)
        if code in REJECTED:
            return Outcome.permanent(sentence, code)
        return Outcome.temporary(sentence, code, retry_after(headers.get("Retry-After", "")))

    def _said(self, **words: Any) -> dict[str, Any]:
        return {"host": self.target(), **words}


def _beginning(response: Any, length: int) -> str:
    """The first so many bytes of an answer, as text. Raises RequestError."""
    read = b""
    while length > len(read) and (piece := next(response.iter_content(length - len(read)), b"")):
        read += piece
    return read.decode("utf-8", "replace").strip()


def meaning(code: int) -> str:
    """Our sentence about an answer's number, with places for ``host`` and ``code``."""
    sentences = {
        401: _("%(host)s asks for credentials (answer %(code)d)."),
        403: _("%(host)s does not let us in (answer %(code)d)."),
        404: _("%(host)s has nothing at this address (answer %(code)d)."),
        410: _("%(host)s says that this address is gone for good (answer %(code)d)."),
        429: _("%(host)s gets too many messages and asks us to wait (answer %(code)d)."),
    }
    if code in sentences:
        return sentences[code]
    if 300 <= code < 400:
        return _("%(host)s answers with a redirect, which is not followed: enter the final address (answer %(code)d).")
    if code >= 500:
        return _("%(host)s has trouble of its own (answer %(code)d).")
    return _("%(host)s does not accept the message (answer %(code)d).")


def retry_after(value: str) -> float | None:
    """The seconds that a Retry-After header asks for, whether it is a number or a date; None if it says neither."""
    if value.strip().isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - clock.now()).total_seconds())
