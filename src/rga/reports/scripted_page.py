"""A page with one script of its own, which its policy allows by its digest, and with data that the script reads; it loads nothing."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from markupsafe import Markup

from rga.printable import printable
from rga.reports.report import templates


def render_scripted(name: str, title: str, data: Any) -> str:
    """Renders ``templates/NAME.html`` with the script ``templates/NAME.js``.

    Args:
        name: of both templates.
        title: of the page.
        data: what the script reads, as JSON takes it.

    Returns:
        The page.
    """
    script = templates().get_template(f"{name}.js").render()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    embedded = json.dumps(data, allow_nan=False).replace("<", "\\u003c")  # nothing in it may end the element that holds it
    page = templates().get_template(f"{name}.html")
    return printable(page.render(title=title, script=Markup(script), digest=digest, data=Markup(embedded)))  # noqa: S704
