"""Charts of a run, each a region that loads itself.

    {% load charts %}
    {% block head_scripts %}{% chart_script %}{% endblock %}   in a page with charts
    {% chart_region run "equity" %}                            where the chart stands
    {% chart_region run "price" trip=14 %}                     what its address is asked

`run` is a run or its document, and has succeeded. The names are the keys of
`experiments.charts.titles.TITLES`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import template
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from experiments.charts.titles import EVERY

register = template.Library()


@register.simple_tag
def chart_script() -> SafeString:
    """Write what draws charts, follows those zoomed, and draws all for paper."""
    return format_html(
        '<script defer src="{}"></script><script type="module" src="{}"></script>'
        '<script type="module" src="{}"></script>',
        static("vega/vega.js"),
        static("js/zoom.js"),
        static("js/print.js"),
    )


@register.inclusion_tag("components/chart_region.html")
def chart_region(run: Any, name: str, **asked: Any) -> dict[str, str]:
    run_id = run["id"] if isinstance(run, Mapping) else run.pk
    url = reverse("experiments:run-chart", args=[run_id, name])
    query = f"?{urlencode(asked)}" if asked else ""
    return {"name": name, "title": EVERY[name], "url": url + query}
