"""The queue of jobs. A job is a JSON document: the name of a function and its arguments.

A pickle would tie whoever takes a job to the very classes of whoever put it there; this way a worker of another
version, or a function elsewhere, can run it, and nothing in the queue is executed by being read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

if TYPE_CHECKING:
    from .settings import AppSettings


def enqueue(settings: AppSettings, function: str, **arguments: str) -> None:
    """Puts a job into the queue.

    Raises:
        redis.RedisError: the queue does not answer.
    """
    queue = Queue("amy", connection=Redis.from_url(settings.redis_url), serializer=JSONSerializer)
    queue.enqueue_call(function, kwargs=arguments)
