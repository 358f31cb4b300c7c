"""Notification targets and matchers. Targets of other kinds than webhooks are those that every installation has."""

from __future__ import annotations

from typing import Any

from simulator.errors import ApiError, bad_parameter, forbidden, not_implemented
from simulator.notifying import Notifications, pair
from simulator.params import FLAG, TEXT, TEXTS, Param, choice, required
from simulator.routing import Call, route

WHERE = "/mapping/notifications"
ENDPOINTS, MATCHERS = "/cluster/notifications/endpoints/webhook", "/cluster/notifications/matchers"
NAME = Param(pattern=r"[A-Za-z][\w-]+")
URL = Param(pattern=r"https?://[^\s]+")
WEBHOOK = {
    "url": URL, "method": choice("post", "put", "get"), "header": TEXTS, "body": TEXT, "secret": TEXTS,
    "comment": TEXT, "disable": FLAG,
}  # fmt: skip
MATCHER = {
    "target": TEXTS, "match-field": TEXTS, "match-severity": TEXTS, "match-calendar": TEXTS, "comment": TEXT,
    "mode": choice("all", "any"), "invert-match": FLAG, "disable": FLAG,
}  # fmt: skip
CHANGES = {"delete": TEXTS, "digest": TEXT}
Row = dict[str, Any]


def _system(call: Call, *privileges: str, webhook: bool = False) -> Notifications:
    """Return the notification system. Raises the 501 of a version that lacks it, the 403 of a missing right."""
    if call.cluster.release.number < ((8, 3) if webhook else (8, 1)):
        raise not_implemented(call.method, call.path)
    call.rights.require(WHERE, *privileges)
    return call.cluster.notifications


def _may_reach_out(call: Call) -> None:
    """A target makes the server open connections: that needs a right of its own."""
    both = call.rights.may("/", "Sys.Audit") and call.rights.may("/", "Sys.Modify")
    if not both and not call.rights.may("/", "Sys.AccessNetwork"):
        raise forbidden("/", "Sys.AccessNetwork")


@route("GET", ENDPOINTS)
def webhooks(call: Call) -> Any:
    """Return the webhook targets, of their secrets the names only."""
    system = _system(call, "Mapping.Audit", webhook=True)
    return [_shown(system, name) for name in system.webhooks]


@route(
    "POST",
    ENDPOINTS,
    takes={**WEBHOOK, "name": required(NAME), "url": required(URL), "method": required(WEBHOOK["method"])},
)
def add_webhook(call: Call) -> Any:
    """Make a target. Raises the 400 of a name that is taken."""
    system = _system(call, "Mapping.Modify", webhook=True)
    _may_reach_out(call)
    name = call.params["name"]
    _check_free(system, name)
    system.webhooks[name] = _webhook(system, name, {}, call.params)
    call.cluster.touch()


@route("GET", f"{ENDPOINTS}/{{name}}")
def webhook(call: Call) -> Any:
    """Return one target. Raises the 404 of none."""
    system = _system(call, "Mapping.Modify", "Mapping.Audit", webhook=True)
    return _shown(system, _known(system.webhooks, call, "endpoint"))


@route("PUT", f"{ENDPOINTS}/{{name}}", takes={**WEBHOOK, **CHANGES})
def change_webhook(call: Call) -> Any:
    """Change a target; a secret that is named without a value stays what it was."""
    system = _system(call, "Mapping.Modify", webhook=True)
    _may_reach_out(call)
    name = _known(system.webhooks, call, "endpoint")
    system.webhooks[name] = _webhook(system, name, system.webhooks[name], call.params)
    call.cluster.touch()


@route("DELETE", f"{ENDPOINTS}/{{name}}")
def remove_webhook(call: Call) -> Any:
    """Remove a target. Raises the 400 of one that a matcher still names."""
    system = _system(call, "Mapping.Modify", webhook=True)
    name = _known(system.webhooks, call, "endpoint")
    if users := [key for key, row in system.matchers.items() if name in row.get("target", [])]:
        raise ApiError(400, f"cannot delete '{name}', referenced by: {', '.join(sorted(users))}")
    del system.webhooks[name]
    system.secrets.pop(name, None)
    call.cluster.touch()


@route("GET", MATCHERS)
def matchers(call: Call) -> Any:
    """Return the matchers: the one that every installation has, and those that were made."""
    system = _system(call, "Mapping.Modify", "Mapping.Audit", "Mapping.Use")
    built_in = {"name": "default-matcher", "mode": "all", "target": ["mail-to-root"], "origin": "builtin"}
    return [built_in, *({"origin": "user-created", **row} for row in system.matchers.values())]


