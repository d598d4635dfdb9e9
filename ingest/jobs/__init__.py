"""Work in the background: a table of jobs in the same database, and workers that lease them.

What it promises:
- A job that was enqueued in a transaction is there if and only if that transaction commits.
- Every job is run to its end at least once, whatever is killed when: a worker that falls silent loses its lease after
  LEASE_SECONDS, and another one begins the job again. So a task must be able to begin again, and a stale worker must
  not be able to do harm: tasks lock what they write to, and look whether it still stands where they left it.
- Of the jobs of one lane, one runs at a time.
- Asking for the same work twice is asking once; asking while it runs has it run once more.
- A job that fails is tried again, ever later, and given up after MOST_ATTEMPTS without coming further.

A task is a function of the primary key of what it is about, registered by name (registry.py). Nothing else knows the
table, so another engine behind `enqueue` could take its place: names and columns follow those of django.tasks.
"""

from .queue import enqueue, forget, position
from .registry import HandOver, Turn, task

__all__ = ["HandOver", "Turn", "enqueue", "forget", "position", "task"]
