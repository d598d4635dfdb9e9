"""Settings: environment variables only, read and checked by watchtracker/env.py, described in .env.example."""

import hashlib
import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from watchtracker import env as read
from watchtracker.database import database_url, sqlite
from watchtracker.env import Environment

BASE_DIR = Path(__file__).resolve().parent.parent

# The process's own environment comes before the .env file.
env = Environment(read.env_file(BASE_DIR / ".env") | dict(os.environ))

DEBUG = env.read("DEBUG", read.flag, default=True)
VAR_DIR = env.read("VAR_DIR", read.absolute_path, default=BASE_DIR / "var")
VAR_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)


def machine_secret_key(path: Path) -> str:
    """The secret key of a machine that was given none: made once, readable by this user only.

    Written aside and then linked into place, so that two first starts at once agree on one whole key.
    """
    if not path.exists():
        with tempfile.NamedTemporaryFile("w", dir=path.parent) as file:  # made with mode 0600
            file.write(secrets.token_urlsafe(50))
            file.flush()
            with suppress(FileExistsError):
                os.link(file.name, path)
    return path.read_text()


SECRET_KEY = env.read("SECRET_KEY", read.secret_key, default="", secret=True)
if not SECRET_KEY and DEBUG:
    SECRET_KEY = machine_secret_key(VAR_DIR / "secret_key")
elif not SECRET_KEY:
    env.refuse("SECRET_KEY is missing; with DEBUG=False it must be given: 50 random characters or more.")
SECRET_KEY_FALLBACKS = list(
    env.read("SECRET_KEY_FALLBACKS", read.comma_separated(read.secret_key), default=(), secret=True)
)

# Who reaches us, and how

HOST_NAME = read.matching(r"\.?[a-z0-9.-]+|\[[0-9a-f:]+\]", "host names, such as watch.example.com")
ALLOWED_HOSTS = list(
    env.read(
        "ALLOWED_HOSTS",
        read.comma_separated(HOST_NAME),
        default=("localhost", "127.0.0.1", "[::1]") if DEBUG else (),
    )
)
if not ALLOWED_HOSTS:
    env.refuse("ALLOWED_HOSTS is missing; with DEBUG=False it must name the hosts that people reach this server by.")

# How many proxies of ours stand in front: that many entries, from the right, of X-Forwarded-For are to be believed.
TRUSTED_PROXY_COUNT = env.read("TRUSTED_PROXY_COUNT", read.whole_number(0, 10), default=0)
HTTPS_ONLY = env.read("HTTPS_ONLY", read.flag, default=not DEBUG)
# False where a node only serves the API: then there is no login to guess at.
ADMIN_ENABLED = env.read("ADMIN_ENABLED", read.flag, default=True)
ADMIN_PATH = env.read(
    "ADMIN_PATH",
    read.matching(r"(?!api/)([a-z0-9_-]+/)+", "a path like admin/, not below api/, a slash at its end only"),
    default="admin/",
)

# Who is asking (accounts/)

AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
CLERK_ISSUER = env.read("CLERK_ISSUER", read.origin, default="")
CLERK_JWT_KEY = env.read("CLERK_JWT_KEY", read.public_keys, default=())
CLERK_JWKS_URL = env.read("CLERK_JWKS_URL", read.url, default="")
CLERK_AUTHORIZED_PARTIES = env.read(
    "CLERK_AUTHORIZED_PARTIES",
    read.comma_separated(read.origin),
    # Where `next dev` serves the dashboard.
    default=("http://localhost:3000",) if DEBUG else (),
)
CLERK_ALLOW_MISSING_AZP = env.read("CLERK_ALLOW_MISSING_AZP", read.flag, default=False)
CLERK_AUDIENCE = env.read(
    "CLERK_AUDIENCE",
    read.comma_separated(read.matching(r"[A-Za-z0-9_.:/@-]+", "the audience that Clerk puts into tokens")),
    default=(),
)
CLERK_REQUIRE_AUDIENCE = env.read("CLERK_REQUIRE_AUDIENCE", read.flag, default=False)
CLERK_WEBHOOK_SECRETS = env.read(
    "CLERK_WEBHOOK_SECRETS",
    read.comma_separated(read.matching(r"whsec_[A-Za-z0-9+/]{32,}={0,2}", "signing secrets that begin with whsec_")),
    default=(),
    secret=True,
)
CLERK_INSTANCE_ID = env.read(
    "CLERK_INSTANCE_ID", read.matching(r"ins_[A-Za-z0-9]+", "the id of your Clerk instance, ins_..."), default=""
)

