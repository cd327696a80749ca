"""All knobs in one place, each read from the environment. `.env.example` explains them.

Workers without Django read this very file: see `packages.conf`.
"""

from pathlib import Path
from typing import Any

from asu_site.env import env_bool, env_choice, env_int, env_list, env_networks, env_secret, env_str, is_django

BASE_DIR = Path(__file__).resolve().parent.parent

# Everything that the server writes lives below this folder.
ASU_DATA_DIR = Path(env_str("ASU_DATA_DIR", str(BASE_DIR / "data"))).resolve()
ASU_STORE_DIR = ASU_DATA_DIR / "store"  # published images, one folder a request hash
ASU_UPLOAD_DIR = ASU_DATA_DIR / "uploads"  # results on their way into the store
ASU_IMAGEBUILDER_DIR = ASU_DATA_DIR / "imagebuilders"
ASU_CACHE_DIR = ASU_DATA_DIR / "cache"  # package indexes and packages, by SHA-256
ASU_WORK_DIR = ASU_DATA_DIR / "work"  # throw-away layers of running builds
ASU_RUN_DIR = ASU_DATA_DIR / "run"  # locks and wake-up files
ASU_KEY_DIR = ASU_DATA_DIR / "keys"

VERSION = "0.1.0"
DEBUG = env_bool("DEBUG")
SECRET_KEY = env_secret("SECRET_KEY", ASU_KEY_DIR / "secret_key") if is_django() else ""
# The API is called by any name or address that a router was told; absolute addresses come from ASU_BASE_URL.
ALLOWED_HOSTS = env_list("ALLOWED_HOSTS", "*")
CSRF_TRUSTED_ORIGINS = env_list("CSRF_TRUSTED_ORIGINS")
ROOT_URLCONF = "asu_site.urls"
WSGI_APPLICATION = "asu_site.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
APPEND_SLASH = False  # a POST or a preflight must never be redirected

INSTALLED_APPS = [
    "asu_site.apps.BackofficeConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_q",
    # REST framework is not among them: its template tags alone would take 13 MB in each process.
    "drf_spectacular",
    "asu_site.apps.SiteConfig",
    "packages",
    "builders",
    "images",
    "news",
    "stats",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "asu_site.middleware.ApiMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "asu_site.middleware.PageLocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "asu_site.middleware.IdleMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "asu_site.context.site",
            ],
        },
    },
]

# -- database ----------------------------------------------------------------------------------------------


def _database() -> dict[str, Any]:
    import dj_database_url

    url = env_str("DATABASE_URL", f"sqlite:///{ASU_DATA_DIR / 'db.sqlite3'}")
    found: dict[str, Any] = {**dj_database_url.parse(url, conn_max_age=600, conn_health_checks=True)}
    if found["ENGINE"].endswith("sqlite3"):
        found.setdefault("OPTIONS", {}).update(
            # IMMEDIATE: a transaction that will write takes its turn at once instead of failing half way.
            transaction_mode="IMMEDIATE",
            timeout=20,
            init_command="PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA temp_store=MEMORY;",
        )
    return found


DATABASES: dict[str, Any] = {"default": _database()} if is_django() else {}

CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

# -- queue: wake-ups and schedules only; the row of a build is the only truth about it ----------------------------

ASU_LOCAL_WORKERS = env_int("ASU_LOCAL_WORKERS", 1)  # builds at the same time on this machine
ASU_BUILD_TIMEOUT = env_int("ASU_BUILD_TIMEOUT", 1800, minimum=10)  # seconds for one `make image`
Q_CLUSTER: dict[str, Any] = {
    "name": "asu",
    "orm": "default",
    # One is always free for chores while builds run, or while an ImageBuilder is fetched for workers elsewhere.
    "workers": max(ASU_LOCAL_WORKERS, 1) + 1,
    "queue_limit": 1,
    "bulk": 1,
    # The queue must never cut a build off: the build's own limit strikes first.
    "timeout": ASU_BUILD_TIMEOUT + 3600,
    "retry": ASU_BUILD_TIMEOUT + 3700,
    "ack_failures": True,
    "max_attempts": 1,
    "save_limit": -1,
    "poll": 0.2,
    "catch_up": False,
    "ALT_CLUSTERS": {},
}

# -- the service ---------------------------------------------------------------------------------------------

