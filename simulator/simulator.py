"""The simulator as a whole: a cluster, its HTTPS server and its control door."""

from __future__ import annotations

import secrets
import shutil
import ssl
import tempfile
import threading
import uuid
import weakref
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from simulator import certificates
from simulator.cluster import Cluster
from simulator.control import ControlDoor
from simulator.controls import Controls
from simulator.jobs import every_night
from simulator.misbehaviour import Misbehaviour
from simulator.model import find_release
from simulator.persistence import Keeper
from simulator.rights import Rights
from simulator.seed import seed_cluster
from simulator.seed_backups import seed_backups
from simulator.server import Server
from simulator.wire import Asked

TOKEN_ID = "root@pam!portal"  # noqa: S105 - the name, not the secret
SAVE_AFTER = 0.5
CONTROL_HOST = "127.0.0.1"


class Simulator(Controls):
    """A simulated Proxmox VE cluster on a port of this machine.

    ``with Simulator() as pve`` runs it; ``stop()`` and ``start()`` make an outage: ports, certificate and state stay.
    Waits are scaled by ``task_seconds``: 2.0 is as slow as a real server, 0.05 is for tests. With a ``state_dir`` the
    certificate, the token and what people changed live there, without one they live as long as the object. ``nightly``
    runs the nightly backup job at two o'clock UTC.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - each is a knob of its own, most with a name
        self,
        guests: int = 40,
        nodes: int = 3,
        seed: int = 1,
        version: str = "9.2",
        task_seconds: float = 0.05,
        state_dir: str | Path | None = None,
        auth_failure_delay: float = 0.0,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        control_port: int = 0,
        name: str = "demo",
        resources_lag: float = 0.0,
        token_id: str = TOKEN_ID,
        nightly: bool = False,
    ) -> None:
        self._keep = state_dir is not None
        self.folder = self._make_folder(state_dir)
        self.host, self.port, self.control_port = host, port, control_port
        self.auth_failure_delay = auth_failure_delay
        self.misbehaviour = Misbehaviour()
        self.requests: deque[Asked] = deque(maxlen=20000)
        release = find_release(version)
        recipe = {"guests": guests, "nodes": nodes, "seed": seed, "version": release.version, "name": name}
        self._keeper = Keeper(self.folder / "state.json", recipe)
        self.cluster = Cluster(name, release, task_seconds, resources_lag)
        self.cluster.born = self._keeper.born or self.cluster.born
        self._make_certificate()
        self._add_accounts(token_id)
        self._fill(guests, nodes, seed)
        self._server: Server | None = None
        self._door: ControlDoor | None = None
        self._threads: list[threading.Thread] = []
        self._changed, self._ending = threading.Event(), threading.Event()
        self.cluster.on_change = self._changed.set
        self._changed.set()
        if nightly:
            self.cluster.book.run_hidden(every_night(self.cluster))

    def _make_folder(self, state_dir: str | Path | None) -> Path:
        """Return the folder of certificate, token and state; without a wish it goes when this object goes."""
        folder = Path(tempfile.mkdtemp(prefix="simulator-") if state_dir is None else state_dir)
        if state_dir is None:
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        return folder

    def _make_certificate(self) -> None:
        certificates.ensure_certificate(self.folder, self.host)
        self.ca_path, self.certificate = str(self.folder / "ca.pem"), self.folder / "cert.pem"
        self.fingerprint = certificates.fingerprint(self.certificate)

    def _add_accounts(self, token_id: str) -> None:
        """Make the token and the root password, or read those of last time."""
        ident, secret, password = (self.folder / name for name in ("token-id", "token-secret", "password"))
        for path, value in ((ident, token_id), (secret, str(uuid.uuid4())), (password, secrets.token_urlsafe(12))):
            if not path.is_file():
                certificates.write_private(path, value.encode() + b"\n")
        self.token_id, self.token_secret = ident.read_text().strip(), secret.read_text().strip()
        self.password = password.read_text().strip()
        self.cluster.passwords["root@pam"] = self.password
        self.cluster.tokens[self.token_id] = self.token_secret
        self.cluster.token_rights[self.token_id] = self.cluster.own_rights("all")

    def _fill(self, guests: int, nodes: int, seed: int) -> None:
        seed_cluster(self.cluster, guests, nodes, seed)
        seed_backups(self.cluster, seed)
        for node in self.cluster.nodes.values():
            node.fingerprint = self.fingerprint
        self.cluster.certificate = self.certificate
        self._keeper.remember_seed(self.cluster)
        self._keeper.restore(self.cluster)

    def add_token(self, token_id: str, kind: Any = "all") -> str:
        """Return the secret of a further token with rights of a kind (see :meth:`set_token_rights`)."""
        with self.cluster.lock:
            rights: Rights = self.cluster.own_rights(kind)
            self.cluster.tokens[token_id] = str(uuid.uuid4())
            self.cluster.token_rights[token_id] = rights
            return self.cluster.tokens[token_id]

    @property
    def url(self) -> str:
        """The address of the server, without a path."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - compared, not bound
        return f"https://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def control_url(self) -> str:
        """The address of the control door."""
        return f"http://{CONTROL_HOST}:{self.control_port}"

    def start(self) -> Self:
        """Listen. Raises OSError if a port is taken."""
        if self._server is not None:
            return self
        self._ending.clear()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.folder / "key.pem")
        self._server = Server((self.host, self.port), self.cluster, context)
        self._server.misbehaviour, self._server.requests = self.misbehaviour, self.requests
        self._server.auth_failure_delay = self.auth_failure_delay
        try:
            self._door = ControlDoor(CONTROL_HOST, self.control_port, self)
        except OSError:
            self._server.server_close()
            self._server = None
            raise
        self.port, self.control_port = self._server.server_address[1], self._door.server_address[1]
        self.cluster.book.run()
        jobs = (lambda server=server: server.serve_forever(0.05) for server in (self._server, self._door))
        self._threads = [threading.Thread(target=job, daemon=True) for job in (*jobs, self._save_changes)]
        for thread in self._threads:
            thread.start()
        return self

    def stop(self) -> None:
        """Close both ports and every connection; tasks in progress wait for the next :meth:`start`."""
        if self._server is None or self._door is None:
            return
        self._ending.set()
        self._changed.set()
        for server in (self._server, self._door):
            server.shutdown()
            server.server_close()
        self._server.close_connections()
        self.cluster.book.halt()
        for thread in self._threads:
            thread.join(2)
        self._server = self._door = None

    def _save_changes(self) -> None:
        """Save the state soon after each change and at the end."""
        while not self._ending.is_set():
            self._changed.wait()
            self._ending.wait(SAVE_AFTER)
            self._changed.clear()
            if self._keep:
                self._keeper.save(self.cluster)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *problem: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.stop()
