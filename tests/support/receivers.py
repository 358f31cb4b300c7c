"""Real receivers of messages: an HTTP server and a mail server, each on a port of its own."""

import asyncio
import json
import logging
import socket
import threading
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

logging.getLogger("mail.log").setLevel(logging.ERROR)


class HttpReceiver:
    """Keeps what it gets. ``answers`` are used up one by one: a code, or (code, headers, text); then it says 200.

    While ``hold`` is cleared, it takes requests and does not answer them.
    """

    def __init__(self):
        self.requests, self.answers = [], []
        self.hold = threading.Event()
        self.hold.set()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.hold.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    @property
    def bodies(self):
        """The JSON of every request."""
        return [json.loads(request.body) for request in self.requests]

    def _handler(receiver):
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                receiver.requests.append(SimpleNamespace(path=self.path, headers=dict(self.headers), body=body))
                receiver.hold.wait()
                answer = receiver.answers.pop(0) if receiver.answers else 200
                code, headers, text = answer if isinstance(answer, tuple) else (answer, {}, "")
                try:
                    self.send_response(code)
                    for name, value in {**headers, "Content-Length": str(len(text))}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(text.encode())
                except OSError:
                    pass  # the caller lost patience

            def log_message(self, *_):
                pass

        return Handler


class Mailbox:
    """A mail server that keeps what it gets. ``refuse`` maps a step (MAIL, RCPT, an address, DATA) to its answer;
    with ``login`` (user, password) it takes mail only from those who know it (and warns: there is no TLS)."""

    def __init__(self, login=None):
        self.mails, self.refuse, self.login = [], {}, login
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        options = {"auth_required": True, "auth_require_tls": False, "authenticator": self._check} if login else {}
        self.controller = Controller(self, hostname="127.0.0.1", port=self.port, **options)

    def __enter__(self):
        self.controller.start()
        return self

    def __exit__(self, *_):
        self.controller.stop()

    def _check(self, server, session, envelope, mechanism, data):
        known = (data.login.decode(), data.password.decode()) == self.login
        return AuthResult(success=known, handled=known)

    async def handle_MAIL(self, server, session, envelope, address, options):
        if "MAIL" in self.refuse:
            return self.refuse["MAIL"]
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        answer = self.refuse.get(address) or self.refuse.get("RCPT")
        if answer:
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if "DATA" in self.refuse:
            return self.refuse["DATA"]
        await asyncio.sleep(0)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        self.mails.append(SimpleNamespace(to=list(envelope.rcpt_tos), sender=envelope.mail_from, mail=mail))
        return "250 taken"
