"""Lines in bodies of requests, frames of them on the disk, and idempotency keys."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glancemetrics.formats import posted_keys, posted_lines
from glancemetrics.formats.posted_frames import Posted, frames_in, to_frame
from glancemetrics.formats.posted_keys import (
    KEPT_SECONDS,
    KeyState,
    PostedKeys,
    digest_of,
    fingerprint_of,
    read_key,
    to_record,
)
from glancemetrics.formats.posted_lines import (
    BodyKind,
    NotLinesError,
    ServerLines,
    is_server_name,
)
from glancemetrics.formats.posted_lines import (
    posted_lines as lines_of,
)
from glancemetrics.lines.splitter import LINE_LIMIT


def whole(found: tuple[ServerLines, ...]) -> bytes:
    return b"".join(one.lines for one in found)


texts = st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), max_size=20)
objects = st.dictionaries(texts, st.none() | st.integers() | texts | st.lists(texts, max_size=2))


@given(st.binary(max_size=300), st.sampled_from(BodyKind), st.booleans())
def test_whatever_is_sent_are_whole_lines_or_a_sentence(
    body: bytes, kind: BodyKind, may_name: bool
) -> None:
    try:
        found = lines_of(body, kind, "web1", (lambda _: True) if may_name else None)
    except NotLinesError:
        assert kind is BodyKind.JSON
        return
    for one in found:
        assert one.lines.endswith(b"\n") or one.overlong
        assert is_server_name(one.server)
    if kind is not BodyKind.JSON:
        assert sum(one.count for one in found) == body.count(b"\n") + (not body.endswith(b"\n")) * (
            bool(body)
        )


@given(st.lists(objects, max_size=10), st.data())
def test_objects_are_the_same_lines_in_every_form_of_json(
    values: list[dict[str, Any]], data: st.DataObject
) -> None:
    indent = data.draw(st.sampled_from([None, 2]))
    bodies = [
        json.dumps(values, indent=indent, ensure_ascii=data.draw(st.booleans())).encode(),
        "\n".join(json.dumps(one) for one in values).encode(),
        "".join(json.dumps(one, indent=indent) for one in values).encode(),
    ]
    for body in bodies:
        lines = whole(lines_of(body, BodyKind.JSON, "web1")).split(b"\n")
        assert lines.pop() == b""
        assert [json.loads(line) for line in lines] == values


@given(st.lists(objects, min_size=1, max_size=10))
def test_where_a_large_body_is_cut_for_decoding_makes_no_difference(
    values: list[dict[str, Any]],
) -> None:
    body = json.dumps(values).encode()
    longest = max(len(json.dumps(one)) for one in values)
    step, limit, window = posted_lines._STEP, LINE_LIMIT, posted_lines._WINDOW
    try:
        posted_lines._STEP = 3
        posted_lines._WINDOW = longest + 8
        lines = whole(lines_of(body, BodyKind.JSON, "web1")).splitlines()
    finally:
        posted_lines._STEP, posted_lines._WINDOW = step, window
    assert limit == LINE_LIMIT
    assert [json.loads(line) for line in lines] == values


@pytest.mark.parametrize(
    "body",
    [b"[", b"[1", b"[1 2]", b"[]]", b"{", b"[{]", b"nul", b"1,2", b"[" * 200_000, b'"\n"'],
)
def test_what_is_no_json_is_refused_as_a_whole(body: bytes) -> None:
    with pytest.raises(NotLinesError):
        lines_of(body, BodyKind.JSON, "web1")


def test_a_text_in_json_is_a_line_and_never_two() -> None:
    found = lines_of(b'["GET / 200\\n", "a\\nb"]', BodyKind.JSON, "web1")
    assert whole(found) == b"GET / 200\na\\nb\n"


def test_numbers_stay_as_they_were_written() -> None:
    body = b'[{"time": 1790000000.123456789012345, "big": 123456789012345678901234567890}]'
    assert whole(lines_of(body, BodyKind.JSON, "web1")) == body[1:-1] + b"\n"


def test_a_line_that_is_too_long_is_counted_and_its_beginning_kept() -> None:
    body = b"short\n" + b"x" * (LINE_LIMIT + 1) + b"\nlast"
    (found,) = lines_of(body, BodyKind.TEXT, "web1")
    assert found.lines == b"short\nlast\n"
    assert found.overlong == (b"x" * 1024,)
    assert found.count == 3


def test_a_number_that_is_cut_is_not_taken_for_two() -> None:
    with pytest.raises(NotLinesError):
        lines_of(b"1" * (LINE_LIMIT * 3), BodyKind.JSON, "web1")


SHIPPED = [
    ({"host": "web7", "message": "x"}, "web7"),  # Vector, Filebeat's text
    ({"host": {"name": "web7"}, "message": "x"}, "web7"),  # Filebeat
    ({"hostname": "web7", "log": "x"}, "web7"),  # Fluent Bit
    ({"_HOSTNAME": "web7", "MESSAGE": "x"}, "web7"),  # systemd
    # A line of the log itself: its host is whom the client asked for.
    ({"host": "example.com", "status": 200}, "own"),
    ({"message": "x"}, "own"),
    ({"host": "a b", "message": "x"}, "own"),
    ({"host": "", "message": "x"}, "own"),
    ({"host": "\u202eweb", "message": "x"}, "own"),
    ({"host": "x" * 300, "message": "x"}, "own"),
    ({"host": "not-allowed", "message": "x"}, "own"),
]


@pytest.mark.parametrize(("value", "server"), SHIPPED)
@pytest.mark.parametrize("kind", [BodyKind.JSON, BodyKind.LINES_OF_JSON])
def test_the_server_is_the_one_a_shipper_names_if_that_is_allowed(
    value: dict[str, Any], server: str, kind: BodyKind
) -> None:
    body = json.dumps(value).encode()
    allowed = lines_of(body, kind, "own", lambda name: not name.startswith("not"))
    assert [one.server for one in allowed] == [server]
    assert [one.server for one in lines_of(body, kind, "own")] == ["own"]


def test_lines_are_kept_in_order_by_server() -> None:
    body = b"".join(
        json.dumps({"host": f"web{number % 3}", "message": str(number)}).encode() + b"\n"
        for number in range(30)
    )
    found = lines_of(body, BodyKind.LINES_OF_JSON, "own", lambda _: True)
    assert [one.server for one in found] == ["web0", "web1", "web2"]
    for number, one in enumerate(found):
        said = [int(json.loads(line)["message"]) for line in one.lines.splitlines()]
        assert said == list(range(number, 30, 3))


def test_a_body_has_only_so_many_servers() -> None:
    body = b"".join(
        json.dumps({"host": f"web{number}", "message": "x"}).encode() + b"\n"
        for number in range(70_000)
    )
    found = lines_of(body, BodyKind.LINES_OF_JSON, "own", lambda _: True)
    assert len(found) == posted_lines.MOST_SERVERS + 1
    assert found[-1].server == "own"
    assert sum(one.count for one in found) == 70_000
    assert [one for one, _ in frames_in(to_frame(Posted(found)))] == [Posted(found)]


groups = st.builds(
    ServerLines,
    st.text(min_size=1, max_size=5),
    st.lists(st.binary(max_size=9)).map(lambda some: b"".join(one + b"\n" for one in some)),
    st.lists(st.binary(max_size=9), max_size=2).map(tuple),
)
requests = st.builds(
    Posted,
    st.lists(groups, max_size=3).map(tuple),
    st.integers(0, 2**32 - 1),
    st.binary(min_size=16, max_size=16),
    st.binary(min_size=16, max_size=16),
    st.binary(min_size=16, max_size=16),
)


@given(st.lists(requests, max_size=5))
def test_frames_are_read_as_they_were_written(some: list[Posted]) -> None:
    frames = [to_frame(one) for one in some]
    assert [one.size for one in some] == [len(frame) for frame in frames]
    data = b"".join(frames)
    found = list(frames_in(data))
    assert [one for one, _ in found] == some
    assert [end for _, end in found][-1:] == [len(data)][: len(some)]


@given(st.lists(requests, min_size=1, max_size=3), st.data())
def test_a_frame_that_is_cut_or_changed_and_all_after_it_are_not_read(
    some: list[Posted], data: st.DataObject
) -> None:
    frames = [to_frame(one) for one in some]
    broken = data.draw(st.integers(0, len(frames) - 1))
    frame = bytearray(frames[broken])
    at = data.draw(st.integers(0, len(frame) - 1))
    if data.draw(st.booleans()):
        frame[at] ^= data.draw(st.integers(1, 255))
    else:
        frames, frame = frames[: broken + 1], frame[:at]
    frames[broken] = bytes(frame)
    assert [one for one, _ in frames_in(b"".join(frames))] == some[:broken]


def posted(key: str, lines: bytes = b"x\n", at: int = 0, sender: str = "web1") -> Posted:
    found = (ServerLines(sender, lines),)
    return Posted(found, at, digest_of(sender), digest_of(sender, key), fingerprint_of(found))


def test_a_key_is_new_then_in_progress_then_known() -> None:
    keys, one = PostedKeys(), posted("k")
    assert keys.begin(one) is KeyState.NEW
    assert keys.begin(one) is KeyState.IN_PROGRESS
    assert keys.begin(posted("k", b"y\n")) is KeyState.OTHER_LINES
    keys.accept(one)
    assert keys.begin(one) is KeyState.ACCEPTED
    assert keys.begin(posted("k", b"y\n")) is KeyState.OTHER_LINES
    assert keys.begin(posted("k", sender="web2")) is KeyState.NEW


def test_a_key_of_a_request_that_failed_may_be_used_again() -> None:
    keys, one = PostedKeys(), posted("k")
    assert keys.begin(one) is KeyState.NEW
    keys.fail(one)
    assert keys.begin(one) is KeyState.NEW


def test_a_key_is_known_for_a_day() -> None:
    keys = PostedKeys()
    keys.accept(posted("k", at=100))
    assert keys.begin(posted("k", at=100 + KEPT_SECONDS)) is KeyState.ACCEPTED
    assert keys.begin(posted("k", at=101 + KEPT_SECONDS)) is KeyState.NEW
    keys.forget_old(101 + KEPT_SECONDS)
    assert len(keys) == 0


def test_whoever_sends_the_most_keys_forgets_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posted_keys, "MOST_OF_SENDER", 5)
    monkeypatch.setattr(posted_keys, "MOST_OF_ALL", 7)
    keys = PostedKeys()
    for number in range(3):
        keys.accept(posted(str(number), sender="few"))
    for number in range(9):
        keys.accept(posted(str(number), sender="many"))
    assert len(keys) == 7
    for number in range(3):
        assert keys.begin(posted(str(number), sender="few")) is KeyState.ACCEPTED
    known = [keys.begin(posted(str(n), sender="many")) is KeyState.ACCEPTED for n in range(9)]
    assert known == [False] * 5 + [True] * 4


@given(st.lists(st.integers(0, 20), max_size=20), st.integers(0, 60))
def test_keys_are_restored_from_whole_records(numbers: list[int], cut: int) -> None:
    records = b"".join(to_record(posted(str(one), at=50)) for one in numbers)
    keys = PostedKeys()
    keys.restore(records[: len(records) - cut], now=60)
    left = (len(records) - cut) // posted_keys.RECORD_BYTES if cut < len(records) else 0
    for one in numbers[:left]:
        assert keys.begin(posted(str(one), at=60)) is KeyState.ACCEPTED
    assert len(keys) == len(set(numbers[:left]))


def test_a_request_without_a_key_has_no_record() -> None:
    assert to_record(attrs.evolve(posted("k"), key=bytes(16))) == b""


@pytest.mark.parametrize(
    ("header", "key"),
    [
        ('"8e03978e-40d5-43dd-bc93-6894a57f9324"', "8e03978e-40d5-43dd-bc93-6894a57f9324"),
        ("8e03978e", "8e03978e"),
        (r'"a\"b"', 'a"b'),
        ('""', None),
        ("", None),
        ("x" * 256, None),
        ("\u00e9", None),
        ("a\tb", None),
    ],
)
def test_a_key_is_a_text_of_a_structured_field(header: str, key: str | None) -> None:
    assert read_key(header) == key
