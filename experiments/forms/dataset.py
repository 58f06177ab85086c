"""Forms of data: a file to send, and how a file that was sent is to be read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from experiments.forms.fields import NEEDED
from quantlab.web.forms import BodyForm
from strategies.errors import ConfigError, StrategyError
from strategies.market.calendar import CALENDARS
from strategies.market.intake import ADJUSTMENTS, DATE_ORDERS, HOURS, OURS, Found
from strategies.market.timeframe import TIMEFRAMES

ADJUSTMENT_WORDS = {
    "raw": "raw: as they were traded",
    "split": "adjusted for splits",
    "total": "adjusted for splits and dividends",
}
HOUR_WORDS = {"regular": "regular session only", "all": "all hours"}
ORDER_WORDS = {"dmy": "day first: 31/1/2024", "mdy": "month first: 1/31/2024"}
COLUMN_WORDS = {
    "ts": "Date and time",
    "time": "Time, if apart",
    "symbol": "Symbol",
    "vwap": "VWAP",
}
ROWS = (
    ("symbol", "timeframe"),
    ("timezone", "date_order"),
    ("adjustment", "calendar", "hours"),
)
FIND_OUT = ("", "find out")
NONE = ("", "none")


class Options(forms.Form):
    """What can be said of any file of bars."""

    symbol = forms.CharField(
        required=False,
        max_length=40,
        help_text="Needed unless a column names it.",
        widget=forms.TextInput({"autocomplete": "off"}),
    )
    timeframe = forms.ChoiceField(
        label="Bar length",
        required=False,
        choices=[FIND_OUT, *((key, bar.words) for key, bar in TIMEFRAMES.items())],
    )
    timezone = forms.CharField(
        label="Time zone",
        initial="UTC",
        error_messages=NEEDED,
        max_length=60,
        help_text="Of times that name none, such as America/New_York.",
    )
    adjustment = forms.ChoiceField(
        label="Prices", choices=[(word, ADJUSTMENT_WORDS[word]) for word in ADJUSTMENTS]
    )

    def refuse(self, error: StrategyError) -> None:
        """Show each problem at its field, or above the form."""
        problems = error.problems if isinstance(error, ConfigError) else (error,)
        for problem in problems:
            field = problem.field.replace("mapping.", "map_")
            text = f"{problem.message} {problem.advice}".strip()
            self.add_error(field if field in self.fields else None, text)


class UploadForm(Options, BodyForm):
    file = forms.FileField(
        allow_empty_file=True,
        error_messages=NEEDED | {"required": "Choose a file."},
        help_text="CSV or Parquet: one row for each bar.",
        widget=forms.FileInput({"accept": ".csv,.txt,.tsv,.parquet"}),
    )
    field_order = ("file", "symbol", "timeframe", "timezone", "adjustment")

    def asked(self) -> dict[str, Any]:
        """Return what was said of the file."""
        names = ("symbol", "timeframe", "timezone", "adjustment")
        return {name: self.cleaned_data[name] for name in names}

    def request(self) -> dict[str, Any]:
        """Return the fields that the API takes beside the file."""
        return {k: v for k, v in self.asked().items() if v} | {"dry_run": True}


class ReadingForm(Options):
    """Which column is what, and how its cells are meant."""

    calendar = forms.ChoiceField(
        required=False, choices=[FIND_OUT, *((c, c) for c in CALENDARS)]
    )
    hours = forms.ChoiceField(
        label="Hours of shares", choices=[(word, HOUR_WORDS[word]) for word in HOURS]
    )
    date_order = forms.ChoiceField(
        label="Dates such as 3/4/2024",
        required=False,
        choices=[FIND_OUT, *((word, ORDER_WORDS[word]) for word in DATE_ORDERS)],
    )

    def __init__(
        self,
        sent: Any = None,
        *,
        columns: tuple[str, ...],
        found: Found | None,
        options: Mapping[str, Any],
    ) -> None:
        mapping = dict(found.mapping if found else options.get("mapping", {}))
        initial = {**options, **{f"map_{ours}": mapping.get(ours, "") for ours in OURS}}
        super().__init__(sent, initial=initial)
        for ours in OURS:
            self.fields[f"map_{ours}"] = forms.ChoiceField(
                label=COLUMN_WORDS.get(ours, ours.capitalize()),
                required=False,
                choices=[NONE, *((name, name) for name in columns)],
            )

    @property
    def columns(self) -> list[forms.BoundField]:
        """Return the fields that say which column is what."""
        return [self[f"map_{ours}"] for ours in OURS]

    @property
    def others(self) -> list[list[forms.BoundField]]:
        """Return the other fields, row by row."""
        return [[self[name] for name in row] for row in ROWS]

    def asked(self) -> dict[str, Any]:
        """Return what is said; a column that is none is said too."""
        said = {
            name: value
            for name, value in self.cleaned_data.items()
            if not name.startswith("map_")
        }
        mapping = {ours: self.cleaned_data[f"map_{ours}"] for ours in OURS}
        return said | {"mapping": mapping}
