"""What a primitive is: one row of the table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from strategies.types import MAX_BARS

Kind = Literal["value", "window", "number", "group"]
Shape = Literal["cells", "columns", "rows", "derived"]

ANY_NAN = "NaN where an operand is."
WINDOW_NAN = "NaN until the window is full and while it holds a NaN."
SKIPS_NAN = "A NaN bar is NaN and is skipped: it goes on from the last known one."
ROW_NAN = "A name without a value is left out and stays NaN."
GROUP_NAN = "As across the market; NaN for a name without a label."


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a primitive.

    Attributes
    ----------
    name : str
    kind : {"value", "window", "number", "group"}
        A value is any expression; a window is a whole number of bars and a number is
        a plain number, both written out; a group names labels.
    default : float or None
        Of a window or a number; None: it has to be written.
    minimum, maximum : float
        Inclusive.
    truth : bool
        Whether the value is read as a condition: anything but 0 is yes.
    """

    name: str
    kind: Kind = "value"
    default: float | None = None
    minimum: float = -1e308
    maximum: float = 1e308
    truth: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Primitive:
    """One function of the language.

    Attributes
    ----------
    name : str
    aliases : tuple of str
        Other words for the same, in any case of letters.
    arguments : tuple of Argument
    family : str
        Heading under which it is listed.
    shape : {"cells", "columns", "rows", "derived"}
        What the kernel works through: cells one by one, each symbol's bars, or each
        bar's symbols. Derived: it has a formula in place of a kernel.
    kernel : str
        Dotted name for `strategies.kernels.resolve`.
    formula : str
        In this language, arguments in braces.
    unit : str
        Rule for the unit of the answer, a key of `strategies.dsl.units.RULES`.
    nan : str
        One sentence: when the answer is NaN.
    meaning : str
        One sentence for people.
    example : str
    extra_bars : int
        The look-back is the sum of the windows and this.
    commutes : bool
        Whether two operands may change places.
    symbol : str
        How it is written as an operator, if it can be.
    truth : bool
        Whether the answer is a condition: 1 for yes, 0 for no.
    """

    name: str
    aliases: tuple[str, ...] = ()
    arguments: tuple[Argument, ...]
    family: str
    shape: Shape
    kernel: str = ""
    formula: str = ""
    unit: str
    nan: str
    meaning: str
    example: str
    extra_bars: int = 0
    commutes: bool = False
    symbol: str = ""
    truth: bool = False

    @property
    def arity(self) -> tuple[int, int]:
        """How few and how many arguments may be written."""
        needed = [one for one in self.arguments if one.default is None]
        return len(needed), len(self.arguments)

    @property
    def signature(self) -> str:
        """How it is called: ``ts_mean(x, d)``, ``clip(x, lo=-1, hi=1)``."""
        shown = (
            one.name if one.default is None else f"{one.name}={one.default:g}"
            for one in self.arguments
        )
        return f"{self.name}({', '.join(shown)})"

    @property
    def numbers(self) -> tuple[int, ...]:
        """Positions of the arguments that are written-out numbers."""
        return tuple(
            place
            for place, one in enumerate(self.arguments)
            if one.kind in ("window", "number")
        )


def bars(
    name: str = "d", default: float | None = None, *, minimum: int = 1
) -> Argument:
    """Return a window: a whole number of bars, decimals cut off."""
    return Argument(name, "window", default, minimum, MAX_BARS)


X = Argument("x")
Y = Argument("y")
CONDITION = Argument("condition", truth=True)
TRUTHS = (Argument("x", truth=True), Argument("y", truth=True))
D = bars()
LABELS = Argument("g", "group")
