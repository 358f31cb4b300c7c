"""Settings, all from the environment (``PORTAL_…`` variables or a ``.env`` beside manage.py).

Every secret can also be given as a file: ``PORTAL_X_FILE=/run/secrets/x``. Nonsense is refused at start with a
sentence that names the variable. ``docs/operations.md`` lists every variable, and a test keeps the list whole.
"""

import os
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from portal.lib.addresses import AddressGuard
from portal.lib.chosen import with_chosen
from portal.lib.environment import Environment, origin_of
from portal.lib.keys import load_or_create_field_key, load_or_create_secret
from portal.lib.services import Services
from portal.lib.smtp import mail_addresses, smtp_settings

BASE_DIR = Path(__file__).resolve().parent.parent
environ.Env.read_env(os.environ.get("PORTAL_ENV_FILE", BASE_DIR / ".env"))
env = Environment(os.environ)

# --- where things live -------------------------------------------------------------------------------------------
PORTAL_DATA = Path(env.text("PORTAL_DATA", str(BASE_DIR / "var"))).resolve()
env = Environment(with_chosen(PORTAL_DATA, os.environ))
PORTAL_PORT = env.integer("PORTAL_PORT", 8000, minimum=1, maximum=65535)
PORTAL_URL = env.url("PORTAL_URL", f"http://127.0.0.1:{PORTAL_PORT}").rstrip("/")

# --- Django ------------------------------------------------------------------------------------------------------
DEBUG = env.boolean("PORTAL_DEBUG", default=False)
SECRET_KEY = env.secret("PORTAL_SECRET_KEY") or load_or_create_secret(PORTAL_DATA / "keys" / "django-secret")
# Newest first: the first encrypts, all decrypt. Rotate by putting a new key in front.
PORTAL_FIELD_KEYS = env.secret_list("PORTAL_FIELD_KEYS") or [
    load_or_create_field_key(PORTAL_DATA / "keys" / "field-key")
]
ALLOWED_HOSTS = env.words("PORTAL_ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.words("PORTAL_CSRF_TRUSTED_ORIGINS", [])

INSTALLED_APPS = [
    "portal",
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.import_export",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_prometheus",
    "import_export",
    "auditlog",
    "csp",
    "servers",
    "notifications",
    "monitoring",
]

MIDDLEWARE = [
    "monitoring.http_metrics.BeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "portal.lib.timezone.TimezoneMiddleware",
    "monitoring.active_users.ActiveUsersMiddleware",
    "auditlog.middleware.AuditlogMiddleware",
    "monitoring.http_metrics.AfterMiddleware",
]

ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],  # portal is the first app, so its templates go before those of Unfold
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.debug",
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- database ----------------------------------------------------------------------------------------------------
DATABASES = {"default": env.database("PORTAL_DATABASE_URL", f"sqlite:///{PORTAL_DATA / 'portal.sqlite3'}")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Redis: the broker, the results and the cache ------------------------------------------------------------------
# One address in redis-py's form (redis://host:6379 or unix:///path/redis.sock); kombu wants its own spelling.
PORTAL_REDIS_URL = env.secret("PORTAL_REDIS_URL") or f"unix://{PORTAL_DATA / 'run' / 'redis.sock'}"
CACHES = {
    "default": {
        "BACKEND": "portal.lib.cache.RedisCache",
        "LOCATION": env.redis_database(PORTAL_REDIS_URL, 1),
        "KEY_PREFIX": "portal",
        "TIMEOUT": 300,
        "OPTIONS": {"socket_connect_timeout": 2, "socket_timeout": 5},
    }
}

# --- Celery --------------------------------------------------------------------------------------------------------
CELERY_BROKER_URL = env.secret("PORTAL_BROKER_URL") or env.kombu_url(PORTAL_REDIS_URL, 0)
CELERY_RESULT_BACKEND = None  # what must survive is a row; nobody reads results
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "portal"
CELERY_TASK_TIME_LIMIT = 300
CELERY_TASK_SOFT_TIME_LIMIT = 240
# Taken when it arrives: what must survive is a row, and the beat finds it again. A late word to a Redis that went away
# meanwhile would end the worker, and a task that is told of the loss would be killed in the middle of its call.
CELERY_TASK_ACKS_LATE = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A nudge that cannot be sent is no loss (the beat finds the row), so it must not hold a request up.
# Without max_retries each nudge would wait six seconds for a Redis that is away.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_connect_timeout": 2,
    "socket_timeout": 10,
    "visibility_timeout": 600,
    "max_retries": 0,
}
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE_FILENAME = str(PORTAL_DATA / "run" / "beat-schedule")
# Seconds between two looks at what is due. Tests turn it down.
PORTAL_TICK_SECONDS = env.number("PORTAL_TICK_SECONDS", 1.0, minimum=0.1)
# The ids that new servers get, of Proxmox's 100 to 999999999. Give each portal of a cluster a range of its own.
PORTAL_VMID_RANGE = env.number_range("PORTAL_VMID_RANGE", (100_000, 999_999), minimum=100, maximum=999_999_999)

