"""What counting and timing costs per request, as a ratio to the same request without it.

python bench/middleware.py
"""

import statistics
import time

from bench import prepare

REQUESTS, ROUNDS = 400, 7
OURS = ("monitoring.http_metrics.BeforeMiddleware", "monitoring.http_metrics.AfterMiddleware")


def microseconds(middleware: list[str]) -> float:
    """Median time of a request for the front page's redirect."""
    from django.conf import settings
    from django.test import Client

    settings.MIDDLEWARE = middleware
    client, times = Client(), []
    client.get("/")
    for _ in range(ROUNDS):
        started = time.perf_counter()
        for _ in range(REQUESTS):
            client.get("/")
        times.append((time.perf_counter() - started) / REQUESTS * 1e6)
    return statistics.median(times)


def main() -> None:
    """Measure without, with ours, and print."""
    prepare()
    from django.conf import settings

    whole = list(settings.MIDDLEWARE)
    without = microseconds([name for name in whole if name not in OURS])
    ours = microseconds(whole)
    print(f"without: {without:.0f} µs; with: {ours:.0f} µs: {ours - without:.0f} µs, {ours / without:.2f} ×")


if __name__ == "__main__":
    main()
