"""What a sync costs, as a ratio to its floor: fetch, parse, and one prepared UPDATE of what changed.

bin/bench sync [GUESTS …]
"""

import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

DATA = Path(tempfile.mkdtemp(prefix="pm-bench-"))
os.environ.update(
    PORTAL_DATA=str(DATA), PORTAL_ENV_FILE=str(DATA / "none"), DJANGO_SETTINGS_MODULE="portal.settings",
    PORTAL_LOG_LEVEL="ERROR",
)  # fmt: skip
ROUNDS = 7
CHANGED = 100


def median(deed: Callable[[], object], before: Callable[[], object] = lambda: None) -> float:
    """Seconds of the middle one of several rounds."""
    taken = []
    for _ in range(ROUNDS):
        before()
        started = time.perf_counter()
        deed()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def measure(guests: int) -> None:
    """One line for a cluster of that many guests."""
    from servers.bulk import update_many
    from servers.failover import Endpoints, ask
    from servers.models import Cluster, Server, TlsMode
    from servers.sync import sync_cluster
    from simulator import Simulator

    with Simulator(guests=guests, nodes=max(2, guests // 500), seed=1) as pve:
        cluster = Cluster.objects.create(
            name=f"bench-{guests}", endpoints=[pve.url], token_id=pve.token_id, token_secret=pve.token_secret,
            tls_mode=TlsMode.FINGERPRINT, fingerprint=pve.fingerprint,
        )  # fmt: skip
        first = median_of_one(lambda: sync_cluster(cluster))
        vmids = list(pve.cluster.guests)[:CHANGED]
        turn = iter(range(1000))

        def change() -> None:
            mark = f"t{next(turn)}"
            for vmid in vmids:
                pve.set_guest(vmid, tags=mark)
            cluster.refresh_from_db()

        def floor() -> None:
            answer = ask(cluster, lambda gateway: gateway.get("cluster/resources"), Endpoints(list(cluster.endpoints)))
            json.dumps(answer)  # what keeps the latest answer must write it out once
            update_many(Server, rows, ("tags", "status", "missing"))

        rows = list(Server.objects.filter(cluster=cluster)[:CHANGED])
        floor_seconds, quiet = median(floor, change), median(lambda: sync_cluster(cluster), cluster.refresh_from_db)
        busy = median(lambda: sync_cluster(cluster), change)
    print(
        f"{guests:>6} guests: first {first:.2f} s; unchanged {quiet:.3f} s = {quiet / floor_seconds:.1f} x floor; "
        f"{CHANGED} changed {busy:.3f} s = {busy / floor_seconds:.1f} x floor ({floor_seconds:.3f} s)"
    )


def median_of_one(deed: Callable[[], object]) -> float:
    """Seconds of one round."""
    started = time.perf_counter()
    deed()
    return time.perf_counter() - started


def main() -> None:
    """Measure for each number of guests on the command line, or 10, 1,000 and 10,000."""
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    call_command("migrate", verbosity=0)
    for guests in [int(word) for word in sys.argv[1:]] or [10, 1_000, 10_000]:
        measure(guests)
    shutil.rmtree(DATA, ignore_errors=True)


if __name__ == "__main__":
    main()
