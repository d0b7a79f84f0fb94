"""The settings that say how much may be asked: of a key, or of the gateway as a whole."""

from __future__ import annotations

from dragoman.config.field import Field

CEILINGS = (
    Field("rpm", "count", "Requests in any minute.", "no limit", least=1),
    Field("tpm", "count", "Tokens in any minute, prompt and answer.", "no limit", least=1),
    Field("concurrency", "count", "Requests at a time.", "no limit", least=1),
    Field("budget", "money", "USD that may be spent in `budget_period`.", "no limit"),
    Field(
        "budget_period",
        "choice",
        "The hour, day, week or month that a budget is for, in UTC, or all time.",
        "month",
        choices=("hour", "day", "week", "month", "total"),
    ),
    Field(
        "unknown_cost",
        "choice",
        "Whether the budget lets models pass whose price nobody knows.",
        "allow",
        choices=("allow", "block"),
    ),
    Field("assumed_cost", "money", "USD that a request counts as whose cost nobody knows.", "0"),
)
