"""Connections to a real Redis: what is asked of it, and what it may not be."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import hiredis
import pytest
import trio
import trustme

from actors.redis import connection as connection_module
from actors.redis.connection import (
    Command,
    Connection,
    RefusedError,
    ReplyTooLargeError,
    checked,
    connect,
    tls_context,
)
from actors.redis.lease import Holder, Lease
from glancemetrics.configuration.variables import PASSWORD_VARIABLE
from glancemetrics.errors import GlanceMetricsError, UnreachableError, UsageError
from glancemetrics.fleet.address import FleetAddress, fleet_address
from glancemetrics.fleet.keys import agent_access
from tests.redis import Redis
from tests.waiting import Running, free_port, until_listening


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    with Redis(tmp_path_factory.mktemp("redis"), ("--appendonly", "no")) as running:
        yield running


def at(port: int, query: str = "", *, scheme: str = "redis", user: str = "") -> FleetAddress:
    return fleet_address(f"{scheme}://{user}localhost:{port}/0?fleet=prod{query}", "--to")


async def test_commands_are_answered_in_order_and_errors_are_among_the_answers(
    redis: Redis,
) -> None:
    connection = await connect(at(redis.port), "test")
    replies = await connection.run(("SET", "a", b"\0\n"), ("LPOP", "a"), ("GET", "a"))
    assert replies[0] == b"OK"
    assert isinstance(replies[1], RefusedError)
    assert replies[2] == b"\0\n"
    with pytest.raises(RefusedError, match="WRONGTYPE"):
        checked(replies[1])
    await connection.aclose()


async def test_a_reply_that_is_too_large_ends_the_connection(redis: Redis) -> None:
    connection = await connect(at(redis.port), "test")
    await connection.run(("SET", "large", bytes(3 << 20)))
    with pytest.raises(ReplyTooLargeError):
        await connection.run(("GET", "large"), most_bytes=1 << 20)
    with pytest.raises(UnreachableError, match="closed"):
        await connection.run(("PING",))


async def test_a_redis_that_can_do_nothing_for_now_is_tried_again_later(redis: Redis) -> None:
    """Such as one that starts, and loads its data."""
    connection = await connect(at(redis.port), "test")
    redis.run("CONFIG", "SET", "lua-time-limit", "100")
    busy = ["redis-cli", "-p", str(redis.port), "EVAL", "while true do end", "0"]
    with Running(busy, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
        await trio.sleep(0.5)
        try:
            with pytest.raises(UnreachableError, match=rf"localhost:{redis.port}: BUSY"):
                await connection.run(("GET", "a"))
            with pytest.raises(UnreachableError, match=r"BUSY|closed"):
                await connect(at(redis.port), "test")
        finally:
            redis.run("SCRIPT", "KILL")
    connection = await connect(at(redis.port), "test")
    assert await connection.run(("GET", "nothing")) == [None]
    await connection.aclose()


async def test_a_refused_command_is_named_without_what_is_secret(redis: Redis) -> None:
    connection = await connect(at(redis.port), "test")
    *_, (_, nested) = replies = await connection.run(
        ("SET", "text", "x"), ("XINFO", "STREAM", "text"), ("AUTH", "s3cret"),
        ("MULTI",), ("GET", "text"), ("LPUSH", "text", "y"), ("EXEC",),
    )  # fmt: skip
    refused = [one for one in (*replies, nested) if isinstance(one, RefusedError)]
    assert [one.command for one in refused] == ["XINFO STREAM text", "AUTH", "LPUSH text"]
    await connection.aclose()


class Recorded(trio.abc.Stream):
    """A server that answers everything with OK."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        self.pieces.append(bytes(data))
        await trio.lowlevel.checkpoint()

    async def wait_send_all_might_not_block(self) -> None:
        raise NotImplementedError

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        return b"+OK\r\n"

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


async def test_what_is_large_is_sent_in_pieces_so_that_others_run_in_between() -> None:
    large = bytes(range(256)) * (12 << 10)
    commands: list[Command] = [
        ("MULTI",), ("SET", "a", large, "PX", 9), ("SET", b"b", 0.5), ("SET", large[:70_000], 1),
        *[("HSET", "c", *[b"%d" % number] * 40) for number in range(1000)], ("EXEC",),
    ]  # fmt: skip
    stream = Recorded()
    assert set(await Connection(stream, "test").run(*commands)) == {b"OK"}
    assert b"".join(stream.pieces) == b"".join(map(hiredis.pack_command, commands))  # type: ignore[arg-type]
    assert max(map(len, stream.pieces)) <= 256 << 10
    assert len(stream.pieces) < 100
    stream = Recorded()
    await Connection(stream, "test").run(("WATCH", "a"), ("GET", "a"))
    assert len(stream.pieces) == 1


