// A star's spectra above one another on one axis of wavelengths: as observed, as the model saw it, and as another instrument
// would see it. Panels zoom together, layers come and go, wavelengths are as observed or at rest.
import { dataTable } from "./datatable.js";
import { announce, freshId, h } from "./dom.js";
import { figure, number, plural, quantile } from "./format.js";
import { Band, Line, Marks, nearest, shown, Stretches } from "./layers.js";
import { doppler, lines, regions, telluric } from "./lines.js";
import { scrolled, smallTable } from "./pieces.js";
import { Plot, zoomButtons } from "./plot.js";
import { Cursor, Range } from "./range.js";

/**
 * A panel is described by
 * { name, title, yTitle, isAtRest, wavelength, series: [{ name, kind, values, isHidden }],
 *   band: { name, kind, lower, upper }, bad, summary, height }. Numbers come as Float64Array.
 */
export class SpectraView {
  constructor(panels, { velocity = null, fileStem }) {
    this.velocity = Number.isFinite(velocity) ? velocity : null;
    this.isAtRest = this.velocity !== null;
    this.range = new Range(0, 1);
    this.cursor = new Cursor();
    this.hasLines = true;
    this.readout = h("p", { class: "readout", "aria-hidden": "true" });
    this.panels = panels.map((panel) => this.makePanel(panel, fileStem));
    this.element = h("div", { class: "spectra" },
      this.toolbar(), this.panels.map(({ element }) => element), this.lineList());
    this.cursor.addEventListener("change", () => this.read());
    this.range.addEventListener("change", () => this.tellRange());
    this.place();
    this.range.all();
    this.read();
  }

  forget() {
    for (const { plot } of this.panels) plot.forget();
  }

  toolbar() {
    const marks = h("input", {
      type: "checkbox", checked: true, onchange: () => {
        this.hasLines = marks.checked;
        this.place();
      },
    });
    const region = h("select", {
      "aria-label": "Go to a line", onchange: () => {
        const chosen = regions[region.selectedIndex - 1];
        if (chosen) {
          const shift = this.velocity !== null && !this.isAtRest ? doppler(this.velocity) : 1;
          this.range.set(chosen.from * shift, chosen.to * shift);
          announce(`${chosen.name}: ${this.extentText()}`);
        } else this.range.all();
      },
    }, h("option", {}, "Go to …"), regions.map(({ name }) => h("option", {}, name)));
    const name = freshId("frame");
    const choice = (text, isAtRest) => h("label", { class: "check" }, h("input", {
      type: "radio", name, checked: this.isAtRest === isAtRest, onchange: () => {
        const shift = doppler(this.velocity) ** (isAtRest ? -1 : 1);
        this.isAtRest = isAtRest;
        const [low, high] = [this.range.low, this.range.high];
        const wasFull = this.range.isFull;
        this.place();
        if (!wasFull) this.range.set(low * shift, high * shift);
      },
    }), text);
    const frame = this.velocity === null ? null : h("fieldset", { class: "inline" },
      h("legend", {}, "Wavelengths"), choice("at rest", true), choice("as observed", false));
    const all = () => {
      region.selectedIndex = 0;
      this.range.all();
    };
    return h("div", { class: "toolbar" },
      zoomButtons("Zoom the spectra", {
        zoom: (factor) => this.range.zoom(factor), panX: (part) => this.range.pan(part), all,
      }),
      region, h("label", { class: "check" }, marks, "lines"), frame, this.readout);
  }

  // The marks as a table, for those who do not see them.
  lineList() {
    const shift = this.velocity === null ? null : doppler(this.velocity);
    const columns = ["Line", { title: "At rest", unit: "Å, vacuum", isNumber: true }];
    if (shift) columns.push({ title: "As observed", unit: "Å, vacuum", isNumber: true });
    const rows = lines.map(({ x, label }) => [label, number(x, 2), ...shift ? [number(x * shift, 2)] : []]);
    return h("details", { class: "numbers-of" }, h("summary", {}, "Line list"),
      h("div", { class: "data" }, scrolled("Line list", smallTable("Lines that are marked", columns, rows))));
  }