ASU_BASE_URL = env_str("ASU_BASE_URL").rstrip("/")  # "" = as the client addressed us
ASU_DEFAULT_DISTRIBUTION = env_str("ASU_DEFAULT_DISTRIBUTION", "openwrt")
ASU_CONTACT = env_str("ASU_CONTACT")
ASU_SITE_NAME = env_str("ASU_SITE_NAME")  # "" = "Firmware on demand", translated
ASU_SYNC_MINUTES = env_int("ASU_SYNC_MINUTES", 60, minimum=1)
ASU_PREPARE_WAIT = env_int("ASU_PREPARE_WAIT", 5)  # seconds a POST waits for a target nobody asked for before
ASU_MAX_BODY = env_int("ASU_MAX_BODY", 256 * 1024, minimum=1024)
ASU_MAX_PACKAGES = env_int("ASU_MAX_PACKAGES", 1000, minimum=1)
ASU_MAX_DEFAULTS_LENGTH = env_int("ASU_MAX_DEFAULTS_LENGTH", 20480)
ASU_MAX_ROOTFS_SIZE_MB = env_int("ASU_MAX_ROOTFS_SIZE_MB", 1024, minimum=1)
ASU_NETWORK_PROFILE_KB = env_int("ASU_NETWORK_PROFILE_KB", 256, minimum=1)  # all files of one together
ASU_NETWORK_PROFILE_FILES = env_int("ASU_NETWORK_PROFILE_FILES", 100, minimum=1)  # of one
ASU_FAILURE_TTL = env_int("ASU_FAILURE_TTL", 300)  # seconds until a failure of ours may be tried again
ASU_USER_FAILURE_TTL = env_int("ASU_USER_FAILURE_TTL", 86400)  # the same for a request that cannot work
ASU_DROP_MINUTES = env_int("ASU_DROP_MINUTES", 15)  # a build that nobody asks for so long is dropped; 0 = never
ASU_MAX_WAIT_MINUTES = env_int("ASU_MAX_WAIT_MINUTES", 180)  # who would wait longer is refused; 0 = never
ASU_CLIENT_BUILDS_PER_HOUR = env_int("ASU_CLIENT_BUILDS_PER_HOUR", 120)  # of one address; 0 = no limit
ASU_TRUSTED_NETWORKS = env_networks("ASU_TRUSTED_NETWORKS", "127.0.0.0/8,::1/128")  # clients without that limit
ASU_IMAGE_TTL_DAYS = env_int("ASU_IMAGE_TTL_DAYS", 30, minimum=1)
ASU_SNAPSHOT_TTL_HOURS = env_int("ASU_SNAPSHOT_TTL_HOURS", 24, minimum=1)  # of snapshots that the mirror replaced
ASU_STORE_QUOTA_GB = env_int("ASU_STORE_QUOTA_GB", 0)  # 0 = as large as the disk allows
ASU_STORE_MIN_FREE_GB = env_int("ASU_STORE_MIN_FREE_GB", 1)  # the store leaves that much of its disk free
ASU_X_ACCEL_PREFIX = env_str("ASU_X_ACCEL_PREFIX")  # e.g. /protected-store: nginx sends the files
# The text of a secret usign key to sign images with; empty: the key that `make_signing_key` made, if it did.
ASU_SIGNING_KEY = env_str("ASU_SIGNING_KEY")
ASU_METRICS_TOKEN = env_str("ASU_METRICS_TOKEN")  # "" = /metrics is for programs on this machine only
ASU_FAST_ANSWER_SECONDS = env_int("ASU_FAST_ANSWER_SECONDS", 5)  # 0 = every answer comes from Django

# -- news --------------------------------------------------------------------------------------------------

ASU_WEBHOOKS = env_int("ASU_WEBHOOKS", 1000)  # at most so many in all; 0 = none
ASU_WEBHOOKS_PER_CLIENT = env_int("ASU_WEBHOOKS_PER_CLIENT", 10)  # made in a day from one address
ASU_WEBHOOKS_INSIDE = env_bool("ASU_WEBHOOKS_INSIDE")  # they may lead into this machine and private networks

# -- builds ------------------------------------------------------------------------------------------------

