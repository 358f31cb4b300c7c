"""The simulator's own certificate authority and server certificate."""

from __future__ import annotations

import datetime
import ipaddress
import os
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

YEARS = datetime.timedelta(days=3650)


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only its owner may read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


def ensure_certificate(folder: Path, host: str) -> None:
    """Create ``ca.pem``, ``cert.pem`` and ``key.pem`` in ``folder`` unless they are there for this host."""
    paths = [folder / name for name in ("ca.pem", "cert.pem", "key.pem")]
    if all(path.is_file() for path in paths) and _covers(paths[1], host):
        return
    ca_key, ca_certificate = _make_ca()
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _sign(key, host, ca_key, ca_certificate)
    pem = serialization.Encoding.PEM
    paths[0].write_bytes(ca_certificate.public_bytes(pem))
    paths[1].write_bytes(certificate.public_bytes(pem))
    plain = serialization.NoEncryption()
    write_private(paths[2], key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))


def fingerprint(certificate: Path) -> str:
    """Return the SHA-256 of a PEM certificate as ``AA:BB:…``."""
    return x509.load_pem_x509_certificate(certificate.read_bytes()).fingerprint(hashes.SHA256()).hex(":").upper()


def describe(certificate: Path, filename: str) -> dict[str, object]:
    """Return what the server tells of a certificate in ``certificates/info``."""
    pem = certificate.read_bytes()
    parsed = x509.load_pem_x509_certificate(pem)
    return {
        "filename": filename,
        "fingerprint": fingerprint(certificate),
        "issuer": _slashed(parsed.issuer),
        "subject": _slashed(parsed.subject),
        "notbefore": int(parsed.not_valid_before_utc.timestamp()),
        "notafter": int(parsed.not_valid_after_utc.timestamp()),
        "public-key-type": "id-ecPublicKey",
        "public-key-bits": 256,
        "san": [str(entry.value) for entry in _names(parsed)],
        "pem": pem.decode(),
    }


def _slashed(name: x509.Name) -> str:
    return "".join("/" + part.rfc4514_string() for part in name)


def _names(certificate: x509.Certificate) -> list[x509.GeneralName]:
    try:
        return list(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        return []


def _covers(path: Path, host: str) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
    except ValueError:
        return False
    return host in {str(entry.value) for entry in _names(certificate)}


def _general_names(host: str) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = [x509.DNSName("localhost")]
    addresses = ["127.0.0.1", "::1"]
    if host not in (*addresses, "localhost"):
        addresses.append(host)
    for address in addresses:
        try:
            names.append(x509.IPAddress(ipaddress.ip_address(address)))
        except ValueError:
            names.append(x509.DNSName(address))
    return names


def _builder(subject: x509.Name, issuer: x509.Name) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + YEARS)
    )


def _make_ca() -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, "Simulated Virtual Environment"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Simulated cluster CA"),
        ]
    )
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    certificate = (
        _builder(name, name)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return key, certificate


def _sign(
    key: ec.EllipticCurvePrivateKey, host: str, ca_key: ec.EllipticCurvePrivateKey, ca_certificate: x509.Certificate
) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    return (
        _builder(name, ca_certificate.subject)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(_general_names(host)), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(authority, critical=False)
        .sign(ca_key, hashes.SHA256())
    )
