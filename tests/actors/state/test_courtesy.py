"""Threads that let each other finish."""

from __future__ import annotations

import threading
import time

from actors.state.courtesy import one_at_a_time


def test_what_is_short_is_done_by_one_at_a_time() -> None:
    inside = most = 0

    def work() -> None:
        nonlocal inside, most
        for _ in range(20):
            with one_at_a_time():
                inside += 1
                most = max(most, inside)
                time.sleep(0.0001)
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert most == 1


def test_who_is_stuck_keeps_nobody() -> None:
    begun, answers, done = threading.Event(), threading.Event(), threading.Event()

    def stuck() -> None:
        with one_at_a_time():
            begun.set()
            assert answers.wait(60)

    def other() -> None:
        with one_at_a_time():
            done.set()

    threads = [threading.Thread(target=stuck), threading.Thread(target=other)]
    threads[0].start()
    try:
        assert begun.wait(60)
        threads[1].start()
        assert done.wait(60)
    finally:
        answers.set()
        for thread in threads:
            thread.join(60)
    with one_at_a_time():  # who came without the lock has not given it back
        pass
