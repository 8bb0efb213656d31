"""Follows the logs of containers: each is a source with a position of its own.

Which containers there are is listed at each of the engine's events, and every few seconds. What a
log already has is read without following, up to its end: so it is known when the past has been
read.
"""

from __future__ import annotations

import fnmatch
import math
import time
from collections.abc import Sequence, Set

import attrs
import trio
from loguru import logger

from actors.sources.desk import SourceDesk
from actors.sources.docker import engine_address, selected
from actors.sources.docker.engine import (
    Container,
    Details,
    Engine,
    EngineError,
    NoSuchContainerError,
    own_container,
)
from actors.sources.docker.marks import DockerMark
from actors.sources.gathering import GATHER_SECONDS
from actors.sources.messages import Chunk, FromSource, Gap, Marked, Resumes, SourceGone
from actors.sources.position import From, StartPosition
from actors.sources.source import Say, cancel_on, saying
from glancemetrics.health.health import SourceHealth, SourceState
from glancemetrics.lines.docker_frames import (
    STDERR,
    STDOUT,
    ContainerLog,
    FramesError,
    Place,
    Taken,
)
from glancemetrics.words.suggestions import suggestion

FOLLOW_LABEL = "glancemetrics.follow"
"""A container with this label set to `false` is left out of globs and labels."""

_LAST_LOOK_SECONDS = 0.2
"""Time for lines written before the stop."""
_LIST_SECONDS = 10.0
"""Seconds between lists of the containers, without an event."""
_SETTLE_SECONDS = 0.1
"""Events within so many seconds lead to one list."""
_GONE_SECONDS = 60.0
"""How long a container that was removed is shown."""
_SHORT_SECONDS = 1.0
"""What was written during a shorter reading of the past is left to following."""
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0
"""Seconds until the engine is asked again."""
_HEALTHY_SECONDS = 60.0
"""After following for so long, the next pause is the first one again."""
_CHUNK_BYTES = 1 << 19
"""Bytes of the log that are gathered into one chunk, at most."""
_NANOS = 1_000_000_000
_MOST_CONTAINERS = 1000
"""Containers that are followed at the same time: each has a connection of its own."""


