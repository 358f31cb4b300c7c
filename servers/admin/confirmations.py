"""What is said before and after a deed on a cluster."""

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.lib.buttons import Confirmation
from servers.connection import ConnectionReport
from servers.models import Cluster


def about_check(cluster: Cluster) -> Confirmation:
    """Before a check of the connection."""
    return Confirmation(
        title=_("Check connection"),
        question=_("Ask “%(name)s” who it is and what the token may do?") % {"name": cluster},
        button=_("Check now"),
        points=[_("It only reads, and changes nothing there or here."), _("It may take ten seconds per endpoint.")],
    )


def about_sync(cluster: Cluster) -> Confirmation:
    """Before a sync."""
    return Confirmation(
        title=_("Sync now"),
        question=_("Fetch what exists on “%(name)s” now, without waiting for its interval?") % {"name": cluster},
        button=_("Sync now"),
        points=[_("It only reads from Proxmox. The lists here show the result a few seconds later.")],
    )


def about_retiring(cluster: Cluster) -> Confirmation:
    """Before many servers are retired."""
    return Confirmation(
        title=_("Allow retirements"),
        question=ngettext(
            "Is it true that %(count)d server of “%(name)s” is gone?",
            "Is it true that %(count)d servers of “%(name)s” are gone?",
            cluster.held_retirements,
        )
        % {"count": cluster.held_retirements, "name": cluster},
        button=_("They are gone: retire them"),
        points=[
            _("Syncs of the next 15 minutes may retire as many servers as are missing."),
            _("Retired servers are kept as history. One that comes back becomes a new row."),
        ],
        danger=True,
    )


def tell(request: HttpRequest, report: ConnectionReport) -> None:
    """Show a check's result as a message, with the fingerprint to pin where the certificate was the trouble."""
    words = [report.sentence, report.hint]
    if not report.ok and report.fingerprint:
        seen = _("The certificate that %(endpoint)s shows has the SHA-256 fingerprint %(fingerprint)s.")
        words.append(seen % {"endpoint": report.endpoint, "fingerprint": report.fingerprint})
    messages.add_message(request, messages.SUCCESS if report.ok else messages.ERROR, " ".join(filter(None, words)))
