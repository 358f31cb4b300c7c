"""Which tokens open a webhook, and how one is replaced without a gap.

A token is made here, shown once, and kept as a digest. What it replaces is still taken for an overlap, so that the
sender can be told in peace; afterwards it is refused, also where a setting still names it.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from monitoring.models import HookToken, Source, TokenKind
from portal.lib import clock
from servers.models import Cluster

# The settings that hold a token from the beginning.
GIVEN: Final[dict[tuple[str, str], str]] = {
    (Source.ALERTMANAGER, TokenKind.BEARER): "PORTAL_ALERTMANAGER_TOKEN",
    (Source.GRAFANA, TokenKind.BEARER): "PORTAL_GRAFANA_HOOK_TOKEN",
    (Source.GRAFANA, TokenKind.SIGNATURE): "PORTAL_GRAFANA_HMAC",
}
# How exactly it is known when a token was used last.
USED_EVERY: Final = timedelta(minutes=1)
# A signature's time may be off by this much: clocks differ, and whoever records a message may not send it again later.
TIMELY: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Sender:
    """Whoever showed a token that is taken."""

    cluster_id: int | None = None


def digest(token: str) -> str:
    """What is kept of a token: it has 256 random bits, so a plain digest tells nothing about it."""
    return hashlib.sha256(token.encode()).hexdigest()


def overlap() -> timedelta:
    """How long a replaced token is still taken, unless somebody says otherwise."""
    return timedelta(hours=settings.PORTAL_HOOK_OVERLAP_HOURS)


def issue(
    source: str, kind: str = TokenKind.BEARER, *, cluster: Cluster | None = None, by: str = "", keep: timedelta | None
) -> tuple[HookToken, str]:
    """A new token: its row, and its text for this one time. The others of that sender end after ``keep``, or go
    on being taken where it is None."""
    moment, text = clock.now(), secrets.token_urlsafe(32)
    with transaction.atomic():
        _adopt(source, kind, moment)
        if keep is not None:
            end_others(source, kind, cluster=cluster, moment=moment + keep)
        row = HookToken.objects.create(
            source=source, kind=kind, cluster=cluster, digest=digest(text), created_by=by,
            secret=text if kind == TokenKind.SIGNATURE else "",
        )  # fmt: skip
    return row, text


def end_others(
    source: str, kind: str, *, cluster: Cluster | None, moment: datetime, but: HookToken | None = None
) -> int:
    """Let the tokens of that sender end at that moment, but for one; who ends sooner stays so. Returns how many."""
    others = HookToken.objects.filter(source=source, kind=kind, cluster=cluster).exclude(pk=but.pk if but else 0)
    return others.filter(Q(expires_at=None) | Q(expires_at__gt=moment)).order_by().update(expires_at=moment)


def sender(source: str, token: str) -> Sender | None:
    """Who shows that token; None where nobody may."""
    if not token:
        return None
    # Asked with every message: only what is needed, in no order, and the cluster as its number.
    rows = HookToken.objects.filter(digest=digest(token), source=source, kind=TokenKind.BEARER).order_by()
    row = next(iter(rows.values_list("pk", "cluster_id", "expires_at", "last_used_at")), None)
    if row is None:
        given = _given(source, TokenKind.BEARER)
        return Sender() if given and hmac.compare_digest(given.encode(), token.encode()) else None
    pk, cluster_id, expires_at, last_used_at = row
    moment = clock.now()
    if expires_at is not None and expires_at <= moment:
        return None
    if last_used_at is None or moment - last_used_at > USED_EVERY:
        HookToken.objects.filter(pk=pk).update(last_used_at=moment)
    return Sender(cluster_id)


def wants(source: str, kind: str) -> bool:
    """Whether that sender has a token of that kind which is taken now."""
    moment = clock.now()
    rows = HookToken.objects.filter(HookToken.living(moment), source=source, kind=kind)
    return rows.exists() or bool(_given_and_living(source, kind, moment))


def signed(source: str, body: bytes, signature: str, timestamp: str) -> bool:
    """Whether one of our keys made that signature: hex of HMAC-SHA256 over the body, or over ``TIMESTAMP:`` and the
    body where there is a timestamp, which must not be old. So signs Grafana since 12.0."""
    if not signature or (timestamp and not _timely(timestamp)):
        return False
    message = timestamp.encode() + b":" + body if timestamp else body
    shown = signature.strip().lower().encode()
    return any(
        hmac.compare_digest(hmac.new(key.encode(), message, hashlib.sha256).hexdigest().encode(), shown)
        for key in _keys(source)
    )


def _timely(timestamp: str) -> bool:
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) < 12):
        return False
    return abs(clock.now().timestamp() - int(timestamp)) <= TIMELY.total_seconds()


def _keys(source: str) -> Iterator[str]:
    moment = clock.now()
    rows = HookToken.objects.filter(HookToken.living(moment), source=source, kind=TokenKind.SIGNATURE)
    yield from (row.secret for row in rows if row.secret)
    if given := _given_and_living(source, TokenKind.SIGNATURE, moment):
        yield given


def _given(source: str, kind: str) -> str:
    name = GIVEN.get((source, kind))
    return str(getattr(settings, name)) if name else ""


def _given_and_living(source: str, kind: str, moment: datetime) -> str:
    """The setting's token, unless a row about it says that it has ended."""
    given = _given(source, kind)
    ended = given and HookToken.objects.filter(digest=digest(given)).exclude(HookToken.living(moment)).exists()
    return "" if ended else given


def _adopt(source: str, kind: str, moment: datetime) -> None:
    """Give the setting's token a row, so that it can end."""
    if given := _given(source, kind):
        secret = given if kind == TokenKind.SIGNATURE else ""
        HookToken.objects.get_or_create(
            digest=digest(given), defaults={"source": source, "kind": kind, "secret": secret, "created_at": moment}
        )
