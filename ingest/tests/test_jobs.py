"""The queue: what is enqueued is done, once at a time, until it is done."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from ingest import jobs
from ingest.jobs import queue, registry
from ingest.jobs.worker import Worker
from ingest.models import Job, JobStatus

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


@pytest.fixture
def done(monkeypatch):
    """What the tasks of a test did; `do` registers them."""
    monkeypatch.setattr(registry, "TASKS", tasks := {})
    monkeypatch.setattr("ingest.jobs.worker.TASKS", tasks)
    return []


def register(done, name="count", raises=None, **how):
    @jobs.task(name, **how)
    def task(subject, turn):
        done.append(subject)
        if raises:
            raise raises


def due():
    Job.objects.filter(status=JobStatus.READY).update(run_after=timezone.now() - HOUR)


def test_jobs_are_done_in_their_order_and_go(done):
    register(done)
    for subject in (3, 1, 2):
        jobs.enqueue("count", subject)
    jobs.enqueue("count", 9, priority=1)
    Worker().work_off()
    assert done == [9, 3, 1, 2]
    assert not Job.objects.exists()


def test_asking_twice_is_asking_once(done):
    register(done)
    jobs.enqueue("count", 1)
    jobs.enqueue("count", 1)
    Worker().work_off()
    assert done == [1]


def test_asked_for_while_it_runs_it_runs_once_more(done):
    @jobs.task("again")
    def again(subject, turn):
        done.append(subject)
        if len(done) == 1:
            jobs.enqueue("again", subject)

    jobs.enqueue("again", 1)
    Worker().work_off()
    assert done == [1, 1]
    assert not Job.objects.exists()


def test_a_job_of_a_transaction_that_came_to_nothing_is_none(done):
    register(done)
    with transaction.atomic():
        jobs.enqueue("count", 1)
        transaction.set_rollback(True)
    Worker().work_off()
    assert done == []


def test_forgotten_it_is_not_done(done):
    register(done)
    jobs.enqueue("count", 1)
    jobs.forget("count", 1)
    Worker().work_off()
    assert done == []


def test_of_a_lane_one_runs_at_a_time():
    for subject in (1, 2):
        jobs.enqueue("count", subject, lane="a")
    jobs.enqueue("count", 3, lane="b")
    assert [queue.claim("w").subject, queue.claim("w").subject] == [1, 3]
    assert queue.claim("w") is None


def test_the_database_refuses_two_running_jobs_of_a_lane():
    for subject in (1, 2):
        jobs.enqueue("count", subject, lane="a")
    lease = timezone.now() + HOUR
    with pytest.raises(IntegrityError), transaction.atomic():
        Job.objects.update(status=JobStatus.RUNNING, lease_until=lease)


def test_it_fails_ever_later_and_then_for_good(done):
    given_up = []
    register(done, raises=RuntimeError("no\0good"), give_up=given_up.append)
    jobs.enqueue("count", 7)
    pauses = []
    for attempt in range(1, queue.MOST_ATTEMPTS + 1):
        Worker().work_off()
        job = Job.objects.get()
        assert (job.attempts, len(done)) == (attempt, attempt)
        pauses.append((job.run_after - timezone.now()).total_seconds())
        assert "RuntimeError" in job.error
        due()
    assert pauses[:-1] == sorted(pauses[:-1])
    assert pauses[0] > 0
    assert (job.status, given_up) == (JobStatus.DEAD, [7])
    Worker().work_off()
    assert len(done) == queue.MOST_ATTEMPTS
    # Asked for anew, it has all its attempts again.
    jobs.enqueue("count", 7)
    due()
    Worker().work_off()
    assert Job.objects.get().attempts == 1


def test_a_failing_job_holds_up_nobody(done):
    register(done, "bad", raises=RuntimeError())
    register(done, "good")
    jobs.enqueue("bad", 1, lane="a")
    jobs.enqueue("good", 2, lane="a")
    Worker().work_off()
    assert done == [1, 2]


def test_progress_counts_the_attempts_anew():
    jobs.enqueue("count", 1)
    Job.objects.update(attempts=queue.MOST_ATTEMPTS - 1)
    job = queue.claim("w")
    assert job.attempts == queue.MOST_ATTEMPTS
    queue.came_further(job)
    assert queue.fail(job, "no", give_up=lambda subject: None) is False
    assert Job.objects.get().attempts == 1


def test_told_to_stop_it_hands_over_at_the_next_step_and_at_no_cost(done):
    worker = Worker()

    @jobs.task("long")
    def long(subject, turn):
        for step in range(10):
            done.append(step)
            if step == 3:
                worker.stop()
            turn.step()

    jobs.enqueue("long", 1)
    worker.work()
    assert done == [0, 1, 2, 3]
    job = Job.objects.get()
    assert (job.status, job.attempts, job.worker, job.lease_until) == (JobStatus.READY, 0, "", None)


def test_a_worker_without_a_sign_of_life_loses_its_job(done):
    register(done)
    jobs.enqueue("count", 1)
    lost = queue.claim("silent")
    other = Worker()
    other._look_around()
    assert other.work() is False
    Job.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    other._looked_around = float("-inf")
    other._look_around()
    other.work_off()
    assert done == [1]
    # It comes back to life too late to say anything.
    queue.finish(lost)
    queue.fail(lost, "no", give_up=lambda subject: done.append("gave up"))
    queue.hand_over(lost)
    assert not Job.objects.exists()


def test_a_job_that_kills_every_worker_is_given_up(done):
    given_up = []
    register(done, give_up=given_up.append)
    jobs.enqueue("count", 1)
    for _ in range(queue.MOST_ATTEMPTS):
        assert queue.claim("doomed") is not None
        Job.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        Worker()._look_around()
    assert Job.objects.get().status == JobStatus.DEAD
    assert given_up == [1]


def test_a_stale_worker_cannot_end_what_another_one_does():
    jobs.enqueue("count", 1)
    stale = queue.claim("stale")
    Job.objects.update(status=JobStatus.READY, lease_until=None, worker="")
    fresh = queue.claim("fresh")
    queue.finish(stale)
    queue.hand_over(stale)
    queue.fail(stale, "no", give_up=lambda subject: None)
    assert Job.objects.get().worker == "fresh"
    queue.finish(fresh)
    assert not Job.objects.exists()


def test_a_lease_that_was_lost_stops_the_work(done):
    worker = Worker()

    @jobs.task("long")
    def long(subject, turn):
        turn.step()
        worker._lost.set()
        turn.step()
        done.append("never")

    jobs.enqueue("long", 1)
    worker.work()
    assert done == []


def test_a_task_of_another_release_waits_for_it(done):
    jobs.enqueue("from_the_future", 1)
    Worker().work_off()
    assert Job.objects.get().status == JobStatus.READY
    assert "no task" in Job.objects.get().error


def test_the_position_counts_what_comes_before():
    for subject in (1, 2, 3):
        jobs.enqueue("count", subject)
    jobs.enqueue("count", 4, priority=1)
    assert [jobs.position("count", subject) for subject in (4, 1, 2, 3)] == [1, 2, 3, 4]
    queue.claim("w")
    assert jobs.position("count", 4) is None
    assert jobs.position("count", 1) == 1


def test_what_is_due_by_the_clock_is_enqueued_once(done):
    register(done, "hourly", every=3600)
    one, other = Worker(), Worker()
    for worker in (one, other, one):
        worker._looked_around = float("-inf")
        worker._look_around()
    assert Job.objects.count() == 1
    one.work_off()
    assert done == [0]


@pytest.mark.django_db(transaction=True)
def test_many_workers_do_each_job_once_and_never_two_of_a_lane(done):
    running, clashes, lock = set(), [], threading.Lock()

    @jobs.task("careful")
    def careful(subject, turn):
        lane = subject % 4
        with lock:
            if lane in running:
                clashes.append(subject)
            running.add(lane)
            done.append(subject)
        turn.step()
        with lock:
            running.discard(lane)

    for subject in range(24):
        jobs.enqueue("careful", subject, lane=f"lane {subject % 4}")

    def work():
        worker = Worker()
        while Job.objects.exists():
            worker.work()
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(done) == list(range(24))
    assert clashes == []


@pytest.mark.django_db(transaction=True)
def test_a_wish_that_comes_while_the_job_ends_is_not_lost(done):
    """Whenever the last wish is committed, a run begins after it."""
    wishes, seen, stop = [0], [], threading.Event()

    @jobs.task("wish")
    def wish(subject, turn):
        seen.append(wishes[0])

    def work():
        worker = Worker()
        while not stop.is_set() or Job.objects.exists():
            worker.work()
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    for number in range(1, 40):
        wishes[0] = number
        jobs.enqueue("wish", 1)
    stop.set()
    thread.join(30)
    assert seen[-1] == 39
