"""A crowd that sends requests to a running portal and counts what came back."""

import http.client
import re
import threading

import requests

SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$")


class Crowd:
    """Threads that ask for one path again and again, each request on a connection of its own."""

    def __init__(self, port: int, path: str = "/", people: int = 4) -> None:
        self.port, self.path = port, path
        self.answered = self.failed = 0
        self._over, self._lock = threading.Event(), threading.Lock()
        self._threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(people)]

    def __enter__(self) -> "Crowd":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(30)

    def _ask(self) -> None:
        while not self._over.is_set():
            answered = self._once()
            with self._lock:
                self.answered, self.failed = self.answered + answered, self.failed + (not answered)

    def _once(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("GET", self.path, headers={"Connection": "close"})
            return connection.getresponse().status < 500
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def scrape(url: str, **headers: str) -> str:
    """The portal's exposition."""
    answer = requests.get(f"{url}/metrics", headers=headers, timeout=20)
    assert answer.status_code == 200, answer.text
    return answer.text


def value(text: str, name: str, **labels: str) -> float:
    """The sum of the samples of that name that carry these labels."""
    total = 0.0
    for line in text.splitlines():
        match = SAMPLE.match(line)
        if (
            match
            and match[1] == name
            and all(f'{key}="{wanted}"' in (match[2] or "") for key, wanted in labels.items())
        ):
            total += float(match[3])
    return total
