"""Django's and Celery's settings, all from the environment; .env.example names each one with its default."""

import logging.config
from datetime import timedelta
from pathlib import Path

import dj_database_url
from django.urls import reverse_lazy

from config.celery_settings import *  # noqa: F403 - settings, said there
from config.environment import (
    BASE_DIR,
    anymail_settings,
    check_environment,
    parse_bounce_address,
    parse_dkim_keys,
    parse_mailbox,
    parse_only_to,
    parse_relay,
    read_environment,
)
from config.logs import logging_settings
from config.sentry import start_sentry
from config.unfold import UNFOLD as UNFOLD  # noqa: PLC0414 - a setting, said here

env = read_environment()

# --- The basics ------------------------------------------------------------------------------------------------------
SECRET_KEY = env.str("SECRET_KEY", "")
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", [])
ERASURE_KEY = env.str("ERASURE_KEY", "") or SECRET_KEY
DEBUG = env.bool("DEBUG", False)
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", [])
HTTPS = env.bool("HTTPS", True)
SITE_NAME = env.str("SITE_NAME", "Afternoon Post")
SITE_URL = env.str("SITE_URL", "").rstrip("/") or f"https://{next(iter(ALLOWED_HOSTS or []), 'localhost')}"
VAR_DIR = Path(env.str("VAR_DIR", "") or BASE_DIR / "var")
LOCAL_INBOX = env.str("LOCAL_INBOX", "")
BASE_DIR = BASE_DIR
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Time: stored and scheduled in UTC, because django-celery-beat filters crontabs by the UTC hour; shown in the zone
# that people chose (mailer.web.zone activates it) --------------------------------------------------------------------
USE_TZ = True
TIME_ZONE = "UTC"
PROJECT_TIME_ZONE = env.str("PROJECT_TIME_ZONE", "UTC")
LANGUAGE_CODE = "en"
USE_I18N = True
FORMS_URLFIELD_ASSUME_HTTPS = True  # the default from Django 6 on

# --- The apps --------------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin.apps.SimpleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_celery_beat",
    "django_celery_results",
    "axes",
    "ninja",  # its documents' script and style are served from here
    "mailer",  # the last: when it has been migrated, the roles are made of all apps' permissions
]
MIDDLEWARE = [
    "mailer.web.probes.answer_probes",  # the first: a load balancer asks by IP address, over plain http
    "config.logs.follow_request",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "mailer.web.zone.show_project_time_zone",
    "mailer.admin.access.remember_viewer",
    "axes.middleware.AxesMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "libraries": {"post": "mailer.admin.filters"},
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
LOGIN_REDIRECT_URL = reverse_lazy("admin:index")
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # the page says when it ends, and then it ends
AXES_CLIENT_IP_CALLABLE = "mailer.web.client_address.address_of"
AXES_LOCKOUT_CALLABLE = "mailer.admin.logins.refuse_login"
AXES_ENABLE_ADMIN = False  # mailer.admin.logins has its pages
AXES_VERBOSE = False
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]

# --- The database: SQLite when nothing is said, PostgreSQL in production ---------------------------------------------
DATABASES = {
    "default": dj_database_url.parse(
        env.str("DATABASE_URL", "") or f"sqlite:///{VAR_DIR / 'db.sqlite3'}", conn_max_age=60, conn_health_checks=True
    )
}
DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = env.bool("PGBOUNCER", False)
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = {
        # IMMEDIATE takes the write lock at BEGIN; DEFERRED fails with "database is locked" when two workers upgrade.
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }

