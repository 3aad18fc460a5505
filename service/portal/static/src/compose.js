// What is written saves itself, once at a time, and is sent once. Without script the form does all of it by itself.
// The other scripts of this page hang on to `composing`.
const composing = (() => {
  const form = document.querySelector("form[data-compose]");
  if (!form) return null;
  const words = form.dataset;
  const said = form.querySelector("[data-said]");
  const spoken = form.querySelector("[data-spoken]");
  const conflict = form.querySelector("[data-conflict]");
  const send = form.querySelector(".sm-sendbar button[value=send]");
  const A_MINUTE = 60000;
  const state = { isSending: false, isDirty: false, isInConflict: false };
  // What must be ready before a form leaves: each returns what the form is short of, or nothing.
  const checks = [];
  const prepares = [];
  const listeners = [];
  let saving = null;
  let timer = 0;
  let wait = 2000;

  const size = (bytes) => {
    if (bytes < 1048576) return `${Math.max(1, Math.ceil(bytes / 1024))} KB`;
    return `${(Math.ceil((bytes / 1048576) * 10) / 10).toFixed(1).replace(/\.0$/, "")} MB`;
  };
  const put = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const piece = (name) => form.querySelector(`template[data-${name}]`).content.firstElementChild.cloneNode(true);

  // Spoken at most once a minute; the newest of what came meanwhile is kept until then.
  let spokenAt = -A_MINUTE;
  let later = 0;
  const speak = (text) => {
    clearTimeout(later);
    const rest = spokenAt + A_MINUTE - performance.now();
    if (rest > 0) {
      later = setTimeout(() => speak(text), rest);
      return;
    }
    spokenAt = performance.now();
    spoken.textContent = text;
  };
  const say = (text, isSaved) => {
    const shown = form.querySelector("template[data-saved]").content.cloneNode(true);
    shown.querySelector("span").textContent = text;
    if (!isSaved) shown.querySelector("svg").remove();
    said.replaceChildren(shown);
    speak(text);
  };
  said.removeAttribute("role");

  const data = (act) => {
    for (const prepare of prepares) prepare();
    const all = new FormData(form);
    all.delete("files");
    all.append("do", act);
    return all;
  };
  const post = async (address, body, more = {}) => {
    const headers = { Accept: "application/json" };
    const answer = await fetch(address, { method: "POST", body, headers, redirect: "manual", ...more });
    if (answer.type === "opaqueredirect") throw new Error("out");
    const told = answer.headers.get("Content-Type")?.startsWith("application/json") ? await answer.json() : null;
    if (!told) throw new Error("not told");
    return { ok: answer.ok, status: answer.status, told };
  };

  const keep = (told) => {
    words.draft = told.draft;
    form.action = told.draft;
    form.elements.base.value = told.base;
    const dialog = document.getElementById("session-dialog");
    if (dialog) dialog.dataset.out = `/sign-in?out=time&next=${encodeURIComponent(told.draft)}`;
    if (location.pathname !== told.draft) history.replaceState(null, "", told.draft);
    for (const listen of listeners) listen(told);
  };
  const clash = (told) => {
    state.isInConflict = true;
    conflict.hidden = false;
    if (told.draft) conflict.querySelector("[data-other]").href = told.draft;
    conflict.dataset.base = told.base ?? "";
    conflict.focus();
    said.replaceChildren();
  };

  const now = async (act) => {
    state.isDirty = false;
    try {
      const { ok, status, told } = await post(form.action, data(act));
      if (status === 409 && told.is_changed) {
        state.isDirty = true;
        clash(told);
        return false;
      }
      if (!ok) throw new Error("not saved");
      keep(told);
      wait = 2000;
      say(told.cut ?? told.saved, !told.cut);
      return true;
    } catch (error) {
      state.isDirty = true;
      say(error.message === "out" ? words.out : words.unsaved, false);
      wait = Math.min(wait * 2, A_MINUTE);
      soon();
      return false;
    }
  };
  // One after the other, or the second would find the draft changed.
  const save = async (act = "save") => {
    while (saving) await saving;
    if (state.isInConflict && act === "save") return false;
    saving = now(act).finally(() => (saving = null));
    return saving;
  };
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(() => !state.isSending && state.isDirty && save(), wait);
  };
  const changed = () => {
    state.isDirty = true;
    soon();
  };
  form.addEventListener("input", (event) => {
    if (event.target.name === "files" || event.target.closest("[data-typing]")) return;
    changed();
  });
  addEventListener("online", () => state.isDirty && save());
  // On leaving: a few words go along with the page's end; what is longer asks first.
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden" && state.isDirty && !state.isSending && !saving) save();
  });
  addEventListener("pagehide", () => {
    if (!state.isDirty || state.isSending || state.isInConflict) return;
    const body = data("save");
    const headers = { Accept: "application/json" };
    fetch(form.action, { method: "POST", body, headers, keepalive: true }).catch(() => {});
  });
  addEventListener("beforeunload", (event) => {
    const isLong = new TextEncoder().encode(form.elements.text.value + form.elements.html.value).length > 50000;
    const isStuck = wait > 2000 || state.isInConflict || isLong;
    if (!state.isSending && ((state.isDirty && isStuck) || composing.isBusy())) event.preventDefault();
  });

  conflict.querySelector("[data-keep]").addEventListener("click", async () => {
    form.elements.base.value = conflict.dataset.base;
    state.isInConflict = false;
    conflict.hidden = true;
    await save();
    send.focus();
  });
  conflict.querySelector("[data-other]").addEventListener("click", () => (state.isDirty = false));

  const sendWords = send.querySelector("[data-words]");
  const oldWords = sendWords.textContent;
  let isCleared = false;
  const clear = async (button) => {
    await new Promise((done) => setTimeout(done)); // a form that is just being submitted takes no second call
    for (const check of checks) if (!(await check.now())) return;
    const waiting = checks.map((check) => check.later?.()).filter(Boolean);
    if (waiting.length) {
      say(words.waits, false);
      await Promise.all(waiting);
      return clear(button);
    }
    isCleared = true;
    form.requestSubmit(button);
  };
  form.addEventListener("submit", (event) => {
    const button = event.submitter;
    const act = button?.value ?? "save";
    if (state.isSending) return event.preventDefault();
    if (act === "discard" && !confirm(words.discard)) return event.preventDefault();
    if (act === "send" && !isCleared) {
      event.preventDefault();
      return clear(button);
    }
    if (saving) {
      event.preventDefault();
      return saving.then(() => form.requestSubmit(button));
    }
    isCleared = false;
    for (const prepare of prepares) prepare();
    state.isSending = true;
    clearTimeout(timer);
    form.setAttribute("aria-busy", "true");
    if (act === "send") sendWords.textContent = words.sending;
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form.requestSubmit(send);
    }
  });
  // Back from the next page by the browser's own button: the form may be sent again.
  addEventListener("pageshow", () => {
    state.isSending = false;
    form.removeAttribute("aria-busy");
    sendWords.textContent = oldWords;
  });
  form.querySelector("[data-focus]")?.focus();
  return { form, words, state, checks, prepares, listeners, size, put, piece, post, save, changed, speak, say, isBusy: () => false };
})();
