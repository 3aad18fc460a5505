// Courtesies on a list: all rows at once, how many are selected, and the actions to the front while some are.
const form = document.querySelector("form[data-rows]");
if (form) {
  const boxes = [...form.querySelectorAll('input[name="m"]')];
  const tray = form.querySelector(".sm-tray");
  const said = form.querySelector(".sm-tray__n");
  const all = form.querySelector("[data-all]");
  const every = all.querySelector("input");
  const tell = () => {
    const picked = boxes.filter((box) => box.checked).length;
    for (const box of boxes) box.closest("tr").classList.toggle("is-picked", box.checked);
    tray.classList.toggle("is-live", picked > 0);
    said.textContent = picked ? form.dataset.said.replace("{n}", picked) : "";
    every.checked = picked === boxes.length;
    every.indeterminate = picked > 0 && picked < boxes.length;
  };
  all.hidden = false;
  tray.classList.add("is-scripted");
  every.addEventListener("change", () => {
    for (const box of boxes) box.checked = every.checked;
    tell();
  });
  let last = null;
  for (const box of boxes) {
    box.addEventListener("click", (event) => {
      if (event.shiftKey && last) {
        const [from, to] = [boxes.indexOf(last), boxes.indexOf(box)].sort((a, b) => a - b);
        for (const one of boxes.slice(from, to + 1)) one.checked = box.checked;
      }
      last = box;
      tell();
    });
  }
  form.addEventListener("rows-picked", tell); // keys.js ticks too
  // a slow answer is shown, a quick one does not flicker
  form.addEventListener("submit", () => {
    setTimeout(() => form.closest(".sm-sheet").setAttribute("aria-busy", "true"), 400);
  });
  window.addEventListener("pageshow", () => {
    form.closest(".sm-sheet").removeAttribute("aria-busy");
    tell();
  });
}
