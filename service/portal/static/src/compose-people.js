// Addresses as chips. The text field stays what the form sends; each address is judged by the server as it is typed.
if (composing) {
  const { form, words, piece, put } = composing;
  let known = null;
  const post = (address, values) =>
    composing.post(address, new URLSearchParams({ csrf: form.elements.csrf.value, ...values })).then(({ told }) => told.people);
  const knownPeople = () => (known ??= post("/compose/people", {}).catch(() => ((known = null), [])));

  class People {
    constructor(field) {
      this.field = field;
      this.chips = [];
      this.whys = field.parentElement.querySelector("[data-whys]");
      this.list = document.createElement("ul");
      this.list.className = "sm-chips";
      this.typing = document.createElement("input");
      Object.assign(this.typing, { type: "text", className: field.className, id: field.id, inputMode: "email", autocomplete: "off", spellcheck: false, placeholder: field.placeholder });
      for (const name of ["autocapitalize", "aria-invalid", "aria-describedby"]) {
        if (field.hasAttribute(name)) this.typing.setAttribute(name, field.getAttribute(name));
      }
      this.typing.dataset.typing = "";
      this.box = document.createElement("ul");
      Object.assign(this.box, { className: "sm-known", id: `${field.id}-known`, hidden: true });
      this.box.setAttribute("role", "listbox");
      this.box.setAttribute("aria-label", form.querySelector(`label[for="${field.id}"]`).textContent);
      for (const [name, value] of [["role", "combobox"], ["aria-expanded", "false"], ["aria-autocomplete", "list"], ["aria-controls", this.box.id]]) {
        this.typing.setAttribute(name, value);
      }
      this.status = document.createElement("span");
      this.status.className = "usa-sr-only";
      this.status.setAttribute("role", "status");
      field.id = `${field.id}-all`;
      field.type = "hidden";
      const frame = document.createElement("div");
      frame.className = "sm-people";
      frame.append(this.typing, this.box, this.status);
      field.after(this.list, frame);
      this.whys.before(this.list);
      this.list.after(this.whys);
      this.listen();
      if (field.value) {
        this.isOpening = true; // to read what stands there is no change
        this.take(field.value);
        this.judging.then(() => (this.isOpening = false));
      }
      this.show();
    }

    listen() {
      const { typing } = this;
      typing.addEventListener("focus", () => knownPeople());
      typing.addEventListener("input", () => {
        if (/[,;\n]/.test(typing.value)) this.cut();
        else this.suggest();
        this.write();
      });
      typing.addEventListener("paste", (event) => {
        const text = event.clipboardData.getData("text/plain");
        if (!/[,;\n]/.test(text.trim())) return;
        event.preventDefault();
        this.close();
        this.take(typing.value + text.trim().replace(/\s*\n\s*/g, ", "));
        typing.value = "";
      });
      typing.addEventListener("keydown", (event) => this.press(event));
      typing.addEventListener("blur", () => setTimeout(() => this.leave(), 150));
      this.box.addEventListener("pointerdown", (event) => event.preventDefault());
      this.box.addEventListener("click", (event) => {
        const option = event.target.closest("[role=option]");
        if (option) this.pick(option);
      });
    }

    press(event) {
      const { typing, box } = this;
      const isOpen = !box.hidden;
      if (event.isComposing || event.ctrlKey || event.metaKey) return;
      if (["ArrowDown", "ArrowUp"].includes(event.key) && isOpen) {
        event.preventDefault();
        this.move(event.key === "ArrowDown" ? 1 : -1);
      } else if (event.key === "Escape" && isOpen) {
        event.preventDefault();
        event.stopPropagation();
        this.close();
      } else if (event.key === "Enter" && isOpen && this.active()) {
        event.preventDefault();
        this.pick(this.active());
      } else if (event.key === "Enter" && typing.value.trim()) {
        event.preventDefault();
        this.cut(true);
      } else if (event.key === " " && /^[^\s<"]+@[^\s<"]+\.[^\s<"]+$/.test(typing.value.trim())) {
        event.preventDefault();
        this.cut(true);
      } else if (event.key === "Backspace" && !typing.value && this.chips.length) {
        event.preventDefault();
        this.remove(this.chips.at(-1));
      }
    }

    // What stands before the last comma becomes chips, or all of it.
    cut(isAll = false) {
      const { typing } = this;
      const at = isAll ? typing.value.length : Math.max(...[",", ";", "\n"].map((sign) => typing.value.lastIndexOf(sign)));
      const done = typing.value.slice(0, at);
      typing.value = typing.value.slice(at + 1).trimStart();
      this.close();
      if (done.trim(" ,;")) this.take(done);
    }

    leave() {
      if (document.activeElement === this.typing) return;
      this.close();
      if (this.typing.value.trim()) this.cut(true);
    }

    // The text is kept at once; how it is judged comes after.
    take(text) {
      const waiting = { text, person: null };
      this.chips.push(waiting);
      this.write();
      this.judging = (this.judging ?? Promise.resolve()).then(async () => {
        let people = [];
        try {
          people = await post("/compose/addresses", { people: text });
        } catch {
          people = [{ text: text.trim(), address: text.trim(), name: "", isUnjudged: true }];
        }
        const at = this.chips.indexOf(waiting);
        if (at < 0) return;
        const seen = new Set(this.chips.map((chip) => chip.person?.address.toLowerCase()));
        const fresh = people.filter((one) => !seen.has(one.address.toLowerCase()));
        this.chips.splice(at, 1, ...fresh.map((person) => ({ text: person.text, person })));
        this.write();
        this.show();
        this.status.textContent = fresh.flatMap((one) => one.why ?? []).join(" ");
      });
    }

    // The field that is sent.
    write() {
      const text = [...this.chips.map((chip) => chip.text), this.typing.value].filter((one) => one.trim()).join(", ");
      if (text === this.field.value) return;
      this.field.value = text;
      if (!this.isOpening) composing.changed();
    }

    show() {
      this.list.replaceChildren();
      this.whys.replaceChildren();
      for (const chip of this.chips.filter((one) => one.person)) this.list.append(this.draw(chip));
      this.list.hidden = !this.list.children.length;
      const bad = this.chips.some((chip) => chip.person?.why);
      this.typing.toggleAttribute("aria-invalid", bad);
      if (bad) this.typing.setAttribute("aria-invalid", "true");
    }

    draw(chip) {
      const { person } = chip;
      const item = piece("chip");
      const shown = item.firstElementChild;
      const button = item.querySelector("button");
      const name = person.name || person.address || person.text;
      item.querySelector("[data-who]").textContent = name;
      shown.title = person.address;
      button.setAttribute("aria-label", put(words.remove, { name }));
      button.addEventListener("click", () => {
        this.remove(chip);
        this.typing.focus();
      });
      if (person.isUnjudged) shown.querySelector("svg").remove();
      else item.querySelector("[data-judged]").textContent = `${person.why ? words.bad : words.fine}: `;
      if (!person.why) return item;
      shown.classList.add("is-bad");
      shown.querySelector("use").setAttribute("href", `${words.sprite}#error`);
      const why = piece("why");
      why.id = `why-${Math.random().toString(36).slice(2)}`;
      [why.querySelector("b").textContent, why.querySelector("span span").textContent] = person.why;
      button.setAttribute("aria-describedby", why.id);
      this.whys.append(why);
      chip.button = button;
      return item;
    }

    remove(chip) {
      this.chips.splice(this.chips.indexOf(chip), 1);
      this.write();
      this.show();
    }

    // ---- people one knows ----
    async suggest() {
      const typed = this.typing.value.trim().toLowerCase();
      if (typed.length < 1) return this.close();
      const all = await knownPeople();
      if (typed !== this.typing.value.trim().toLowerCase()) return;
      const held = new Set(this.chips.map((chip) => chip.person?.address.toLowerCase()));
      const fits = all.filter((one) => !held.has(one.address.toLowerCase()) && `${one.name} ${one.address}`.toLowerCase().includes(typed));
      this.box.replaceChildren(
        ...fits.slice(0, 6).map((one, number) => {
          const option = document.createElement("li");
          option.id = `${this.box.id}-${number}`;
          option.setAttribute("role", "option");
          option.setAttribute("aria-selected", "false");
          option.dataset.text = one.text;
          const name = document.createElement("b");
          name.textContent = one.name;
          option.append(name, one.name ? ` ${one.address}` : one.address);
          return option;
        }),
      );
      this.box.hidden = !this.box.children.length;
      this.typing.setAttribute("aria-expanded", String(!this.box.hidden));
      this.typing.removeAttribute("aria-activedescendant");
      this.status.textContent = this.box.hidden ? "" : put(words.suggestions, { n: this.box.children.length });
    }

    active() {
      return this.box.querySelector("[aria-selected=true]");
    }

    move(step) {
      const options = [...this.box.children];
      const at = options.indexOf(this.active());
      const next = options[(at + step + options.length + (at < 0 && step < 0 ? 1 : 0)) % options.length];
      for (const option of options) option.setAttribute("aria-selected", String(option === next));
      this.typing.setAttribute("aria-activedescendant", next.id);
      next.scrollIntoView({ block: "nearest" });
    }

    pick(option) {
      this.typing.value = "";
      this.close();
      this.take(option.dataset.text);
      this.typing.focus();
    }

    close() {
      this.box.hidden = true;
      this.typing.setAttribute("aria-expanded", "false");
      this.typing.removeAttribute("aria-activedescendant");
      this.status.textContent = "";
    }
  }

  const fields = [...form.querySelectorAll("[data-people]")].map((field) => new People(field));
  // Send is never dead: it leads to the address that stops it.
  composing.checks.push({
    now: async () => {
      for (const one of fields) {
        if (one.typing.value.trim()) one.cut(true);
        await one.judging;
      }
      for (const one of fields) {
        const refused = one.chips.find((chip) => chip.person?.why);
        if (!refused) continue;
        one.list.closest("details")?.setAttribute("open", "");
        refused.button.focus();
        return false;
      }
      return true;
    },
  });
}
