// Keys on the mailbox's pages. Esc closes pop-ups and Ctrl+Enter sends, always; single keys only where the page carries
// their list, that is where the reader turned them on. They never act in a field, nor together with other modifiers.
const list = document.querySelector("template#keys");
const one = (selector, within = document) => within.querySelector(selector);
const rows = () => [...document.querySelectorAll(".sm-list tbody tr")];
const popUps = "details.sm-menu[open], details.sm-account[open], details.sm-pop[open]";

const close = (details) => {
  const inside = details.contains(document.activeElement);
  details.open = false;
  if (inside) one("summary", details).focus();
};
document.addEventListener("click", (event) => {
  for (const open of document.querySelectorAll(popUps)) if (!open.contains(event.target)) open.open = false;
});

// ---- the row that one is at ----
let last = null;
const here = () => one(".sm-list tr.is-here");
const goTo = (row) => {
  here()?.classList.remove("is-here");
  row.classList.add("is-here");
  const link = one(".sm-subj", row) ?? one("input[name=m]", row);
  link?.focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
};
const step = (by) => {
  const all = rows();
  if (!all.length) return one(by > 0 ? "[data-key=j], .sm-crumb a[rel=next]" : "[data-key=k], .sm-crumb a[rel=prev]")?.click();
  const at = all.indexOf(here());
  goTo(all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + by))]);
};
document.addEventListener("focusin", (event) => {
  const row = event.target.closest?.(".sm-list tbody tr");
  if (list && row && row !== here()) {
    here()?.classList.remove("is-here");
    row.classList.add("is-here");
  }
});
const pick = (isRange) => {
  const row = here();
  if (!row) return;
  const all = rows();
  const box = one("input[name=m]", row);
  if (isRange && last && all.includes(last)) {
    const [from, to] = [all.indexOf(last), all.indexOf(row)].sort((a, b) => a - b);
    for (const each of all.slice(from, to + 1)) one("input[name=m]", each).checked = true;
  } else box.checked = !box.checked;
  last = row;
  box.form.dispatchEvent(new Event("rows-picked"));
};
// What acts on rows acts on the ticked ones, or else on the one that one is at.
const act = (value) => {
  const button = one(`form[data-rows] button[name=do][value=${value}]`);
  if (!button) return one(`.sm-acts button[name=do][value=${value}]`)?.click();
  const form = button.form;
  if (!one("input[name=m]:checked", form)) {
    if (!here()) return;
    one("input[name=m]", here()).checked = true;
    form.dispatchEvent(new Event("rows-picked"));
  }
  form.requestSubmit(button);
};
const move = () => {
  const menu = one(".sm-acts--top details[data-pop]:has([name=to])");
  if (menu) {
    menu.open = true;
    one("button, a", menu)?.focus();
    return;
  }
  const select = one("#move-rows");
  if (!select) return;
  if (!one("form[data-rows] input[name=m]:checked") && here()) pick(false);
  select.focus();
  select.showPicker?.();
};
const press = (selector) => one(selector)?.click();
const showList = () => {
  if (!one("dialog.sm-keys")) document.body.append(list.content.cloneNode(true));
  const dialog = one("dialog.sm-keys");
  if (!dialog.open) dialog.showModal();
};

const keys = {
  j: () => step(1),
  k: () => step(-1),
  o: () => press(".sm-list tr.is-here .sm-subj"),
  u: () => press("[data-key=u], .sm-crumb > a"),
  x: () => pick(false),
  X: () => pick(true),
  r: () => press("[data-key=r], .sm-acts a[href$='/reply']"),
  a: () => press("[data-key=a], .sm-acts a[href$='/reply-all']"),
  f: () => press("[data-key=f], .sm-acts a[href$='/forward']"),
  c: () => press("[data-key=c], a.sm-side__new"),
  m: move,
  "#": () => act("delete"),
  U: () => act("unread"),
  I: () => act("read"),
  "/": () => one("#find")?.focus(),
  "?": showList,
};
const places = { i: "inbox", s: "sent", d: "drafts", t: "deleted" };
let wentAt = 0;

const isField = (target) =>
  target.isContentEditable ||
  Boolean(target.closest?.("input:not([type=checkbox]), textarea, select, [role=textbox], iframe"));

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    const open = document.querySelectorAll(popUps);
    if (open.length) event.preventDefault();
    for (const each of open) close(each);
    return;
  }
  if (!list || event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (isField(event.target) || one("dialog[open]")) return;
  if (Date.now() - wentAt < 1500 && places[event.key]) {
    event.preventDefault();
    wentAt = 0;
    location.assign(list.dataset[places[event.key]]);
    return;
  }
  wentAt = 0;
  if (event.key === "g") {
    wentAt = Date.now();
    return;
  }
  const does = Object.hasOwn(keys, event.key) ? keys[event.key] : null;
  if (!does) return;
  event.preventDefault();
  does();
});
