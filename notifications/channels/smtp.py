"""Django's SMTP backend, told to remember which addresses a server refused, and what each refusal means."""

import smtplib
import socket
import ssl
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.mail.backends.smtp import EmailBackend
from django.utils.translation import gettext as _

from notifications.channels.base import Outcome

Refusals = Mapping[str, tuple[int, bytes]]


class _Smtp(smtplib.SMTP):
    """smtplib tells refused addresses to its caller, and Django's backend does not listen: keep them."""

    refusals: Refusals = {}

    def sendmail(self, *args: Any, **kwargs: Any) -> Any:
        """Send, and remember the addresses that were refused."""
        self.refusals = super().sendmail(*args, **kwargs)
        return self.refusals


class _SmtpTls(_Smtp, smtplib.SMTP_SSL):
    pass


class Backend(EmailBackend):
    """As Django's, with the refusals of the last message."""

    @property
    def connection_class(self) -> Any:
        """The client that remembers."""
        return _SmtpTls if self.use_ssl else _Smtp

    def send(self, email: Any) -> Refusals:
        """Send one message; the addresses that were refused while others were not. Raises OSError in all its kinds."""
        try:
            self.open()
            self._send(email)  # type: ignore[attr-defined]  # the stubs leave it out
            refusals: Refusals = getattr(self.connection, "refusals", {})
            return refusals
        finally:
            self.close_quietly()

    def close_quietly(self) -> None:
        """Say goodbye; the message was taken or refused before, so a server that hangs up changes nothing."""
        try:
            self.close()
        except (smtplib.SMTPException, OSError):
            self.connection = None


def outcome_of(error: OSError) -> Outcome:
    """What that failure means, in our own words: a server's text may say anything."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return _refused(error.recipients)
    if isinstance(error, smtplib.SMTPResponseException):
        return _answered(error, error.smtp_code)
    sentence = _("The mail server could not be used: %(why)s.") % {"why": _why(error)}
    return Outcome.temporary(sentence)


def _refused(refusals: Refusals) -> Outcome:
    codes = [code for code, _text in refusals.values()]
    sentence = remark(refusals)
    if all(code >= 500 for code in codes):
        return Outcome.permanent(sentence, codes[0], closes=True)
    return Outcome.temporary(sentence, min(codes))


def remark(refusals: Refusals) -> str:
    """Which addresses the server did not take; '' if it took all."""
    if not refusals:
        return ""
    named = ", ".join(f"{address} ({code})" for address, (code, _text) in sorted(refusals.items()))
    return _("The mail server does not take mail for %(addresses)s.") % {"addresses": named}


def _answered(error: smtplib.SMTPResponseException, code: int) -> Outcome:
    words = {"code": code}
    if isinstance(error, smtplib.SMTPAuthenticationError):
        sentence = _("The mail server refuses our login (answer %(code)d): check PORTAL_SMTP_USER and its password.")
        return Outcome.permanent(sentence % words, code, closes=True) if code >= 500 else _later(sentence % words, code)
    if isinstance(error, smtplib.SMTPSenderRefused):
        sentence = _("The mail server refuses our sender address (answer %(code)d): check PORTAL_SMTP_FROM.") % words
    elif isinstance(error, smtplib.SMTPDataError):
        sentence = _("The mail server refuses the message (answer %(code)d).") % words
    else:
        return _later(_("The mail server is not available (answer %(code)d).") % words, code)
    return Outcome.permanent(sentence, code) if code >= 500 else _later(sentence, code)


def _later(sentence: str, code: int) -> Outcome:
    return Outcome.temporary(sentence, code)


def _why(error: OSError) -> str:
    if isinstance(error.__context__, TimeoutError):  # smtplib calls a timeout a disconnection
        error = error.__context__
    reasons: Sequence[tuple[type[OSError], str]] = (
        (smtplib.SMTPNotSupportedError, _("it offers no encryption or no login: check PORTAL_SMTP_TLS")),
        (smtplib.SMTPServerDisconnected, _("it hung up")),
        (ssl.SSLCertVerificationError, _("its certificate was not accepted")),
        (ssl.SSLError, _("encryption could not be agreed upon: check PORTAL_SMTP_TLS")),
        (TimeoutError, _("it did not answer in time")),
        (ConnectionRefusedError, _("nothing listens there (connection refused)")),
        (socket.gaierror, _("its host name cannot be resolved")),
    )
    for kind, reason in reasons:
        if isinstance(error, kind):
            return reason
    return _("the connection broke")
