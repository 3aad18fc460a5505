/* Lists that refresh by themselves, and the choice of a mailbox. */
"use strict";

const REFRESH_MS = 2000;
const list = document.querySelector("#list");

document.querySelector("#mailbox")?.addEventListener("change", (event) => event.target.form.submit());

async function refresh() {
  if (document.hidden) {
    return;
  }
  const answer = await fetch(list.dataset.refresh);
  if (!answer.ok) {
    return;
  }
  const fresh = document.createElement("div");
  fresh.innerHTML = await answer.text();
  const chosen = list.dataset.chosen;
  fresh.querySelectorAll(".mail-row").forEach((row) => {
    if (chosen && row.dataset.id === chosen) {
      row.setAttribute("aria-current", "true");
    }
  });
  if (signature(fresh) === signature(list)) {
    return;
  }
  const focused = list.contains(document.activeElement) && document.activeElement.dataset.id;
  const place = list.scrollTop;
  list.replaceChildren(...fresh.childNodes);
  list.scrollTop = place;
  if (focused) {
    [...list.querySelectorAll(".mail-row")].find((row) => row.dataset.id === focused)?.focus();
  }
  const unread = document.querySelector("#unread");
  if (unread && list.dataset.refresh.includes("/inbox")) {
    unread.textContent = list.querySelector(".list-head").dataset.unread.replace(/^0$/, "");
  }
}

function signature(element) {
  return [...element.querySelectorAll(".mail-row")].map((row) => row.dataset.id + row.className.trim()).join();
}

if (list) {
  setInterval(() => refresh().catch(() => {}), REFRESH_MS);
}
