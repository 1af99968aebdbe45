"""The HTML template of the trainer's pages, which open without a server."""

from __future__ import annotations

import html

_PAGE = """<!doctype html>
<!-- {mark} -->
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: {width}; margin: 2rem auto; padding: 0 1rem; color: #222 }}
img {{ max-width: 100%; height: auto }} h2 {{ margin-top: 2.5rem }} audio {{ width: 100% }}
code {{ white-space: pre }}
td, th {{ text-align: right; padding: 0.1rem 0.8rem; vertical-align: top }}
pre {{ background: #f4f4f4; padding: 1rem; overflow-x: auto }}
.wide {{ overflow-x: auto }} .wide table {{ border-collapse: collapse }} .wide tr {{ border-top: 1px solid #ddd }}
small {{ color: #666; white-space: nowrap }} .warning {{ background: #fde68a; padding: 0.5rem 1rem }}
</style>
<h1>{title}</h1>
{body}
"""


def page(title: str, body: str, *, mark: str, width: str = "70rem") -> str:
    """A complete page. title: text; body: HTML; mark: a comment that identifies the page as written here."""
    return _PAGE.format(title=html.escape(title), body=body, mark=mark, width=width)