class Containers:
    """Selections of containers, as a source."""

    def __init__(self, texts: Sequence[str], desk: SourceDesk) -> None:
        self._texts = texts
        self._desk = desk
        marks = [mark for mark in desk.before if isinstance(mark, DockerMark)]
        self._by_name = {mark.source: mark for mark in marks}
        self._is_resumed = bool(marks)
        self._by_id = {mark.container: mark for mark in marks if mark.container}
        self._followers: dict[str, Follower] = {}
        """{name of the source: its follower}"""
        self._following: dict[str, Follower] = {}
        """{id of a container: its follower}, in the last list"""
        self._told: dict[str, SourceHealth] = {}
        """What was last said about texts without a container."""
        self._own = own_container()
        self._is_full = False

    async def run(self, send: trio.MemorySendChannel[FromSource], stop: trio.Event) -> None:
        """Follow them until `stop`."""
        say = saying(send)
        engine = Engine(engine_address())
        async with send, trio.open_nursery() as background:
            async with trio.open_nursery() as flow:
                background.start_soon(cancel_on, stop, flow.cancel_scope, _LAST_LOOK_SECONDS)
                for text in self._texts:
                    await say(SourceHealth(text, SourceState.READING))
                flow.start_soon(self._watch, engine, flow, say)
            background.cancel_scope.cancel()

    async def _watch(self, engine: Engine, nursery: trio.Nursery, say: Say) -> None:
        """Keep the list of containers; one that matches now is followed."""
        is_first = True
        pause = _FIRST_PAUSE
        while True:
            try:
                if self._desk.once:
                    await self._list(engine, nursery, say, is_first=True)
                    return
                async with engine.events() as events:  # first: nothing happens unnoticed after that
                    await self._list(engine, nursery, say, is_first=is_first)
                    is_first, pause = False, _FIRST_PAUSE
                    while True:
                        with trio.move_on_after(_LIST_SECONDS):
                            if not await events.gathered(_CHUNK_BYTES, _SETTLE_SECONDS):
                                break
                        await self._list(engine, nursery, say, is_first=False)
                why = "the container engine closed the connection"
            except EngineError as error:
                why = str(error)
            state = SourceState.BLOCKED
            for text in self._texts:
                if self._desk.once or not any(
                    _matches(text, one.container) for one in self._followers.values()
                ):
                    await self._tell(SourceHealth(text, state, why), say)
            if self._desk.once:
                logger.error("{}: {}", ", ".join(self._texts), why)
                return
            await trio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _list(
        self, engine: Engine, nursery: trio.Nursery, say: Say, *, is_first: bool
    ) -> None:
        """List the containers, and tell the followers about theirs. Raises `EngineError`."""
        containers = await engine.containers()
        start = self._desk.start
        if self._is_resumed or not is_first:
            # It has been started since: it is read from its start.
            start = attrs.evolve(start, where=From.START)
        there = {container.id for container in containers}
        self._following = {
            follower.container.id: follower
            for follower in self._followers.values()
            if follower.container is not None
        }
        matched: set[str] = set()
        for container in containers:
            texts = [text for text in self._texts if self._is_wanted(text, container)]
            matched.update(texts)
            known = self._follower_of(container, there) if texts else None
            if texts and known is None and self._has_room():
                known = await self._begin(container, engine, start, nursery, say)
            if known is not None:
                known.container = container
        if is_first:
            await self._drop_marks(there, say)
        self._tell_followers(there)
        for text in self._texts:
            if text in matched:
                await self._forget_text(text, say)
            elif not any(one.text == text for one in self._followers.values()):
                await self._tell(self._missing(text, containers), say)

    def _has_room(self) -> bool:
        """Tell whether another container can be followed."""
        is_full = len(self._followers) >= _MOST_CONTAINERS
        if is_full and not self._is_full:
            said = "docker: more than {} containers match; the others are not followed"
            logger.warning(said, _MOST_CONTAINERS)
        self._is_full = is_full
        return not is_full

    def _tell_followers(self, there: Set[str]) -> None:
        """Tell all followers that there is a new list, and whether their container is in it."""
        for name, follower in list(self._followers.items()):
            if follower.container is not None and follower.container.id not in there:
                follower.container = None
            follower.has_listed()
            if follower.has_ended:
                del self._followers[name]

    def _follower_of(self, container: Container, there: Set[str] = frozenset()) -> Follower | None:
        """Return who follows a container, maybe under its earlier name, or one before it.

        `there` are the ids of all containers.
        """
        known = self._following.get(container.id)
        if known is not None:
            return known
        known = self._followers.get(f"docker:{container.name}")
        if known is not None and known.container is not None and known.container.id in there:
            return None  # that one was renamed
        return known

    async def _begin(
        self,
        container: Container,
        engine: Engine,
        start: StartPosition,
        nursery: trio.Nursery,
        say: Say,
    ) -> Follower:
        name = f"docker:{container.name}"
        if name in self._followers:  # of a container that had the name, and has another one now
            name = f"{name}@{container.id[:12]}"
        before = self._by_id.get(container.id) or self._by_name.get(name)
        if before is not None:
            self._by_id.pop(before.container, None)
            self._by_name.pop(before.source, None)
            if before.source != name:  # it was renamed
                await say(SourceGone(before.source))
                before = attrs.evolve(before, source=name)
        text = next(text for text in self._texts if self._is_wanted(text, container))
        follower = Follower(
            name=name,
            text=text,
            container=container,
            engine=engine,
            start=start,
            say=say,
            once=self._desk.once,
            before=before,
            stays=not _is_pattern(selected(text)),
        )
        self._followers[name] = follower
        nursery.start_soon(follower.run)
        return follower

    async def _drop_marks(self, there: Set[str], say: Say) -> None:
        """Forget containers that were removed while nothing ran, or are not selected any more."""
        for name, mark in self._by_name.items():
            if mark.container not in there:
                said = "the container was removed while GlanceMetrics was not running"
                await say(Gap(name, f"{name}: {said}; its last lines may be missing"))
            await say(SourceGone(name))
        self._by_name.clear()
        self._by_id.clear()

    def _is_wanted(self, text: str, container: Container) -> bool:
        """Tell whether a text selects a container that there is something to read of."""
        if not _matches(text, container):
            return False
        if not _is_pattern(selected(text)):
            return True
        if container.id == self._own or container.labels.get(FOLLOW_LABEL) == "false":
            return False
        if container.is_running or container.id in self._by_id:
            return True
        return self._follower_of(container) is not None

    async def _forget_text(self, text: str, say: Say) -> None:
        """A text with containers is not shown beside them."""
        is_name = any(one.name == text for one in self._followers.values())
        if self._told.pop(text, None) is not _GONE and not is_name:
            await say(SourceGone(text))
        self._told[text] = _GONE

    async def _tell(self, health: SourceHealth, say: Say) -> None:
        if self._told.get(health.name) != health:
            self._told[health.name] = health
            await say(health)
            if self._desk.once and health.state is SourceState.WAITING:
                logger.error("{}: {}", health.name, health.detail)

    def _missing(self, text: str, containers: Sequence[Container]) -> SourceHealth:
        what = selected(text)
        if _is_pattern(what):
            said = "no running container matches"
        else:
            said = "no such container" + suggestion(what, [one.name for one in containers])
        return SourceHealth(text, SourceState.WAITING, said)


