// Numbers and symbols as astronomers print them.
import { h, svg } from "./dom.js";

export const minus = (text) => text.replaceAll("-", "−");

/** A number with so many decimals, a true minus sign, or a dash where there is none. */
export function number(value, digits) {
  return value === null || value === undefined || !Number.isFinite(value) ? "–" : minus(value.toFixed(digits));
}

/** A number of which the size is not known before, with so many figures that count. */
export function figure(value, figures = 4) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e6)) {
    const [mantissa, exponent] = value.toExponential(Math.min(figures - 1, 2)).split("e");
    return minus(`${mantissa}\u00a0×\u00a010${superscript(Number(exponent))}`);
  }
  return minus(String(Number(value.toPrecision(figures))));
}

export function superscript(integer) {
  return [...String(integer)].map((digit) => digit === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]).join("");
}

/** "5674 ± 66 K"; the error is left out where there is none. */
export function withError(value, error, digits, unit = "") {
  const text = number(value, digits) + (Number.isFinite(error) && error !== null ? ` ± ${number(error, digits)}` : "");
  return unit ? `${text} ${unit}` : text;
}

export const plural = (count, one, many = `${one}s`) => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;

// Symbols of labels as print has them: `*T*_{eff}` is an italic T with a subscript. Plain ones of the usual kinds are
// dressed so.
const dressed = { Teff: "*T*_{eff}", "log g": "log *g*" };

function runs(symbol) {
  const marked = dressed[symbol] ?? symbol.replace(/^([A-Z])_(\w+)$/, "*$1*_{$2}");
  return [...marked.matchAll(/\*([^*]+)\*|_\{([^}]+)\}|([^*_]+|.)/gu)].map(([, italic, below, plain]) =>
    italic ? ["i", italic] : below ? ["sub", below] : ["", plain]);
}

/** A label's symbol as elements. */
export function symbol(text) {
  return runs(text).map(([tag, part]) => tag ? h(tag, {}, part) : part);
}

/** A label's symbol without its marks. */
export const plainSymbol = (text) => text.includes("*") ? runs(text).map(([, part]) => part).join("") : text;

/** A label's symbol as parts of an SVG text, with what follows back on the line. */
export function svgSymbol(text, following = "") {
  let isLow = false;
  return [...runs(text), ["", following]].filter(([, part]) => part).map(([tag, part]) => {
    const lowers = tag === "sub";
    const shift = lowers === isLow ? null : lowers ? "0.3em" : "-0.22em";
    isLow = lowers;
    return svg("tspan", { class: tag === "i" ? "italic" : lowers ? "below" : null, dy: shift }, part);
  });
}

/** A file's name without its folders. */
export function baseName(path) {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** Arrays of JSON, in which what is not known is null. */
export function floats(values) {
  const result = new Float64Array(values.length);
  for (let i = 0; i < values.length; i++) result[i] = values[i] ?? NaN;
  return result;
}

/** The value below which the fraction lies; `sorted` ascends. */
export function quantile(sorted, fraction) {
  if (!sorted.length) return NaN;
  const place = fraction * (sorted.length - 1);
  const low = Math.floor(place);
  return sorted[low] + (place - low) * (sorted[Math.min(low + 1, sorted.length - 1)] - sorted[low]);
}

/** What a file that is made of another's spectrum is called, without ending. */
export function fileStem(name) {
  const [, plain, row] = /^(.*?)(?:#(\d+))?$/.exec(baseName(name));
  const stem = plain.replace(/\.(gz|bz2|xz|fz|zst)$/i, "").replace(/\.(fits?|csv|txt|dat|ecsv|vot|xml)$/i, "");
  return (row ? `${stem}-${row}` : stem).replace(/[^\w.+-]+/g, "_") || "star";
}
