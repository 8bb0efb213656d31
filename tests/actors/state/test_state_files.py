"""Files of state: none is opened through a link, and others may not read them."""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from loguru import logger

from actors.commands.own_log import log_to
from actors.monitor.checkpoints import Checkpoints
from actors.outputs.alert_log.writing import AlertLog
from actors.outputs.heartbeat.writing import Heartbeat
from actors.outputs.notifier.journal import Journal
from actors.state.acknowledgements import Acknowledgements
from actors.state.silences import Silence, Silences
from glancemetrics.errors import GlanceMetricsError
from tests.actors.outputs.feeding import event
from tests.actors.outputs.snapshots import snapshot


@pytest.fixture(autouse=True)
def own_log() -> Iterator[None]:
    """What is done to the program's own log does not outlive a test."""
    yield
    logger.remove()
    logger.add(sys.stderr)


def write_alerts(folder: Path) -> None:
    log = AlertLog(folder / "alerts.jsonl", "300 B", 10)
    log._open()
    try:
        for number in range(4):
            log._write(event(number))
    finally:
        log._close()


def write_journal(folder: Path) -> None:
    journal = Journal(folder / "notifications.db")
    try:
        journal.add("a", "key", {"incident": "x"}, 1)
        with journal.claimed("a"):
            pass
    finally:
        journal.close()


def write_checkpoint(folder: Path) -> None:
    checkpoints = Checkpoints(folder, ["a.log"])
    checkpoints.claim()
    checkpoints.save(1, (), aggregation=b"", alerting=b"", own={}, undelivered={})


def write_heartbeat(folder: Path) -> None:
    Heartbeat(folder / "heartbeat", 2)._write(snapshot())


def write_silences(folder: Path) -> None:
    Silences(folder / "silences.json").save([Silence("*", 1)])


def write_acknowledgements(folder: Path) -> None:
    Acknowledgements(folder / "acknowledgements.json").add("Scanner-20260921T141320Z", 1)


def write_own_log(folder: Path) -> None:
    log_to("warning", folder / "glancemetrics.log")
    for _ in range(300):
        logger.warning("x" * 5000)  # it is rotated at 1 MB


def test_a_full_disk_does_not_write_over_the_screen(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "glancemetrics.log"
    log_to("warning", log)
    logger.warning("before")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (log.stat().st_size, limits[1]))
    try:
        logger.warning("while the disk is full")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    logger.warning("after")
    assert capfd.readouterr().err == ""
    said = log.read_text()
    assert "before" in said
    assert "after" in said


WRITERS = [
    *(write_alerts, write_journal, write_checkpoint),
    *(write_heartbeat, write_silences, write_acknowledgements, write_own_log),
]


@pytest.mark.parametrize("write", WRITERS)
def test_others_may_not_read_a_file_of_state(write: Callable[[Path], None], tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write(tmp_path / "state")
    except FileNotFoundError:  # the heartbeat's folder is not made
        (tmp_path / "state").mkdir(mode=0o750)
        write(tmp_path / "state")
    finally:
        os.umask(before)
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o750
    files = list((tmp_path / "state").iterdir())
    assert files
    for file in files:
        mode = 0o600 if file.suffix == ".head" else 0o640
        assert (file.name, oct(file.stat().st_mode & 0o777)) == (file.name, oct(mode))


@pytest.mark.parametrize("write", WRITERS)
def test_no_file_of_state_is_written_through_a_link(
    write: Callable[[Path], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each in turn is a link; also such as are there only while something is written."""
    usual = tmp_path / "usual"
    usual.mkdir(mode=0o750)
    write(usual)
    logger.remove()
    names = {file.name for file in usual.iterdir() if file.suffix != ".1"}
    names |= {Path(name).with_suffix(".new").name for name in names if not name.startswith(".")}
    names |= {f"{name}.new" for name in names} | {"notifications.db-wal", "notifications.db-shm"}
    for number, name in enumerate(sorted(names)):
        folder = tmp_path / f"state{number}"
        folder.mkdir(mode=0o750)
        other = tmp_path / f"other{number}"
        (folder / name).symlink_to(other)
        logger.remove()
        said = ""
        try:
            write(folder)
        except (OSError, GlanceMetricsError) as error:
            said = str(error)
        assert not said or "symbolic links are not followed" in said
        assert not other.exists(), name
    if write is write_own_log:
        told = capsys.readouterr().err
        assert "glancemetrics.log: symbolic links are not followed" in told
