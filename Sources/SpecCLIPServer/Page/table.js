// The table of stars. Only rows in sight are in the page, so that thousands stay light; the keyboard moves through all.
import { announce, h } from "./dom.js";
import { matcher } from "./filter.js";
import { baseName, number, plural, symbol } from "./format.js";

const rowHeight = 30;
const overscan = 12;
const narrow = matchMedia("(max-width: 40rem)");

// Names of a survey differ at their end.
function shortened(name) {
  const longest = narrow.matches ? 16 : 32;
  return name.length > longest ? `…${name.slice(1 - longest)}` : name;
}

// A file of several spectra has a number for each.
function spectrumName({ file, row, star }, isOneOfMany) {
  const name = baseName(file ?? `star ${star}`);
  return isOneOfMany && row && !name.includes("#") ? `${name}#${row}` : name;
}

export class StarTable {
  /** `session` tells addresses, titles and meanings; `onCount` is told in words how many stars are shown. */
  constructor(host, session, onCount) {
    Object.assign(this, { session, onCount });
    this.all = [];
    this.list = [];
    this.sorting = { key: "star", isDown: false };
    this.active = 0;
    this.filter = { text: "", isGoodAlone: false };
    this.body = h("tbody");
    this.head = h("thead");
    this.columnGroup = h("colgroup");
    const caption = h("caption", { class: "unseen" }, "Stars with their labels, errors and flags");
    this.table = h("table", { class: "stars" }, caption, this.columnGroup, this.head, this.body);
    this.scroller = h("div", {
      class: "scroll stars-scroll", tabindex: "-1", role: "region", "aria-label": "Table of stars",
    }, this.table);
    host.replaceChildren(this.scroller);
    this.scroller.addEventListener("scroll", () => this.later());
    this.table.addEventListener("keydown", (event) => this.key(event));
    this.body.addEventListener("click", (event) => {
      // Anywhere in a row opens the star, unless text is being marked.
      const row = event.target.closest("tr[data-at]");
      if (!row || event.target.closest("a") || !getSelection().isCollapsed) return;
      location.hash = this.address(this.list[Number(row.dataset.at)]);
    });
    new ResizeObserver(() => this.later()).observe(this.scroller);
    narrow.addEventListener("change", () => this.refresh());
  }

  address(row) { return this.session.addressOf(row.star); }

  labelColumn({ name, title, symbol: text, unit, digits }) {
    const cell = (row) => {
      const [value, error] = [row[name], row[`e_${name}`]];
      if (!Number.isFinite(value)) return "–";
      return [h("b", {}, number(value, digits)),
        Number.isFinite(error) ? h("span", { class: "error" }, ` ± ${number(error, digits)}`) : null];
    };
    return { key: name, title: symbol(text), spoken: title, unit, width: digits ? 8.5 : 9, isNumber: true, cell };
  }

  columns() {
    // Labels that no star has are no column.
    const labels = this.session.model.labels.filter(({ name }) => this.all.some((row) => Number.isFinite(row[name])));
    const flags = (row) => (row.flags ?? []).map((name) =>
      h("span", { class: "flag", title: this.session.meaning(name) }, name));
    return [
      { key: "star", title: "#", width: 3.4, isNumber: true, cell: (row) => String(row.star) },
      { key: "name", title: "Spectrum", width: narrow.matches ? 10.5 : 18, isHead: true },
      ...labels.map((label) => this.labelColumn(label)),
      {
        key: "snr", title: "S/N", spoken: "Signal to noise per pixel", width: 5, isNumber: true,
        cell: (row) => number(row.snr, 1),
      },
      { key: "flag", title: "Flags", width: 22, cell: flags },
      { key: "instrument", title: "Instrument", width: 9, cell: (row) => this.session.title(row.instrument) },
      { key: "source_id", title: "Source id", width: 12, cell: (row) => row.source_id ?? "" },
    ];
  }

  setRows(rows) {
    const files = Map.groupBy(rows, ({ file }) => file);
    this.all = rows.map((row) => ({ ...row, name: spectrumName(row, files.get(row.file).length > 1) }));
    this.refresh();
  }

  setFilter(filter) {
    this.filter = filter;
    this.refresh();
    this.scroller.scrollTop = 0;
  }

  refresh() {
    const activeStar = this.list[this.active]?.star;
    const { matches, problem } = matcher(this.filter.text, this.all[0]);
    this.list = this.all.filter((row) => (!this.filter.isGoodAlone || row.flag === 0) && matches(row));
    this.list.sort((a, b) => this.order(a, b));
    this.active = Math.max(0, this.list.findIndex(({ star }) => star === activeStar));
    this.shape = this.columns();
    this.drawHead();
    this.draw();
    const [few, all] = [plural(this.list.length, "star"), this.all.length.toLocaleString("en")];
    this.onCount(problem ?? (this.list.length === this.all.length ? few : `${few} of ${all}`));
  }

