"""What each kind of broker asks of Celery's settings, by the scheme of its address alone."""

from typing import Any

from kombu import Exchange, Queue

QUEUES = ("default", "transactional", "bulk")
_REDIS = {
    # Redis gives a message out again after the visibility timeout; no countdown of ours in the broker comes near it.
    "visibility_timeout": 3600,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    # Without these a mute broker hangs the caller for ever (celery/celery#4296).
    "socket_timeout": 3,
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
}
#: A message is in RabbitMQ when the call returns; otherwise a broker that dies right then has it not.
_RABBITMQ = {"confirm_publish": True}
_SQS = {"visibility_timeout": 3600, "wait_time_seconds": 2, "polling_interval": 0.2}


def broker_settings(url: str, sqs_prefix: str = "") -> dict[str, Any]:
    """Celery's settings, under their lower-case names, for a broker at this address.

    `sqs_prefix` goes before the queues' names on Amazon SQS, where an account has one room for all. Raises ValueError
    for a broker that is not known to keep what it is given.
    """
    kind = url.partition(":")[0].partition("+")[0]
    if kind in ("redis", "rediss"):
        return {"broker_transport_options": dict(_REDIS), "task_queues": [Queue(name) for name in QUEUES]}
    if kind in ("amqp", "amqps", "pyamqp"):
        return {"broker_transport_options": dict(_RABBITMQ), "task_queues": _quorum_queues()}
    if kind == "sqs":
        return {
            "broker_transport_options": _SQS | {"queue_name_prefix": sqs_prefix},
            "task_queues": [Queue(name) for name in QUEUES],
            "worker_enable_remote_control": False,  # SQS has no broadcast
            "worker_prefetch_multiplier": 10,  # with one, a message that is for later holds up the others
        }
    raise ValueError(f"CELERY_BROKER_URL begins with {kind or 'nothing'}; known are redis, rediss, amqp, amqps and sqs")


def _quorum_queues() -> list[Queue]:
    """Replicated, and by a topic exchange, which is what lets RabbitMQ itself hold back what is for later."""
    exchange = Exchange("afternoon-post", "topic")
    quorum = {"x-queue-type": "quorum"}
    return [Queue(name, exchange, routing_key=name, queue_arguments=quorum) for name in QUEUES]
