// The editor over the text field: Squire, with what is pasted made harmless before it stands on the page.
if (composing) {
  const { form, words } = composing;
  const text = form.querySelector("[data-text]");
  const html = form.querySelector("[data-html]");
  const plain = form.querySelector("[name=plain]");
  const box = form.querySelector("[data-editor]");
  const bar = form.querySelector("[data-tools]");
  const marks = form.querySelector("[data-marks]");
  const [toPlain, toRich] = ["plain", "rich"].map((name) => bar.querySelector(`[data-${name}]`));
  const dialog = document.getElementById("link-dialog");
  const TAGS = "a b blockquote br div em h1 h2 h3 i li ol p pre s strong table tbody td th thead tr u ul".split(" ");
  const LINK = /^(?:https?:\/\/|mailto:|tel:)/i;

  // The purifier decides what may stay. Styles go before it sees them, or the page's policy would report each.
  const withoutStyles = (markup) =>
    markup
      .replace(/<style\b[\s\S]*?(?:<\/style\s*>|$)/gi, "")
      .replace(/<[a-z][^>]*>/gi, (tag) => tag.replace(/\sstyle\s*=\s*(?:"[^"]*"|'[^']*'|[^\s>]*)/gi, " "));
  const purify = (markup) =>
    DOMPurify.sanitize(withoutStyles(markup), {
      ALLOWED_TAGS: TAGS,
      ALLOWED_ATTR: ["href"],
      ALLOW_DATA_ATTR: false,
      ALLOW_ARIA_ATTR: false,
      ALLOWED_URI_REGEXP: LINK,
      RETURN_DOM_FRAGMENT: true,
    });
  const linesOf = (plainWords) => {
    const out = document.createElement("div");
    for (const line of plainWords.split("\n")) {
      const row = document.createElement("div");
      row.append(line || document.createElement("br"));
      out.append(row);
    }
    return out.innerHTML;
  };

  const squire = new Squire(box, { blockTag: "DIV", addLinks: true, sanitizeToDOMFragment: purify });
  for (const key of ["Tab", "Shift-Tab"]) squire.setKeyHandler(key, null); // Tab leaves the text (WCAG 2.1.2)
  const isRich = () => !box.hidden;
  const fill = () => {
    if (!isRich()) return;
    text.value = box.innerText.replace(/\u00a0/g, " ").replace(/\n+$/, "");
    html.value = text.value.trim() ? squire.getHTML() : "";
  };
  composing.prepares.push(fill);
  const set = (isRichNow) => {
    box.hidden = !isRichNow;
    text.hidden = isRichNow;
    html.disabled = !isRichNow;
    plain.disabled = isRichNow;
    marks.hidden = !isRichNow;
    toPlain.hidden = !isRichNow;
    toRich.hidden = isRichNow;
    // links to the text, and its label, lead to the one that is shown
    [box.id, text.id] = isRichNow ? ["text", "text-plain"] : ["text-rich", "text"];
  };
  // The server tells the words of what was written; here only what is needed to go on typing.
  const wordsOf = () => {
    const told = [];
    const rows = box.cloneNode(true);
    for (const item of rows.querySelectorAll("ul > li")) item.prepend("- ");
    for (const list of rows.querySelectorAll("ol")) {
      [...list.children].forEach((item, number) => item.prepend(`${number + 1}. `));
    }
    for (const row of rows.querySelectorAll("div, p, li, tr, h1, h2, h3, pre")) {
      if (!row.querySelector("div, p, li, tr")) told.push(row.textContent.replace(/\u00a0/g, " "));
    }
    return told.length ? told.join("\n") : rows.textContent;
  };

  const startsRich = words.format === "rich" || html.value.trim() !== "";
  squire.setHTML(html.value.trim() || linesOf(text.value));
  bar.hidden = false;
  set(startsRich);
  squire.moveCursorToStart();
  box.blur();
  squire.addEventListener("input", () => isRich() && composing.changed());
  for (const link of form.querySelectorAll('a[href="#text"]')) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      (isRich() ? box : text).focus();
    });
  }

  toPlain.addEventListener("click", () => {
    text.value = wordsOf();
    set(false);
    composing.changed();
    text.focus();
  });
  toRich.addEventListener("click", () => {
    set(true);
    squire.setHTML(linesOf(text.value));
    composing.changed();
    squire.focus();
  });

  // ---- the tools ----
  const tagOf = { bold: "B", italic: "I", underline: "U", bullets: "UL", numbers: "OL", quote: "BLOCKQUOTE" };
  const isOn = (name) => {
    const tag = tagOf[name];
    return Boolean(tag) && (squire.hasFormat(tag) || squire.getPath().split(">").includes(tag));
  };
  const does = {
    bold: (on) => (on ? squire.removeBold() : squire.bold()),
    italic: (on) => (on ? squire.removeItalic() : squire.italic()),
    underline: (on) => (on ? squire.removeUnderline() : squire.underline()),
    bullets: (on) => (on ? squire.removeList() : squire.makeUnorderedList()),
    numbers: (on) => (on ? squire.removeList() : squire.makeOrderedList()),
    quote: (on) => (on ? squire.decreaseQuoteLevel() : squire.increaseQuoteLevel()),
    link: () => ask(),
    clear: () => squire.removeAllFormatting(),
  };
  const tools = [...marks.querySelectorAll("[data-do]")];
  const show = () => {
    for (const tool of tools) if (tagOf[tool.dataset.do]) tool.setAttribute("aria-pressed", String(isOn(tool.dataset.do)));
  };
  for (const tool of tools) {
    if (!tagOf[tool.dataset.do]) tool.removeAttribute("aria-pressed");
    tool.addEventListener("pointerdown", (event) => event.preventDefault()); // the selection stays
    tool.addEventListener("click", () => {
      does[tool.dataset.do](isOn(tool.dataset.do));
      if (tool.dataset.do !== "link") show();
    });
  }
  for (const name of ["pathChange", "select", "cursor"]) squire.addEventListener(name, show);
  // One stop for Tab; arrows go from tool to tool.
  const buttons = () => [...bar.querySelectorAll("button")].filter((one) => !one.hidden && !one.closest("[hidden]"));
  const stop = (at) => {
    for (const button of bar.querySelectorAll("button")) button.tabIndex = button === at ? 0 : -1;
  };
  stop(buttons()[0]);
  bar.addEventListener("focusin", (event) => stop(event.target));
  bar.addEventListener("keydown", (event) => {
    const all = buttons();
    const at = all.indexOf(document.activeElement);
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    all[(next + all.length) % all.length].focus();
  });
  for (const button of [toPlain, toRich]) button.addEventListener("click", () => stop(buttons()[0]));

  // ---- a link ----
  const address = dialog.querySelector("input");
  const fault = dialog.querySelector("#link-error");
  let range = null;
  const ask = () => {
    range = squire.getSelection();
    const start = range.startContainer;
    const held = (start.nodeType === Node.TEXT_NODE ? start.parentElement : start).closest?.("a");
    address.value = held && box.contains(held) ? held.getAttribute("href") : "";
    fault.textContent = "";
    dialog.showModal();
    address.focus();
  };
  const leave = (act) => {
    dialog.close();
    squire.focus();
    squire.setSelection(range);
    act?.();
  };
  const setLink = () => {
    let url = address.value.trim();
    if (/^[^\s@/:]+@[^\s@/]+\.[^\s@/]+$/.test(url)) url = `mailto:${url}`;
    else if (url && !LINK.test(url) && /^[\w-]+(\.[\w-]+)+([/?#]|$)/.test(url)) url = `https://${url}`;
    const isFine = LINK.test(url) && (!/^http/i.test(url) || URL.canParse(url));
    fault.textContent = isFine ? "" : words.link;
    address.toggleAttribute("aria-invalid", !isFine);
    if (!isFine) return address.focus();
    leave(() => squire.makeLink(url));
  };
  dialog.querySelector("[data-set]").addEventListener("click", setLink);
  dialog.querySelector("[data-unset]").addEventListener("click", () => leave(() => squire.removeLink()));
  dialog.querySelector("[data-leave]").addEventListener("click", () => leave());
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    leave();
  });
  address.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    setLink();
  });
}
