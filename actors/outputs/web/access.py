"""Who may look: tokens, users with passwords, and the sessions of browsers.

Files are read again when they change. Tokens and passwords are compared in constant time, and are
in no log and no error.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
import os
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import argon2
import attrs
import itsdangerous
import trio
from itsdangerous import encoding
from loguru import logger

from actors.outputs.web.allowances import Allowances
from actors.outputs.web.networks import network_of
from actors.state.state_file import PRIVATE_MODE, make_folder, replace
from glancemetrics.errors import GlanceMetricsError, sentence

SESSION_SECONDS = 7 * 86_400
SHORTEST_TOKEN = 16
_MOST_ENDED = 1000
"""Sessions of one person that are remembered one by one after their end."""
_SECRET_NAME = "web-secret"  # noqa: S105 - the name of a file
_REMEMBERED, _REMEMBERED_SECONDS = 1000, 300.0
"""Passwords that were right are remembered for so long: to check one takes 30 ms on purpose."""
_LONGEST = 1000
GUESSES_A_SECOND, GUESSES = 0.2, 6.0
"""Wrong tokens and passwords of one network (`networks.py`)."""
_MOST_CHECKS = 4
"""Passwords that wait while another one is checked, of all addresses."""
_CHECK_SECONDS = 2.0


@attrs.frozen
class Session:
    """What a login has begun."""

    id: str
    """Random."""
    began: float
    """In whole seconds since 1970."""

    @property
    def is_old(self) -> bool:
        """Whether it has ended by itself."""
        return time.time() - self.began > SESSION_SECONDS


@attrs.frozen
class Person:
    """Who looks."""

    name: str
    key: str
    """What the session is bound to: it ends when the token or the password is changed."""
    session: Session | None = attrs.field(default=None, eq=False)
    """`None`: each request has the token or the password."""


@attrs.define
class _Ended:
    """The sessions of a person that somebody has logged out of."""

    one_by_one: set[Session] = attrs.field(factory=set)
    all_until: float = -math.inf
    """All that began until then have ended, in seconds since 1970."""

    def add(self, session: Session) -> None:
        self.one_by_one = {one for one in self.one_by_one if not one.is_old} | {session}
        if len(self.one_by_one) > _MOST_ENDED:
            # Whoever logs out so often ends nobody else's sessions, and none comes back.
            oldest = min(self.one_by_one, key=lambda one: one.began)
            self.one_by_one.remove(oldest)
            self.all_until = max(self.all_until, oldest.began)

    def __contains__(self, session: Session) -> bool:
        return session in self.one_by_one or session.began <= self.all_until


class TooManyGuessesError(Exception):
    """An address sent too many wrong tokens or passwords, or too many wait for being checked."""

    def __init__(self, reason: str, wait: float) -> None:
        super().__init__(f"{reason}; try again in {math.ceil(wait)} s")
        self.wait = wait
        """Seconds until the next attempt is checked."""


@attrs.define
class _Check:
    """A password that is being checked."""

    done: trio.Event = attrs.field(factory=trio.Event)
    is_right: bool | None = None
    """`None`: whoever asked for the check left before its end."""


class Credentials:
    """A file with a token or a user on each line. `#` begins a comment."""

    def __init__(
        self, option: str, path: Path, read: Callable[[str], tuple[str, str]], may: str = "look"
    ) -> None:
        """`read` returns the name and the value of a line; `may` is what those in it may do."""
        self._path = path
        self._may = may
        self._name = f"{option} {path}"
        self._read = read
        self._stamp: object = None
        self._problem = ""
        self.known: Mapping[str, str] = {}
        """{name: token or hash}"""

    def refresh(self) -> None:
        """Read the file if it has changed. Raises `GlanceMetricsError` the first time only."""
        is_first = self._stamp is None
        try:
            found = self._path.stat()
            stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
            if stamp != self._stamp:
                self.known = self._load()
                self._stamp = stamp
            problem = "" if self.known else f"{self._name}: empty, so nobody may {self._may}"
        except FileNotFoundError as error:
            problem = f"{self._name}: {error.strerror}"
            if not is_first:
                self.known, self._stamp = {}, ()
                problem += f", so nobody may {self._may}"
        except (OSError, GlanceMetricsError) as error:
            reason = error.strerror if isinstance(error, OSError) else None
            problem = f"{self._name}: {reason}" if reason else sentence(error)
            if not is_first:
                problem += "; who was allowed before still is"
        if problem and is_first:
            self._stamp = None
            raise GlanceMetricsError(problem)
        if problem and problem != self._problem:
            logger.warning("{}", problem)
        self._problem = problem

    def _load(self) -> dict[str, str]:
        known = {}
        # "-sig": some editors put a byte order mark before the first line.
        text = self._path.read_text("utf-8-sig", errors="replace")
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip() and not line.startswith("#"):
                try:
                    name, value = self._read(line.strip())
                except ValueError as error:
                    raise GlanceMetricsError(f"{self._name} line {number}: {error}") from None
                known[name] = value
        return known


def check_token(token: str) -> None:
    """Raise `ValueError` for a token that could be guessed."""
    if len(token) < SHORTEST_TOKEN:
        raise ValueError(
            f"a token has at least {SHORTEST_TOKEN} characters; `openssl rand -hex 32` makes one"
        )


def _token(line: str) -> tuple[str, str]:
    check_token(line)
    return hashlib.sha256(line.encode()).hexdigest()[:16], line


def _user(line: str) -> tuple[str, str]:
    name, colon, hashed = line.partition(":")
    if not colon or not name or not hashed.startswith("$argon2"):
        raise ValueError("must be NAME:HASH, as `glancemetrics web-user NAME` prints it")
    return name, hashed


def basic_of(value: str) -> tuple[str, str]:
    """Return the name and the password of `Basic` credentials (RFC 7617); empty if damaged."""
    try:
        text = base64.b64decode(value.strip(), validate=True).decode()
    except ValueError:
        text = ""
    name, _, password = text.partition(":")
    return name, password


def hash_of(password: str) -> str:
    """Return the hash of a password (Argon2id, RFC 9106)."""
    return argon2.PasswordHasher().hash(password)


class Access:
    """Checks who may look."""

    def __init__(self, token_file: str | None, users: str | None, state_folder: Path) -> None:
        self._tokens = (
            None
            if token_file is None
            else Credentials("--web-token-file", Path(token_file), _token)
        )
        self._users = None if users is None else Credentials("--web-users", Path(users), _user)
        self._hasher = argon2.PasswordHasher()
        # The hash of nothing: an unknown name takes as long as a wrong password.
        self._nobody = self._hasher.hash(secrets.token_hex(16))
        self._turns = trio.CapacityLimiter(1)
        self._right: OrderedDict[bytes, tuple[Person, float]] = OrderedDict()
        self._checks: dict[bytes, _Check] = {}
        self._guesses = Allowances(GUESSES_A_SECOND, GUESSES)
        self._ended: dict[str, _Ended] = {}
        """By the key of a person."""
        self._keys: frozenset[str] = frozenset()
        """The keys of all tokens and users."""
        self._secret = b"" if self.is_open else _secret(state_folder)
        self._signer = itsdangerous.URLSafeTimedSerializer(
            self._secret or b"unused", salt="glancemetrics session",
            signer_kwargs={"digest_method": hashlib.sha256},
        )  # fmt: skip

    @property
    def is_open(self) -> bool:
        """Whether whoever reaches the address may look."""
        return self._tokens is None and self._users is None

    @property
    def has_tokens(self) -> bool:
        return self._tokens is not None

    @property
    def has_users(self) -> bool:
        return self._users is not None

    def refresh(self) -> None:
        """Read files that have changed. Raises `GlanceMetricsError` the first time only."""
        try:
            for one in (self._tokens, self._users):
                if one is not None:
                    one.refresh()
        finally:
            self._keys = frozenset(self._known_keys())

    def takes(self, kind: str) -> bool:
        """Tell whether an `Authorization` header of a kind, in lower case, can be right here."""
        return (kind == "bearer" and self.has_tokens) or (kind == "basic" and self.has_users)

    async def of_header(self, header: str, peer: str) -> Person | None:
        """Return who sent an `Authorization` header (RFC 6750, RFC 7617).

        Raises `TooManyGuessesError`.
        """
        kind, _, value = header.partition(" ")
        if kind.lower() == "bearer":
            return await self.of_login(peer, token=value.strip())
        name, password = basic_of(value) if kind.lower() == "basic" else ("", "")
        return await self.of_login(peer, name=name, password=password)

    async def of_login(
        self, peer: str, *, token: str = "", name: str = "", password: str = ""
    ) -> Person | None:
        """Return whose token, or name and password, an address sent.

        Wrong ones take from the allowance of the address. Once it is used up nothing is checked:
        only what was right before is still answered. Raises `TooManyGuessesError`.
        """
        seal = self._seal(network_of(peer), token, name, password)
        while True:
            person = self._remembered(seal)
            if person is not None:
                return person
            check = self._checks.get(seal)
            if check is None:
                break
            await check.done.wait()  # a page asks several times at once
            if check.is_right is False:
                return None
        allowance = self._guesses.of(network_of(peer))
        if not allowance.take(time.monotonic()):
            raise TooManyGuessesError("too many wrong tokens or passwords", allowance.wait())
        person = None
        if token:
            person = self.of_token(token)
        elif len(self._checks) > _MOST_CHECKS:
            allowance.give_back()
            raise TooManyGuessesError("too many passwords are being checked", _CHECK_SECONDS)
        else:
            check = self._checks[seal] = _Check()
            try:
                person = await self.of_password(name, password)
                check.is_right = person is not None
            finally:
                del self._checks[seal]
                check.done.set()
        if person is not None:
            allowance.give_back()
            self._remember(seal, person)
        return person

    def _seal(self, *texts: str) -> bytes:
        """Return what stands for a secret in memory; it changes when a password is changed."""
        known = "" if self._users is None else self._users.known.get(texts[2], "")
        return hmac.digest(self._secret, repr((*texts, known)).encode(), "sha256")

    def _remembered(self, seal: bytes) -> Person | None:
        person, until = self._right.get(seal, (None, 0.0))
        if person is None or time.monotonic() >= until or not self._is_known(person.key):
            return None
        return person

    def _remember(self, seal: bytes, person: Person) -> None:
        self._right[seal] = person, time.monotonic() + _REMEMBERED_SECONDS
        while len(self._right) > _REMEMBERED:
            self._right.popitem(last=False)

    def of_token(self, token: str) -> Person | None:
        """Return whose token it is."""
        if self._tokens is None or len(token) > _LONGEST:
            return None
        found = None
        for name, known in self._tokens.known.items():
            if hmac.compare_digest(token.encode(), known.encode()):
                found = Person(f"token {name[:6]}", self._key(f"token:{name}", known))
        return found

    async def of_password(self, name: str, password: str) -> Person | None:
        """Return whose name and password they are."""
        if self._users is None or len(name) > _LONGEST or len(password) > _LONGEST:
            return None
        hashed = self._users.known.get(name)
        is_right = await trio.to_thread.run_sync(
            partial(self._is_right, hashed, password), limiter=self._turns
        )
        if hashed is None or not is_right:
            return None
        return Person(name, self._key(f"user:{name}", hashed))

    def _is_right(self, hashed: str | None, password: str) -> bool:
        try:
            return self._hasher.verify(hashed or self._nobody, password)
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False

    def session(self, person: Person) -> str:
        """Return the value of a cookie for a person; each is another session."""
        return self._signer.dumps([person.name, person.key, secrets.token_urlsafe(16)])

    def of_session(self, cookie: str) -> Person | None:
        """Return whose session it is; nobody's once it is old, or the token or password is gone."""
        if len(cookie) > _LONGEST or not _is_canonical(cookie):
            return None
        try:
            told, signed = self._signer.loads(
                cookie, max_age=SESSION_SECONDS, return_timestamp=True
            )
            name, key, session = (str(one) for one in told)
        except (itsdangerous.BadSignature, ValueError, TypeError):
            return None
        person = Person(name, key, Session(session, signed.timestamp()))
        return person if self.may_look(person) else None

    def end_session(self, cookie: str) -> None:
        """Let a session be nobody's from now on, until a restart of the program."""
        person = self.of_session(cookie)
        if person is not None and person.session is not None:
            self._ended.setdefault(person.key, _Ended()).add(person.session)

    def may_look(self, person: Person) -> bool:
        """Tell whether a person who was let in still may look: not once the session has ended."""
        session, ended = person.session, self._ended.get(person.key)
        if session is not None and (session.is_old or (ended is not None and session in ended)):
            return False
        return self._is_known(person.key)

    def _is_known(self, key: str) -> bool:
        """Tell whether the token or the password of a key is still in its file."""
        # The time of a look-up may say something about a key. Nobody can try one: it is ours, or
        # comes with our signature.
        return key in self._keys

    def _known_keys(self) -> Iterator[str]:
        for kind, file in (("token", self._tokens), ("user", self._users)):
            for name, known in ({} if file is None else file.known).items():
                yield self._key(f"{kind}:{name}", known)

    def _key(self, name: str, value: str) -> str:
        return hmac.new(self._secret, f"{name}\0{value}".encode(), hashlib.sha256).hexdigest()[:32]


def _is_canonical(cookie: str) -> bool:
    """Tell whether the signature of a cookie is written as we write it (RFC 4648, section 3.5).

    Bits of its last character may be free, and other characters are passed over: so the same
    session could be written in many ways. All before it is signed as it is written.
    """
    try:
        signature = cookie.rpartition(".")[2].encode("ascii")
        return encoding.base64_encode(encoding.base64_decode(signature)) == signature
    except (ValueError, itsdangerous.BadData):
        return False


def _secret(folder: Path) -> bytes:
    """Return the key that signs sessions; it outlives a restart."""
    path = folder / _SECRET_NAME
    try:
        make_folder(folder)
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "rb") as file:
            known = file.read(64)
        if len(known) == 32:
            return known
    except FileNotFoundError:
        pass
    except OSError as error:
        logger.warning("{}; who is logged in must do so again after a restart", sentence(error))
    made = secrets.token_bytes(32)
    try:
        replace(path, made, PRIVATE_MODE)
    except OSError as error:
        logger.warning("{}; who is logged in must do so again after a restart", sentence(error))
    return made
