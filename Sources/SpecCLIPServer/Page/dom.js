// Elements made by code. Text of files and servers only ever becomes text: nothing here reads markup.

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.setAttribute("class", value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) element.append(child);
  }
  return element;
}

/** An HTML element; `on…` attributes are listeners, children nodes or texts. */
export function h(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** An SVG element. */
export function svg(tag, attributes, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

export const byId = (id) => document.getElementById(id);

let count = 0;
/** An id that nothing else in the page has. */
export const freshId = (stem) => `${stem}-${++count}`;

/** Tells screen readers what has changed; the same words twice are told twice. */
export function announce(text) {
  const live = byId("live");
  live.textContent = "";
  requestAnimationFrame(() => { live.textContent = text; });
}

/** Shows one problem at the page's head until the next one or the next view; nothing hides it. */
export function showProblem(text) {
  const alert = byId("alert");
  alert.hidden = !text;
  alert.replaceChildren();
  if (!text) return;
  alert.append(h("span", {}, text), h("button", { type: "button", onclick: () => showProblem("") }, "Dismiss"));
}

/** Gives a file to the browser to keep. */
export function save(blob, name) {
  const address = URL.createObjectURL(blob);
  const link = h("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
