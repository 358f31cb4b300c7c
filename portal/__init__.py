"""The composition root: settings, URLs, the Celery app, the front page. Only this package knows every app."""

from portal.celery import app as celery_app

__all__ = ["celery_app"]
__version__ = "0.1.0"
