// Pieces that views are made of: small tables, of which all rows are in the page, facts, sections.
import { h } from "./dom.js";

/**
 * `columns` are titles, or { title, unit, isNumber }; the first cell of a row is its head. A caption is for screen
 * readers, as the headline above a table says the same.
 */
export function smallTable(caption, columns, rows, { kind = null, hidesHead = false } = {}) {
  const shapes = columns.map((column) => typeof column === "string" ? { title: column } : column);
  const numeric = (i) => shapes[i].isNumber ? "is-number" : null;
  return h("table", { class: kind },
    h("caption", { class: "unseen" }, caption),
    h("thead", { class: hidesHead ? "unseen" : null }, h("tr", {}, shapes.map(({ title, unit }, i) =>
      h("th", { scope: "col", class: numeric(i) }, title, unit ? [" ", h("span", { class: "unit" }, unit)] : null)))),
    h("tbody", {}, rows.map((cells) => h("tr", {}, cells.map((cell, i) =>
      i ? h("td", { class: numeric(i) }, cell) : h("th", { scope: "row" }, cell))))));
}

/** What is wider or longer than its place is scrolled there, with keys, too. */
export function scrolled(label, content) {
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label }, content);
}

/** Names and what they stand for. */
export function facts(entries) {
  return h("dl", { class: "facts" }, entries.map(([name, value]) =>
    [h("dt", {}, name), h("dd", {}, typeof value === "string" ? value : JSON.stringify(value))]));
}

/** A section with its headline, and what stands beside that. */
export function section(id, title, content, beside = null) {
  const headline = h("h2", { id }, title);
  const head = beside ? h("div", { class: "section-head" }, headline, beside) : headline;
  return h("section", { "aria-labelledby": id }, head, content);
}
