/* The compose window: the editor, the files, the add-in's button, and Send with the add-in's check before it. */
"use strict";

const form = document.querySelector("#compose");
const fields = Object.fromEntries(["to", "cc", "bcc", "subject"].map((name) => [name, form.elements[name]]));
const source = form.elements.body;
const picker = document.querySelector("#files");
const attached = document.querySelector("#attached");
const bars = document.querySelector("#infobars");
const problem = document.querySelector("#problem");
const secure = document.querySelector("#secure");
const send = document.querySelector("#send");
const state = document.querySelector("#addin-state");
const dialog = document.querySelector("#alert");
const session = new Map();
let files = [];

/* ---- the editor takes the text area's place and its id ---- */

const editor = document.createElement("div");
editor.contentEditable = "true";
editor.className = "editor";
editor.setAttribute("role", "textbox");
editor.setAttribute("aria-multiline", "true");
editor.setAttribute("aria-label", "Message");
for (const line of source.value.split("\n")) {
  const paragraph = document.createElement("p");
  paragraph.className = "MsoNormal";
  if (line.trim()) {
    paragraph.textContent = line;
  } else {
    paragraph.append(document.createElement("br"));
  }
  editor.append(paragraph);
}
source.id = "body-source";
source.hidden = true;
editor.id = "body";
source.before(editor);
document.querySelector("#kind").value = "html";
document.querySelector("#tools").hidden = false;
document.querySelectorAll("[data-command]").forEach((button) => {
  button.addEventListener("mousedown", (event) => event.preventDefault());
  button.addEventListener("click", () => document.execCommand(button.dataset.command));
});

function bodyHtml() {
  const copy = editor.cloneNode(true);
  copy.querySelectorAll("p, div").forEach((block) => block.classList.add("MsoNormal"));
  copy.querySelectorAll("script, iframe, object, link, meta").forEach((element) => element.remove());
  return copy.innerHTML;
}

/* ---- files ---- */

picker.addEventListener("change", () => {
  files.push(...picker.files);
  picker.value = "";
  listFiles();
});
form.addEventListener("dragover", (event) => event.preventDefault());
form.addEventListener("drop", (event) => {
  if (event.dataTransfer.files.length) {
    event.preventDefault();
    files.push(...event.dataTransfer.files);
    listFiles();
  }
});

function listFiles() {
  attached.replaceChildren(...files.map((file) => {
    const row = document.createElement("li");
    const name = document.createElement("strong");
    const size = document.createElement("span");
    const remove = document.createElement("button");
    name.textContent = file.name;
    size.textContent = inWords(file.size);
    remove.type = "button";
    remove.textContent = "Remove";
    remove.setAttribute("aria-label", `Remove ${file.name}`);
    remove.addEventListener("click", () => {
      files = files.filter((one) => one !== file);
      listFiles();
    });
    row.append(name, size, remove);
    return row;
  }));
}

function inWords(bytes) {
  return bytes < 1048576 ? `${Math.max(1, Math.ceil(bytes / 1024))} KB` : `${Math.ceil((bytes * 10) / 1048576) / 10} MB`;
}

/* ---- what the add-in may ask of this item ---- */

function people(field) {
  /* as Outlook: only what can be resolved to an address */
  return field.value.split(/[;,]/).flatMap((piece) => {
    const found = /^\s*(?:"?([^"<]*?)"?\s*<)?\s*([^<>\s"]+@[^<>\s"]+)\s*>?\s*$/.exec(piece);
    return found ? [{ displayName: found[1] || found[2], emailAddress: found[2], recipientType: "other" }] : [];
  });
}

