// Ticks the password rules as one types. The server decides: "hard to guess" here is a rough first look.
const rules = document.querySelector("[data-rules]");
if (rules) {
  const [password, confirm, hint] = rules.dataset.rules.split(" ").map((id) => document.getElementById(id));
  const icons = Object.fromEntries(
    [...document.querySelectorAll("template[data-icon]")].map((one) => [one.dataset.icon, one.content]),
  );
  const bare = (text) => text.normalize("NFKD").toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");
  const names = () =>
    [document.getElementById("first")?.value, document.getElementById("last")?.value, rules.dataset.words]
      .filter(Boolean)
      .flatMap((text) => text.split(/[\s@._+-]+/))
      .map(bare)
      .filter((word) => word.length >= 4 && !["com", "gov", "example"].includes(word));
  const isHard = (text) => {
    const letters = [...text.toLowerCase()];
    const runs = letters.filter((letter, at) => {
      const step = at ? letter.codePointAt(0) - letters[at - 1].codePointAt(0) : 9;
      return step === 0 || step === 1 || step === -1;
    }).length;
    const kinds = [/\p{Ll}/u, /\p{Lu}/u, /\d/, /[^\p{L}\d\s]/u].filter((kind) => kind.test(text)).length;
    const words = text.split(/\s+/).filter((word) => word.length > 2).length;
    if (new Set(letters).size < 7 || runs * 2 > letters.length) return false;
    if (letters.length < 12) return false;
    return letters.length >= 16 ? words >= 3 || kinds >= 2 : kinds >= 3;
  };
  const checks = {
    length: (text) => [...text].length >= 12,
    strength: (text) => isHard(text),
    personal: (text) => text !== "" && !names().some((word) => bare(text).includes(word)),
    hint: (text) => {
      const [secret, told] = [bare(text), bare(hint?.value ?? "")];
      return text !== "" && !(told.length >= 4 && secret.includes(told)) && !(secret && told.includes(secret));
    },
    same: (text) => text !== "" && text === confirm.value,
  };
  const said = rules.querySelector("[data-said]");
  let timer = 0;
  const tick = () => {
    const items = [...rules.querySelectorAll("[data-rule]")];
    let met = 0;
    for (const item of items) {
      const isMet = checks[item.dataset.rule](password.value.normalize("NFKC"));
      met += isMet ? 1 : 0;
      item.classList.toggle("is-met", isMet);
      item.querySelector("svg").replaceWith(icons[isMet ? "met" : "open"].cloneNode(true));
      item.querySelector("[data-state]").textContent = isMet ? rules.dataset.met : rules.dataset.open;
    }
    clearTimeout(timer);
    timer = setTimeout(() => {
      said.textContent = rules.dataset.count.replace("{met}", met).replace("{all}", items.length);
    }, 600);
  };
  // Beside the field it is a pop-up; below it, on narrow screens, it stays.
  const isBeside = matchMedia("(min-width: 64em)");
  const show = (isShown) => rules.classList.toggle("is-closed", isBeside.matches && !isShown);
  const inside = () => [password, confirm].includes(document.activeElement);
  show(inside() || password.getAttribute("aria-invalid") === "true");
  for (const field of [password, confirm]) {
    field.addEventListener("focus", () => show(true));
    field.addEventListener("blur", () => setTimeout(() => show(inside()), 0));
    field.addEventListener("keydown", (event) => {
      if (event.key === "Escape") show(false);
    });
  }
  for (const id of ["first", "last", "password", "confirm", "hint"]) {
    document.getElementById(id)?.addEventListener("input", tick);
  }
  tick();
}
