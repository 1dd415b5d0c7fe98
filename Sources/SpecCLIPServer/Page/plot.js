// A plot that is walked through by wheel, drag, touch, keys and buttons. It draws at most a few points a pixel column, once
// a frame, and so stays fluid with any number of pixels.
import { freshId, h, svg } from "./dom.js";
import { minus, superscript } from "./format.js";
import { ticks } from "./range.js";

const margin = { left: 58, right: 12, top: 8, bottom: 40 };
// What names of marks need above the frame.
const roomAbove = 48;

export class Plot {
  /**
   * `x` is the range along the axis, shared by plots that move together. `y` is a range of its own where the plot is a
   * diagram; without one the height fits what is seen. Titles are text or the parts of an SVG text.
   */
  constructor({
    label, x, y = null, xTitle, yTitle, height, isReversed = false, cursor = null, describedBy = null,
    onPick = null, onHover = null,
  }) {
    Object.assign(this, { x, y, height, isReversed, cursor, onPick, onHover });
    this.layers = [];
    this.width = 0;
    this.top = margin.top;
    const clip = freshId("clip");
    this.clipped = svg("rect");
    this.grid = svg("path", { class: "grid" });
    this.content = svg("g", { "clip-path": `url(#${clip})` });
    this.above = svg("g");
    this.frame = svg("rect", { class: "frame" });
    this.tickMarks = svg("path", { class: "ticks" });
    this.numbers = svg("g", { class: "numbers" });
    this.mark = svg("path", { class: "cursor" });
    this.selection = svg("rect", { class: "selection", visibility: "hidden" });
    this.xTitle = svg("text", { class: "axis-title", "text-anchor": "middle" }, xTitle);
    this.yTitle = svg("text", { class: "axis-title", "text-anchor": "middle" }, yTitle);
    this.inside = svg("g", {},
      this.grid, this.content, this.above, this.frame, this.tickMarks, this.mark, this.selection);
    this.image = svg("svg", { "aria-hidden": "true", focusable: "false" },
      svg("defs", {}, svg("clipPath", { id: clip }, this.clipped)),
      this.inside, this.numbers, this.xTitle, this.yTitle);
    this.hint = h("p", { class: "plot-hint", hidden: true, "aria-hidden": "true" },
      "Click the plot first, or hold Ctrl, to zoom with the wheel");
    this.element = h("div", {
      class: "plot", tabindex: "0", role: "application", "aria-roledescription": "zoomable plot", "aria-label": label,
      "aria-describedby": describedBy,
    }, this.image, this.hint);

    const redraw = () => this.redraw();
    const ranges = [x, y, cursor].filter(Boolean);
    for (const range of ranges) range.addEventListener("change", redraw);
    this.observer = new ResizeObserver(redraw);
    this.observer.observe(this.element);
    this.forget = () => {
      this.observer.disconnect();
      for (const range of ranges) range.removeEventListener("change", redraw);
    };
    this.listen();
  }

  /** Lower layers first. */
  setLayers(layers) {
    this.layers = layers;
    this.content.replaceChildren(...layers.map((layer) => layer.element));
    this.above.replaceChildren(...layers.map((layer) => layer.above).filter(Boolean));
    this.top = margin.top + (this.above.childElementCount ? roomAbove : 0);
    this.redraw();
  }

  redraw() {
    if (this.isWaiting) return;
    this.isWaiting = true;
    requestAnimationFrame(() => {
      this.isWaiting = false;
      if (this.element.isConnected) this.draw();
    });
  }

  /** How values become pixels within the frame, for what is seen now. */
  get view() {
    const width = Math.max(this.width - margin.left - margin.right, 40);
    const height = this.height - margin.top - margin.bottom;
    const [bottom, top] = this.y ? [this.y.low, this.y.high] : this.fitted;
    const across = width / this.x.width;
    const up = height / (top - bottom);
    return {
      width, height, low: this.x.low, high: this.x.high, bottom, top,
      x: this.isReversed ? (value) => (this.x.high - value) * across : (value) => (value - this.x.low) * across,
      y: this.isReversed ? (value) => (value - bottom) * up : (value) => height - (value - bottom) * up,
      xAt: this.isReversed ? (pixel) => this.x.high - pixel / across : (pixel) => this.x.low + pixel / across,
      yAt: this.isReversed ? (pixel) => bottom + pixel / up : (pixel) => bottom + (height - pixel) / up,
    };
  }

  fit() {
    let [low, high] = [Infinity, -Infinity];
    for (const layer of this.layers) {
      const extent = layer.extent(this.x.low, this.x.high);
      if (extent) [low, high] = [Math.min(low, extent[0]), Math.max(high, extent[1])];
    }
    if (!(low <= high)) return [0, 1];
    const room = (high - low) * 0.07 || Math.abs(high) * 0.1 || 1;
    return [low - room, high + room];
  }

