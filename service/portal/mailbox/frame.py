"""The document inside the message page's frame, and the one to print: the only places where foreign markup is shown.

Opaque, without scripts, under its own policy, whether it stands in the frame or is opened alone.
"""

from collections.abc import Mapping
from html import escape

from service.mailbox.shown import Shown

STYLE = """
:root{color-scheme:light;--ink:#1c1d1f;--soft:#565c65;--line:#dfe1e2;--link:#005ea2}
@supports (color:light-dark(#000,#fff)){:root{color-scheme:light dark;--ink:light-dark(#1c1d1f,#e9eef4);
--soft:light-dark(#565c65,#a5b2c1);--line:light-dark(#dfe1e2,#394a5e);--link:light-dark(#005ea2,#73b3e7)}}
html{background:transparent}
body{margin:0;padding:.25rem 0;color:var(--ink);font:400 1rem/1.6 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;
overflow-wrap:anywhere}
main{max-width:68ch}
p,ol,ul,table{margin:0 0 1rem}
ol,ul{padding-left:1.375rem}
li+li{margin-top:.25rem}
caption{text-align:left;font-weight:700;padding-bottom:.375rem}
th,td{text-align:left;vertical-align:top}
table{border-collapse:collapse}
img{max-width:100%;height:auto}
pre{white-space:pre-wrap}
a{color:var(--link)}
hr{border:0;border-top:1px solid var(--line);margin:1.25rem 0}
blockquote{margin:0 0 1rem;padding-left:1rem;border-left:3px solid var(--line)}
.sm-plain{white-space:pre-wrap}
.sm-remark{max-width:68ch;padding:.5rem .75rem;border-left:4px solid var(--line)}
html.sm-paper{color-scheme:light;--ink:#1c1d1f;--soft:#565c65;--line:#dfe1e2;--link:#005ea2;background:#fff}
.sm-held{display:flow-root}
@supports (overflow:clip){.sm-held{overflow-y:clip}}
.sm-paper body{padding:.75rem}
.sm-paper main{max-width:none}
""".strip()
PRINT_STYLE = """
:root{color-scheme:light;--ink:#000;--soft:#000;--line:#999;--link:#000}
html,body{background:#fff;color:#000}
body{padding:1.5rem}
h1{font-size:1.375rem;line-height:1.3;margin:0 0 .75rem}
dl{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:.25rem 1rem;margin:0 0 1rem}
dt{font-weight:700}
dd{margin:0}
.sm-head{border-bottom:1px solid #000;margin-bottom:1.25rem}
.sm-held{overflow:hidden}
@supports (overflow:clip){.sm-held{overflow:visible;overflow-y:clip}}
.sm-mail{max-width:none}
.sm-mail,.sm-mail *{color:#000!important;background:transparent!important}
@media print{body{padding:0}}
""".strip()
"""Below the frame's own. The mail cannot be laid over our head: it is held in an element that no rule of it reaches."""
_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; "
    "img-src data:{remote}; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)


def frame_headers(*, shows_remote: bool) -> Mapping[str, str]:
    """Return the frame's own headers: no scripts, no forms, an opaque origin, by header and by attribute."""
    return {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": _POLICY.format(remote=" https:" if shows_remote else ""),
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }


def frame_document(shown: Shown, *, title: str, language: str, theme: str = "", note: str = "") -> str:
    """Write the frame's document. Mail that sets colours gets white paper; other mail follows the theme.

    `note` is a remark of ours above the text, where no rule of the mail reaches it.
    """
    paper = ' class="sm-paper"' if shown.is_coloured else ""
    remark = f'<p class="sm-remark">{escape(note)}</p>\n' if note else ""
    scheme = f"\n:root{{color-scheme:{theme}}}" if theme in {"light", "dark"} and not paper else ""
    return (
        f'<!doctype html>\n<html lang="{escape(language)}"{paper}>\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{escape(title)}</title>\n'
        f"<style>\n{STYLE}{scheme}\n</style>\n<style>\n{shown.style}\n</style>\n</head>\n"
        f'<body>\n{remark}<div class="sm-held">\n<main class="sm-mail">\n{shown.html}\n</main>\n</div>\n'
        f"</body>\n</html>\n"
    )


def print_document(head: str, shown: Shown, *, title: str, language: str) -> str:
    """Write the document to print, black on white; `head` is markup of ours."""
    return (
        f'<!doctype html>\n<html lang="{escape(language)}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{escape(title)}</title>\n'
        f"<style>\n{STYLE}\n{PRINT_STYLE}\n</style>\n<style>\n{shown.style}\n</style>\n</head>\n<body>\n"
        f'<header class="sm-head">\n{head}\n</header>\n'
        f'<div class="sm-held">\n<main class="sm-mail">\n{shown.html}\n</main>\n</div>\n</body>\n</html>\n'
    )
