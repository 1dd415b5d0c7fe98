// Kiel diagrams: where stars stand among those that the model was trained on.
import { dataTable } from "./datatable.js";
import { freshId, h } from "./dom.js";
import { floats, number, plural, svgSymbol, withError } from "./format.js";
import { Dots, Star } from "./layers.js";
import { Plot, zoomButtons } from "./plot.js";
import { Range } from "./range.js";

// Four kinds of metallicity are told apart by eye; more are not.
const classes = [
  { kind: "metal-0", below: -1, name: "[Fe/H] < −1" },
  { kind: "metal-1", below: -0.5, name: "−1 to −0.5" },
  { kind: "metal-2", below: 0, name: "−0.5 to 0" },
  { kind: "metal-3", below: Infinity, name: "> 0 dex" },
];

// How near the pointer has to come, in pixels.
const reach = 14;

function trainingLayers({ teff, logg, fe_h: metals = [] }) {
  const groups = classes.map((group) => ({ ...group, x: [], y: [] }));
  const unknown = { kind: "metal-none", name: "not known", x: [], y: [] };
  for (let i = 0; i < teff.length; i++) {
    const group = Number.isFinite(metals[i]) ? groups.find(({ below }) => metals[i] < below) : unknown;
    group.x.push(teff[i]);
    group.y.push(logg[i]);
  }
  return [unknown, ...groups].map(({ kind, name, x, y }) => new Dots(name, kind, floats(x), floats(y)));
}

function rangeOf(values, room) {
  const finite = values.filter(Number.isFinite).sort((a, b) => a - b);
  if (!finite.length) return new Range(0, 1);
  const [low, high] = [finite[0], finite.at(-1)];
  const beyond = (high - low) * room || Math.abs(high) * room || 1;
  return new Range(low - beyond, high + beyond);
}

function words(known, stars, others) {
  const training = known.teff.length;
  const own = stars.find(({ kind }) => kind === "this");
  if (!own) return `${plural(others.length, "star")} of this session among ${plural(training, "training star")}.`;
  const labels = `${withError(own.teff, own.teffError, 0, "K")}, log g ${withError(own.logg, own.loggError, 2, "dex")}`;
  if (!training) return `This star: ${labels}.`;
  const isNear = (teff, i) => Math.abs(teff - own.teff) < 250 && Math.abs(known.logg[i] - own.logg) < 0.25;
  return `This star: ${labels}. Of the ${training.toLocaleString("en")} training stars drawn, `
    + `${known.teff.filter(isNear).length} lie within 250 K and 0.25 dex.`;
}

export class KielView {
  /**
   * `training` is { teff, logg, fe_h } or null. `stars` are { name, kind, teff, logg, teffEnds, loggEnds, open }, drawn
   * with their errors and opened by a click; `others` are many, drawn as dots: { name, teff, logg, open }.
   */
  constructor(training, { stars = [], others = [], height = 380, fileStem, title = "Kiel diagram" }) {
    const known = training ?? { teff: [], logg: [], fe_h: [] };
    const summaryId = freshId("summary");
    Object.assign(this, { stars, others, known });
    const column = (key) => floats(others.map((star) => star[key]));
    this.dots = others.length ? new Dots("own", "own", column("teff"), column("logg")) : null;
    this.readout = h("p", { class: "readout", "aria-hidden": "true" });
    this.plot = new Plot({
      label: `${title}: effective temperature and surface gravity`, ...this.ranges(), height, isReversed: true,
      describedBy: summaryId, xTitle: svgSymbol("Teff", " [K]"), yTitle: svgSymbol("log g", " [dex]"),
      onPick: (place) => this.starAt(place)?.open?.(), onHover: (place) => this.read(place),
    });
    const drawn = stars.map(({ name, kind, teff, logg, teffEnds, loggEnds }) =>
      new Star(name, kind, { x: teff, y: logg, xEnds: teffEnds, yEnds: loggEnds }));
    this.plot.setLayers([...trainingLayers(known), this.dots, ...drawn.reverse()].filter(Boolean));
    this.element = h("div", { class: "kiel" },
      h("div", { class: "toolbar" }, zoomButtons(`Zoom the ${title}`, this.plot), this.readout),
      this.plot.element,
      this.legend(),
      h("p", { class: "summary", id: summaryId }, words(known, stars, others)),
      dataTable(title, `${fileStem}-kiel.csv`, () => this.numbers()));
  }

  // The few hottest training stars would press all others to one side.
  ranges() {
    const all = [...this.stars, ...this.others];
    const temperatures = this.known.teff.filter(Number.isFinite).sort((a, b) => a - b);
    const hottest = temperatures[Math.floor(temperatures.length * 0.99)];
    const own = (key) => all.flatMap((star) => [star[key], ...star[`${key}Ends`] ?? []]);
    return {
      x: rangeOf([...temperatures.filter((teff) => teff <= hottest), ...own("teff")], 0.04),
      y: rangeOf([...this.known.logg, ...own("logg")], 0.05),
    };
  }

  starAt({ view, pixel, pixelY }) {
    const distance = ({ teff, logg }) => Math.hypot(view.x(teff) - pixel, view.y(logg) - pixelY);
    const near = this.stars.map((star) => ({ star, distance: distance(star) }));
    if (this.dots) {
      const found = this.dots.nearest(view, pixel, pixelY);
      near.push({ star: this.others[found.index], distance: found.distance });
    }
    const [nearest] = near.sort((a, b) => a.distance - b.distance);
    return nearest?.distance < reach ? nearest.star : null;
  }

  read(place) {
    const star = place && this.starAt(place);
    this.plot.element.classList.toggle("is-over", Boolean(star?.open));
    const [teff, logg] = star ? [star.teff, star.logg] : place ? [place.x, place.y] : [];
    this.readout.textContent = place ? `${star ? `${star.name}: ` : ""}${number(teff, 0)} K, ${number(logg, 2)} dex` : "";
  }

  legend() {
    const key = (kind, name) => h("li", {}, h("span", { class: `swatch dot ${kind}`, "aria-hidden": "true" }), name);
    return h("ul", { class: "legend", "aria-label": "Legend" },
      this.stars.some(({ kind }) => kind === "this") && key("this", "this star"),
      this.stars.some(({ kind }) => kind === "alike") && key("alike", "look-alikes"),
      this.dots && key("own", "this session's stars"),
      this.known.teff.length > 0 && [h("li", { class: "legend-title" }, "Training stars:"),
        classes.map(({ kind, name }) => key(kind, name))]);
  }

  numbers() {
    const rows = [...this.stars, ...this.others].map(({ name, teff, logg }) => [name, teff, logg]);
    rows.push(...this.known.teff.map((teff, i) => ["training star", teff, this.known.logg[i]]));
    const columns = [["star"], ["teff [K]", 0], ["logg [dex]", 2]].map(([title, digits], i) =>
      ({ title, digits, values: rows.map((row) => row[i] ?? NaN) }));
    return { from: 0, to: rows.length, columns };
  }

  forget() { this.plot.forget(); }
}
