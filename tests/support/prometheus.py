"""Stand-ins for a Prometheus that is not well, as real HTTP servers. One that is well is the real one."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


def matrix(*series, start, end, step):
    """The answer to a query_range: each series is (labels, function of the time that gives a number or None)."""
    moments = range(int(start), int(end) + 1, int(step))
    rows = [
        {"metric": labels, "values": [[at, str(value(at))] for at in moments if value(at) is not None]}
        for labels, value in series
    ]
    return {"status": "success", "data": {"resultType": "matrix", "result": rows}}


class StandInPrometheus:
    """Answers what ``answer`` gives for (path, query): (status, body) or what becomes JSON. ``delay``: seconds before
    it. ``asked`` holds the queries."""

    def __init__(self, answer=None, *, delay=0.0):
        self.answer, self.delay, self.asked = answer or self.level, delay, []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    @staticmethod
    def level(path, query):
        """One series that is 1 all the time."""
        if path.endswith("query"):
            row = {"metric": {}, "value": [float(query.get("time", 0)), "1"]}
            return {"status": "success", "data": {"resultType": "vector", "result": [row]}}
        return matrix(({}, lambda _at: 1), **{name: query[name] for name in ("start", "end", "step")})

    def _handler(self):
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"  # as Prometheus, which keeps a connection

            def do_GET(self):
                parts = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                headers = dict(self.headers)
                stand_in.asked.append({"path": parts.path, "headers": headers, "over": self.client_address, **query})
                time.sleep(stand_in.delay)
                found = stand_in.answer(parts.path, query)
                status, body = found if isinstance(found, tuple) else (200, json.dumps(found).encode())
                try:
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except (BrokenPipeError, ConnectionResetError):
                    pass

            def do_POST(self):
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self.do_GET()

            def log_message(self, *_):
                """Says nothing."""

        return Handler
