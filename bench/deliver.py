"""What it costs to tell somebody: from a message to its delivery, as a ratio to the floor: the same requests in a
plain loop, each with one row written before and after it.

bin/bench deliver [MESSAGES]
"""

import os
import shutil
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

DATA = Path(tempfile.mkdtemp(prefix="pm-bench-"))
os.environ.update(
    PORTAL_DATA=str(DATA), PORTAL_ENV_FILE=str(DATA / "none"), DJANGO_SETTINGS_MODULE="portal.settings",
    PORTAL_LOG_LEVEL="ERROR", PORTAL_ALLOWED_INTERNAL="127.0.0.0/8",
)  # fmt: skip
ROUTES = 20


class Receiver(BaseHTTPRequestHandler):
    """Takes everything."""

    def do_POST(self) -> None:
        """Read it and say 200."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        """Nothing."""


def floor(url: str, number: int) -> float:
    """Seconds for as many signed requests through the same guarded session, each between two committed rows."""
    from notifications.channels.webhook import Webhook
    from notifications.models import Delivery, DeliveryAttempt, Notification

    channel, started = Webhook({"url": url}), time.perf_counter()
    notification = Notification.objects.first()
    assert notification is not None
    delivery = Delivery.objects.filter(notification=notification).first()
    assert delivery is not None
    for _ in range(number):
        attempt = DeliveryAttempt.objects.create(delivery=delivery)
        channel.send(notification.message, "key")
        DeliveryAttempt.objects.filter(pk=attempt.pk).update(outcome=DeliveryAttempt.DELIVERED)
    return time.perf_counter() - started


def setup(url: str) -> None:
    """Twenty routes of which the last one matches."""
    from notifications import tasks
    from notifications.models import AlertChannel, Route

    tasks.deliver.delay = lambda _pk: None  # the loop below is the worker
    channel = AlertChannel(name="bench", kind="webhook", max_per_minute=30000)
    channel.keep({"url": url})
    channel.save()
    for number in range(ROUTES):
        matchers = f'cluster=~"other-{number}-.*"' if number < ROUTES - 1 else 'severity!="info"'
        Route.objects.create(name=f"r{number}", position=number, matchers=matchers).channels.add(channel)


def measure(url: str, number: int) -> None:
    """One line: publishing, sending, and both as ratios to the floor."""
    from notifications import Message, Severity, publish, sending
    from notifications.models import Delivery, DeliveryState

    started = time.perf_counter()
    for one in range(number):
        publish(Message(id=f"incident-{one}", title="trouble", severity=Severity.CRITICAL, labels={"cluster": "a"}))
    publishing = time.perf_counter() - started
    started = time.perf_counter()
    for pk in list(Delivery.objects.values_list("pk", flat=True)):
        sending.deliver(pk)
    delivering = time.perf_counter() - started
    arrived = Delivery.objects.filter(state=DeliveryState.DELIVERED).count()
    assert arrived == number, f"{arrived} of {number} arrived"
    bare = floor(url, number)
    sys.stdout.write(
        f"{number:>6} messages, {ROUTES} routes: published {publishing:.2f} s = {publishing / bare:.1f} x floor; "
        f"delivered {delivering:.2f} s = {delivering / bare:.1f} x floor ({bare:.2f} s, "
        f"{1000 * bare / number:.1f} ms each)\n"
    )


def main() -> None:
    """A fresh database, a receiver, and the measurement."""
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/"
    try:
        setup(url)
        measure(url, int(sys.argv[1]) if len(sys.argv) > 1 else 300)
    finally:
        server.shutdown()
        shutil.rmtree(DATA, ignore_errors=True)


if __name__ == "__main__":
    main()
