"""Checks requests against Proxmox's own API schema, where it lies beside the repository."""

import contextlib
import gzip
import json
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from unittest import mock

import pytest

from simulator.server import Handler
from tests.support.proxmox import SHARED

VERSIONS = {"9.1": "api-schema.json", "8.4": "api-schema-8.4.json.gz"}


@cache
def load(version: str) -> dict:
    """The paths of that version's schema. Raises FileNotFoundError."""
    path: Path = SHARED / VERSIONS[version]
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return json.loads(text)["paths"]


@cache
def _patterns(version: str) -> list[tuple[re.Pattern, str]]:
    templates = sorted(load(version), key=lambda path: path.count("{"))
    return [(re.compile("/".join(_part(part) for part in path.split("/"))), path) for path in templates]


def _part(part: str) -> str:
    if part == "{volume}":
        return ".+"
    return "[^/]+" if part.startswith("{") else re.escape(part)


def template_of(version: str, path: str) -> str | None:
    """The path as that version's schema writes it; None where it knows none of the kind."""
    return next((template for pattern, template in _patterns(version) if pattern.fullmatch(path)), None)


def complaints(version: str, method: str, path: str, params: dict) -> list[str]:
    """What that version of Proxmox would say against the request; empty if nothing."""
    template = template_of(version, path)
    if template is None or method not in load(version)[template]:
        return [f"{method} {path}: no such method"]
    properties = load(version)[template][method].get("parameters", {}).get("properties", {}) or {}
    in_path = set(re.findall(r"{(\w+)}", template))
    numbered = {re.sub(r"\[n\]$", "", name) for name in properties if name.endswith("[n]")}
    found = []
    for name, value in params.items():
        base = re.sub(r"\d+$", "", name)
        if name not in properties and base not in numbered:
            found.append(f"{method} {path}: unknown parameter {name}")
            continue
        rule = properties.get(name) or properties[f"{base}[n]"]
        found += [f"{method} {path}: {name}={value!r}: {text}" for text in _judge(rule, value)]
        needs = rule.get("requires")
        if needs and needs not in params:
            found.append(f"{method} {path}: {name} needs {needs}")
    for name, rule in properties.items():
        if not rule.get("optional") and name not in params and name not in in_path and not name.endswith("[n]"):
            found.append(f"{method} {path}: {name} is missing")
    return found


def _judge(rule: dict, value: object) -> list[str]:
    if rule.get("type") == "array":
        return [text for one in (value if isinstance(value, list) else [value]) for text in _judge(rule["items"], one)]
    text = str(value)
    return [*_judge_type(rule, text), *_judge_text(rule, text), *_judge_format(rule.get("format"), text)]


def _judge_type(rule: dict, text: str) -> list[str]:
    kind = rule.get("type")
    if kind == "boolean":
        return [] if text in {"0", "1"} else ["no boolean (0 or 1)"]
    if kind not in ("integer", "number"):
        return []
    if not re.fullmatch(r"-?\d+" if kind == "integer" else r"-?\d+(\.\d+)?", text):
        return [f"no {kind}"]
    low, high = (float(rule[name]) if name in rule else None for name in ("minimum", "maximum"))
    found = [f"below {rule['minimum']}"] if low is not None and float(text) < low else []
    return found + ([f"above {rule['maximum']}"] if high is not None and float(text) > high else [])


def _judge_text(rule: dict, text: str) -> list[str]:
    found = []
    if rule.get("enum") and text not in [str(item) for item in rule["enum"]]:
        found.append(f"not one of {rule['enum']}")
    if "pattern" in rule and not re.fullmatch(re.sub(r"\(\?\^(\w*):", r"(?\1:", rule["pattern"]), text):
        found.append(f"does not match {rule['pattern']}")
    if len(text) > float(rule.get("maxLength", "inf")) or len(text) < float(rule.get("minLength", 0)):
        found.append("too long or too short")
    return found


NAME = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
ADDRESS = r"[0-9.]+|[0-9a-fA-F:]*:[0-9a-fA-F:.]*"
# The formats that have a name, as far as the portal sends them. The rest of a property string is judged by its keys.
FORMATS = {
    "pve-node": NAME,
    "pve-vmid": r"[1-9][0-9]{2,8}",
    "pve-configid": r"[A-Za-z][A-Za-z0-9_-]+",
    "pve-storage-id": r"[A-Za-z][A-Za-z0-9_.-]*[A-Za-z0-9]",
    "pve-volume-id": r"[A-Za-z][A-Za-z0-9_.-]*:[^\s:]+(?::[^\s]+)*",
    "pve-poolid": r"[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+){0,2}",
    "dns-name": rf"{NAME}(?:\.{NAME})*",
    "pve-tag": r"[A-Za-z0-9_][A-Za-z0-9_.+-]*",
    "address": ADDRESS,
    "urlencoded": r"[A-Za-z0-9%._~!*'()-]*",
    "pve-qm-ipconfig": rf"(?:(?:gw|gw6)=(?:{ADDRESS})|ip6?=(?:dhcp|auto|(?:{ADDRESS})/\d+))(?:,.+)?",
    "prune-backups": r"keep-\w+=\d+(?:,keep-\w+=\d+)*",
}


def _judge_format(rule: str | dict | None, text: str) -> list[str]:
    if isinstance(rule, dict):
        return [problem for part in text.split(",") for problem in _judge_part(rule, part)]
    name = rule or ""
    several = name.endswith("-list") and name.removesuffix("-list") in FORMATS
    pattern = FORMATS.get(name.removesuffix("-list") if several else name)
    words = [word for word in re.split(r"[,; \0]+", text) if word] if several else [text]
    return [f"{word!r} is no {name}" for word in words if pattern and not re.fullmatch(pattern, word)]


def _judge_part(rule: dict, part: str) -> list[str]:
    """One ``key=value`` of a property string; a value alone belongs to the key that may be left out."""
    key, equals, value = part.partition("=")
    if not equals:
        key, value = next((name for name, one in rule.items() if one.get("default_key")), ""), part
    one = rule.get(key, {})
    if "alias" in one:
        one = rule.get(one["alias"], {})
    return _judge(one, value) if key in rule else [f"unknown key {key!r} in {part!r}"]


# Version 8 does not know this question, and the gateway lives with its refusal.
LIVED_WITH = {("8.4", "GET", "/nodes/{node}/lxc/{vmid}/migrate")}


def unknown(requests: Iterable[tuple[str, str, dict]]) -> list[str]:
    """What Proxmox VE 8.4 and 9.1 would say against requests (method, path, parameters): the portal sends the same to
    both. Empty where the schemas are not beside this repository."""
    if not SHARED.exists():
        return []
    return [
        f"{version}: {text}" for method, path, params in requests for version in VERSIONS
        if (version, method, template_of(version, path)) not in LIVED_WITH
        for text in complaints(version, method, path, params)
    ]  # fmt: skip


@contextlib.contextmanager
def listening():
    """Whatever simulators in this process are asked to change, in the order of arrival: method, path, parameters."""
    heard, record = [], Handler._record

    def listen(handler, path, given, status):
        if handler.command in ("POST", "PUT", "DELETE"):
            heard.append((handler.command, path, dict(given)))
        record(handler, path, given, status)

    with mock.patch.object(Handler, "_record", listen):
        yield heard


@pytest.fixture(autouse=True)
def changes_asked():
    """Every change that a test has Proxmox asked for is one that both versions take. A test that asks for nonsense on
    purpose empties the list."""
    with listening() as heard:
        yield heard
    found = unknown(heard)
    assert not found, "\n".join(found)
