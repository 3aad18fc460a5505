// Courtesies on every page: show the password, bring errors into view, warn before the session ends.
for (const button of document.querySelectorAll("[data-show]")) {
  const fields = button.dataset.show.split(" ").map((id) => document.getElementById(id)).filter(Boolean);
  const [show, hide] = [button.textContent, button.dataset.hide];
  button.hidden = false;
  button.addEventListener("click", () => {
    const isShown = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(isShown));
    button.textContent = isShown ? hide : show;
    for (const field of fields) field.type = isShown ? "text" : "password";
  });
  // password managers and the browser's own memory know the field by its type
  button.form?.addEventListener("submit", () => {
    for (const field of fields) field.type = "password";
  });
}

document.querySelector("[data-focus]")?.focus();

const account = document.querySelector(".sm-account");
if (account) {
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && account.open) {
      account.open = false;
      account.querySelector("summary").focus();
    }
  });
  document.addEventListener("click", (event) => {
    if (account.open && !account.contains(event.target)) account.open = false;
  });
}

// A question of the help page that an address names is opened.
const named = location.hash && document.getElementById(location.hash.slice(1));
if (named instanceof HTMLDetailsElement) named.open = true;
for (const link of document.querySelectorAll('.sm-topics a[href^="#"]')) {
  link.addEventListener("click", () => {
    const target = document.getElementById(link.hash.slice(1));
    if (target instanceof HTMLDetailsElement) target.open = true;
  });
}

const dialog = document.getElementById("session-dialog");
if (dialog) {
  const channel = "BroadcastChannel" in window ? new BroadcastChannel("safemail-session") : null;
  const left = dialog.querySelector("[data-left]");
  const said = dialog.querySelector("[data-said]");
  let ends = Date.now() + Number(dialog.dataset.seconds) * 1000;
  const extend = (seconds) => {
    ends = Date.now() + seconds * 1000;
    if (dialog.open) dialog.close();
  };
  channel?.addEventListener("message", (event) => extend(Number(event.data)));
  channel?.postMessage(Number(dialog.dataset.seconds));
  dialog.querySelector("[data-stay]").addEventListener("click", async () => {
    const body = new URLSearchParams({ csrf: dialog.dataset.csrf });
    const answer = await fetch("/stay", { method: "POST", body }).catch(() => null);
    if (!answer?.ok) return location.assign(dialog.dataset.out);
    const { seconds } = await answer.json();
    extend(seconds);
    channel?.postMessage(seconds);
  });
  setInterval(() => {
    const seconds = Math.max(0, Math.round((ends - Date.now()) / 1000));
    if (seconds > 120) return;
    if (!dialog.open) dialog.showModal();
    left.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    if (seconds === 120 || seconds === 60 || seconds === 30) said.textContent = left.textContent;
    if (seconds === 0) location.assign(dialog.dataset.out);
  }, 1000);
}
