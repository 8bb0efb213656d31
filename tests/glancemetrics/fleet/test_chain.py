"""The chain: whatever comes, each line is counted once and in order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from glancemetrics.fleet.chain import Chain, Verdict
from glancemetrics.fleet.entry import EntryId


def test_entries_of_a_birth_follow_each_other() -> None:
    chain = Chain()
    assert [chain.judge(EntryId(5, n), None) for n in (1, 2, 3)] == [Verdict.COUNT] * 3
    assert chain.judge(EntryId(5, 2), None) is Verdict.KNOWN
    assert chain.judge(EntryId(6, 1), EntryId(5, 3)) is Verdict.COUNT


def test_a_gap_is_refused_once_and_all_that_follows_it_is_skipped() -> None:
    chain = Chain(EntryId(5, 3))
    assert chain.judge(EntryId(5, 5), None) is Verdict.REFUSE
    assert chain.judge(EntryId(5, 6), None) is Verdict.SKIP
    assert chain.judge(EntryId(5, 4), None) is Verdict.SKIP  # too late: the agent begins anew
    assert chain.judge(EntryId(6, 1), EntryId(5, 3)) is Verdict.COUNT


def test_a_new_birth_that_follows_something_else_is_refused() -> None:
    chain = Chain(EntryId(5, 3))
    assert chain.judge(EntryId(6, 1), None) is Verdict.REFUSE
    assert chain.judge(EntryId(7, 1), EntryId(5, 2)) is Verdict.REFUSE
    assert chain.judge(EntryId(8, 1), EntryId(5, 3)) is Verdict.COUNT


def test_where_nothing_was_counted_an_agent_has_to_begin_anew() -> None:
    """What came before may be lost; the agent knows what another hub has counted."""
    chain = Chain()
    assert chain.judge(EntryId(5, 7), None) is Verdict.REFUSE
    assert chain.judge(EntryId(5, 8), None) is Verdict.SKIP
    assert chain.judge(EntryId(6, 2), None) is Verdict.REFUSE
    assert chain.judge(EntryId(7, 1), EntryId(5, 3)) is Verdict.COUNT
    assert chain.judge(EntryId(7, 2), None) is Verdict.COUNT
    chain = Chain()
    assert chain.judge(EntryId(6, 1), EntryId(5, 3)) is Verdict.REFUSE  # where is that one?


@given(st.data())
def test_each_line_is_counted_once_whatever_is_lost(data: st.DataObject) -> None:
    """An agent sends lines 1, 2, 3 …; Redis loses entries, the hub its newest state."""
    chain = Chain()
    counted: list[int] = []
    saved: tuple[EntryId | None, int] = None, 0
    birth, number, position = 1, 0, 0
    after: EntryId | None = None
    stream: list[tuple[EntryId, EntryId | None, int]] = []
    for step in data.draw(st.lists(st.sampled_from("ssssrrrlkba"), max_size=60)):
        match step:
            case "s":  # send the next line
                number += 1
                position += 1
                stream.append((EntryId(birth, number), after if number == 1 else None, position))
            case "l" if stream:  # lose an entry
                stream.pop(data.draw(st.integers(0, len(stream) - 1)))
            case "r" if stream:  # read one
                entry, follows, line = stream.pop(0)
                match chain.judge(entry, follows):
                    case Verdict.COUNT:
                        counted.append(line)
            case "k":  # the hub is killed: it knows what was saved, and the stream is read again
                chain = Chain(saved[0])
                del counted[saved[1] :]
            case "b":  # save
                saved = chain.last, len(counted)
            # The agent begins anew after what the hub has counted, as it is asked to. Before the
            # first checkpoint a hub asks only if it has counted nothing.
            case "a" if saved[0] is not None or chain.last is None:
                birth, number, after = birth + 1, 0, chain.last
                position = counted[-1] if counted else 0
    assert counted == list(range(1, len(counted) + 1))
