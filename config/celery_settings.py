"""Celery's settings: the broker, the results, the queues and what beat rings for."""

from datetime import timedelta

from celery.schedules import crontab

from config.broker import broker_settings
from config.environment import read_environment

env = read_environment()

REDIS_URL = env.str("REDIS_URL", "") or "redis://localhost:6379/0"
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", "") or REDIS_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_POOL_ACQUIRE_TIMEOUT = 10
try:
    _BROKER = broker_settings(CELERY_BROKER_URL, env.str("SQS_PREFIX", "afternoon-post-"))
except ValueError as error:
    raise SystemExit(f"Afternoon Post cannot start: {error}.") from error
CELERY_BROKER_TRANSPORT_OPTIONS = _BROKER["broker_transport_options"]
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_RESULT_SERIALIZER = "json"
#: Of tasks that are not ours; ours keep theirs in the database whatever this says (mailer/tasks.py).
CELERY_RESULT_BACKEND = env.str("CELERY_RESULT_BACKEND", "") or "django-db"
CELERY_RESULT_EXTENDED = True
CELERY_RESULT_EXPIRES = None  # our own `purge` keeps the log for LOG_RETENTION_DAYS; Celery's default is one day
CELERY_TASK_TRACK_STARTED = False
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_CREATE_MISSING_QUEUES = False
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_QUEUES = _BROKER["task_queues"]
CELERY_TASK_TIME_LIMIT = 900
CELERY_TASK_SOFT_TIME_LIMIT = 840
CELERY_WORKER_PREFETCH_MULTIPLIER = _BROKER.get("worker_prefetch_multiplier", 1)
CELERY_WORKER_ENABLE_REMOTE_CONTROL = _BROKER.get("worker_enable_remote_control", True)
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 20.0
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
#: After so many tasks Celery closes their database connection itself; it is told to leave that to config/celery.py.
CELERY_DB_REUSE_MAX = 1_000_000_000
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BEAT_SYNC_EVERY = 1  # else a killed beat fires again what it fired in the last three minutes
CELERY_BEAT_SCHEDULE = {
    "afternoon-post: tick": {"task": "mailer.tasks.tick", "schedule": crontab(), "options": {"expire_seconds": 55}},
    # A crontab knows no seconds; with this one, what stands still goes on within half a minute.
    "afternoon-post: tick between": {
        "task": "mailer.tasks.tick",
        "schedule": timedelta(seconds=30),
        "options": {"expire_seconds": 25},
    },
    "afternoon-post: purge": {"task": "mailer.tasks.purge", "schedule": crontab(hour="4", minute="20")},
}