# How many seconds a node may be silent before what was asked of it is given up. Tests turn it down.
PORTAL_NODE_PATIENCE_SECONDS = env.number("PORTAL_NODE_PATIENCE_SECONDS", 180, minimum=0, maximum=86_400)

# --- people --------------------------------------------------------------------------------------------------------
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
LANGUAGES = [("en", _("English")), ("ko", _("Korean"))]
# Of what workers say, of messages, and of whoever asks for no language that there is. A person may choose another.
LANGUAGE_CODE = env.choice("PORTAL_LANGUAGE", "en", [code for code, _name in LANGUAGES])
LOCALE_PATHS = [BASE_DIR / "portal" / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True
FORMAT_MODULE_PATH = ["portal.formats"]

# --- files ---------------------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = PORTAL_DATA / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_MANIFEST_STRICT = False

# --- security ------------------------------------------------------------------------------------------------------
HTTPS = PORTAL_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
SECURE_SSL_REDIRECT = env.boolean("PORTAL_SSL_REDIRECT", default=HTTPS)
SECURE_REDIRECT_EXEMPT = [
    r"^healthz$",
    r"^readyz$",
    r"^metrics/?$",
    r"^pve/?$",
    r"^api/prometheus/sd/$",
    r"^hooks/",
    r"^_internal/",
]
SECURE_HSTS_SECONDS = env.integer("PORTAL_HSTS_SECONDS", 31_536_000 if HTTPS else 0, minimum=0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
if env.boolean("PORTAL_BEHIND_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# Pages of Grafana, and what the portal says in their place, are shown in frames of our own pages, and nowhere else.
X_FRAME_OPTIONS = "SAMEORIGIN"
SILENCED_SYSTEM_CHECKS = ["security.W019"]  # it wants DENY
SECURE_REFERRER_POLICY = "same-origin"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        # Unfold's Alpine evaluates its attributes: without 'unsafe-eval' no menu opens.
        "script-src": ["'self'", "'unsafe-eval'"],
        "style-src": ["'self'", "'unsafe-inline'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "object-src": ["'none'"],
        "base-uri": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'self'"],
    }
}

# --- messages ------------------------------------------------------------------------------------------------------
# Without PORTAL_SMTP_HOST or PORTAL_EMAIL_URL there is no mail server, and email channels say so.
SMTP = smtp_settings(env)
EMAIL_HOST, EMAIL_PORT = SMTP.host, SMTP.port
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = SMTP.user, SMTP.password
EMAIL_USE_TLS, EMAIL_USE_SSL = SMTP.encryption == "starttls", SMTP.encryption == "tls"
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = SERVER_EMAIL = SMTP.sender
# Who gets mail past the portal, from Alertmanager: when the portal itself is what is down.
PORTAL_ALERT_MAIL = mail_addresses(env, "PORTAL_ALERT_MAIL")
# Internal hosts, addresses and networks that channels may call all the same.
PORTAL_ALLOWED_INTERNAL = env.words("PORTAL_ALLOWED_INTERNAL", [])
AddressGuard(PORTAL_ALLOWED_INTERNAL)
# The first webhook channel, for those who have the address in their environment already.
PORTAL_WEBHOOK_URL = env.secret("PORTAL_WEBHOOK_URL") or env.secret("WEBHOOK_URL")

# --- metrics -------------------------------------------------------------------------------------------------------
PORTAL_METRICS_TOKEN = env.secret("PORTAL_METRICS_TOKEN")
# What Prometheus shows to learn which machines to scrape, and Alertmanager to tell what fires.
PORTAL_SD_TOKEN = env.secret("PORTAL_SD_TOKEN")
PORTAL_ALERTMANAGER_TOKEN = env.secret("PORTAL_ALERTMANAGER_TOKEN")
PORTAL_GRAFANA_HOOK_TOKEN = env.secret("PORTAL_GRAFANA_HOOK_TOKEN")
PORTAL_GRAFANA_HMAC = env.secret("PORTAL_GRAFANA_HMAC")
# For how long a webhook's token is still taken after it was replaced.
PORTAL_HOOK_OVERLAP_HOURS = env.number("PORTAL_HOOK_OVERLAP_HOURS", 24, minimum=0, maximum=720)
# For how many days what webhooks took is kept as it came.
PORTAL_INBOUND_DAYS = env.integer("PORTAL_INBOUND_DAYS", 14, minimum=1, maximum=3650)
# For how many days incidents that are over, and what was said and decided about them, are kept.
PORTAL_HISTORY_DAYS = env.integer("PORTAL_HISTORY_DAYS", 180, minimum=31, maximum=36500)
# Trouble that is back within so many minutes of its end is the same trouble, flapping.
PORTAL_FLAPPING_MINUTES = env.number("PORTAL_FLAPPING_MINUTES", 10, minimum=0, maximum=1440)
# The programs beside the portal, for the page that watches them. ``STACK_GIVEN`` names those that ought to be there.
_services = Services(env, PORTAL_DATA / "run" / "ports.json")
PORTAL_PROMETHEUS_URL = _services.url("PORTAL_PROMETHEUS_URL", "prometheus", 9090)
PORTAL_ALERTMANAGER_URL = _services.url("PORTAL_ALERTMANAGER_URL", "alertmanager", 9093)
PORTAL_GRAFANA_URL = _services.url("PORTAL_GRAFANA_URL", "grafana", 3000)
PORTAL_NODE_EXPORTER_URL = _services.url("PORTAL_NODE_EXPORTER_URL", "node-exporter", 9100)
STACK_GIVEN = frozenset(_services.given)
PORTAL_PROMETHEUS_TOKEN = env.secret("PORTAL_PROMETHEUS_TOKEN")
PORTAL_GRAFANA_TOKEN = env.secret("PORTAL_GRAFANA_TOKEN")
# A Grafana elsewhere, where people log in by themselves; without it, it is at /grafana/ of the portal's own address.
PORTAL_GRAFANA_PUBLIC_URL = env.optional_url("PORTAL_GRAFANA_PUBLIC_URL").rstrip("/")
PORTAL_GRAFANA_PROXIED = PORTAL_GRAFANA_PUBLIC_URL in {"", f"{PORTAL_URL}/grafana"}
if not PORTAL_GRAFANA_PROXIED:
    CONTENT_SECURITY_POLICY["DIRECTIVES"]["frame-src"] = ["'self'", origin_of(PORTAL_GRAFANA_PUBLIC_URL)]
# How it learns who somebody is: by a header, or by a token that the portal signs (manage.py grafana_key).
PORTAL_GRAFANA_IDENTITY = env.choice("PORTAL_GRAFANA_IDENTITY", "header", ["header", "jwt"])
# A panel in an address: ``panel-2`` (11.3 and later), ``2`` (older), or as the version that it tells wants it.
_STYLES = ["auto", "panel", "number"]
PORTAL_GRAFANA_PANEL_ID_STYLE = env.choice(
    "PORTAL_GRAFANA_PANEL_ID_STYLE", env.choice("GRAFANA_PANEL_ID_STYLE", "auto", _STYLES), _STYLES
)
PORTAL_METRICS_URL = env.url("PORTAL_METRICS_URL", f"http://127.0.0.1:{PORTAL_PORT}/metrics")
PROMETHEUS_EXPORT_MIGRATIONS = False
PROMETHEUS_LATENCY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, float("inf"))

# --- the admin's look ------------------------------------------------------------------------------------------------
from portal.appearance import UNFOLD  # noqa: E402, F401  (declared in a file of its own: it is long)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.text("PORTAL_LOG_LEVEL", "INFO")},
    "loggers": {
        # proxmoxer logs every request at INFO with its data, secrets included.
        "proxmoxer": {"level": "WARNING"},
        "urllib3": {"level": "WARNING"},
        # Two lines for every tick of every second; a task that fails is logged as an error all the same.
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
    },
}

if not DEBUG and "*" in ALLOWED_HOSTS:
    raise ImproperlyConfigured("PORTAL_ALLOWED_HOSTS is '*': name the host names that people use, separated by commas.")
