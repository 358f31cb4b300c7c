"""The two text formats of an exposition, and how a page of them is put together quickly.

prometheus_client renders what is small. What has a line per guest is rendered here: at ten thousand guests that is
fifteen megabytes, kept as bytes, compressed once, and joined with the rest on every scrape.
"""

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

GZIP_HEADER: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
LEVEL: Final = 1  # level 6 takes twice the time for a page 7 % smaller


@dataclass(slots=True, frozen=True)
class Format:
    """A text format: its media type as one asks for it, and as it is answered."""

    name: str
    content_type: str
    end: bytes = b""  # the last line of a page


TEXT: Final = Format("text/plain", "text/plain; version=0.0.4; charset=utf-8")
OPENMETRICS: Final = Format(
    "application/openmetrics-text", "application/openmetrics-text; version=1.0.0; charset=utf-8", b"# EOF\n"
)


def negotiate(accept: str) -> Format:
    """The format that the client likes best; the plain text where it says nothing that we know."""
    best, liking = TEXT, 0.0
    for entry in accept.split(","):
        media, *parameters = (part.strip() for part in entry.split(";"))
        options = dict(part.split("=", 1) for part in parameters if "=" in part)
        wanted = _quality(options.get("q", "1"))
        if media == TEXT.name and wanted > liking:
            best, liking = TEXT, wanted
        elif media == OPENMETRICS.name and options.get("version", "1.0.0") == "1.0.0" and wanted > liking:
            best, liking = OPENMETRICS, wanted
    return best


def takes_gzip(accept_encoding: str) -> bool:
    """Whether the client unpacks gzip."""
    for entry in accept_encoding.split(","):
        coding, _, parameter = (part.strip() for part in entry.partition(";"))
        if coding.lower() in {"gzip", "x-gzip"}:
            return _quality(parameter.removeprefix("q=") or "1") > 0
    return False


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def escape(value: str) -> str:
    """A label's value as it stands between the quotes. Most need nothing: that is asked first."""
    if "\\" not in value and '"' not in value and "\n" not in value:
        return value
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


@dataclass(slots=True, frozen=True, eq=False)
class Family:
    """A metric family that is rendered here. The name is that of its samples: a counter's ends in ``_total``."""

    name: str
    kind: str  # gauge | counter
    help: str

    def header(self, fmt: Format) -> bytes:
        """The lines before the samples. OpenMetrics names a counter without its ``_total``."""
        name = self.name.removesuffix("_total") if fmt is OPENMETRICS and self.kind == "counter" else self.name
        text = self.help.replace("\\", r"\\").replace("\n", r"\n")
        return f"# HELP {name} {text}\n# TYPE {name} {self.kind}\n".encode()


@dataclass(slots=True, frozen=True)
class Packed:
    """Bytes, deflated so that more may follow: with their checksum and their length."""

    deflated: bytes
    checksum: int
    size: int

    @classmethod
    def of(cls, pieces: Iterable[bytes]) -> "Packed":
        """Deflate the pieces one after the other."""
        packer = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        out, checksum, size = [], 0, 0
        for piece in pieces:
            out.append(packer.compress(piece))
            checksum, size = zlib.crc32(piece, checksum), size + len(piece)
        out.append(packer.flush(zlib.Z_FULL_FLUSH))
        return cls(b"".join(out), checksum, size)

    def finished_with(self, rest: bytes) -> bytes:
        """One gzip member of what is packed here and the rest."""
        packer = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        tail = packer.compress(rest) + packer.flush(zlib.Z_FINISH)
        ending = struct.pack("<LL", zlib.crc32(rest, self.checksum), (self.size + len(rest)) & 0xFFFFFFFF)
        return b"".join((GZIP_HEADER, self.deflated, tail, ending))


def render(families: Iterable[Metric], fmt: Format) -> bytes:
    """The families as text, without the end of the page. Raises ValueError or TypeError where a value is no number."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Given(families))
    text = openmetrics.generate_latest(registry) if fmt is OPENMETRICS else generate_latest(registry)
    return text.removesuffix(fmt.end)


class _Given(Collector):
    """Families that are there already. Their names are not asked for at registration."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self.families = families

    def collect(self) -> Iterable[Metric]:
        return self.families
