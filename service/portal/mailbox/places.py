"""Which page of which list: read from an address, and written into links and forms, so that it can be come back to."""

from collections.abc import Mapping
from dataclasses import dataclass

from quart import abort

from service.mailbox.deliveries import Listed, Show
from service.mailbox.order import Place, Sort, read_place

KEPT = ("show", "sort", "after", "before")
"""What of a list's address leads back to the same page of it."""


@dataclass(frozen=True, slots=True)
class Page:
    """Filter, order, and where the page begins or ends."""

    show: Show
    sort: Sort
    after: Place | None = None
    before: Place | None = None

    @property
    def is_first(self) -> bool:
        return self.after is None and self.before is None

    @property
    def kept(self) -> dict[str, str]:
        """What an address says of it; nothing where all is as it comes."""
        return self.link(self.after, self.before)

    def link(self, after: Place | None = None, before: Place | None = None, **other: str) -> dict[str, str]:
        """Write an address of the same list."""
        said = {"show": str(self.show), "sort": str(self.sort), **other}
        if said["show"] == Show.ALL:
            del said["show"]
        if said["sort"] == Sort.NEWEST:
            del said["sort"]
        if after is not None:
            said["after"] = str(after)
        elif before is not None:
            said["before"] = str(before)
        return said

    def older(self, listed: Listed) -> dict[str, str] | None:
        return self.link(after=listed.last) if listed.has_more else None

    def newer(self, listed: Listed) -> dict[str, str] | None:
        return self.link(before=listed.first) if listed.has_before else None


def read_page(said: Mapping[str, str]) -> Page:
    """Read an address; a place that we did not write is no page: 404."""
    show, sort = said.get("show", ""), said.get("sort", "")
    page = Page(Show(show) if show in set(Show) else Show.ALL, Sort(sort) if sort in set(Sort) else Sort.NEWEST)
    for name in ("after", "before"):
        if text := said.get(name, ""):
            place = read_place(text, page.sort) or abort(404)
            return Page(page.show, page.sort, **{name: place})
    return page