@pytest.mark.parametrize("size", [(1 << 16) - 1, 1 << 16, (1 << 16) + 1, 20 << 20])
async def test_whatever_is_large_arrives_as_it_is(redis: Redis, size: int) -> None:
    connection = await connect(at(redis.port), "test")
    data = (b"\r\n\0" * (size // 3 + 1))[:size]
    set_, read, small = await connection.run(("SET", "a", data), ("GET", "a"), ("ECHO", "é"))
    assert (set_, small) == (b"OK", "é".encode())
    assert read == data
    await connection.aclose()


async def test_a_command_that_was_given_up_takes_the_connection_with_it(redis: Redis) -> None:
    """Else its answer would be taken for that of the next one."""
    connection = await connect(at(redis.port), "test")
    with trio.move_on_after(0.1):
        await connection.run(("BLPOP", "nothing", 5))
    with pytest.raises(UnreachableError):
        await connection.run(("PING",))


async def test_who_does_not_answer_is_given_up(redis: Redis) -> None:
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listeners[0].socket.getsockname()[1]
    connection = await connect(at(redis.port), "test")
    with pytest.raises(UnreachableError, match="does not answer"):
        await connection.run(("BLPOP", "nothing", 5), seconds=0.1)
    with trio.move_on_after(0.3) as scope:
        await connect(at(port), "test")
    assert scope.cancelled_caught
    await listeners[0].aclose()


async def test_what_cannot_be_reached_is_named() -> None:
    port = free_port()
    with pytest.raises(UnreachableError, match=f"localhost:{port}: Connection refused"):
        await connect(at(port), "test")
    with pytest.raises(UnreachableError, match="check the host's name"):
        await connect(fleet_address("redis://nothing.invalid/0", "--to"), "test")


async def test_a_password_comes_from_a_file_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    with Redis(tmp_path / "redis", ("--requirepass", "s3cret")) as redis:
        with pytest.raises(GlanceMetricsError, match="asks for a password"):
            await connect(at(redis.port), "test")
        await (await connect(at(redis.port, f"&password-file={secret}"), "test")).aclose()
        monkeypatch.setenv(PASSWORD_VARIABLE, "s3cret")
        await (await connect(at(redis.port), "test")).aclose()
        monkeypatch.setenv(PASSWORD_VARIABLE, "wrong")
        with pytest.raises(GlanceMetricsError, match="does not accept the password") as caught:
            await connect(at(redis.port), "test")
        assert "wrong" not in str(caught.value)
        empty = tmp_path / "empty"
        empty.write_text("\n")
        with pytest.raises(GlanceMetricsError, match=f"password-file={empty}: is empty"):
            await connect(at(redis.port, f"&password-file={empty}"), "test")
        with pytest.raises(GlanceMetricsError, match=r"password-file=.*No such file"):
            await connect(at(redis.port, "&password-file=/nowhere"), "test")
        with pytest.raises(GlanceMetricsError, match=r"password-file=.*No such file"):
            await connect(at(1, "&password-file=/nowhere"), "test")  # where nobody listens


async def test_a_user_without_a_password_is_not_the_default_user(tmp_path: Path) -> None:
    with Redis(tmp_path / "redis") as redis:
        redis.run("ACL", "SETUSER", "open", "on", "nopass", "+@all")
        redis.run("ACL", "SETUSER", "web1", "on", ">s3cret", "+@all")
        connection = await connect(at(redis.port, user="open@"), "test")
        assert await connection.run(("ACL", "WHOAMI")) == [b"open"]
        await connection.aclose()
        with pytest.raises(GlanceMetricsError, match=r"password of the user web1.*password-file="):
            await connect(at(redis.port, user="web1@"), "test")


async def test_a_cluster_and_a_replica_are_refused_with_the_reason(tmp_path: Path) -> None:
    with (
        Redis(
            tmp_path / "cluster", ("--cluster-enabled", "yes", "--cluster-port", str(free_port()))
        ) as cluster,
        pytest.raises(UsageError, match="is a Redis Cluster"),
    ):
        await connect(at(cluster.port), "test")
    with (
        Redis(tmp_path / "one") as one,
        Redis(tmp_path / "other", ("--replicaof", "127.0.0.1", str(one.port))) as other,
        pytest.raises(UnreachableError, match="is a replica; name its master"),
    ):
        await connect(at(other.port), "test")


async def test_a_cluster_of_valkey_is_refused_too() -> None:
    # What Valkey 8.1 answers to SELECT, INFO, ROLE and CLIENT SETNAME.
    info = b"# Server\r\nredis_version:7.2.4\r\nserver_name:valkey\r\nserver_mode:cluster\r\n"
    replies = b"+OK\r\n$%d\r\n%s\r\n*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n+OK\r\n" % (len(info), info)

    async def answer(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(replies)
        await stream.receive_some()

    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, answer, [listener])
        with pytest.raises(UsageError, match="is a Redis Cluster"):
            await connect(at(listener.socket.getsockname()[1]), "test")
        nursery.cancel_scope.cancel()


async def test_sentinels_say_where_it_is(tmp_path: Path) -> None:
    with Redis(tmp_path / "one") as one:
        port = free_port()
        settings = tmp_path / "sentinel.conf"
        settings.write_text(
            f"port {port}\nbind 127.0.0.1\nsentinel monitor main 127.0.0.1 {one.port} 1\n"
        )
        sentinel = subprocess.Popen(
            ["redis-server", str(settings), "--sentinel"], stdout=subprocess.DEVNULL
        )
        try:
            until_listening(port, "the sentinel")
            text = f"redis+sentinel://localhost:{free_port()},localhost:{port}/0?master="
            connection = await connect(fleet_address(text + "main", "--to"), "test")
            (role,) = await connection.run(("ROLE",))
            assert role[0] == b"master"
            await connection.aclose()
            with pytest.raises(GlanceMetricsError, match="knows no other"):
                await connect(fleet_address(text + "other", "--to"), "test")
            plain = f"redis+sentinel://localhost:{one.port}/0?master=main"
            with pytest.raises(GlanceMetricsError, match="is a Redis and no sentinel"):
                await connect(fleet_address(plain, "--to"), "test")
        finally:
            sentinel.kill()
            sentinel.wait(20)


async def test_tls_with_a_certificate_of_the_client(tmp_path: Path) -> None:
    authority = trustme.CA()
    server, client = authority.issue_cert("localhost"), authority.issue_cert("web1")
    files = {}
    for name, pem in {
        "ca": authority.cert_pem,
        "server": server.cert_chain_pems[0],
        "server-key": server.private_key_pem,
        "client": client.private_key_and_cert_chain_pem,
    }.items():
        files[name] = tmp_path / name
        pem.write_to_path(files[name])
    port = free_port()
    options = (
        *("--port", "0", "--tls-port", str(port), "--tls-cert-file", str(files["server"])),
        *("--tls-key-file", str(files["server-key"]), "--tls-ca-cert-file", str(files["ca"])),
    )
    with Redis(tmp_path / "redis", options, port) as redis:
        query = f"&ca={files['ca']}&cert={files['client']}"
        connection = await connect(at(redis.port, query, scheme="rediss"), "test")
        assert await connection.run(("PING",)) == [b"PONG"]
        await connection.aclose()
        with pytest.raises(UnreachableError, match="if it asks for a certificate: cert="):
            await connect(at(redis.port, f"&ca={files['ca']}", scheme="rediss"), "test")
        with pytest.raises(UnreachableError, match=r"its certificate is not accepted.*see ca="):
            await connect(at(redis.port, scheme="rediss"), "test")
        with pytest.raises(UnreachableError, match="if it expects TLS: rediss://"):
            await connect(at(redis.port), "test")
    assert ssl.OPENSSL_VERSION


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"ca": "nowhere"}, r"^ca=nowhere: No such file or directory$"),
        ({"ca": "nowhere", "cert": "both"}, r"^ca=nowhere: No such file or directory$"),
        ({"ca": "junk"}, r"^ca=junk: has no certificate in PEM$"),
        ({"cert": "nowhere"}, r"^cert=nowhere: No such file or directory$"),
        (
            {"cert": "cert"},
            r"^cert=cert: has no private key in PEM; name the key's file with key=$",
        ),
        ({"cert": "cert", "key": "nowhere"}, r"^key=nowhere: No such file or directory$"),
        ({"cert": "cert", "key": "junk"}, r"^key=junk: has no private key in PEM$"),
        ({"cert": "cert", "key": "other"}, r"^cert=cert, key=other: cannot be used: .*mismatch"),
    ],
)
def test_the_file_of_a_certificate_that_is_wrong_is_named(
    options: dict[str, str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    client, other = (trustme.CA().issue_cert("web1") for _ in range(2))
    other.private_key_pem.write_to_path("other")
    client.private_key_and_cert_chain_pem.write_to_path("both")
    client.cert_chain_pems[0].write_to_path("cert")
    Path("junk").write_text("junk")
    query = "".join(f"&{name}={path}" for name, path in options.items())
    with pytest.raises(GlanceMetricsError, match=told):
        tls_context(at(1, query, scheme="rediss"))


async def test_tls_where_there_is_none_is_noticed(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "CONNECT_SECONDS", 0.5)
    with pytest.raises(UnreachableError, match=r"if it does not use TLS: redis://"):
        await connect(at(redis.port, scheme="rediss"), "test")


async def test_a_connection_whose_handshake_fails_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection_module, "CONNECT_SECONDS", 0.5)
    has_ended = trio.Event()

    async def silent(stream: trio.SocketStream) -> None:
        async for _ in stream:
            pass
        has_ended.set()

    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(trio.serve_tcp, silent, 0, host="127.0.0.1"))
        port = listener.socket.getsockname()[1]
        with pytest.raises(UnreachableError) as failure:
            await connect(at(port, scheme="rediss"), "test")
        with trio.fail_after(5):
            await has_ended.wait()  # also while somebody has the error
        assert failure
        nursery.cancel_scope.cancel()