  order(a, b) {
    const { key, isDown } = this.sorting;
    const [x, y] = [a[key], b[key]];
    const isMissing = (value) => value === null || value === undefined;
    // What is not known comes last either way.
    if (isMissing(x) || isMissing(y)) return isMissing(x) - isMissing(y) || a.star - b.star;
    const order = typeof x === "number" && typeof y === "number" ? x - y
      : String(x).localeCompare(String(y), "en", { numeric: true });
    return (isDown ? -order : order) || a.star - b.star;
  }

  drawHead() {
    const focused = this.head.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    this.columnGroup.replaceChildren(...this.shape.map(({ width }) => {
      const column = h("col");
      column.style.width = `${width}em`;
      return column;
    }));
    this.table.style.minWidth = `${this.shape.reduce((sum, { width }) => sum + width, 0)}em`;
    this.table.setAttribute("aria-rowcount", this.list.length + 1);
    this.head.replaceChildren(h("tr", { "aria-rowindex": "1" }, this.shape.map((column) => this.headCell(column))));
    if (focused) this.head.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  }

  headCell({ key, title, unit, spoken, isNumber, isHead }) {
    const order = this.sorting.key !== key ? null : this.sorting.isDown ? "descending" : "ascending";
    const arrow = order === null ? "" : this.sorting.isDown ? "▼" : "▲";
    return h("th", { scope: "col", class: isNumber ? "is-number" : isHead ? "is-head" : null, "aria-sort": order },
      h("button", { type: "button", class: "sort", "data-key": key, title: spoken, onclick: () => this.sort(key) },
        h("span", {}, title), unit ? h("span", { class: "unit" }, unit) : null,
        h("span", { class: "arrow", "aria-hidden": "true" }, arrow)));
  }

  sort(key) {
    this.sorting = { key, isDown: this.sorting.key === key ? !this.sorting.isDown : false };
    this.refresh();
    announce(`Sorted by ${key}, ${this.sorting.isDown ? "descending" : "ascending"}`);
  }

  later() {
    if (this.isWaiting) return;
    this.isWaiting = true;
    requestAnimationFrame(() => {
      this.isWaiting = false;
      this.draw();
    });
  }

  draw() {
    const height = this.scroller.clientHeight || 400;
    const first = Math.max(0, Math.floor(this.scroller.scrollTop / rowHeight) - overscan);
    const last = Math.min(this.list.length, Math.ceil((this.scroller.scrollTop + height) / rowHeight) + overscan);
    const hadFocus = this.body.contains(document.activeElement);
    this.body.replaceChildren(...[
      first > 0 && this.space(first),
      ...this.list.slice(first, last).map((row, i) => this.row(row, first + i)),
      last < this.list.length && this.space(this.list.length - last),
    ].filter(Boolean));
    // A row that leaves the page takes the focus with it: the keyboard goes on from the scroller.
    if (hadFocus) (this.link(this.active) ?? this.scroller).focus({ preventScroll: true });
  }

  // What rows that are not in the page would take.
  space(count) {
    const cell = h("td", { colspan: this.shape.length, class: "space" });
    cell.style.height = `${count * rowHeight}px`;
    return h("tr", { "aria-hidden": "true" }, cell);
  }

  row(row, at) {
    const link = h("a", { href: this.address(row), tabindex: at === this.active ? "0" : "-1", title: row.name },
      shortened(row.name));
    return h("tr", { "data-at": at, "aria-rowindex": at + 2 }, this.shape.map(({ cell, isNumber, isHead }) => isHead
      ? h("th", { scope: "row", class: "is-head" }, link)
      : h("td", { class: isNumber ? "is-number" : null }, cell(row))));
  }

  link(at) { return this.body.querySelector(`tr[data-at="${at}"] a`); }

  /** Moves the keyboard to a row, wherever it is. */
  moveTo(at) {
    this.active = Math.min(Math.max(at, 0), this.list.length - 1);
    const top = this.active * rowHeight;
    const inside = this.scroller.clientHeight - this.head.offsetHeight;
    if (top < this.scroller.scrollTop) this.scroller.scrollTop = top;
    else if (top + rowHeight > this.scroller.scrollTop + inside) this.scroller.scrollTop = top + rowHeight - inside;
    this.draw();
    const link = this.link(this.active);
    link?.focus({ preventScroll: true });
    link?.scrollIntoView({ block: "nearest" });
  }

  moveToStar(n) {
    const at = this.list.findIndex(({ star }) => star === n);
    if (at >= 0) this.moveTo(at);
    return at >= 0;
  }

  /** The stars before and after one, as the table has them now. */
  neighbours(n) {
    const at = this.list.findIndex(({ star }) => star === n);
    return at < 0 ? [null, null] : [this.list[at - 1] ?? null, this.list[at + 1] ?? null];
  }

  key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || this.head.contains(event.target) || !this.list.length) return;
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[event.key];
    const to = event.key === "Home" ? 0 : event.key === "End" ? this.list.length - 1 : step && this.active + step;
    if (to === undefined) return;
    event.preventDefault();
    this.moveTo(to);
  }
}
