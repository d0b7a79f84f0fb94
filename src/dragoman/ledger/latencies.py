"""Histograms of durations: fixed buckets that can be added up, and what they tell of a share.

Law: an edge is never moved. Sums that were written with the old one would mean something else.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

TOOK_S = (0.1, 0.2, 0.4, 0.7, 1, 1.5, 2, 3, 5, 7.5, 10, 15, 30, 60, 120)
"""Upper edges of the buckets of durations, in seconds; the last bucket has none."""
FIRST_S = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8, 1, 1.5, 2, 3, 5, 10, 30)
"""The same of the time to the first token."""


def bucket_of(seconds: float, edges: Sequence[float]) -> int:
    """Find the bucket: its edge is the first that is not below."""
    return bisect_left(edges, seconds)


def find_quantile(counts: Sequence[int], edges: Sequence[float], share: float) -> float | None:
    """Tell below which time this share of all lies, in seconds; None where nothing was counted.

    Inside a bucket all are taken to be spread evenly, so it is about as exact as buckets are wide;
    what lies beyond the last edge is told as that edge, and is at least as much.
    """
    total = sum(counts)
    if not total:
        return None
    wanted = share * total
    below = 0
    for number, count in enumerate(counts[: len(edges)]):
        if count and below + count >= wanted:
            start = edges[number - 1] if number else 0.0
            return start + (edges[number] - start) * max(wanted - below, 0) / count
        below += count
    return float(edges[-1])