async def test_a_user_made_as_printed_cannot_touch_what_is_anothers(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret")
    with Redis(tmp_path / "redis") as redis:
        words = list(agent_access("prod", "web1", "web1"))
        assert redis.run(*words[:5], ">s3cret", *words[5:]) == "OK"
        address = at(redis.port, f"&password-file={secret}", user="web1@")
        connection = await connect(address, "test")
        allowed = await connection.run(
            ("XADD", "gm:{prod}:a:web1", "1-1", "d", "x"),
            ("HGETALL", "gm:{prod}:k:web1"),
            ("PUBLISH", "gm:{prod}:hello:web1", "x"),
        )
        assert not [one for one in allowed if isinstance(one, Exception)]
        refused = await connection.run(
            ("XADD", "gm:{prod}:a:web2", "1-1", "d", "x"),
            ("HSET", "gm:{prod}:k:web1", "id", "9-9"),
            ("HGETALL", "gm:{prod}:k:web2"),
            ("XREAD", "STREAMS", "gm:{prod}:a:web1", "0"),
            ("PUBLISH", "gm:{prod}:hello:web2", "x"),
            ("PSUBSCRIBE", "*"),
            ("SET", "gm:{prod}:hub", "x"),
            ("FLUSHALL",),
            ("CONFIG", "GET", "*"),
            ("EVAL", "return 1", 0),
        )
        assert all(isinstance(one, RefusedError) and "NOPERM" in str(one) for one in refused)
        await connection.aclose()


async def test_a_lease_is_for_one_until_it_lets_go(redis: Redis) -> None:
    connection = await connect(at(redis.port), "test")
    first = Lease("lease", Holder(instance="1", host="a", boot="x", process=9))
    second = Lease("lease", Holder(instance="2", host="b", boot="y", process=9))
    assert await first.renew(connection)
    assert not await second.renew(connection)
    assert await host_of(second, connection) == "a"
    assert await first.renew(connection)
    await second.release(connection)  # not its own
    assert not await second.renew(connection)
    await first.release(connection)
    assert await second.renew(connection)
    assert not await first.renew(connection)
    await connection.run(("SET", "lease", "{}"))
    assert await host_of(first, connection) == "another machine"
    await connection.aclose()


async def test_the_lease_of_a_killed_process_of_this_machine_is_nobodys(redis: Redis) -> None:
    connection = await connect(at(redis.port), "test")
    own = Lease.of("killed")
    process = subprocess.Popen(["true"])
    process.wait(20)
    killed = Lease(
        "killed", Holder(**{**vars_of(own.own), "instance": "k", "process": process.pid})
    )
    assert await killed.renew(connection)
    assert not await own.renew(connection)
    assert await own.renew(connection)
    living = Lease("killed", Holder(**{**vars_of(own.own), "instance": "l"}))
    assert not await living.renew(connection)
    assert not await living.renew(connection)
    await connection.aclose()


async def host_of(lease: Lease, connection: Connection) -> str | None:
    holder = await lease.holder(connection)
    return None if holder is None else holder.host


def vars_of(holder: Holder) -> dict[str, object]:
    import attrs

    return attrs.asdict(holder)
