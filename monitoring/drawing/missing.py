"""Why a panel has nothing to draw: what of its way from the machine to the page is missing, and what to do."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from django.utils import formats, timezone
from django.utils.translation import gettext as _

from monitoring.drawing import quick
from monitoring.drawing.ranges import Range
from portal.lib import clock

JOB: Final = re.compile(r'\bjob=~?"([^"]+)"')
PORTAL: Final = "proxmox-manager"
OF_SERVERS: Final = "managed-servers"
YOUNG: Final = 180  # seconds


def hint(query: str, variables: Mapping[str, str], wanted: Range) -> str:
    """What is missing for that query; '' where everything that it needs is there."""
    found = quick.targets()
    if found is None:
        return ""
    if not found:
        return _("Prometheus has scraped nothing yet: the first numbers come within a minute. If they do not, it lacks "
                 "the scrape jobs of deploy/prometheus/prometheus.yml.")  # fmt: skip
    match = JOB.search(query)
    jobs = set(match[1].split("|")) if match else {PORTAL}
    return _of_jobs(jobs, variables.get("machine", ""), found) or _of_time(wanted)


def is_yet_to_come() -> bool:
    """Whether Prometheus has only just begun: then there may be something at any moment."""
    start = quick.began()
    return quick.targets() == [] or (start is not None and clock.now().timestamp() - start < YOUNG)


def _of_jobs(jobs: set[str], machine: str, found: list[tuple[str, str, bool]]) -> str:
    ours = [(instance, up) for job, instance, up in found if job in jobs]
    if not ours and jobs == {OF_SERVERS}:
        return _("Prometheus knows no exporter of any server: install one, and give its port on the server's page.")
    if not ours:
        return _("Prometheus has no scrape job “%s”: deploy/prometheus/prometheus.yml has it.") % min(jobs)
    if machine and machine not in {instance for instance, _up in ours}:
        return _("Prometheus scrapes no machine “%s”: choose another one.") % machine
    silent = [instance for instance, up in ours if not up and machine in {"", instance}]
    if len(silent) < (1 if machine else len(ours)):
        return ""
    if jobs == {PORTAL}:
        return _("Prometheus gets no numbers from the portal at %s: “State of the stack” says why.") % silent[0]
    return _("The node exporter at %s does not answer Prometheus: is it running?") % silent[0]


def _of_time(wanted: Range) -> str:
    start = quick.since()
    if start is None or wanted.end > start + 30:
        return ""
    moment = formats.date_format(timezone.localtime(datetime.fromtimestamp(start, UTC)), "SHORT_DATETIME_FORMAT")
    if wanted.moving:  # there is no later one: it has only just begun
        return _("Prometheus has measured since %s: the first numbers come within a minute, by themselves.") % moment
    return _("Prometheus has measured since %s: choose a later range.") % moment
