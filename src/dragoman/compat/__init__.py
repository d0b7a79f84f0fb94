"""Shims: what was written for other libraries runs here, without those libraries."""