# --- Static files ----------------------------------------------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# --- Security: on unless HTTPS=false, which only a local start should say --------------------------------------------
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^u/"]  # a click to unsubscribe must not be redirected (RFC 8058, section 3.1)
BEHIND_PROXY = env.bool("BEHIND_PROXY", False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
SECURE_HSTS_SECONDS = env.int("HSTS_SECONDS", 31_536_000) if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
CSRF_TRUSTED_ORIGINS = [SITE_URL] if HTTPS else []
X_FRAME_OPTIONS = "DENY"

# --- Mail ------------------------------------------------------------------------------------------------------------
EMAIL_URL = env.str("EMAIL_URL", "") or "smtp://localhost:25"
RELAY_CONNECTIONS = env.int("RELAY_CONNECTIONS", 4)
RELAY_MAILS_PER_CONNECTION = env.int("RELAY_MAILS_PER_CONNECTION", 0)
EMAIL_TIMEOUT = env.int("EMAIL_TIMEOUT", 20)
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", "post@localhost")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
EMAIL_SUBJECT_PREFIX = f"[{SITE_NAME}] "
ADMIN_EMAILS: list[str] = env.list("ADMIN_EMAILS", [])
ADMINS = [(address, address) for address in ADMIN_EMAILS]
MAILER_ONLY_TO = parse_only_to(env.str("MAILER_ONLY_TO", None))
try:
    RELAY = parse_relay(EMAIL_URL, RELAY_CONNECTIONS, RELAY_MAILS_PER_CONNECTION)
    DKIM_KEYS = parse_dkim_keys(env.str("DKIM_KEYS", ""))
    BOUNCE_ADDRESS = parse_bounce_address(env.str("BOUNCE_ADDRESS", ""))
    BOUNCE_MAILBOX = parse_mailbox(env.str("BOUNCE_MAILBOX", ""))
except ValueError as error:
    raise SystemExit(f"Afternoon Post cannot start: {error}.") from error
EMAIL_HOST, EMAIL_PORT = RELAY.host, RELAY.port
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = RELAY.user, RELAY.password
EMAIL_USE_TLS, EMAIL_USE_SSL = RELAY.tls == "starttls", RELAY.tls == "implicit"

# --- What comes back: docs/bounces.md --------------------------------------------------------------------------------
BOUNCE_SCORE_LIMIT = env.float("BOUNCE_SCORE_LIMIT", 5.0)
BOUNCE_REST_DAYS = env.int("BOUNCE_REST_DAYS", 30)
BOUNCE_MAX_AGE_DAYS = env.int("BOUNCE_MAX_AGE_DAYS", 30)
BOUNCE_PAUSE_COUNT = env.int("BOUNCE_PAUSE_COUNT", 20)
BOUNCE_PAUSE_PERCENT = env.float("BOUNCE_PAUSE_PERCENT", 10.0)
PROVIDER = env.str("PROVIDER", "").lower()
PROVIDER_SECRET = env.str("PROVIDER_SECRET", "")
PROVIDER_SIGNING_KEY = env.str("PROVIDER_SIGNING_KEY", "")
ANYMAIL = anymail_settings(PROVIDER_SECRET, PROVIDER_SIGNING_KEY)

# --- The delivery log ------------------------------------------------------------------------------------------------
LOG_RETENTION_DAYS = env.int("LOG_RETENTION_DAYS", 400)
HISTORY_RETENTION_DAYS = env.int("HISTORY_RETENTION_DAYS", 1826)  # five years
MESSAGE_DAYS = env.int("MESSAGE_DAYS", 7)
EVENT_DAYS = env.int("EVENT_DAYS", 30)
PENDING_DAYS = env.int("PENDING_DAYS", 30)
MESSAGE_MEGABYTES = env.int("MESSAGE_MEGABYTES", 10)
DATA_UPLOAD_MAX_MEMORY_SIZE = 3_000_000 + MESSAGE_MEGABYTES * 1_400_000  # files come to the API as base64
JOURNAL_DIR = VAR_DIR / "journal"

# --- Other people's web servers, whose addresses somebody typed: none of our own network but those named here ---------
FETCH_ALLOW: list[str] = env.list("FETCH_ALLOW", [])

# --- Imports of recipients: web and workers must see the same folder -------------------------------------------------
IMPORT_DIR = Path(env.str("IMPORT_DIR", "") or VAR_DIR / "imports")
IMPORT_DAYS = env.int("IMPORT_DAYS", 14)
IMPORT_MEGABYTES = env.int("IMPORT_MEGABYTES", 600)

# --- Figures for Prometheus: docs/operations.md ----------------------------------------------------------------------
METRICS_TOKEN = env.str("METRICS_TOKEN", "")

# --- Logs ------------------------------------------------------------------------------------------------------------
LOGGING_CONFIG = None
try:
    logging.config.dictConfig(logging_settings(env.str("LOG_FORMAT", ""), env.str("LOG_LEVEL", "INFO")))
    start_sentry(env.str("SENTRY_DSN", ""))
except ValueError as error:
    raise SystemExit(f"Afternoon Post cannot start: {error}.") from error

check_environment(env, {"SECRET_KEY": SECRET_KEY, "ALLOWED_HOSTS": ALLOWED_HOSTS}, PROJECT_TIME_ZONE)
