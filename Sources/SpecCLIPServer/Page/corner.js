// The posterior: how each label is distributed, and each pair of them.
import { dataTable } from "./datatable.js";
import { freshId, h, svg } from "./dom.js";
import { floats, minus, number, plainSymbol, plural, quantile, svgSymbol, symbol } from "./format.js";
import { ticks } from "./range.js";

const margin = { left: 56, right: 8, top: 22, bottom: 50 };
const gap = 5;
const bins = 24;
// More than these are legible on no screen: the user says which.
const most = 6;

export class CornerView {
  /** `digits` by label name: as many as the labels are told with. */
  constructor({ labels, samples }, digits, fileStem) {
    this.all = labels.map((label, i) => {
      const draws = floats(samples[i]);
      const sorted = Float64Array.from(draws.filter(Number.isFinite)).sort();
      const [low, high] = [quantile(sorted, 0.004), quantile(sorted, 0.996)];
      const room = (high - low) * 0.08 || 1;
      return {
        ...label, draws, digits: digits[label.name] ?? 2, low: low - room, high: high + room,
        median: quantile(sorted, 0.5), lower: quantile(sorted, 0.1587), upper: quantile(sorted, 0.8413),
      };
    });
    this.labels = this.all.slice(0, most);
    const summaryId = freshId("summary");
    this.summary = h("p", { class: "summary", id: summaryId }, this.words());
    this.image = svg("svg", {
      role: "img", "aria-label": "Posterior: histogram of each label and scatter of each pair",
      "aria-describedby": summaryId,
    });
    this.box = h("div", { class: "corner-box", tabindex: "0", role: "region", "aria-label": "Posterior, corner plot" },
      this.image);
    this.element = h("div", { class: "corner" }, this.all.length > most ? this.chooser() : null, this.box, this.summary,
      dataTable("the posterior", `${fileStem}-posterior.csv`, () => ({
        from: 0, to: this.labels[0]?.draws.length ?? 0,
        columns: this.all.map(({ name, unit, draws, digits }) =>
          ({ title: `${name} [${unit}]`, values: draws, digits: digits + 1 })),
      })));
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this.box);
  }

  forget() { this.observer.disconnect(); }

  chooser() {
    const boxes = this.all.map((label) => {
      const box = h("input", {
        type: "checkbox", checked: this.labels.includes(label), onchange: () => {
          this.labels = this.all.filter((_, i) => boxes[i].checked);
          // One more takes the place of none: the others wait until one is let go.
          boxes.forEach((other) => { other.disabled = !other.checked && this.labels.length >= most; });
          this.summary.textContent = this.words();
          this.draw();
        },
      });
      box.disabled = !box.checked;
      return box;
    });
    return h("fieldset", { class: "inline layers" }, h("legend", {}, `Labels, ${most} at the most`),
      this.all.map(({ symbol: text }, i) => h("label", { class: "check" }, boxes[i], h("span", {}, symbol(text)))));
  }

  words() {
    const texts = this.labels.map((label) => `${plainSymbol(label.symbol)} ${told(label, ", ")} ${label.unit}`);
    const pairs = [];
    for (let i = 0; i < this.labels.length; i++) {
      for (let j = 0; j < i; j++) {
        const pair = [this.labels[j], this.labels[i]];
        const r = correlation(...pair.map(({ draws }) => draws));
        pairs.push({ r, text: `${pair.map((label) => plainSymbol(label.symbol)).join(" with ")} (${number(r, 2)})` });
      }
    }
    const strong = pairs.filter(({ r }) => Math.abs(r) >= 0.3).sort((a, b) => Math.abs(b.r) - Math.abs(a.r)).slice(0, 3);
    const count = this.labels[0]?.draws.length ?? 0;
    return `${plural(count, "draw")}. ${texts.join("; ")}.`
      + (strong.length ? ` Correlated: ${strong.map(({ text }) => text).join(", ")}.`
        : pairs.length ? " No pair is correlated by more than 0.3." : "");
  }

  draw() {
    const count = this.labels.length;
    const width = this.box.clientWidth;
    this.image.replaceChildren();
    if (!width || !count) return;
    const size = Math.min(Math.max((width - margin.left - margin.right - gap * (count - 1)) / count, 58), 150);
    const full = margin.left + margin.right + count * size + gap * (count - 1);
    const tall = margin.top + margin.bottom + count * size + gap * (count - 1);
    this.image.setAttribute("width", full);
    this.image.setAttribute("height", tall);
    this.image.setAttribute("viewBox", `0 0 ${full} ${tall}`);
    const parts = [];
    this.labels.forEach((label, row) => {
      const y = margin.top + row * (size + gap);
      for (let column = 0; column <= row; column++) {
        const x = margin.left + column * (size + gap);
        const group = svg("g", { transform: `translate(${x} ${y})` });
        const across = this.labels[column];
        if (column === row) this.histogram(group, label, size); else this.scatter(group, across, label, size);
        this.axes(group, across, column === row ? null : label, size, row === count - 1, column === 0 && row > 0);
        parts.push(group);
      }
    });
    this.image.replaceChildren(...parts);
  }

  axes(group, across, up, size, hasNumbers, hasLeftNumbers) {
    const wanted = size < 80 ? 1.6 : size < 120 ? 2.6 : 3.4;
    // Numbers at the ends would run into those of the next one.
    const fits = (place) => place > 10 && place < size - 10;
    const unit = (label) => size >= 90 ? ` [${label.unit}]` : "";
    const text = (kind, place, ...content) => svg("text", { class: kind, "text-anchor": "middle", ...place }, ...content);
    group.append(svg("rect", { class: "frame", width: size, height: size }));
    const marksX = ticks(across.low, across.high, wanted);
    const scaleX = (value) => (value - across.low) / (across.high - across.low) * size;
    group.append(svg("path", { class: "ticks", d: marksX.places.map((value) => `M${scaleX(value)} ${size}v4`).join("") }));
    if (hasNumbers) {
      group.append(
        ...marksX.places.filter((value) => fits(scaleX(value))).map((value) =>
          text("number", { x: scaleX(value), y: size + 15 }, minus(value.toFixed(marksX.decimals)))),
        text("axis-title", { x: size / 2, y: size + 36 }, svgSymbol(across.symbol, unit(across))));
    }
    if (!up) return;
    const marksY = ticks(up.low, up.high, wanted);
    const scaleY = (value) => size - (value - up.low) / (up.high - up.low) * size;
    group.append(svg("path", { class: "ticks", d: marksY.places.map((value) => `M0 ${scaleY(value)}h-4`).join("") }));
    if (hasLeftNumbers) {
      group.append(
        ...marksY.places.filter((value) => fits(scaleY(value))).map((value) =>
          text("number", { x: -7, y: scaleY(value), dy: "0.32em", "text-anchor": "end" },
            minus(value.toFixed(marksY.decimals)))),
        text("axis-title", { transform: `translate(-43 ${size / 2}) rotate(-90)` }, svgSymbol(up.symbol, unit(up))));
    }
  }

  histogram(group, label, size) {
    const { draws, low, high, lower, median, upper, digits } = label;
    const counts = new Array(bins).fill(0);
    for (const value of draws) {
      const bin = Math.floor((value - low) / (high - low) * bins);
      if (bin >= 0 && bin < bins) counts[bin]++;
    }
    const most = Math.max(...counts, 1);
    const scale = (value) => (value - low) / (high - low) * size;
    const steps = counts.map((n, i) => `L${i * size / bins} ${size - 0.9 * size * n / most}H${(i + 1) * size / bins}`);
    const width = Math.max(scale(upper) - scale(lower), 0.5);
    group.append(svg("rect", { class: "central", x: scale(lower), width, height: size }),
      svg("path", { class: "histogram", d: `M0 ${size}${steps.join("")}V${size}` }),
      svg("path", { class: "median", d: `M${scale(median)} 0V${size}` }),
      svg("title", {}, `${plainSymbol(label.symbol)}: ${told(label, " ")} ${label.unit}`));
    if (size < 70) return;
    group.append(svg("text", { class: "corner-title", x: size / 2, y: -6, "text-anchor": "middle" },
      number(median, digits), svg("tspan", { class: "errors" }, ` ${errors(label, " ")}`)));
  }

  scatter(group, across, up, size) {
    const parts = [];
    for (let i = 0; i < across.draws.length; i++) {
      const x = (across.draws[i] - across.low) / (across.high - across.low);
      const y = (up.draws[i] - up.low) / (up.high - up.low);
      if (x > 0 && x < 1 && y > 0 && y < 1) parts.push(`M${(x * size).toFixed(1)} ${(size - y * size).toFixed(1)}h0`);
    }
    const at = (label, value) => (value - label.low) / (label.high - label.low) * size;
    group.append(svg("path", { class: "dots draws", d: parts.join("") }),
      svg("path", { class: "median", d: `M${at(across, across.median)} 0V${size}M0 ${size - at(up, up.median)}H${size}` }));
  }
}

const errors = ({ median, lower, upper, digits }, between) =>
  `+${number(upper - median, digits)}${between}−${number(median - lower, digits)}`;

const told = (label, between) => `${number(label.median, label.digits)} (${errors(label, between)})`;

function correlation(a, b) {
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanA, meanB] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] - meanA, b[i] - meanB];
    ab += x * y; aa += x * x; bb += y * y;
  }
  return ab / Math.sqrt(aa * bb);
}
