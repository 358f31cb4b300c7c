"""Checks requests against Proxmox's own API schema, where it lies beside the repository."""

import gzip
import json
import re
from functools import cache
from pathlib import Path

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


def complaints(version: str, method: str, path: str, params: dict) -> list[str]:
    """What that version of Proxmox would say against the request; empty if nothing."""
    template = next((template for pattern, template in _patterns(version) if pattern.fullmatch(path)), None)
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
        found += [f"{method} {path}: {name}={value!r}: {text}" for text in _judge(properties.get(name, {}), value)]
    for name, rule in properties.items():
        if not rule.get("optional") and name not in params and name not in in_path and not name.endswith("[n]"):
            found.append(f"{method} {path}: {name} is missing")
    return found


def _judge(rule: dict, value: object) -> list[str]:
    text = str(value)
    kind, found = rule.get("type"), []
    if kind == "boolean" and text not in {"0", "1"}:
        found.append("no boolean (0 or 1)")
    if kind == "integer" and not re.fullmatch(r"-?\d+", text):
        found.append("no integer")
    if rule.get("enum") and text not in [str(item) for item in rule["enum"]]:
        found.append(f"not one of {rule['enum']}")
    if kind == "integer" and not found and "minimum" in rule and int(text) < float(rule["minimum"]):
        found.append(f"below {rule['minimum']}")
    return found
