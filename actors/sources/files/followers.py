"""The followers of all paths: which one a file belongs to, and which files are not followed.

No operation visits all followers for each file: there may be ten thousand logs.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from actors.sources.files.identity import Identity
from actors.sources.files.marks import PathMark
from actors.sources.files.open_file import is_of
from actors.sources.files.path_follower import PathFollower
from actors.sources.files.paths import IsLog, matches_name, matching
from actors.sources.files.rotation import bases_of
from actors.sources.files.waking import Status, status_of

Place = tuple[str, str]
"""The real folder of a path, and its name there."""


def place_of(path: str) -> Place:
    """Return the place of a path; accesses the file system."""
    folder, name = os.path.split(os.path.realpath(path))
    return folder, name


class Followers:
    """All path followers."""

    def __init__(
        self,
        paths: Iterable[str],
        globs: Iterable[str],
        before: Mapping[str, PathMark],
        is_log: IsLog = lambda _: True,
    ) -> None:
        """`paths` are followed by name, `globs` by their matches.

        `before` is how far each path had been followed by another run. `is_log` tells which files
        of a directory are access logs.
        """
        self._is_log = is_log
        self._before = before
        self._finished = {head.identity: head for mark in before.values() for head in mark.known}
        self._names = {os.path.abspath(path) for path in paths}
        self._followers: dict[str, PathFollower] = {}
        self._kin: defaultdict[tuple[str, str, str], dict[str, PathFollower]] = defaultdict(dict)
        """{key of a place: {path: follower}}"""
        self._places: dict[str, Place] = {}
        """{path: its place}"""
        self._matched: dict[str, frozenset[str]] = dict.fromkeys(globs, frozenset())
        """{glob: the real paths that matched it at the last scan}"""
        self._folders: dict[str, frozenset[str]] = dict.fromkeys(globs, frozenset())
        """{glob: the folders of those}"""
        self._passed_over: dict[str, Status] = {}
        """{path that matches a glob but was read under another name: its status at that time}"""

    @property
    def globs(self) -> list[str]:
        """The globs."""
        return list(self._matched)

    def add(self, follower: PathFollower, place: Place) -> None:
        """Add a follower with the place of its path."""
        self._followers[follower.path] = follower
        self._places[follower.path] = place
        for key in _keys(place):
            self._kin[key][follower.path] = follower

    def remove(self, follower: PathFollower) -> None:
        """Remove a follower; its file may now be followed under another name."""
        del self._followers[follower.path]
        for key in _keys(self._places.pop(follower.path)):
            del self._kin[key][follower.path]
            if not self._kin[key]:
                del self._kin[key]
        self._passed_over.clear()

    def new_matches(self, pattern: str, *, is_first: bool) -> list[str]:
        """Return the files that match a glob and are not followed; runs in a thread.

        At the first scan, a file that may be a copy of another counts as a separate log.
        """
        paths = matching(pattern, self._is_log)
        reals = {path: os.path.realpath(path) for path in paths}
        self._matched[pattern] = frozenset(reals.values())
        self._folders[pattern] = frozenset(map(os.path.dirname, reals.values()))
        new = [path for path in paths if path not in self._followers]
        statuses = {path: status_of(path) for path in new}
        new = [path for path in new if self._passed_over.get(path) != statuses[path]]
        if not new:
            return []
        followers = list(self._followers.values())
        taken = {os.path.realpath(each.path) for each in followers}
        read = {identity for each in followers for identity in each.identities()}
        found = []
        for path in new:
            device, inode, *rest = (*statuses[path], 0)
            identity = Identity(device, inode)
            kin = list(self._kin_of(reals[path]))
            if not rest or (not is_first and any(each.has_copy(identity) for each in kin)):
                continue  # it is gone, or may be incomplete
            is_read = reals[path] in taken or identity in read
            if is_read or self._was_read(path, identity, kin):
                self._passed_over[path] = statuses[path]
                continue
            taken.add(reals[path])
            read.add(identity)
            found.append(path)
        return found

    def has_matches(self, pattern: str) -> bool:
        """Tell whether a glob had matches at its last scan."""
        return bool(self._matched[pattern])

    def _was_read(self, path: str, identity: Identity, kin: Iterable[PathFollower]) -> bool:
        """Tell whether a file was read to its end under another name, in this run or before."""
        mark = self._before.get(path)
        if mark is not None and mark.files:
            return False
        if any(each.has_finished(path, identity) for each in kin):
            return True
        head = self._finished.get(identity)
        return head is not None and is_of(path, head)

    def is_claimed(self, by: str, path: str, identity: Identity) -> bool:
        """Tell whether a file beside the path `by` is, or will be, followed under another path."""
        if os.path.abspath(path) in self._names:
            return True
        others = (each for each in self._kin_of(path) if each.path != by)
        return any(identity in each.identities() for each in others) or self._matches(path)

    def _matches(self, path: str) -> bool:
        """Tell whether a real path matches a glob, as of the last scan."""
        folder, name = os.path.split(path)
        return any(
            path in matched or (folder in self._folders[pattern] and matches_name(name, pattern))
            for pattern, matched in self._matched.items()
        )

    def _kin_of(self, path: str) -> Iterator[PathFollower]:
        """Yield the followers whose files may be rotated to this path."""
        folder, name = os.path.split(path)
        for base, ending in bases_of(name):
            yield from list(self._kin.get((folder, base, ending), {}).values())


def _keys(place: Place) -> Iterator[tuple[str, str, str]]:
    """Yield the folder, and the bases (`bases_of`) of names that a rotated file may get."""
    folder, name = place
    stem, ending = os.path.splitext(name)
    yield folder, name, ""
    if ending:
        yield folder, stem, ending
