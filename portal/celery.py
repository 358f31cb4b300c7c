"""The Celery application. The database is the queue; Celery is the alarm clock."""

import os
from importlib import import_module
from typing import Any

from celery import Celery
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

app = Celery("portal", task_cls="portal.lib.outcomes:CountedTask")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

APPS_WITH_A_BEAT = ("servers", "notifications", "monitoring")


@app.on_after_finalize.connect
def collect_beats(sender: Celery, **_: Any) -> None:
    """Every app declares its own beat entries in ``tasks.BEAT``; the tick's length is one setting."""
    for name in APPS_WITH_A_BEAT:
        entries: dict[str, dict[str, Any]] = getattr(import_module(f"{name}.tasks"), "BEAT", {})
        for label, entry in entries.items():
            sender.conf.beat_schedule[label] = {"schedule": settings.PORTAL_TICK_SECONDS, **entry}
