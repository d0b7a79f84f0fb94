"""Records in a file: whatever happens to some bytes, the others are still read."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dragoman.ledger.frames import MARK, Damage, Record, frame, scan

SAID = [b"", b"one", b"two" * 100, bytes(range(256)), MARK, MARK * 3 + b"x"]
FRAMES = [frame(b"o", said) for said in SAID]
FILE = b"".join(FRAMES)
STARTS = [sum(map(len, FRAMES[:number])) for number in range(len(FRAMES) + 1)]


def records(data: bytes) -> list[bytes]:
    return [found.said for found in scan(data) if isinstance(found, Record)]


def damages(data: bytes) -> list[Damage]:
    return [found for found in scan(data) if isinstance(found, Damage)]


def test_what_was_written_is_read() -> None:
    found = list(scan(FILE))
    assert [one.said for one in found if isinstance(one, Record)] == SAID
    assert [one.end for one in found] == STARTS[1:]
    assert list(scan(b"")) == []


def test_a_file_that_is_cut_anywhere_loses_its_last_record_and_says_so() -> None:
    for end in range(len(FILE)):
        whole = sum(start <= end for start in STARTS) - 1
        assert records(FILE[:end]) == SAID[:whole]
        torn = [Damage(STARTS[whole], end, torn=True)] if end != STARTS[whole] else []
        assert damages(FILE[:end]) == torn


@given(at=st.integers(0, len(FILE) - 1), bit=st.integers(0, 7))
def test_a_bit_that_has_changed_anywhere_costs_one_record(at: int, bit: int) -> None:
    hurt = FILE[:at] + bytes([FILE[at] ^ 1 << bit]) + FILE[at + 1 :]
    number = sum(start <= at for start in STARTS) - 1
    assert records(hurt) == [*SAID[:number], *SAID[number + 1 :]]
    (damage,) = damages(hurt)
    assert (damage.start, damage.end) == (STARTS[number], STARTS[number + 1])
    assert damage.torn is (number == len(SAID) - 1)


@given(st.binary(max_size=200), st.integers(0, len(SAID)))
def test_rubbish_between_records_is_told_and_loses_none(rubbish: bytes, number: int) -> None:
    hurt = FILE[: STARTS[number]] + rubbish + FILE[STARTS[number] :]
    assert records(hurt) == SAID
    assert sum(one.end - one.start for one in damages(hurt)) == len(rubbish)
