"""The language of expressions: what is written, what it means, what it comes to.

The walk of an expression:

1. ``parse(text)``          a tree, checked; never ``eval``     ``parser``, ``typing``
2. ``canonical``            one form for all ways to write it   ``canonical``
3. ``evaluate(expr, panel)`` one value per bar and symbol       ``plan``, ``evaluate``

What there is to call is the table in ``primitives``; what is too much, ``limits``.
"""