  makePanel(panel, fileStem) {
    const summaryId = freshId("summary");
    const plot = new Plot({
      label: `${panel.title}, spectrum`, x: this.range, cursor: this.cursor, height: panel.height ?? 250,
      xTitle: "", yTitle: panel.yTitle, describedBy: summaryId,
    });
    plot.stepCursor = (step) => this.stepCursor(panel, step);
    const hidden = panel.series.filter(({ isHidden }) => isHidden).map(({ name }) => name);
    const made = { ...panel, plot, hidden: new Set(hidden) };
    const layer = (name, kind) => {
      const box = h("input", {
        type: "checkbox", checked: !made.hidden.has(name), onchange: () => {
          if (box.checked) made.hidden.delete(name); else made.hidden.add(name);
          this.place();
        },
      });
      return h("label", { class: "check" }, box, h("span", { class: `swatch ${kind}`, "aria-hidden": "true" }), name);
    };
    const names = [
      panel.series.map(({ name, kind }) => layer(name, kind)),
      panel.band && layer(panel.band.name, `${panel.band.kind} is-band`),
      panel.bad?.some(Boolean) && layer("bad pixels", "bad is-band"),
    ];
    made.element = h("section", { class: "panel", "aria-label": panel.title },
      h("div", { class: "panel-head" }, h("h3", {}, panel.title),
        h("fieldset", { class: "inline layers" }, h("legend", { class: "unseen" }, `Layers of ${panel.title}`), names)),
      plot.element,
      h("p", { class: "summary", id: summaryId }, panel.summary),
      dataTable(panel.title, `${fileStem}-${panel.name}.csv`, () => this.numbers(made)));
    return made;
  }

  numbers({ shifted, series, band, bad }) {
    const [from, to] = shown(shifted, this.range.low, this.range.high);
    const columns = [{ title: `wavelength [Å, vacuum${this.frame}]`, values: shifted, digits: 2 },
      ...series.map(({ name, values }) => ({ title: name, values }))];
    if (band) {
      columns.push({ title: `${band.name}, lower`, values: band.lower });
      columns.push({ title: `${band.name}, upper`, values: band.upper });
    }
    if (bad) columns.push({ title: "bad", values: bad });
    return { from, to, columns };
  }

  // What wavelengths are, where that can be chosen.
  get frame() { return this.velocity === null ? "" : this.isAtRest ? ", at rest" : ", as observed"; }

  /** Puts the panels where the chosen frame has them, with the layers that are on. */
  place() {
    const velocity = this.velocity ?? 0;
    const starShift = this.isAtRest ? 1 : doppler(velocity);
    let [low, high] = [Infinity, -Infinity];
    for (const panel of this.panels) {
      const shift = panel.isAtRest ? starShift : this.isAtRest ? 1 / doppler(velocity) : 1;
      panel.shifted = shift === 1 ? panel.wavelength : panel.wavelength.map((value) => value * shift);
      if (panel.shifted.length) [low, high] = [Math.min(low, panel.shifted[0]), Math.max(high, panel.shifted.at(-1))];
    }
    if (low < high && (low !== this.range.full[0] || high !== this.range.full[1])) this.range.become(low, high);
    const airShift = this.isAtRest ? 1 / doppler(velocity) : 1;
    const moved = (list, shift) => list.map((line) => ({ ...line, x: line.x * shift }));
    const marks = [...moved(lines, starShift), ...moved(telluric, airShift)];
    for (const { hidden, plot, shifted, series, band, bad } of this.panels) {
      const on = (name) => !hidden.has(name);
      plot.xTitle.textContent = `Wavelength (vacuum${this.frame}) [Å]`;
      plot.setLayers([
        bad && on("bad pixels") && Stretches.of("bad pixels", "bad", shifted, bad),
        band && on(band.name) && new Band(band.name, band.kind, shifted, band.lower, band.upper),
        this.hasLines && new Marks("lines", "lines", marks),
        ...series.filter(({ name }) => on(name))
          .map(({ name, kind, values }) => new Line(name, kind, shifted, values, bad)),
      ].filter(Boolean));
    }
    this.read();
  }

