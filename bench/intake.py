"""How many alerts a second the webhook accepts, and whether any is lost, as a ratio to a floor: parse each message and
insert it with one prepared statement, in one process, without a web server.

bin/bench intake [ALERTS-PER-MESSAGE …]

Web server, worker and the sender share this machine, so the sender's part of the time is in the figure, too.
"""

import contextlib
import http.client
import json
import os
import sqlite3
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from tests.support.processes import Portal, wait_until

ALERTS = 3000
SENDERS = 4
TOKEN = "the-token-of-this-benchmark"


def message(first: int, count: int) -> str:
    """What Alertmanager sends: that many alerts, of fifty machines."""
    alerts: list[dict[str, Any]] = [
        {
            "status": "firing", "fingerprint": f"{number:016x}", "startsAt": "2026-03-02T08:15:21.632123456Z",
            "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "http://prometheus:9090/graph?g0.expr=up",
            "labels": {"alertname": "HighCPUUsage", "severity": "warning", "instance": f"10.0.0.{number % 50}:9100",
                       "condition": "cpu_high", "job": "managed-servers", "cluster": "berlin"},
            "annotations": {"summary": "CPU is busy", "description": "93 % for five minutes."},
        }
        for number in range(first, first + count)
    ]  # fmt: skip
    return json.dumps({"version": "4", "status": "firing", "receiver": "portal", "alerts": alerts})


def floor(messages: list[str]) -> float:
    """Seconds to parse and insert them, durable as SQLite in WAL mode is."""
    with tempfile.TemporaryDirectory() as folder, contextlib.closing(sqlite3.connect(Path(folder) / "x")) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=NORMAL")
        database.execute("CREATE TABLE inbound (id INTEGER PRIMARY KEY, body TEXT)")
        started = time.perf_counter()
        for text in messages:
            json.loads(text)
            database.execute("INSERT INTO inbound (body) VALUES (?)", (text,))
            database.commit()
        return time.perf_counter() - started


def send(portal: Portal, messages: list[str], refused: list[int]) -> None:
    """Send them one after the other over one connection, at as little cost as an Alertmanager does."""
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", portal.port, timeout=60)) as connection:
        for text in messages:
            connection.request("POST", "/hooks/alertmanager/", text, headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 202:
                refused.append(answer.status)


def measure(per_message: int) -> None:
    """One line for messages of that many alerts."""
    alerts = min(ALERTS, 1000 * per_message)
    messages = [message(first, per_message) for first in range(0, alerts, per_message)]
    env = {"PORTAL_ALERTMANAGER_TOKEN": TOKEN, "PORTAL_LOG_LEVEL": "ERROR", "PORTAL_TICK_SECONDS": "1"}
    refused: list[int] = []
    with Portal(env) as portal:
        portal.start("redis", "web", "worker", "beat")
        parts = [messages[number::SENDERS] for number in range(SENDERS)]
        threads = [threading.Thread(target=send, args=(portal, part, refused)) for part in parts]
        started, idle = time.perf_counter(), cpu_seconds(portal)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        accepted, spent = time.perf_counter() - started, cpu_seconds(portal)
        wait_until(
            lambda: count(portal, "monitoring_inbound WHERE processed_at IS NULL") == 0, 600, what="all are read"
        )
        processed, kept = time.perf_counter() - started, count(portal, "monitoring_alert")
    base = floor(messages)
    cost = 1000 * (spent - idle) / len(messages)
    print(
        f"{per_message:>4} per message: {alerts / accepted:>6.0f} alerts/s accepted ({len(messages) / accepted:.0f} "
        f"messages/s, {accepted / base:.0f} x floor; the web server's CPU alone: {cost:.1f} ms a message, "
        f"{(spent - idle) / base:.0f} x floor), {alerts / processed:.0f} alerts/s read; "
        f"{len(refused)} refused, {alerts - kept} lost"
    )


def cpu_seconds(portal: Portal) -> float:
    """What the web server's processes have used so far: it tells on a busy machine what the clock does not."""
    leader, ticks = portal.processes["web"].pid, 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12]) if int(fields[2]) == leader else 0
    return ticks / os.sysconf("SC_CLK_TCK")


def count(portal: Portal, what: str) -> int:
    """How many rows there are."""
    with contextlib.closing(sqlite3.connect(portal.data / "portal.sqlite3", timeout=60)) as database:
        return int(database.execute(f"SELECT count(*) FROM {what}").fetchone()[0])


def main() -> None:
    """Each size that was asked for."""
    for size in [int(word) for word in sys.argv[1:]] or [1, 10, 100]:
        measure(size)


if __name__ == "__main__":
    main()
