"""The search for expressions: what is drawn, how it is judged, what chance would find.

What may be said is a `grammar`, made of the table of primitives and of what a panel
has; what says the same in other words is found by `twins`.
"""