ASU_SANDBOX = env_choice("ASU_SANDBOX", "auto", ("auto", "full", "namespace", "process"))
ASU_BUILD_UID = env_int("ASU_BUILD_UID", 64990, minimum=1)  # builds run as this user when the server is root
ASU_BUILD_MEMORY_MB = env_int("ASU_BUILD_MEMORY_MB", 4096, minimum=64)
ASU_BUILD_DISK_MB = env_int("ASU_BUILD_DISK_MB", 8192, minimum=64)
ASU_BUILD_PROCESSES = env_int("ASU_BUILD_PROCESSES", 512, minimum=16)
ASU_BUILD_CPU_SECONDS = env_int("ASU_BUILD_CPU_SECONDS", 3600, minimum=10)
ASU_BUILD_LOG_KB = env_int("ASU_BUILD_LOG_KB", 4096, minimum=16)
ASU_MIN_FREE_MEMORY_MB = env_int("ASU_MIN_FREE_MEMORY_MB", 64)  # the same for memory
ASU_LEASE_SECONDS = env_int("ASU_LEASE_SECONDS", 60, minimum=3)
ASU_MAX_ATTEMPTS = env_int("ASU_MAX_ATTEMPTS", 3, minimum=1)
ASU_WARM_GRACE = env_int("ASU_WARM_GRACE", 2)  # seconds that a build waits for a worker that has its ImageBuilder
ASU_AGENT_LINGER = env_int("ASU_AGENT_LINGER", 60)  # seconds an idle local worker stays ready
ASU_IMAGEBUILDER_QUOTA_GB = env_int("ASU_IMAGEBUILDER_QUOTA_GB", 40, minimum=1)
ASU_CACHE_QUOTA_GB = env_int("ASU_CACHE_QUOTA_GB", 20, minimum=1)
ASU_MIN_FREE_MB = env_int("ASU_MIN_FREE_MB", 128)  # below this much free disk no build is begun

# -- workers on other machines ------------------------------------------------------------------------------

ASU_UPLOAD_CHUNK_KB = env_int("ASU_UPLOAD_CHUNK_KB", 2048, minimum=64)  # of an image, in one call
ASU_ARCHIVE_CACHE_GB = env_int("ASU_ARCHIVE_CACHE_GB", 20)  # ImageBuilders kept for workers; 0 = they ask the mirror
ASU_WORKER_NAME = env_str("ASU_WORKER_NAME")  # of this machine's own workers; empty = the machine's name
# A cluster beside the main server, on the same database: where it uploads its images, e.g. https://asu.example.org
ASU_UPLOAD_URL = env_str("ASU_UPLOAD_URL").rstrip("/")
ASU_WORKER_LABELS = env_list("ASU_WORKER_LABELS")  # what the workers of this machine build; empty = everything

# -- mirrors -----------------------------------------------------------------------------------------------

ASU_HTTP_TIMEOUT = env_int("ASU_HTTP_TIMEOUT", 30, minimum=1)
ASU_MAX_DOCUMENT_MB = env_int("ASU_MAX_DOCUMENT_MB", 64, minimum=1)  # one JSON, sums or index document
ASU_MAX_IMAGEBUILDER_MB = env_int("ASU_MAX_IMAGEBUILDER_MB", 4096, minimum=1)
ASU_REPOSITORY_MINUTES = env_int("ASU_REPOSITORY_MINUTES", 10, minimum=1)  # a repository of requests is that fresh

# -- Django ------------------------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English")]  # pages are in the reader's, where locale/ has it; the API speaks English
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"
FORMAT_MODULE_PATH = "asu_site.formats"
USE_TZ = True
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = ASU_DATA_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "asu_site.static_files.HashedStaticFiles"},
}
# What people who are signed in may send: all files of a network profile, in a form. See `asu_site.front`.
ASU_ADMIN_MAX_BODY = max(ASU_MAX_BODY, 2 * ASU_NETWORK_PROFILE_KB * 1024 + 1024 * 1024)
DATA_UPLOAD_MAX_MEMORY_SIZE = ASU_ADMIN_MAX_BODY  # the layer before Django knows from whom it comes
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
# Only the admin has cookies.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = ASU_BASE_URL.startswith("https://")
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 8 * 3600  # without anything done: see `asu_site.middleware.IdleMiddleware`
LOGIN_URL = "admin:login"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
ASU_BEHIND_PROXY = env_bool("ASU_BEHIND_PROXY")
if ASU_BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    USE_X_FORWARDED_HOST = True

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "UNAUTHENTICATED_USER": None,
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "asu_site.api.exception_handler",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Attended sysupgrade",
    "DESCRIPTION": "Firmware images on demand. Clients: owut, LuCI, auc, firmware-selector.",
    "VERSION": VERSION,
    "SERVE_INCLUDE_SCHEMA": False,
    # The words of a choice speak for themselves.
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
}

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env_str("LOG_LEVEL", "INFO")},
    # Every wrong address would be a warning; failures of ours are errors and stay.
    "loggers": {"django.request": {"level": "ERROR"}},
}
