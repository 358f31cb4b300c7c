"""nginx before the portal and Grafana: what its file says."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings


@dataclass(frozen=True)
class Nginx:
    """What the template asks for, each as ``nginx_NAME``. The defaults are production's."""

    name: str = "portal.example.org"
    url: str = "https://portal.example.org"
    port: str = "443"
    http_port: str = "80"
    certificate: str = "/etc/proxmox-manager/tls/fullchain.pem"
    key: str = "/etc/proxmox-manager/tls/privkey.pem"
    portal: str = "127.0.0.1:8000"
    grafana: str = "127.0.0.1:3000"

    @classmethod
    def of(cls, portal_port: int) -> "Nginx":
        """This installation's, where people reach it by https; production's where they do not yet."""
        grafana = urlsplit(settings.PORTAL_GRAFANA_URL).netloc
        parts = urlsplit(settings.PORTAL_URL)
        if parts.scheme != "https":
            return cls(portal=f"127.0.0.1:{portal_port}", grafana=grafana)
        return cls(
            name=parts.hostname or cls.name,
            url=settings.PORTAL_URL,
            port=str(parts.port or 443),
            portal=f"127.0.0.1:{portal_port}",
            grafana=grafana,
        )
