"""Faults at full size: each harness runs by hand, and reduced in the test suite.

    python -m tests.chaos                    # what there is
    python -m tests.chaos offsets            # as the suite runs it
    python -m tests.chaos offsets --full     # as it is meant

A harness takes a size between 0 (reduced) and 1 (full), asserts what must hold, and returns its
figures.
"""