@route("POST", MATCHERS, takes={**MATCHER, "name": required(NAME)})
def add_matcher(call: Call) -> Any:
    """Make a matcher. Raises the 400 of a name that is taken, the 404 of a target that is not there."""
    system = _system(call, "Mapping.Modify")
    _check_free(system, call.params["name"])
    _check_targets(system, call.params)
    system.matchers[call.params["name"]] = {"mode": "all", **call.params}
    call.cluster.touch()


@route("GET", f"{MATCHERS}/{{name}}")
def matcher(call: Call) -> Any:
    """Return one matcher. Raises the 404 of none."""
    system = _system(call, "Mapping.Modify", "Mapping.Audit")
    return system.matchers[_known(system.matchers, call, "matcher")]


@route("PUT", f"{MATCHERS}/{{name}}", takes={**MATCHER, **CHANGES})
def change_matcher(call: Call) -> Any:
    """Change a matcher."""
    system = _system(call, "Mapping.Modify")
    name = _known(system.matchers, call, "matcher")
    _check_targets(system, call.params)
    system.matchers[name] = _changed(system.matchers[name], call.params)
    call.cluster.touch()


@route("DELETE", f"{MATCHERS}/{{name}}")
def remove_matcher(call: Call) -> Any:
    """Remove a matcher."""
    system = _system(call, "Mapping.Modify")
    del system.matchers[_known(system.matchers, call, "matcher")]
    call.cluster.touch()


@route("GET", "/cluster/notifications/targets")
def targets(call: Call) -> Any:
    """Return every target: the mail to root that every installation has, and the webhooks."""
    system = _system(call, "Mapping.Modify", "Mapping.Audit", "Mapping.Use")
    mail = {"name": "mail-to-root", "type": "sendmail", "comment": "Send mails to root@pam's email address"}
    rows: list[Row] = [{**mail, "origin": "builtin"}]
    for name, row in system.webhooks.items():
        known: Row = {key: row[key] for key in ("comment", "disable") if key in row}
        rows.append({"name": name, "type": "webhook", "origin": "user-created", **known})
    return rows


@route("POST", "/cluster/notifications/targets/{name}/test", unlocked=True)
def test(call: Call) -> Any:
    """Send a test to a target and wait for its answer. Raises the 404 of none, the 500 of a failure."""
    _system(call, "Mapping.Modify", "Mapping.Audit", "Mapping.Use").test(str(call.values["name"]))


def _known(rows: dict[str, Row], call: Call, what: str) -> str:
    name = str(call.values["name"])
    if name not in rows:
        raise ApiError(404, f"{what} '{name}' not found")
    return name


def _check_free(system: Notifications, name: str) -> None:
    if name in {*system.webhooks, *system.matchers, "mail-to-root", "default-matcher"}:
        raise ApiError(400, f"Cannot create '{name}', an entity with the same name already exists")


def _check_targets(system: Notifications, given: Row) -> None:
    for name in given.get("target", []):
        if name not in {*system.webhooks, "mail-to-root"}:
            raise ApiError(404, f"'{name}' does not exist")


def _changed(old: Row, given: Row) -> Row:
    kept = {key: value for key, value in old.items() if key not in given.get("delete", [])}
    return kept | {key: value for key, value in given.items() if key not in ("delete", "digest", "secret")}


def _webhook(system: Notifications, name: str, old: Row, given: Row) -> Row:
    """Return the row of a target and keep its secrets. Raises the 400 of headers and secrets that are none."""
    try:
        for header in given.get("header", []):
            pair(header)
        secrets = dict(pair(secret) for secret in given.get("secret", []))
    except ValueError as problem:
        raise bad_parameter(header=str(problem)) from None
    if "secret" in given:
        before = system.secrets.get(name, {})
        named = {pair(secret)[0]: "value=" in secret for secret in given["secret"]}
        system.secrets[name] = {key: secrets[key] if valued else before.get(key, "") for key, valued in named.items()}
    return _changed(old, given) | {"name": name}


def _shown(system: Notifications, name: str) -> Row:
    secrets = [f"name={secret}" for secret in system.secrets.get(name, {})]
    return {**system.webhooks[name], "origin": "user-created", **({"secret": secrets} if secrets else {})}
