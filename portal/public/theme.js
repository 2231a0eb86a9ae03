// SPDX-License-Identifier: Apache-2.0
// Runs before the first paint, so that a chosen theme or language never flashes.
(() => {
  try {
    const theme = localStorage.getItem("layang.theme");
    if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
  } catch {
    // Storage is switched off: the system's theme holds.
  }
})();
