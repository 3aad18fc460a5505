"""Plain text made fit for a page: escaped, its line breaks kept, web addresses made links."""

from html import escape

from linkify_it import LinkifyIt

from service.mailbox.links import Links

LINKED_CHARACTERS = 262_144
"""Links are sought so far: hostile text costs 1 ms per 1,300 characters."""
_LINKIFY = LinkifyIt(options={"fuzzy_email": False, "fuzzy_ip": False})


def plain_to_html(text: str, links: Links | None = None) -> str:
    """Return one block that keeps the lines of the text. To be run in a thread where the text is long.

    With `links` each link is numbered and written so.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    head, tail = text[:LINKED_CHARACTERS], text[LINKED_CHARACTERS:]
    return f'<div class="sm-plain">{_linked(head, links)}{escape(tail)}</div>'


def _linked(text: str, links: Links | None) -> str:
    out: list[str] = []
    at = 0
    for match in _LINKIFY.match(text) or ():
        url = str(match.url)
        if match.index < at or not url.lower().startswith(("http://", "https://")):
            continue
        out.append(escape(text[at : match.index]))
        shown = text[match.index : match.last_index]
        href = escape(links.write(links.add(url)) if links else url)
        out.append(f'<a href="{href}" target="_blank" rel="noopener noreferrer nofollow">{escape(shown)}</a>')
        at = match.last_index
    out.append(escape(text[at:]))
    return "".join(out)