# How much they may ask: requests in a time, per user or per address

RATE_LIMIT_DEFAULT = env.read("RATE_LIMIT_DEFAULT", read.rate, default="300/m")
RATE_LIMIT_SEARCH = env.read("RATE_LIMIT_SEARCH", read.rate, default="60/m")
RATE_LIMIT_INGEST = env.read("RATE_LIMIT_INGEST", read.rate, default="600/m")
RATE_LIMIT_UPLOAD = env.read("RATE_LIMIT_UPLOAD", read.rate, default="30/h")
RATE_LIMIT_EXPORT = env.read("RATE_LIMIT_EXPORT", read.rate, default="10/h")
RATE_LIMIT_TOKENS = env.read("RATE_LIMIT_TOKENS", read.rate, default="30/h")
RATE_LIMIT_ADDRESS = env.read("RATE_LIMIT_ADDRESS", read.rate, default="1200/m")
RATE_LIMIT_FAILED_AUTH = env.read("RATE_LIMIT_FAILED_AUTH", read.rate, default="30/m")
RATE_LIMIT_LOGIN = env.read("RATE_LIMIT_LOGIN", read.rate, default="10/m")
RATE_LIMIT_WEBHOOK = env.read("RATE_LIMIT_WEBHOOK", read.rate, default="120/m")

# What a file may cost. A Takeout archive of ten busy years is about 100 MB.
UPLOAD_MAX_BYTES = env.read("UPLOAD_MAX_BYTES", read.whole_number(1, 2**40), default=200 * 2**20)
UPLOAD_MAX_UNPACKED_BYTES = env.read("UPLOAD_MAX_UNPACKED_BYTES", read.whole_number(1, 2**40), default=2**30)
UPLOAD_MAX_ENTRY_BYTES = env.read("UPLOAD_MAX_ENTRY_BYTES", read.whole_number(1, 2**40), default=2**29)
UPLOAD_MAX_ENTRIES = env.read("UPLOAD_MAX_ENTRIES", read.whole_number(1, 65_535), default=5_000)
# Deflate reaches 1,032:1 on zeros; Takeout's pages, which repeat themselves, 20:1.
UPLOAD_MAX_RATIO = env.read("UPLOAD_MAX_RATIO", read.whole_number(1, 1_032), default=200)
# A hundred a day for fifty years.
UPLOAD_MAX_ROWS = env.read("UPLOAD_MAX_ROWS", read.whole_number(1, 10**9), default=2_000_000)
UPLOAD_MAX_MINUTES = env.read("UPLOAD_MAX_MINUTES", read.whole_number(1, 10_080), default=60)
# What one person's files may take together, and what must stay free for everything else.
UPLOAD_QUOTA_BYTES = env.read("UPLOAD_QUOTA_BYTES", read.whole_number(1, 2**50), default=2**30)
UPLOAD_FREE_BYTES = env.read("UPLOAD_FREE_BYTES", read.whole_number(0, 2**50), default=2**30)
# The largest JSON body: 1,000 records with every field at its usual length are about 1 MB.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440

# Where things are kept

UPLOAD_DIR = env.read("UPLOAD_DIR", read.absolute_path, default=VAR_DIR / "uploads")
# After an upload is done with; so long it can be retried, with other options, without being sent again.
UPLOAD_KEEP_DAYS = env.read("UPLOAD_KEEP_DAYS", read.whole_number(0, 3_650), default=7)

DATABASES: dict[str, dict[str, Any]] = {
    "default": env.read("DATABASE_URL", database_url, default=sqlite(VAR_DIR / "db.sqlite3"), secret=True)
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHE_URL = env.read(
    "CACHE_URL",
    read.matching(r"(redis|rediss|valkey)://[!-~]+", "redis://host:6379/0, or rediss:// with TLS"),
    default="",
    secret=True,
)
CACHES: dict[str, dict[str, Any]] = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
if CACHE_URL:
    CACHES["default"] = {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        # Valkey speaks the same protocol; the client knows it by Redis's name.
        "LOCATION": CACHE_URL.replace("valkey", "redis", 1),
        "KEY_PREFIX": "watchtracker",
        # A cache that does not answer must not hold up the answer.
        "OPTIONS": {"socket_timeout": 1, "socket_connect_timeout": 1},
    }
# What counts requests (accounts/counters.py): shared by all processes; if that is down, each counts alone.
CACHES |= {
    "counters": {"BACKEND": "accounts.counters.Counters"},
    "shared_counters": CACHES["default"]
    if CACHE_URL
    else {
        "BACKEND": "accounts.counters.DatabaseCounters",
        # In the database if that is PostgreSQL: there may be several machines.
        "LOCATION": str(VAR_DIR / "counters.sqlite3") if "sqlite3" in DATABASES["default"]["ENGINE"] else "",
    },
    "local_counters": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "counters",
        # With Django's 300, an attacker's count is forgotten as soon as 300 others ask.
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    },
}
RATELIMIT_USE_CACHE = "counters"
RATELIMIT_ENABLE = True
# Its own defaults: it asks for them at each count, and what is not set takes Django longest to find.
RATELIMIT_CACHE_PREFIX = "rl:"
RATELIMIT_HASH_ALGORITHM = hashlib.sha256

STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
# Straight from the packages under DEBUG, so that nothing has to be collected.
WHITENOISE_USE_FINDERS = DEBUG

# What runs

INSTALLED_APPS = [
    "watchtracker",
    "watchtracker.admin_app.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_ratelimit",
    "accounts",
    "ingest",
    "dashboard",
]
MIDDLEWARE = [
    "watchtracker.middleware.request_id.RequestIdMiddleware",
    "watchtracker.middleware.content_security.ContentSecurityMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "watchtracker.middleware.api.ApiMiddleware",
    "watchtracker.middleware.rate_limit.RateLimitMiddleware",
    "watchtracker.middleware.pages.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "watchtracker.middleware.pages.AuthenticationMiddleware",
    "watchtracker.middleware.pages.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
ROOT_URLCONF = "watchtracker.urls"
WSGI_APPLICATION = "watchtracker.wsgi.application"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-us"
FORMAT_MODULE_PATH = "watchtracker.formats"

# Closed by default; a view that is open says so. No session authentication: an operator's cookie has no say here.
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.ClerkAuthentication",
        "accounts.authentication.TokenAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.permissions.HasScope"],
    "DEFAULT_THROTTLE_CLASSES": ["accounts.throttling.RateLimit"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["watchtracker.parsers.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    # `format` is a parameter like any other: known where it is declared, and elsewhere a mistake with a name.
    "URL_FORMAT_OVERRIDE": None,
    "EXCEPTION_HANDLER": "watchtracker.problems.handler",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    # What msgspec writes is JSON Schema 2020-12, which is 3.1 of OpenAPI and not 3.0.
    "OAS_VERSION": "3.1.0",
    "TITLE": "Watchtracker",
    "DESCRIPTION": "Takes in what people watched and says what it adds up to.",
    "VERSION": "1.0.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "watchtracker.schema.describe_problems",
        "watchtracker.schema.require_bodies",
        "accounts.schema.describe_scopes",
    ],
}

# What browsers are told

SECURE_SSL_REDIRECT = HTTPS_ONLY
# The API refuses plain HTTP instead (middleware/api.py): a redirect would hide that a token crossed in the clear.
SECURE_REDIRECT_EXEMPT = [r"^api/", r"^healthz$", r"^readyz$"]
# An hour to begin with; a year once everything is known to work over HTTPS.
HSTS_SECONDS = env.read("HSTS_SECONDS", read.whole_number(0, 63_072_000), default=3600)
SECURE_HSTS_SECONDS = HSTS_SECONDS if HTTPS_ONLY else 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if TRUSTED_PROXY_COUNT:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# Cookies are the admin's alone: the API never sees one.
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = f"/{ADMIN_PATH}"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS_ONLY
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Strict"
SESSION_COOKIE_NAME = "__Secure-session" if HTTPS_ONLY else "session"
CSRF_COOKIE_NAME = "__Secure-csrf" if HTTPS_ONLY else "csrf"
SESSION_COOKIE_AGE = 8 * 3600

SILENCED_SYSTEM_CHECKS = [
    # HSTS for all subdomains, and for ever in browsers' own lists, is for the owner of the domain to decide.
    "security.W005",
    "security.W021",
    # django-ratelimit does not know our counters. They are shared and exact, which is what it wants to be sure of.
    "django_ratelimit.W001",
]

LOG_LEVEL = env.read("LOG_LEVEL", read.one_of("DEBUG", "INFO", "WARNING", "ERROR"), default="INFO")
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {"()": "watchtracker.logs.PlainFormatter"},
        "json": {"()": "watchtracker.logs.JsonFormatter"},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain" if DEBUG else "json"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        # Django brings its own handlers; everything goes through ours.
        "django": {"handlers": [], "level": LOG_LEVEL, "propagate": True},
        "django.server": {"handlers": [], "propagate": True},
    },
}

env.refuse_problems()
