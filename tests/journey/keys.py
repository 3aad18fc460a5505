"""A person without a pointer: keys only, and at each stop a look at whether one can see where one is."""

from urllib.parse import urlsplit

from playwright.async_api import Page, expect

MOST_STOPS = 90
"""Before what one wants on any page; more is a trap."""
FIND = """(wanted) => {
  const [selector, words] = wanted;
  const one = document.activeElement;
  return one !== document.body && one.matches(selector) && (one.textContent + one.title).includes(words);
}"""
STOP = """async (isBack) => {
  await Promise.all(document.getAnimations().map((moving) => moving.finished));
  const one = document.activeElement;
  if (one === document.body || one === document.documentElement) {
    window.lastStop = null;
    return [];
  }
  const faults = [];
  const words = (one.textContent || one.value || "").trim().slice(0, 40);
  const name = `${one.tagName} ${one.id || one.name || one.className} «${words}»`;
  const label = one.labels?.[0];
  const isHidden = getComputedStyle(one).clipPath !== "none" || one.getBoundingClientRect().right < 0;
  const shown = isHidden && label ? label : one;

  // a ring: on itself, on what it draws round itself, or on the label that is seen in its place
  const isRing = ([where, piece]) => {
    const { outlineStyle, outlineWidth, outlineColor } = getComputedStyle(where, piece);
    return outlineStyle !== "none" && parseFloat(outlineWidth) >= 2 && !/, 0\\)$/.test(outlineColor);
  };
  const places = [[one, null], [one, "::after"], [shown, null], [shown, "::before"]];
  if (one.tagName !== "IFRAME" && !places.some(isRing)) faults.push(`no ring: ${name}`);

  // in view, and nothing lies over it; on one edge there may be something, such as the button in a search field
  const box = shown.getClientRects()[0] ?? shown.getBoundingClientRect();
  const [left, right] = [Math.max(box.left, 0), Math.min(box.right, innerWidth)];
  const [top, bottom] = [Math.max(box.top, 0), Math.min(box.bottom, innerHeight)];
  const [x, y] = [(left + right) / 2, (top + bottom) / 2];
  const edges = [[left + 3, y], [right - 3, y], [x, top + 3], [x, bottom - 3]];
  const covers = ([x, y]) => {
    const on = document.elementFromPoint(x, y);
    const isMine = on && [shown, one, label].some((part) => part?.contains(on) || on.contains(part));
    return isMine || on?.closest("tr")?.contains(one) ? [] : [`${on?.tagName} ${on?.className}`];
  };
  const cover = covers([x, y])[0] ?? edges.flatMap(covers)[1];
  if (right - left < 2 || bottom - top < 2) faults.push(`outside the window: ${name}`);
  else if (cover) faults.push(`${cover} covers ${name}`);

  // the order of the eye: down, then right, within what belongs together
  const region = one.closest(REGIONS);
  const now = { name, region, top: box.top + scrollY, bottom: box.bottom + scrollY, left: box.left, right: box.right };
  const before = window.lastStop;
  if (before && region && before.region === region) {
    const [first, then] = isBack ? [now, before] : [before, now];
    const isAbove = then.bottom <= first.top + 2;
    const isBeside = then.top < first.bottom && first.top < then.bottom && then.right <= first.left + 2;
    if (isAbove || isBeside) faults.push(`against the eye: ${first.name}, then ${then.name}`);
  }
  window.lastStop = now;
  return faults;
}""".replace(
    "REGIONS",
    "'dialog, .sm-pop__menu, .sm-account__menu, .sm-menu__list, .sm-sendbar, table, nav, header, footer, .sm-banner,"
    " .sm-side, .sm-files li, .sm-helpcols > *, .sm-door > *, .sm-shell > *, main > *'",
)


class Trapped(Exception):
    """What one wanted was not reached by Tab; the message names it."""


class Keys:
    """Both hands on the keyboard of one page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.faults: list[str] = []
        self.stops = 0
        self.is_back = False

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.page.keyboard.press(key)

    async def type(self, words: str) -> None:
        await self.page.keyboard.type(words)

    async def look(self) -> None:
        """Judge where one is."""
        self.stops += 1
        path = urlsplit(self.page.url).path
        self.faults += [f"{path}: {fault}" for fault in await self.page.evaluate(STOP, self.is_back)]

    async def is_at(self, selector: str, words: str = "") -> bool:
        return bool(await self.page.evaluate(FIND, [selector, words]))

    async def tab_to(self, selector: str, words: str = "", *, back: bool = False) -> None:
        """Go on with Tab until there. Raises Trapped."""
        self.is_back = back
        for _ in range(MOST_STOPS):
            await self.press("Shift+Tab" if back else "Tab")
            await self.look()
            if await self.is_at(selector, words):
                return
        raise Trapped(f"{selector} {words}")

    async def fill(self, selector: str, words: str) -> None:
        await self.tab_to(selector)
        await self.type(words)

    async def fill_from_the_top(self, selector: str, words: str) -> None:
        await self.press("Control+Home")
        await self.page.evaluate("document.activeElement.blur()")
        await self.fill(selector, words)

    async def follow(self, selector: str, words: str = "", key: str = "Enter") -> None:
        """Go there and press: another page comes."""
        await self.tab_to(selector, words)
        await self.lead_on(key)

    async def lead_on(self, key: str = "Enter") -> None:
        async with self.page.expect_navigation():
            await self.press(key)

    async def skip(self) -> None:
        """Past the bars, by the page's first stop."""
        await self.tab_to(".usa-skipnav")
        await self.press("Enter")

    async def stands_at(self, selector: str, words: str = "") -> None:
        """The page put us here by itself."""
        await self.page.wait_for_function(FIND, arg=[selector, words])
        await self.page.evaluate("window.lastStop = null")
        self.is_back = False
        await self.look()
        assert await self.is_at(selector, words)

    async def heading(self, words: str) -> None:
        await expect(self.page.locator("h1")).to_contain_text(words)
