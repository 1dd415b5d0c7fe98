// The parts of a star's page that are words and tables.
import { h } from "./dom.js";
import { figure, number, symbol } from "./format.js";
import { copyButton } from "./keeping.js";
import { facts, scrolled, section, smallTable } from "./pieces.js";

export function labelList(page) {
  const known = page.labels.filter(({ value }) => Number.isFinite(value));
  const rows = known.map(({ symbol: text, value, error, lower, upper, unit, digits }) => [
    symbol(text),
    [h("b", {}, number(value, digits)),
      Number.isFinite(error) ? h("span", { class: "error" }, ` ± ${number(error, digits)}`) : null],
    h("span", { class: "unit" }, unit),
    Number.isFinite(lower)
      ? h("span", { class: "interval" }, `${number(lower, digits)} to ${number(upper, digits)}`) : "",
  ]);
  return section("labels-title", "Labels", [
    smallTable("Labels of this star",
      ["Label", { title: "Value and error", isNumber: true }, "Unit", { title: "Central 68 %", isNumber: true }],
      rows, { kind: "label-table", hidesHead: true }),
    h("p", { class: "hint" }, "Medians of the posterior; ± is half of its central 68 %, which stands on the right."),
  ]);
}

export function flagList(page) {
  if (!page.flags.length) return h("p", { class: "good" }, "No flag is set.");
  return section("flags-title", "Reasons to mistrust", h("ul", { class: "flags" }, page.flags.map(({ name, meaning }) =>
    h("li", {}, h("span", { class: "flag" }, name), " ", meaning))));
}

const kindNames = {
  density: "where it lies among embeddings",
  spectrum: "what the model cannot draw of its spectrum",
  instruments: "two instruments beside each other",
  repeats: "its visits beside one another",
};

export function outlierSection({ outlier }) {
  if (!outlier) return null;
  const { p, q, kinds, reason } = outlier;
  const share = p < 0.001 ? "fewer than one in a thousand" : `${figure(100 * p, 2)} %`;
  const values = [`p = ${figure(p, 3)}`, Number.isFinite(q) ? `q = ${figure(q, 3)}` : null].filter(Boolean).join(", ");
  return section("outlier-title", "Is it odd?", [
    h("p", {},
      `${p < 0.01 ? "It is odd" : "It is not odd"}: ${share} of normal stars look at least as odd (${values}).`),
    reason ? h("p", {}, h("b", {}, "Reason: "), reason) : null,
    smallTable("Kinds of oddness", ["Judged by", { title: "p", isNumber: true }],
      Object.entries(kinds ?? {}).map(([kind, value]) => [kindNames[kind] ?? kind, figure(value, 3)])),
  ]);
}

export function lookAlikeTable(page, context) {
  if (!page.look_alikes?.length) return null;
  const columns = [
    "Source id", "Instrument", { title: "Similarity", isNumber: true },
    { title: symbol("Teff"), unit: "K", isNumber: true }, { title: symbol("log g"), unit: "dex", isNumber: true },
    { title: "[Fe/H]", unit: "dex", isNumber: true },
  ];
  const rows = page.look_alikes.map((star) => [
    [h("a", { href: context.addressOf(page, star) }, star.source_id ?? `number ${star.k}`),
      star.star ? " (of this session)" : ""],
    context.title(star.instrument), number(star.similarity, 3), number(star.teff, 0), number(star.logg, 2),
    number(star.fe_h, 2),
  ]);
  return section("alikes-title", "Look-alikes", [
    scrolled("Look-alikes", smallTable("Known stars that look most like this one", columns, rows, { kind: "alikes" })),
    h("p", { class: "hint" },
      "By cosine similarity of embeddings: 1 is the same. A click shows the look-alike beside this star."),
  ]);
}

export function provenance(page) {
  const { notes = [], citation = [] } = page;
  return [
    section("provenance-title", "Provenance", [
      notes.length ? h("ul", { class: "notes" }, notes.map((note) => h("li", {}, note))) : null,
      facts(Object.entries(page.provenance ?? {})),
    ]),
    citation.length ? section("cite-title", "How to cite",
      h("ul", { class: "cite" }, citation.map((text) => h("li", {}, text))),
      copyButton("Copy", () => citation.join("\n"))) : null,
  ];
}