const item = {
  "subject.get": () => fields.subject.value,
  "subject.set": (text) => {
    fields.subject.value = text;
    showState();
    return undefined;
  },
  "to.get": () => people(fields.to),
  "cc.get": () => people(fields.cc),
  "bcc.get": () => people(fields.bcc),
  "body.get": (type) => (type === "text" ? editor.innerText : bodyHtml()),
  "attachments.get": () => files.map((file, index) => ({
    id: String(index), name: file.name, size: file.size, isInline: false, attachmentType: "file"
  })),
  "bars.add": ({ key, type, message }) => showBar(key, type, message),
  "bars.replace": ({ key, type, message }) => showBar(key, type, message),
  "bars.remove": ({ key }) => findBar(key)?.remove(),
  "bars.all": () => [...bars.children].map((bar) => ({ key: bar.dataset.key, message: bar.firstChild.textContent })),
  "session.get": ({ key }) => session.get(key),
  "session.set": ({ key, value }) => void session.set(key, value),
  "session.remove": ({ key }) => void session.delete(key)
};

function findBar(key) {
  return [...bars.children].find((bar) => bar.dataset.key === key);
}

function showBar(key, type, message) {
  findBar(key)?.remove();
  const bar = document.createElement("p");
  const text = document.createElement("span");
  const dismiss = document.createElement("button");
  bar.className = type === "errorMessage" ? "infobar is-error" : "infobar";
  bar.dataset.key = key;
  text.textContent = message;
  dismiss.type = "button";
  dismiss.textContent = "Dismiss";
  dismiss.addEventListener("click", () => bar.remove());
  bar.append(text, dismiss);
  bars.append(bar);
}

const frame = document.querySelector("#addin");
const addin = new AddIn(frame, item, {
  onFault: (text) => {
    problem.textContent = text;
    problem.hidden = false;
  },
  onReady: () => {
    secure.disabled = false;
    secure.dataset.ready = "true";
  }
});
frame.src = frame.dataset.src; /* only now, when somebody listens */

(fields.to.value ? editor : fields.to).focus();

/* ---- the button ---- */

async function toggle() {
  await addin.run("toggleSecure");
  showState();
}

function showState() {
  /* Outlook's own button has no state; the word beside it is this page's */
  state.textContent = /\[\s*secure\s*\]/i.test(fields.subject.value) ? "Secure is on" : "";
}

secure.addEventListener("click", toggle);
fields.subject.addEventListener("input", showState);
showState();

/* ---- Send ---- */

form.addEventListener("submit", (event) => {
  event.preventDefault();
  trySending();
});

async function trySending() {
  problem.hidden = true;
  if (![fields.to, fields.cc, fields.bcc].some((field) => field.value.trim())) {
    fail("Add at least one recipient.");
    return;
  }
  send.disabled = true;
  const slow = setTimeout(() => { state.textContent = "Safemail is checking your message…"; }, 1500);
  const options = secure.dataset.ready ? await addin.run("onMessageSend") : { allowEvent: true };
  clearTimeout(slow);
  showState();
  if (options.allowEvent) {
    await post();
  } else {
    send.disabled = false;
    question(options);
  }
}

function question(options) {
  document.querySelector("#alert-text").textContent = options.errorMessage || "";
  document.querySelector("#send-anyway").hidden = options.sendModeOverride !== "promptUser";
  const action = document.querySelector("#alert-action");
  action.hidden = options.commandId !== "SafemailToggle";
  action.textContent = options.cancelLabel || "Take Action";
  dialog.showModal();
}

document.querySelector("#dont-send").addEventListener("click", () => dialog.close());
document.querySelector("#send-anyway").addEventListener("click", () => {
  dialog.close();
  post();
});
document.querySelector("#alert-action").addEventListener("click", () => {
  dialog.close();
  toggle();
});

async function post() {
  send.disabled = true;
  source.value = bodyHtml();
  const given = new FormData(form);
  given.delete("files");
  files.forEach((file) => given.append("files", file, file.name));
  try {
    const answer = await fetch(form.action, { method: "POST", body: given });
    if (answer.ok) {
      location.assign(answer.url);
      return;
    }
    fail(await answer.text());
  } catch {
    fail("The emulator did not answer. Nothing was sent.");
  }
}

function fail(text) {
  problem.textContent = text;
  problem.hidden = false;
  send.disabled = false;
}
