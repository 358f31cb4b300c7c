"""What a scrape of ten thousand guests costs, as a ratio to its floor: the page's bytes, compressed once.

    python bench/scrape.py [GUESTS]

Three cases: the first scrape after a sync, the next one, and the floor. Runs in a folder of its own.
"""

import atexit
import gc
import os
import shutil
import statistics
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
ROUNDS = 7


def prepare() -> None:
    """Django on a new database, with the cache in memory."""
    folder = tempfile.mkdtemp(prefix="pm-bench-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    Path(folder, "static").mkdir()
    os.environ.update(
        PORTAL_DATA=folder, PORTAL_ENV_FILE=f"{folder}/none.env", DJANGO_SETTINGS_MODULE="portal.settings",
        PORTAL_LOG_LEVEL="CRITICAL", PORTAL_ALLOWED_HOSTS="testserver",
    )  # fmt: skip
    import django
    from django.conf import settings
    from django.core.management import call_command

    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    django.setup()
    call_command("migrate", verbosity=0)


def milliseconds(action: Callable[[], object], before: Callable[[], object] = lambda: None) -> float:
    """The median of several rounds."""
    times = []
    for _ in range(ROUNDS):
        before()
        started = time.perf_counter()
        action()
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


def main() -> None:
    """Seed, measure, print."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    prepare()
    from django.test import Client

    from servers.models import Server
    from tests.monitoring.inventory import guest, make_backup, make_cluster, node, resync

    nodes = [node(f"pve{place}") for place in range(8)]
    guests = [guest(100 + place, node=f"pve{place % 8}", net_in=place * 7919) for place in range(number)]
    cluster = make_cluster("bench", guests, nodes)
    for server in Server.objects.all()[: number // 10]:
        make_backup(server)

    def sync() -> None:
        cluster.refresh_from_db()
        resync(cluster, guests, nodes)

    gc.collect()
    gc.freeze()  # as the web server does with what is loaded (portal/gunicorn.conf.py)
    client = Client()
    packed = milliseconds(lambda: client.get("/metrics", headers={"Accept-Encoding": "gzip"}), sync)
    plain = milliseconds(lambda: client.get("/metrics"), sync)
    again = milliseconds(lambda: client.get("/metrics", headers={"Accept-Encoding": "gzip"}))
    page = client.get("/metrics").content
    floor = milliseconds(lambda: zlib.compress(page, 1))
    print(f"{number} guests, {len(page) / 1e6:.1f} MB of text; floor (compressing it once): {floor:.0f} ms")
    print(f"after a sync, gzip:  {packed:6.0f} ms  {packed / floor:5.1f} × floor")
    print(f"after a sync, plain: {plain:6.0f} ms  {plain / floor:5.1f} × floor")
    print(f"otherwise, gzip:     {again:6.0f} ms  {again / floor:5.1f} × floor")


if __name__ == "__main__":
    main()