_GONE = SourceHealth("", SourceState.ENDED)
"""Stands for: nothing is shown about a text."""


def _is_pattern(what: str) -> bool:
    return what.startswith("label=") or any(char in what for char in "*?[")


def _matches(text: str, container: Container | None) -> bool:
    if container is None:
        return False
    what = selected(text)
    if what.startswith("label="):
        key, has_value, value = what.removeprefix("label=").partition("=")
        found = container.labels.get(key)
        return found is not None and (not has_value or found == value)
    return fnmatch.fnmatchcase(container.name, what)


_OVERLAP_SECONDS = 5
"""How far before its last line a log is read again: lines of two streams may be in any order."""


@attrs.define(eq=False, kw_only=True)
class Follower:
    """Follows the container of one name. Every chunk has the mark behind its last line."""

    name: str
    """The name of the source, as `docker:web`."""
    text: str
    """The value of `-f` that selected it."""
    container: Container | None
    """The container that has the name now."""
    engine: Engine
    start: StartPosition
    say: Say
    once: bool
    before: DockerMark | None
    stays: bool
    """Whether it is waited for when there is no such container."""
    has_ended: bool = False
    """Whether the container was removed, and is not shown any more."""
    _mark: DockerMark = attrs.field(init=False)
    _is_read_out: bool = True
    """Whether all of the log of the mark's container was read, as it had stopped."""
    _caught_up: bool = False
    _listed: trio.Event = attrs.field(init=False, factory=trio.Event)

    def __attrs_post_init__(self) -> None:
        self._mark = self.before or DockerMark(self.name)
        self._is_read_out = self.before is None

    def has_listed(self) -> None:
        """Note that `container` is of a new list."""
        self._listed.set()
        self._listed = trio.Event()

    async def run(self) -> None:
        """Follow it until it is gone; with `once`, until the end of its log."""
        if self.before is not None:
            await self.say(Resumes(self.before))
        pause = _FIRST_PAUSE
        while True:
            container = self.container
            if container is None:
                if not await self._has_come_back():
                    return
                continue
            began = trio.current_time()
            try:
                await self._follow(container)
                if self.once:
                    return
                await self._has_stopped(container)
                pause = _FIRST_PAUSE
                continue
            except NoSuchContainerError:
                if self.once or self.container is container:
                    self.container = None
                continue
            except EngineError as error:
                why = str(error)
            self._caught_up = False
            if self.once:
                await self.say(SourceHealth(self.name, SourceState.BLOCKED, why))
                logger.error("{}: {}", self.name, why)
                return
            if trio.current_time() - began > _HEALTHY_SECONDS:
                pause = _FIRST_PAUSE
            await self.say(SourceHealth(self.name, SourceState.BLOCKED, why))
            await trio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _has_come_back(self) -> bool:
        """Wait for a container of the name; `False` if there is none for long."""
        await self.say(SourceHealth(self.name, SourceState.WAITING, "no such container"))
        if self.once:
            return False
        with trio.move_on_after(math.inf if self.stays else _GONE_SECONDS):
            while self.container is None:
                await self._listed.wait()
            return True
        await self.say(SourceGone(self.name))
        self.has_ended = True
        return False

    async def _has_stopped(self, stopped: Container) -> None:
        """Wait until the container runs again, is removed, or is another one."""
        while True:
            await self._listed.wait()
            container = self.container
            if container is None or container.is_running or container.id != stopped.id:
                return

    async def _follow(self, container: Container) -> None:
        """Read the log until the container has stopped. Raises `EngineError`."""
        details = await self.engine.details(container.id)
        await self.say(SourceHealth(self.name, SourceState.READING))
        if self._mark.container != container.id:
            await self._take_over(container)
        self._is_read_out = False
        log = await self._read_past(details)
        if self.once:
            if not details.is_running:
                await self._hand_on(log, log.end(), follow=False, left=0)
            await self.say(SourceHealth(self.name, SourceState.FOLLOWING))
            return
        await self.say(SourceHealth(self.name, SourceState.FOLLOWING))
        said = "the container was removed"
        try:
            while details.is_running:
                log = await self._read(details, follow=True)
                details = await self.engine.details(container.id)
                if details.is_running:
                    await trio.sleep(_FIRST_PAUSE)
            said = f"the container has stopped (exit status {details.exit_status})"
            log = await self._read(details, follow=False)
            await self.engine.details(container.id)  # or the engine has ended in the meantime
        except NoSuchContainerError:
            pass  # what was followed was read to its end
        await self._hand_on(log, log.end(), follow=True, left=0)
        self._is_read_out = True
        self._caught_up = False
        await self.say(SourceHealth(self.name, SourceState.WAITING, said))

    async def _take_over(self, container: Container) -> None:
        """Begin with another container of the name. Raises `EngineError`."""
        start = self.start
        if self._mark.container:
            if not self._is_read_out:
                said = "the container was replaced before all of its log was read"
                await self.say(Gap(self.name, f"{self.name}: {said}; lines may be missing"))
            start = attrs.evolve(start, where=From.START)
        places = await self._first_places(container, start)
        self._mark = DockerMark(self.name, container.id, places)
        await self.say(Marked(self._mark))

    async def _first_places(
        self, container: Container, start: StartPosition
    ) -> tuple[tuple[int, Place], ...]:
        since = start.since
        match start.where:
            case From.START:
                return ()
            case From.END:
                begin = time.time_ns()
            case From.WINDOW if since is not None:
                begin = since * _NANOS
            case _:
                last = await self._last(container)
                if last is None:
                    return ()
                begin = (last // _NANOS + 1 - start.window_seconds) * _NANOS
        return (STDOUT, Place(max(0, begin))), (STDERR, Place(max(0, begin)))

    async def _last(self, container: Container) -> int | None:
        """Return the time of the last line there is, in nanoseconds. Raises `EngineError`."""
        details = await self.engine.details(container.id)
        log = ContainerLog(has_frames=not details.has_terminal, places={})
        async with self.engine.log(container.id, since=None, follow=False, last=1) as pieces:
            while piece := await pieces.next():
                _feed(log, piece)
        return max((place.time for place in log.places.values()), default=None)

    async def _read_past(self, details: Details) -> ContainerLog:
        """Read to the end of the log. Raises `EngineError`."""
        while True:
            began, before = trio.current_time(), self._mark
            log = await self._read(details, follow=False)
            is_short = trio.current_time() - began < _SHORT_SECONDS
            # The last seconds are sent again each time, and may be long.
            if is_short or self.once or self._mark == before:
                return log

    async def _read(self, details: Details, *, follow: bool) -> ContainerLog:
        """Read behind the mark until the engine ends the log. Raises `EngineError`."""
        places, since = _from_places(dict(self._mark.places))
        log = ContainerLog(has_frames=not details.has_terminal, places=places)
        container = self._mark.container
        async with self.engine.log(container, since=since, follow=follow) as pieces:
            while piece := await pieces.gathered(_CHUNK_BYTES, GATHER_SECONDS):
                taken = _feed(log, piece)
                await self._hand_on(log, taken, follow=follow, left=pieces.left)
        if not follow and log.has_lost:
            await self.engine.details(container)  # or the engine has ended before it had sent it
            await self._say_gap()
            known = tuple((stream, attrs.evolve(at, count=0)) for stream, at in self._mark.places)
            self._mark = attrs.evolve(self._mark, places=known)
            await self.say(Marked(self._mark))
        return log

    async def _say_gap(self) -> None:
        said = "the engine no longer has the last line that was read (its log was rotated)"
        await self.say(Gap(self.name, f"{self.name}: {said}; lines may be missing"))

    async def _hand_on(self, log: ContainerLog, taken: Taken, *, follow: bool, left: int) -> None:
        if taken.lost:
            await self._say_gap()
        fresh = follow and self._caught_up
        self._caught_up = follow and not left
        if not taken:
            return
        read = {stream: place for stream, place in log.places.items() if place.count}
        places = {**dict(self._mark.places), **read}
        self._mark = attrs.evolve(self._mark, places=tuple(sorted(places.items())), parsing=None)
        await self.say(
            Chunk(
                self.name,
                taken.lines,
                taken.overlong,
                self._caught_up,
                fresh,
                left,
                self._mark,
                server=self.name.removeprefix("docker:"),
            )
        )


def _feed(log: ContainerLog, piece: bytes) -> Taken:
    try:
        return log.feed(piece)
    except FramesError as error:
        raise EngineError(str(error)) from None


def _from_places(places: dict[int, Place]) -> tuple[dict[int, Place], int | None]:
    """Return from where to read a log, and the second from which the engine should send it.

    A stream that has long been silent is not searched for its last line.
    """
    if not places:
        return {}, None
    since = max(place.time for place in places.values()) // _NANOS - _OVERLAP_SECONDS
    return {
        stream: place if place.time // _NANOS > since else attrs.evolve(place, count=0)
        for stream, place in places.items()
    }, max(0, since)
