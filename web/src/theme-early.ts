// Sets the chosen theme before the first paint, so that a dark room sees no white flash.

try {
  const found = localStorage.getItem("glancemetrics-theme");
  if (found === "light" || found === "dark") document.documentElement.dataset.theme = found;
} catch {
  // Storage may be switched off.
}
if (/[?&]kiosk(?:[&=]|$)/.test(location.search)) document.documentElement.classList.add("kiosk");
