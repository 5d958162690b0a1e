// Before the first picture, so that a dark page does not flash white; a module would come too late.
(() => {
  const kept = localStorage.getItem("theme");
  if (kept === "light" || kept === "dark") document.documentElement.dataset.theme = kept;
})();
