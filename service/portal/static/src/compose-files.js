// Each file goes up at once and alone; what would not fit is said before it goes.
if (composing) {
  const { form, words, size, put, piece } = composing;
  const choose = form.querySelector("input[type=file]");
  const list = form.querySelector("[data-up]");
  const budget = form.querySelector("[data-budget]");
  const drop = form.querySelector("[data-drop]");
  const limit = Number(words.limit);
  const waiting = []; // of those on their way the first is sent
  let stored = Number(words.files);
  let count = list.children.length;
  let running = null;
  let idle = null;

  form.classList.add("is-live");
  choose.removeAttribute("name");
  form.querySelector(".sm-choose__label").classList.add("usa-button", "usa-button--outline");
  form.querySelector("button[value=attach]").hidden = true;
  drop.hidden = false;

  const typed = () => {
    for (const prepare of composing.prepares) prepare();
    const { text, html } = form.elements;
    return new TextEncoder().encode(text.value + (html.disabled ? "" : html.value)).length;
  };
  const under = () => waiting.reduce((all, one) => all + one.file.size, 0);
  const left = () => Math.max(0, limit - stored - under() - typed());
  const tell = () => {
    const used = stored + typed();
    budget.querySelector("meter").value = Math.min(used, limit);
    const values = { used: used ? size(used) : "0 KB", limit: size(limit), left: limit > used ? size(limit - used) : "0 KB" };
    budget.querySelector("span").textContent = put(words.used, values);
    list.hidden = !list.children.length;
  };
  const icon = (item, name) => item.querySelector("svg use").setAttribute("href", `${words.sprite}#${name}`);

  // ---- what is stored ----
  composing.listeners.push((told) => {
    for (const item of [...list.querySelectorAll("li:not([data-mine])")]) item.remove();
    const rows = told.files.map((file) => {
      const item = piece("done");
      icon(item, file.icon);
      item.querySelector("[data-name]").textContent = file.name;
      item.querySelector("[data-size]").textContent = size(file.size);
      const button = item.querySelector("button");
      button.value = `remove-${file.number}`;
      button.setAttribute("aria-label", put(words.remove, { name: file.name }));
      return item;
    });
    list.prepend(...rows);
    stored = told.files.reduce((all, file) => all + file.size, 0);
    count = told.files.length;
    form.querySelector("[data-carry]")?.remove(); // from here on they stand in the list
    tell();
  });
  list.addEventListener("click", async (event) => {
    const button = event.target.closest("button[name=do]");
    if (!button) return;
    event.preventDefault();
    const name = button.closest("li").querySelector("[data-name]").textContent;
    if (!(await composing.save(button.value))) return;
    composing.speak(put(words.removed, { name }));
    (list.querySelector("button") ?? choose).focus();
  });

  // ---- what is on its way ----
  class Going {
    constructor(file) {
      this.file = file;
      this.name = file.name || "file";
      this.item = piece("going");
      this.item.dataset.mine = "";
      this.item.querySelector("[data-name]").textContent = this.name;
      this.state = this.item.querySelector("[data-state]");
      this.bar = this.item.querySelector("progress");
      this.part = this.item.querySelector("[data-part]");
      this.why = this.item.querySelector("[data-why]");
      this.stop = this.item.querySelector("[data-stop]");
      this.again = this.item.querySelector("[data-again]");
      this.whole = [...this.state.childNodes];
      this.bar.setAttribute("aria-label", put(words.progress, { name: this.name }));
      this.again.setAttribute("aria-label", put(words.retry, { name: this.name }));
      this.again.title = put(words.retry, { name: this.name });
      this.stop.addEventListener("click", () => this.remove());
      this.again.addEventListener("click", () => this.begin());
      list.append(this.item);
    }

    begin() {
      const over = count + waiting.length >= Number(words.most) ? words.many : this.file.size > left() ? words.over : "";
      if (over) return this.fail(put(over, { name: this.name, size: size(this.file.size), left: left() ? size(left()) : "0 KB" }), false);
      this.why.hidden = true;
      this.again.hidden = true;
      this.state.className = "";
      this.state.replaceChildren(...this.whole);
      this.progress(0);
      this.stop.setAttribute("aria-label", put(words.cancel, { name: this.name }));
      waiting.push(this);
      tell();
      work();
    }

    progress(sent) {
      this.bar.value = this.file.size ? sent / this.file.size : 1;
      this.part.textContent = put(words.part, { sent: sent ? size(sent) : "0 KB", size: size(this.file.size) });
    }

    fail(why, canRetry) {
      this.state.className = "is-bad";
      this.state.replaceChildren(form.querySelector("template[data-failed]").content.cloneNode(true));
      this.why.textContent = why;
      this.why.hidden = false;
      this.why.setAttribute("role", "alert");
      this.again.hidden = !canRetry;
      this.stop.setAttribute("aria-label", put(words.dismiss, { name: this.name }));
      tell();
    }

    remove() {
      this.isStopped = true;
      if (running === this) this.request?.abort();
      const at = waiting.indexOf(this);
      if (at > 0 || (at === 0 && running !== this)) waiting.splice(at, 1);
      this.item.remove();
      tell();
      (list.querySelector("button") ?? choose).focus();
    }

    // The draft must stand first; the words may be saved beside.
    async send() {
      if (!words.draft && !(await composing.save())) throw new Error("no draft");
      if (this.isStopped) return null;
      const body = new FormData();
      body.append("csrf", form.elements.csrf.value);
      body.append("files", this.file, this.name);
      return new Promise((done, broken) => {
        const request = new XMLHttpRequest();
        this.request = request;
        request.open("POST", `${words.draft}/files`);
        request.setRequestHeader("Accept", "application/json");
        request.responseType = "json";
        request.upload.addEventListener("progress", (event) => this.progress(Math.min(event.loaded, this.file.size)));
        request.addEventListener("load", () => (request.response ? done({ status: request.status, told: request.response }) : broken(new Error("not told"))));
        for (const name of ["error", "timeout"]) request.addEventListener(name, () => broken(new Error(name)));
        request.addEventListener("abort", () => done(null));
        request.send(body);
      });
    }
  }

  const work = () => {
    if (running || !waiting.length) return;
    running = waiting[0];
    const one = running;
    const done = one
      .send()
      .then((answer) => {
        waiting.shift();
        if (!answer) return;
        const { status, told } = answer;
        if (status === 200) {
          one.item.remove();
          for (const listen of composing.listeners) listen(told);
          composing.speak(put(words.arrived, { name: one.name }));
        } else one.fail(told.refused?.[0] ?? words.failed, status >= 500);
      })
      .catch(() => {
        waiting.shift();
        one.fail(words.failed, true);
      })
      .finally(() => {
        running = null;
        tell();
        work();
      });
    idle = done;
  };

  const take = (files) => {
    for (const file of files) new Going(file).begin();
  };
  choose.addEventListener("change", () => {
    take([...choose.files]);
    choose.value = "";
  });
  const brings = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  for (const name of ["dragenter", "dragover"]) {
    form.addEventListener(name, (event) => {
      if (!brings(event)) return;
      event.preventDefault();
      drop.classList.add("is-over");
    });
  }
  form.addEventListener("dragleave", (event) => !form.contains(event.relatedTarget) && drop.classList.remove("is-over"));
  // before the editor sees them
  form.addEventListener(
    "drop",
    (event) => {
      drop.classList.remove("is-over");
      if (!brings(event)) return;
      event.preventDefault();
      event.stopPropagation();
      take([...event.dataTransfer.files]);
    },
    true,
  );
  form.addEventListener(
    "paste",
    (event) => {
      const { files } = event.clipboardData;
      const markup = event.clipboardData.getData("text/html");
      // words copied with their picture are words; a picture alone is a file, whatever markup names it
      const said = markup.replace(/<style\b[\s\S]*?<\/style\s*>/gi, "").replace(/<[^>]*>|&nbsp;/g, "");
      if (!files.length || said.trim()) return;
      event.preventDefault();
      event.stopPropagation();
      take([...files]);
    },
    true,
  );
  let counting = 0;
  form.addEventListener("input", () => {
    clearTimeout(counting);
    counting = setTimeout(tell, 500);
  });
  composing.isBusy = () => waiting.length > 0;
  composing.checks.push({
    now: async () => true,
    later: () => (waiting.length ? idle : null),
  });
  tell();
}
