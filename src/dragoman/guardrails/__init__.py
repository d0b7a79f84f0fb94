"""Checks of what goes to models and what comes back: pure, in linear time, at any chunk boundary.

`rails.Rails` are an organisation's guardrails, compiled; `rails.Screen` looks at one answer. What
they look for is in `built_in.py` and `patterns.py`; `window.py` finds it in text that comes in
pieces; `body.py` knows where the texts of JSON are, in whatever language; `json_text.py` looks at a
text that is JSON itself.

Law: what a guardrail does never depends on where the pieces of a text are cut.
"""
