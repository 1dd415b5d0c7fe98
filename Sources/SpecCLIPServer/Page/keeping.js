// Buttons that keep something: files of the server's, and texts.
import * as api from "./api.js";
import { announce, h, save, showProblem } from "./dom.js";

/** Fetches a file of the server's and keeps it: with the token, and with its errors shown. */
export function downloadButton(text, path, name) {
  const button = h("button", {
    type: "button",
    onclick: async () => {
      button.setAttribute("aria-busy", "true");
      try {
        save(await api.download(path), name);
        announce(`${name} is ready`);
      } catch (problem) {
        showProblem(problem.message);
      } finally {
        button.removeAttribute("aria-busy");
      }
    },
  }, text);
  return button;
}

/** Puts a text on the clipboard and says so. */
export function copyButton(text, read) {
  const button = h("button", {
    type: "button",
    onclick: async () => {
      try {
        await navigator.clipboard.writeText(read());
        button.textContent = "Copied";
      } catch {
        // Browsers keep the clipboard to pages of this machine and of TLS.
        button.textContent = "Not allowed here";
      }
      announce(button.textContent);
      setTimeout(() => { button.textContent = text; }, 1500);
    },
  }, text);
  return button;
}
