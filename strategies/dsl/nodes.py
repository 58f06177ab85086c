"""The tree of an expression: equal trees are one object.

A node made twice is the same node, so that equality is identity, a node is a key of a
dictionary for free, and whatever two expressions share is computed once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from threading import Lock
from weakref import WeakValueDictionary

Value = float | str | None

NUMBER = "number"
FIELD = "field"
GROUP = "group"
BRACE = "brace"
LEAVES = (NUMBER, FIELD, GROUP, BRACE)


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True, repr=False)
class Node:
    """A call of a primitive, or a leaf; made by `node`, never directly.

    Attributes
    ----------
    op : str
        Name of a primitive, or one of `LEAVES`.
    args : tuple of Node
    value : float, str or None
        Of a leaf: the number, or the name.
    depth : int
        Of the tree; a leaf has 1.
    size : int
        How many nodes the tree has as it is written, shared ones counted each time.
    """

    op: str
    args: tuple[Node, ...]
    value: Value
    depth: int
    size: int

    def __repr__(self) -> str:
        inside = [repr(arg) for arg in self.args] or [repr(self.value)]
        return f"{self.op}({', '.join(inside)})"

    @property
    def is_number(self) -> bool:
        """Whether this is a literal number."""
        return self.op == NUMBER

    @property
    def number(self) -> float:
        """The value of a literal number."""
        return float(self.value or 0.0)

    @property
    def name(self) -> str:
        """The name that a leaf carries."""
        return str(self.value)


_known: WeakValueDictionary[tuple[str, tuple[Node, ...], Value], Node] = (
    WeakValueDictionary()
)
_lock = Lock()


def node(op: str, *args: Node, value: Value = None) -> Node:
    """Return the one node with this operation, these arguments and this value."""
    key = (op, args, value)
    with _lock:
        found = _known.get(key)
        if found is None:
            depth = 1 + max((arg.depth for arg in args), default=0)
            size = 1 + sum(arg.size for arg in args)
            found = _known[key] = Node(op, args, value, depth, size)
        return found


def number(value: float) -> Node:
    """Return a literal; −0 is 0."""
    return node(NUMBER, value=float(value) + 0.0)


def field(name: str) -> Node:
    """Return a column of the panel."""
    return node(FIELD, value=name)


def walk(*roots: Node) -> Iterator[Node]:
    """Yield every different node below `roots`, arguments before what reads them."""
    seen: set[Node] = set()
    stack = [(root, False) for root in reversed(roots)]
    while stack:
        one, ready = stack.pop()
        if ready:
            yield one
        elif one not in seen:
            seen.add(one)
            stack.append((one, True))
            stack.extend((arg, False) for arg in reversed(one.args))
