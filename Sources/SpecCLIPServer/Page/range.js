// What part of an axis is seen. Plots that share one move together.

export class Range extends EventTarget {
  constructor(low, high) {
    super();
    this.full = [low, high];
    [this.low, this.high] = this.full;
  }

  get width() { return this.high - this.low; }
  get isFull() { return this.low === this.full[0] && this.high === this.full[1]; }

  /** Shows low to high, as far as the axis goes; true where that changes anything. */
  set(low, high) {
    const [first, last] = this.full;
    const width = Math.min(Math.max(high - low, (last - first) / 4000), last - first);
    const middle = (low + high) / 2;
    const from = Math.min(Math.max(middle - width / 2, first), last - width);
    if (from === this.low && from + width === this.high) return false;
    this.low = from;
    this.high = width === last - first ? last : from + width;
    this.dispatchEvent(new Event("change"));
    return true;
  }

  /** Below 1 the factor shows less; `at` stays where it is. */
  zoom(factor, at = (this.low + this.high) / 2) {
    return this.set(at - (at - this.low) * factor, at + (this.high - at) * factor);
  }

  pan(fraction) { return this.set(this.low + fraction * this.width, this.high + fraction * this.width); }
  all() { return this.set(...this.full); }

  /** Another axis altogether, of which all is shown. */
  become(low, high) {
    this.full = [low, high];
    [this.low, this.high] = this.full;
    this.dispatchEvent(new Event("change"));
  }
}

/** One value that several plots mark, or null. */
export class Cursor extends EventTarget {
  value = null;

  set(value) {
    if (value === this.value) return;
    this.value = value;
    this.dispatchEvent(new Event("change"));
  }
}

/** Round places for ticks within low to high, some `wanted` of them, and the decimals that tell them apart. */
export function ticks(low, high, wanted) {
  const width = high - low;
  if (!(width > 0) || !Number.isFinite(width)) return { places: [], decimals: 0, step: 1 };
  const rough = width / Math.max(wanted, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999) * power;
  const places = [];
  const first = Math.ceil(low / step - 1e-9);
  for (let i = first; i * step <= high + step * 1e-9; i++) places.push(i === 0 ? 0 : i * step);
  return { places, decimals: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)), step };
}