  draw() {
    this.width = this.element.clientWidth;
    if (!this.width) return;
    this.fitted = this.y ? null : this.fit();
    const view = this.view;
    this.drawAxes(view);
    for (const layer of this.layers) layer.draw(view);
    const at = this.cursor?.value;
    const isSeen = Number.isFinite(at) && at >= view.low && at <= view.high;
    this.mark.setAttribute("d", isSeen ? `M${Math.round(view.x(at)) + 0.5} 0V${view.height}` : "");
    this.element.dataset.from = view.low.toFixed(2);
    this.element.dataset.to = view.high.toFixed(2);
  }

  drawAxes(view) {
    const { left } = margin;
    const { top } = this;
    this.image.setAttribute("width", this.width);
    this.image.setAttribute("height", this.height + top - margin.top);
    this.inside.setAttribute("transform", `translate(${left} ${top})`);
    for (const box of [this.clipped, this.frame]) {
      box.setAttribute("width", view.width);
      box.setAttribute("height", view.height);
    }
    const across = ticks(view.low, view.high, view.width / 75);
    const up = ticks(view.bottom, view.top, view.height / 45);
    const columns = across.places.map((value) => [value, Math.round(view.x(value)) + 0.5]);
    const lines = up.places.map((value) => [value, Math.round(view.y(value)) + 0.5]);
    const all = (across, up) => [...columns.map(([, x]) => across(x)), ...lines.map(([, y]) => up(y))].join("");
    this.grid.setAttribute("d", all((x) => `M${x} 0V${view.height}`, (y) => `M0 ${y}H${view.width}`));
    this.tickMarks.setAttribute("d", all((x) => `M${x} ${view.height}v5`, (y) => `M0 ${y}h-5`));
    // Fluxes in physical units have a common power of ten.
    const largest = Math.max(...lines.map(([value]) => Math.abs(value)), 0);
    const power = largest && (largest >= 1e5 || up.decimals > 4) ? Math.floor(Math.log10(largest)) : 0;
    const decimals = Math.max(up.decimals + power, 0);
    const said = (value) => minus((value / 10 ** power).toFixed(power ? decimals : up.decimals));
    this.numbers.replaceChildren(
      ...columns.map(([value, x]) => svg("text", { x: left + x, y: top + view.height + 18, "text-anchor": "middle" },
        minus(value.toFixed(across.decimals)))),
      ...lines.map(([value, y]) => svg("text", { x: left - 9, y: top + y, dy: "0.32em", "text-anchor": "end" },
        said(value))),
      power ? svg("text", { x: left - 9, y: top - 7, "text-anchor": "middle" }, `× 10${superscript(power)}`) : "");
    this.xTitle.setAttribute("x", left + view.width / 2);
    this.xTitle.setAttribute("y", top + view.height + margin.bottom - 5);
    this.yTitle.setAttribute("transform", `translate(13 ${top + view.height / 2}) rotate(-90)`);
  }

  zoom(factor, x = undefined, y = undefined) {
    const changed = this.x.zoom(factor, x ?? this.cursorWithin());
    return (this.y?.zoom(factor, y) ?? false) || changed;
  }

  all() {
    const changed = this.x.all();
    return (this.y?.all() ?? false) || changed;
  }

  // Keys zoom about the read-out while it is in sight.
  cursorWithin() {
    const at = this.cursor?.value;
    return Number.isFinite(at) && at > this.x.low && at < this.x.high ? at : undefined;
  }

  panX(fraction) { return this.x.pan(this.isReversed ? -fraction : fraction); }
  panY(fraction) { return this.y?.pan(this.isReversed ? -fraction : fraction) ?? false; }

  place(event) {
    const box = this.image.getBoundingClientRect();
    return [event.clientX - box.left - margin.left, event.clientY - box.top - this.top];
  }

  hover(pixel, pixelY) {
    const view = this.view;
    if (pixel < 0 || pixel > view.width || pixelY < 0 || pixelY > view.height) return this.leave();
    this.cursor?.set(view.xAt(pixel));
    this.onHover?.({ view, pixel, pixelY, x: view.xAt(pixel), y: view.yAt(pixelY) });
  }

  leave() {
    this.cursor?.set(null);
    this.onHover?.(null);
  }

