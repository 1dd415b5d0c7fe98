// What plots can show. A layer has the elements it draws into, the extent it wants, and a way to draw itself for a view:
// { x, y } turn values into pixels, { width, height } is the inside of the frame, { low, high } what is seen along x.
import { svg } from "./dom.js";
import { quantile } from "./format.js";

const tenth = (pixel) => Math.round(pixel * 10) / 10;

// The first index of an ascending array with a value of at least `wanted`.
function lowerBound(values, wanted) {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] < wanted) low = middle + 1; else high = middle;
  }
  return low;
}

/** The indices that a view shows, and one beyond at either side. */
export function shown(x, low, high) {
  return [Math.max(lowerBound(x, low) - 1, 0), Math.min(lowerBound(x, high) + 1, x.length)];
}

/** The index of the pixel that is nearest. */
export function nearest(x, wanted) {
  const after = Math.min(lowerBound(x, wanted), x.length - 1);
  return after > 0 && wanted - x[after - 1] < x[after] - wanted ? after - 1 : after;
}

// Where a spectrum lies, without its few wildest pixels: a cosmic ray must not flatten all else.
function spread(values) {
  const sorted = Float64Array.from(values).sort();
  if (!sorted.length) return null;
  const [low, high] = [quantile(sorted, 0.01), quantile(sorted, 0.99)];
  const beyond = 0.6 * (high - low);
  return [Math.max(sorted[0], low - beyond), Math.min(sorted[sorted.length - 1], high + beyond)];
}

class Layer {
  constructor(name, kind) { this.name = name; this.kind = kind; }
  extent() { return null; }
}

/** A spectrum: ascending x, and y with NaN where nothing is known. `bad` pixels do not decide the height of the plot. */
export class Line extends Layer {
  constructor(name, kind, x, y, bad = null) {
    super(name, kind);
    Object.assign(this, { x, y, bad });
    this.element = svg("path", { class: `line ${kind}` });
  }

  extent(low, high) {
    const [from, to] = shown(this.x, low, high);
    const values = [];
    for (let i = from; i < to; i++) if (Number.isFinite(this.y[i]) && !this.bad?.[i]) values.push(this.y[i]);
    return spread(values);
  }

  // Of all pixels that fall into one column of the screen the first, lowest, highest and last are drawn: the same picture
  // from some thousand points, however many there are.
  draw(view) {
    const [from, to] = shown(this.x, view.low, view.high);
    const parts = [];
    let isDown = false;
    const point = (i) => {
      parts.push(isDown ? "L" : "M", tenth(view.x(this.x[i])), " ", tenth(view.y(this.y[i])));
      isDown = true;
    };
    const isDense = to - from > 3 * view.width;
    for (let i = from; i < to;) {
      if (Number.isNaN(this.y[i])) { isDown = false; i++; continue; }
      if (!isDense) { point(i++); continue; }
      const column = Math.floor(view.x(this.x[i]));
      let [lowest, highest, last] = [i, i, i];
      let next = i + 1;
      for (; next < to && !Number.isNaN(this.y[next]) && Math.floor(view.x(this.x[next])) === column; next++) {
        if (this.y[next] < this.y[lowest]) lowest = next;
        if (this.y[next] > this.y[highest]) highest = next;
        last = next;
      }
      for (const index of [...new Set([i, lowest, highest, last])].sort((a, b) => a - b)) point(index);
      i = next;
    }
    this.element.setAttribute("d", parts.join(""));
  }
}

/** What lies between two spectra. */
export class Band extends Layer {
  constructor(name, kind, x, lower, upper) {
    super(name, kind);
    Object.assign(this, { x, lower, upper });
    this.element = svg("path", { class: `band ${kind}` });
  }

  extent(low, high) {
    const [from, to] = shown(this.x, low, high);
    const ends = [this.lower, this.upper].map((values) => spread(values.subarray(from, to).filter(Number.isFinite)));
    return ends[0] && ends[1] ? [ends[0][0], ends[1][1]] : null;
  }

  draw(view) {
    const [from, to] = shown(this.x, view.low, view.high);
    const stride = Math.max(1, Math.floor((to - from) / (2 * view.width)));
    const parts = [];
    for (let i = from; i < to;) {
      if (!(this.lower[i] <= this.upper[i])) { i++; continue; }
      const above = [];
      const below = [];
      let last = i;
      for (; i < to && this.lower[i] <= this.upper[i]; last = i, i += stride) {
        const x = tenth(view.x(this.x[i]));
        above.push(`${x} ${tenth(view.y(this.upper[i]))}`);
        below.push(`${x} ${tenth(view.y(this.lower[i]))}`);
      }
      i = Math.max(i, last + 1);
      parts.push(`M${above.join("L")}L${below.reverse().join("L")}Z`);
    }
    this.element.setAttribute("d", parts.join(""));
  }
}

