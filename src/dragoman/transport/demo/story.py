"""The story that `demo/story` tells."""

from __future__ import annotations

STORY = """\
In the old harbour towns nobody bought a sack of pepper alone. The captain spoke Venetian, the \
merchant Turkish, the clerk who wrote the bill Greek, and between them stood a dragoman: one \
person, three languages, and a reputation for adding nothing and leaving nothing out.

A good dragoman was not the one who knew the most words. It was the one who, when a phrase had \
no twin in the other tongue, said so, and did not hope that nobody would notice. Captains came \
and went and prices changed, but the bargain held, because each side heard what the other had \
meant.

When one merchant's door was shut, the dragoman knew the next one. And in the evening there was \
a page in the book: who had asked, who had answered, how long it had taken, and what it had cost.

(A canned tale, told by the built-in demo: no model was asked, and the price is invented.)"""