  extentText() { return `${number(this.range.low, 0)} to ${number(this.range.high, 0)} Å`; }

  // Who zooms by keys hears, once the keys rest, what is shown.
  tellRange() {
    this.read();
    clearTimeout(this.telling);
    this.telling = setTimeout(() => {
      if (this.element.contains(document.activeElement)) announce(this.extentText());
    }, 600);
  }

  stepCursor(panel, step) {
    const made = this.panels.find(({ name }) => name === panel.name);
    const isNew = this.cursor.value === null;
    const at = isNew ? (this.range.low + this.range.high) / 2 : this.cursor.value;
    const wanted = nearest(made.shifted, at) + (isNew ? 0 : step);
    const index = Math.min(Math.max(wanted, 0), made.shifted.length - 1);
    const value = made.shifted[index];
    if (value < this.range.low) this.range.pan(-0.2);
    if (value > this.range.high) this.range.pan(0.2);
    this.cursor.set(value);
    announce(this.readout.textContent);
  }

  read() {
    const at = this.cursor.value;
    if (at === null) {
      this.readout.textContent = this.extentText();
      return;
    }
    const parts = [`λ ${number(at, 1)} Å`];
    if (this.velocity !== null) {
      const shift = doppler(this.velocity);
      parts[0] += this.isAtRest ? ` (observed ${number(at * shift, 1)} Å)` : ` (at rest ${number(at / shift, 1)} Å)`;
    }
    for (const { hidden, shifted, series, band, bad } of this.panels) {
      if (!shifted.length || at < shifted[0] || at > shifted.at(-1)) continue;
      const index = nearest(shifted, at);
      const texts = series.filter(({ name }) => !hidden.has(name))
        .map(({ name, values }) => `${name} ${figure(values[index])}`);
      if (band && !hidden.has(band.name)) {
        texts.push(`${band.name} ${figure(band.lower[index])} to ${figure(band.upper[index])}`);
      }
      if (bad?.[index]) texts.push("bad pixel");
      if (texts.length) parts.push(texts.join(", "));
    }
    this.readout.textContent = parts.join(" · ");
  }
}

/** What a spectrum is, in words: for those who do not see the plot, and of use to those who do. */
export function describe(wavelength, bad) {
  if (!wavelength.length) return "No pixels.";
  const count = bad?.filter(Boolean).length ?? 0;
  const share = 100 * count / wavelength.length;
  const told = !bad ? "" : !count ? ", none of them bad"
    : `, ${plural(count, "bad one")} (${number(share, share < 10 ? 1 : 0)} %)`;
  const [first, last] = [wavelength[0], wavelength.at(-1)].map((value) => number(value, 0));
  return `${plural(wavelength.length, "pixel")} from ${first} to ${last} Å${told}.`;
}

/** Input and reconstruction compared in words. */
export function describeResidual(flux, reconstruction, bad) {
  const residuals = [];
  for (let i = 0; i < flux.length; i++) {
    const residual = Math.abs(flux[i] - reconstruction[i]);
    if (Number.isFinite(residual) && !bad?.[i]) residuals.push(residual);
  }
  residuals.sort((a, b) => a - b);
  if (!residuals.length) return "";
  const [median, most] = [0.5, 0.95].map((share) => figure(quantile(residuals, share), 2));
  return ` The reconstruction differs by ${median} in the median, by less than ${most} in 95 % of the good pixels.`;
}

/** What normalised fluxes are divided by, as an axis and as a sentence have it. */
export const fluxTitle = (divisor) => divisor ? `Flux / ${divisor}` : "Flux, normalised";
export const divided = (divisor) => divisor ? ` The flux is divided by its ${divisor.replace(/^flux /, "own flux ")}.` : "";