/** Stretches of x, such as bad pixels. */
export class Stretches extends Layer {
  constructor(name, kind, ends) {
    super(name, kind);
    this.ends = ends;
    this.element = svg("path", { class: `stretch ${kind}` });
  }

  /** Runs of marked pixels of a spectrum, each as wide as its pixels. */
  static of(name, kind, x, isMarked) {
    const ends = [];
    for (let i = 0; i < x.length; i++) {
      if (!isMarked[i]) continue;
      const first = i;
      while (i + 1 < x.length && isMarked[i + 1]) i++;
      const half = (at, to) => to >= 0 && to < x.length ? (x[at] + x[to]) / 2 : x[at];
      ends.push([half(first, first - 1), half(i, i + 1)]);
    }
    return new Stretches(name, kind, ends);
  }

  draw(view) {
    const parts = [];
    let drawn = -Infinity;
    for (const [first, last] of this.ends) {
      if (last < view.low || first > view.high) continue;
      // At least a pixel of the screen: one bad pixel among thousands is to be seen.
      const from = Math.max(Math.floor(view.x(first)), drawn, -2);
      const to = Math.min(Math.max(Math.ceil(view.x(last)), from + 1), view.width + 2);
      if (to <= from) continue;
      parts.push(`M${from} 0H${to}V${view.height}H${from}Z`);
      drawn = to;
    }
    this.element.setAttribute("d", parts.join(""));
  }
}

/** Named wavelengths. Of names that would lie on one another the one of the lower rank is shown, until there is room. */
export class Marks extends Layer {
  constructor(name, kind, marks) {
    super(name, kind);
    this.marks = [...marks].sort((a, b) => (a.rank ?? 2) - (b.rank ?? 2));
    this.element = svg("g", { class: `marks ${kind}` });
    // Names stand above the frame, where they cover nothing.
    this.above = svg("g", { class: `marks ${kind}` });
  }

  draw(view) {
    const parts = [];
    const names = [];
    const taken = [];
    for (const { x, label, kind } of this.marks) {
      if (x < view.low || x > view.high) continue;
      const place = tenth(view.x(x));
      parts.push(svg("line", { x1: place, x2: place, y1: 0, y2: view.height, class: kind ?? null }));
      if (taken.some((other) => Math.abs(other - place) < 12)) continue;
      taken.push(place);
      names.push(svg("text", { x: place, y: -4, transform: `rotate(-90 ${place} -4)`, dy: "0.32em" }, label));
    }
    this.element.replaceChildren(...parts);
    this.above.replaceChildren(...names);
  }
}

/** Points in a diagram, all in one path. */
export class Dots extends Layer {
  constructor(name, kind, x, y) {
    super(name, kind);
    Object.assign(this, { x, y });
    this.element = svg("path", { class: `dots ${kind}` });
  }

  draw(view) {
    const parts = [];
    for (let i = 0; i < this.x.length; i++) {
      const [x, y] = [view.x(this.x[i]), view.y(this.y[i])];
      if (x > -3 && x < view.width + 3 && y > -3 && y < view.height + 3) parts.push(`M${tenth(x)} ${tenth(y)}h0`);
    }
    this.element.setAttribute("d", parts.join(""));
  }

  /** The point nearest to a place on the screen, and how far it is in pixels. */
  nearest(view, x, y) {
    let best = { index: -1, distance: Infinity };
    for (let i = 0; i < this.x.length; i++) {
      const distance = Math.hypot(view.x(this.x[i]) - x, view.y(this.y[i]) - y);
      if (distance < best.distance) best = { index: i, distance };
    }
    return best;
  }
}

/** One star with its errors: ends of the bars as values, or null. */
export class Star extends Layer {
  constructor(name, kind, { x, y, xEnds = null, yEnds = null }) {
    super(name, kind);
    Object.assign(this, { at: [x, y], xEnds, yEnds });
    this.element = svg("g", { class: `star ${kind}` });
  }

  draw(view) {
    const [x, y] = [tenth(view.x(this.at[0])), tenth(view.y(this.at[1]))];
    const bars = [];
    if (this.xEnds) bars.push(`M${tenth(view.x(this.xEnds[0]))} ${y}H${tenth(view.x(this.xEnds[1]))}`);
    if (this.yEnds) bars.push(`M${x} ${tenth(view.y(this.yEnds[0]))}V${tenth(view.y(this.yEnds[1]))}`);
    this.element.replaceChildren(
      svg("path", { d: bars.join("") || "M0 0", class: "bars" }),
      svg("path", { d: `M${x} ${y - 6}l6 6l-6 6l-6 -6Z`, class: "body" }));
  }
}
