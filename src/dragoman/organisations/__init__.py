"""Organisations, and what they set up: one place that changes it, one that decides who may."""
