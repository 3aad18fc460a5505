// Says that the connection is gone, and that it is back: the browser knows before any press of a button.
const bar = document.querySelector("[data-offline]");
const tell = () => {
  bar.textContent = navigator.onLine ? "" : bar.dataset.offline;
};
window.addEventListener("online", tell);
window.addEventListener("offline", tell);
tell();
