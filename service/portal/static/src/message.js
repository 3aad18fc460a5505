// The menus of the message page: one open at a time, closed by Escape and by a press outside. They work without this.
{
  const menus = [...document.querySelectorAll("details[data-pop]")];

  const shut = (menu) => {
    const hadFocus = menu.contains(document.activeElement);
    menu.open = false;
    if (hadFocus) menu.querySelector("summary").focus();
  };

  for (const menu of menus) {
    menu.addEventListener("toggle", () => {
      if (menu.open) for (const other of menus) if (other !== menu) other.open = false;
    });
  }
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of menus) if (menu.open) shut(menu);
  });
  document.addEventListener("click", (event) => {
    for (const menu of menus) if (menu.open && (!menu.contains(event.target) || event.target.closest("a[href^='#']"))) menu.open = false;
  });
}
