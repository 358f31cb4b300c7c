"""Network trouble in our own words. The library text that is read to choose them holds the URL and is never shown."""

import json

from django.utils.translation import gettext as _


def what_came(body: bytes) -> str:
    """What a 200 without JSON was."""
    start = body.lstrip()[:200].lower()
    if not start:
        return _("it answered an empty page")
    if start.startswith(b"<"):
        return _("it answered with a web page, perhaps a login page")
    if start[:1] in b"{[":
        return _("its answer was cut off")
    return _("it answered something that is no JSON")


def why_not_connected(text: str) -> tuple[str, str]:
    """What happened and what to do, read off the text of requests' ConnectionError."""
    if "NameResolution" in text or "getaddrinfo" in text or "Name or service" in text:
        return _("its host name is not known"), _("Check the spelling of the address, and the name server.")
    if "refused" in text:
        return _("nothing listens there (connection refused)"), _("Proxmox's API listens on port 8006: check the port.")
    if "No route" in text or "unreachable" in text:
        return _("there is no route to it"), ""
    return _("the connection broke"), ""


def why_rejected(text: str) -> tuple[str, str]:
    """What is wrong with the certificate and what to do, read off the text of requests' SSLError."""
    if "ingerprint" in text:
        return (
            _("its certificate has another fingerprint than the one entered"),
            _("If it was renewed, compare the new one on the node and enter it; else somebody may be in between."),
        )
    if (
        "doesn't match" in text
        or "not valid for" in text
        or "IP address mismatch" in text
        or "Hostname mismatch" in text
    ):
        return (
            _("its certificate is for another host name"),
            _("Use the name that the certificate carries, or pin its fingerprint."),
        )
    if "expired" in text:
        return _("its certificate has expired"), _("Renew it on the node (pvecm updatecerts), or pin its fingerprint.")
    if "WRONG_VERSION" in text or "wrong version" in text or "UNKNOWN_PROTOCOL" in text:
        return _("it does not speak TLS there"), _("Proxmox's API listens on port 8006: check the port.")
    return (
        _("its certificate is signed by an authority that is not trusted"),
        _("Enter the cluster's own CA (/etc/pve/pve-root-ca.pem), or pin the certificate's fingerprint."),
    )


def reason_text(reason: object) -> str:
    """A reason phrase on one line. HTTP libraries read it as Latin-1; Proxmox writes UTF-8."""
    text = " ".join(str(reason or "").split())
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


def body_message(body: bytes) -> str:
    """The ``message`` of an error's body (8.4 and later), else ''."""
    try:
        data = json.loads(body[:65536])
    except ValueError:
        return ""
    message = data.get("message") if isinstance(data, dict) else None
    return message if isinstance(message, str) else ""