  listen() {
    const pointers = new Map();
    let begun = null;

    this.element.addEventListener("wheel", (event) => {
      if (!event.deltaY && !event.deltaX) return;
      if (!event.ctrlKey && !event.metaKey && document.activeElement !== this.element) {
        this.hint.hidden = false;
        clearTimeout(this.hintTimer);
        this.hintTimer = setTimeout(() => { this.hint.hidden = true; }, 1500);
        return;
      }
      const view = this.view;
      const [pixel, pixelY] = this.place(event);
      const changed = Math.abs(event.deltaX) > Math.abs(event.deltaY)
        ? this.panX(Math.sign(event.deltaX) * 0.05)
        : this.zoom(Math.exp(Math.max(-1, Math.min(1, event.deltaY / 300))), view.xAt(pixel), view.yAt(pixelY));
      // Where all is seen already, the page may scroll on.
      if (changed || event.ctrlKey) event.preventDefault();
    }, { passive: false });

    this.image.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      const [pixel, pixelY] = this.place(event);
      pointers.set(event.pointerId, [pixel, pixelY]);
      this.image.setPointerCapture(event.pointerId);
      const isPan = event.shiftKey || event.pointerType === "touch";
      begun = {
        pixel, pixelY, isPan, moved: false, view: this.view, x: [this.x.low, this.x.high],
        y: this.y && [this.y.low, this.y.high],
      };
      this.element.focus({ preventScroll: true });
      event.preventDefault();
    });

    this.image.addEventListener("pointermove", (event) => {
      const [pixel, pixelY] = this.place(event);
      const before = pointers.get(event.pointerId);
      if (!before || !begun) {
        if (event.pointerType !== "touch") this.hover(pixel, pixelY);
        return;
      }
      if (pointers.size === 2) {
        // Pinching: what lies between the fingers stays there.
        const [a, b] = [...pointers.values()];
        const wide = Math.abs(a[0] - b[0]);
        pointers.set(event.pointerId, [pixel, pixelY]);
        const [c, d] = [...pointers.values()];
        const { view } = this;
        const factor = wide / Math.max(Math.abs(c[0] - d[0]), 10);
        if (wide > 10) this.zoom(factor, view.xAt((c[0] + d[0]) / 2), view.yAt((c[1] + d[1]) / 2));
        begun.moved = true;
        return;
      }
      pointers.set(event.pointerId, [pixel, pixelY]);
      if (!begun.moved && Math.hypot(pixel - begun.pixel, pixelY - begun.pixelY) < 4) return;
      begun.moved = true;
      if (begun.isPan) {
        const { view } = begun;
        const shift = view.xAt(begun.pixel) - view.xAt(pixel);
        this.x.set(begun.x[0] + shift, begun.x[1] + shift);
        if (this.y) {
          const rise = view.yAt(begun.pixelY) - view.yAt(pixelY);
          this.y.set(begun.y[0] + rise, begun.y[1] + rise);
        }
        return;
      }
      const { view } = begun;
      const between = (values, end) => values.map((value) => Math.min(Math.max(value, 0), end)).sort((a, b) => a - b);
      const [left, right] = between([begun.pixel, pixel], view.width);
      const [top, bottom] = this.y ? between([begun.pixelY, pixelY], view.height) : [0, view.height];
      const box = { x: left, y: top, width: right - left, height: bottom - top, visibility: "visible" };
      for (const [name, value] of Object.entries(box)) this.selection.setAttribute(name, value);
      begun.box = [left, right, top, bottom];
    });

    const end = (event) => {
      if (!pointers.delete(event.pointerId) || pointers.size || !begun) return;
      this.selection.setAttribute("visibility", "hidden");
      const { box, moved, view, pixel, pixelY } = begun;
      begun = null;
      if (event.type === "pointercancel") return;
      if (!moved) {
        this.hover(pixel, pixelY);
        this.onPick?.({ view, pixel, pixelY });
      } else if (box && box[1] - box[0] > 4) {
        const ends = [view.xAt(box[0]), view.xAt(box[1])].sort((a, b) => a - b);
        const heights = [view.yAt(box[2]), view.yAt(box[3])].sort((a, b) => a - b);
        this.x.set(...ends);
        if (box[3] - box[2] > 4) this.y?.set(...heights);
      }
    };
    this.image.addEventListener("pointerup", end);
    this.image.addEventListener("pointercancel", end);
    this.image.addEventListener("pointerleave", () => { if (!pointers.size) this.leave(); });
    this.image.addEventListener("dblclick", () => this.all());

    this.element.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey) return;
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (step && event.shiftKey && this.stepCursor) this.stepCursor(step);
      else if (step) this.panX(step * 0.1);
      else if (event.key === "ArrowUp") this.y ? this.panY(0.1) : this.zoom(0.8);
      else if (event.key === "ArrowDown") this.y ? this.panY(-0.1) : this.zoom(1.25);
      else if (event.key === "+" || event.key === "=") this.zoom(0.67);
      else if (event.key === "-" || event.key === "_") this.zoom(1.5);
      else if (event.key === "0") this.all();
      else return;
      event.preventDefault();
    });
  }
}

/** Buttons that do what wheel and keys do, for those who have neither. */
export function zoomButtons(label, target) {
  const button = (text, name, onclick) =>
    h("button", { type: "button", class: "small", "aria-label": name, title: name, onclick }, text);
  return h("div", { class: "zoom", role: "group", "aria-label": label },
    button("+", "Zoom in", () => target.zoom(0.67)), button("−", "Zoom out", () => target.zoom(1.5)),
    button("←", "Move left", () => target.panX(-0.2)), button("→", "Move right", () => target.panX(0.2)),
    button("All", "Show all", () => target.all()));
}
