"""Limits and budgets: reserved before anybody is asked, settled when it is over."""
