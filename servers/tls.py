"""What a person enters to have a certificate judged: a fingerprint or the PEM text of an authority."""

import re
from typing import Final

from cryptography import x509
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from portal.lib import clock

HEX: Final = re.compile(r"[0-9A-F]+")
SHA256_DIGITS: Final = 64
SHA1_DIGITS: Final = 40


def parse_fingerprint(typed: str) -> str:
    """The fingerprint as ``AA:BB:…``. Understands what openssl, Proxmox and browsers print. Raises ValidationError."""
    text = re.sub(r"^\s*(sha-?256)?\s*(fingerprint)?\s*[=:]?", "", typed.strip(), flags=re.IGNORECASE)
    digits = re.sub(r"[\s:]", "", text).upper()
    if not HEX.fullmatch(digits):
        raise ValidationError(_("A fingerprint is 32 pairs of hex digits, e.g. 3A:0F:…: this has other characters."))
    if len(digits) == SHA1_DIGITS:
        raise ValidationError(_("That is a SHA-1 fingerprint: copy the SHA-256 one (pvenode cert info shows it)."))
    if len(digits) != SHA256_DIGITS:
        raise ValidationError(
            _("A SHA-256 fingerprint has 64 hex digits, this has %(count)d: copy it whole.") % {"count": len(digits)}
        )
    return ":".join(digits[place : place + 2] for place in range(0, SHA256_DIGITS, 2))


def parse_authority(typed: str) -> str:
    """The PEM text, stripped. Raises ValidationError where it holds no valid certificate, or a private key."""
    text = typed.strip()
    if "PRIVATE KEY" in text:
        raise ValidationError(
            _("That is a private key, which must stay on the node: paste /etc/pve/pve-root-ca.pem instead.")
        )
    if "-----BEGIN CERTIFICATE-----" not in text:
        raise ValidationError(
            _("Paste the PEM text, from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE----- with both lines.")
        )
    try:
        found = x509.load_pem_x509_certificates(text.encode())
    except ValueError:
        raise ValidationError(_("That certificate cannot be read: copy the file's text whole, line by line.")) from None
    if all(certificate.not_valid_after_utc < clock.now() for certificate in found):
        raise ValidationError(_("That certificate has expired: paste the one that the cluster uses now."))
    return f"{text}\n"
