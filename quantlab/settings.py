"""All settings of the lab, in one file; `QUANT_*` variables are read through `env`."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

import dj_database_url
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from quantlab.env import (
    env_bool,
    env_choice,
    env_file,
    env_float,
    env_folder,
    env_int,
    env_list,
    env_origins,
    env_str,
    env_url,
)
from quantlab.logs import logging_settings

BASE_DIR = Path(__file__).resolve().parent.parent

# --- where the lab keeps its state ---------------------------------------------
QUANT_HOME = env_folder("QUANT_HOME", default=BASE_DIR / "var")
QUANT_DB_PATH = env_file("QUANT_DB_PATH", default=QUANT_HOME / "studio.db")
QUANT_DATA_ROOT = env_folder("QUANT_DATA_ROOT", default=QUANT_HOME / "data")
QUANT_RAW_ROOT = env_folder("QUANT_RAW_ROOT", default=QUANT_HOME / "raw")
QUANT_API_KEY = env_str("QUANT_API_KEY", is_secret=True)
# Whose scripts in a browser may ask the API: exact origins, https://lab.example.
QUANT_CORS_ORIGIN = env_origins("QUANT_CORS_ORIGIN")
QUANT_PROMETHEUS = env_bool("QUANT_PROMETHEUS", default=False)
# What computed features may take on disk; those unused longest make room.
QUANT_FEATURE_CACHE_MB = env_int("QUANT_FEATURE_CACHE_MB", default=1024, minimum=1)
# How many runs an idle lab makes again once a day, to prove them; 0 for none.
QUANT_NIGHTLY_PROOFS = env_int("QUANT_NIGHTLY_PROOFS", default=3, minimum=0)
BROKER_MODE = env_choice("BROKER_MODE", default="dummy", choices=("dummy",))
# The kernels choose a folder below this one by the hash of their sources.
QUANT_NUMBA_CACHE = env_folder(
    "QUANT_NUMBA_CACHE", default=QUANT_HOME / "cache" / "numba"
)
os.environ["QUANT_NUMBA_CACHE"] = str(QUANT_NUMBA_CACHE)
# Read by `strategies.dsl.limits`: what evaluating one expression, or one population of
# them, may take.
QUANT_EXPRESSION_MB = env_int("QUANT_EXPRESSION_MB", default=1024, minimum=1)
QUANT_EXPRESSION_S = env_int("QUANT_EXPRESSION_S", default=300, minimum=1)

# --- background work -------------------------------------------------------------
QUANT_JOB_LEASE_S = env_float("QUANT_JOB_LEASE_S", default=10.0, minimum=0.5)
QUANT_JOB_BEAT_S = env_float("QUANT_JOB_BEAT_S", default=0.25, minimum=0.05)
QUANT_JOB_SLOTS = env_int("QUANT_JOB_SLOTS", default=2, minimum=1)
QUANT_JOB_QUEUE_LIMIT = env_int("QUANT_JOB_QUEUE_LIMIT", default=1000, minimum=1)
# What one owner may ask for; generous, so that it stops a loop that runs wild and
# nobody who works.
QUANT_OWN_JOBS = env_int("QUANT_OWN_JOBS", default=500, minimum=1)
QUANT_TRAININGS_A_DAY = env_int("QUANT_TRAININGS_A_DAY", default=200, minimum=1)
QUANT_PIPELINES_A_DAY = env_int("QUANT_PIPELINES_A_DAY", default=200, minimum=1)
QUANT_JOB_GRACE_S = env_float("QUANT_JOB_GRACE_S", default=0.4, minimum=0.0)
if QUANT_JOB_BEAT_S * 2 > QUANT_JOB_LEASE_S:
    raise ImproperlyConfigured(
        f"QUANT_JOB_BEAT_S={QUANT_JOB_BEAT_S:g}: must be at most half of "
        f"QUANT_JOB_LEASE_S={QUANT_JOB_LEASE_S:g}."
    )
# What the fork server does once, so that no child pays for it: "module:function".
JOB_PRELOAD: tuple[str, ...] = ("experiments.tasks:preload",)
# The process that forks must have one thread: a lock that another one holds would stay
# locked in the child. These libraries start threads when they are imported; inherited
# by every process of the lab, set before numpy or pyarrow is.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("JE_ARROW_MALLOC_CONF", "background_thread:false")
HUEY_PATH = QUANT_HOME / "huey.db"  # wake-ups only; apart, as huey locks all of it
# Where wake-ups go instead, if the worker is on another machine.
QUANT_REDIS_URL = env_url(
    "QUANT_REDIS_URL", drivers={"redis": "redis", "rediss": "redis"}
)


def _secret_key() -> str:
    """Return the key of this lab; made once, readable by its owner only."""
    given = env_str("QUANT_SECRET_KEY", is_secret=True)
    if given:
        return given
    path = QUANT_HOME / "secret_key"
    QUANT_HOME.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    key = secrets.token_urlsafe(50)
    with os.fdopen(descriptor, "w") as file:
        file.write(key)
    return key


SECRET_KEY = _secret_key()
DEBUG = env_bool("QUANT_DEBUG", default=False)
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]", *env_list("QUANT_ALLOWED_HOSTS")]

INSTALLED_APPS = [
    "quantlab.access.apps.LabAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "ninja",
    "csp",
    "quantlab.access.apps.AccessConfig",
    "jobs",
    "experiments",
]

MIDDLEWARE = [
    "quantlab.telemetry.RequestTrace",
    "quantlab.access.perimeter.Perimeter",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "quantlab.api.RateLimits",
    "quantlab.api.DjangoErrors",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "quantlab.access.auth.LabUser",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "quantlab.access.auth.Admission",
    "quantlab.access.once.OnceOnly",
    "quantlab.web.times.ReaderZone",
]

ROOT_URLCONF = "quantlab.urls"
APPEND_SLASH = False
ASGI_APPLICATION = "quantlab.asgi.application"
WSGI_APPLICATION = "quantlab.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "quantlab.web.appearance.appearance",
                "quantlab.web.navigation.navigation",
                "quantlab.access.auth.visitor",
                "jobs.views.active_jobs",
                "experiments.views.learn.tour_context",
                "experiments.views.page_calls.page_calls",
                "experiments.views.form_calls.form_calls",
            ],
        },
    }
]

# --- database --------------------------------------------------------------------
# IMMEDIATE is what prevents "database is locked": a deferred transaction that
# reads first cannot be upgraded while somebody else writes, whatever the timeout.
SQLITE: dict[str, Any] = {
    "ENGINE": "quantlab.sqlite",
    "NAME": QUANT_DB_PATH,
    "OPTIONS": {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; "
            "PRAGMA cache_size=-20000; PRAGMA mmap_size=134217728; "
            "PRAGMA journal_size_limit=67108864; PRAGMA temp_store=MEMORY;"
        ),
    },
}
DATABASE_URL = env_url(
    "DATABASE_URL", drivers={"postgresql": "psycopg", "postgres": "psycopg"}
)
DATABASES = {"default": dj_database_url.parse(DATABASE_URL) if DATABASE_URL else SQLITE}
# Opening a connection takes longer than what most requests ask it.
DATABASES["default"] |= {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- static files ----------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = QUANT_HOME / "staticfiles"
BUILT_STATIC = QUANT_HOME / "static"  # made at set-up: the Vega bundle
BUILT_STATIC.mkdir(parents=True, exist_ok=True)
STATICFILES_DIRS = [BASE_DIR / "static", BUILT_STATIC]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# --- security --------------------------------------------------------------------
# Nothing is inline: Vega runs with its interpreter and sets styles through the DOM.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
HTTPS = env_bool("QUANT_HTTPS", default=False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
# Whether a whole domain goes HTTPS-only is not one application's decision.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
if HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
# What is sent as a file goes to this disk as it comes, and is moved, not copied.
FILE_UPLOAD_TEMP_DIR = QUANT_RAW_ROOT / "arriving"
FILE_UPLOAD_TEMP_DIR.mkdir(parents=True, exist_ok=True)
QUANT_UPLOAD_LIMIT_MB = env_int("QUANT_UPLOAD_LIMIT_MB", default=4096, minimum=1)
LOGIN_URL = "/login"

# --- time and numbers ------------------------------------------------------------
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
USE_I18N = False

# --- logs ------------------------------------------------------------------------
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
LOGGING = logging_settings(
    env_choice("QUANT_LOG_LEVEL", default="INFO", choices=LOG_LEVELS)
)
