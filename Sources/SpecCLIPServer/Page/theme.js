// Light, dark, or as the system has it. Loaded before the page is painted, so that a choice made earlier does not flash.
"use strict";
(() => {
  const names = ["automatic", "light", "dark"];
  const stored = () => {
    try { return localStorage.getItem("specclip-colours") ?? "automatic"; } catch { return "automatic"; }
  };
  let current = names.includes(stored()) ? stored() : "automatic";

  function apply() {
    if (current === "automatic") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = current;
    const button = document.getElementById("theme-button");
    if (button) button.textContent = `Colours: ${current}`;
  }

  apply();
  addEventListener("DOMContentLoaded", () => {
    apply();
    document.getElementById("theme-button").addEventListener("click", () => {
      current = names[(names.indexOf(current) + 1) % names.length];
      try {
        if (current === "automatic") localStorage.removeItem("specclip-colours");
        else localStorage.setItem("specclip-colours", current);
      } catch { /* Without storage the choice holds until the page is left. */ }
      apply();
    });
  });
})();
