// Chooses light or dark before the first paint. `data-theme` on <html> is what the person chose
// (auto, light or dark; the server read it from the cookie); the stylesheet looks at
// `data-bs-theme`, which must be light or dark.
(function () {
  "use strict";
  var root = document.documentElement;
  var dark = window.matchMedia("(prefers-color-scheme: dark)");
  function apply() {
    var wish = root.dataset.theme;
    root.dataset.bsTheme = wish === "auto" ? (dark.matches ? "dark" : "light") : wish;
  }
  apply();
  dark.addEventListener("change", apply);
})();
