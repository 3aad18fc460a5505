// A reply: saves itself, takes dropped files, says at once what is too big, sends once. All of it works without.
const form = document.querySelector("form[data-compose]");
if (form) {
  const say = form.querySelector("[data-said]");
  const words = form.dataset;
  const choose = form.querySelector("input[type=file]");
  const fits = form.querySelector("[data-fits]");
  const limit = Number(words.left);
  let saving = null;
  let timer = 0;
  let isSending = false;

  const sizeOf = (bytes) => {
    if (bytes < 1048576) return `${Math.max(1, Math.ceil(bytes / 1024))} KB`;
    return `${(Math.ceil((bytes / 1048576) * 10) / 10).toFixed(1).replace(/\.0$/, "")} MB`;
  };

  // Words only: files go up with the form.
  const save = async () => {
    const data = new FormData(form);
    data.delete("files");
    data.append("do", "save");
    try {
      const answer = await fetch(form.action, { method: "POST", body: data });
      if (!answer.ok || !new URL(answer.url).pathname.startsWith("/drafts/")) throw new Error("not saved");
      form.action = answer.url;
      say.textContent = words.saved.replace("{time}", new Date().toLocaleTimeString(document.documentElement.lang, { hour: "numeric", minute: "2-digit" }));
    } catch {
      say.textContent = words.unsaved;
    }
  };
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (isSending || saving) return soon();
      saving = save().finally(() => (saving = null));
    }, 2000);
  };
  form.addEventListener("input", (event) => event.target !== choose && soon());

  const check = () => {
    const sum = [...choose.files].reduce((all, file) => all + file.size, 0);
    const isOver = sum > limit;
    fits.hidden = !isOver;
    fits.textContent = isOver ? words.over.replace("{size}", sizeOf(sum)).replace("{left}", sizeOf(limit)) : "";
    choose.toggleAttribute("aria-invalid", isOver);
    return !isOver;
  };
  choose.addEventListener("change", check);
  const drop = form.querySelector("[data-drop]");
  drop.hidden = false;
  for (const name of ["dragenter", "dragover"]) drop.addEventListener(name, (event) => event.preventDefault());
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    const all = new DataTransfer();
    for (const file of [...choose.files, ...event.dataTransfer.files]) all.items.add(file);
    choose.files = all.files;
    check();
  });

  form.addEventListener("submit", (event) => {
    const button = event.submitter;
    const withFiles = ["send", "attach"].includes(button?.value);
    if (isSending || (withFiles && !check())) {
      event.preventDefault();
      if (!isSending) choose.focus();
    } else if (saving) {
      // one after the other, or the second would find the draft changed
      event.preventDefault();
      saving.then(() => form.requestSubmit(button));
    } else {
      isSending = true;
      clearTimeout(timer);
      form.setAttribute("aria-busy", "true");
      if (withFiles) say.textContent = words.sending;
    }
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form.requestSubmit(form.querySelector("button[value=send]"));
    }
  });
  // Back from the next page by the browser's own button: the form may be sent again.
  addEventListener("pageshow", () => {
    isSending = false;
    form.removeAttribute("aria-busy");
  });
  form.querySelector("[data-focus]")?.focus();
}
