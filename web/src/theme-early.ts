// Sets the theme before the first paint, so that a dark room sees no white flash.

let theme = "auto";
try {
  theme = localStorage.getItem("glancemetrics-theme") ?? theme;
} catch {
  // Storage may be switched off.
}
if (theme !== "light" && theme !== "dark")
  theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
document.documentElement.dataset.theme = theme;
if (/[?&]kiosk(?:[&=]|$)/.test(location.search)) document.documentElement.classList.add("kiosk");
