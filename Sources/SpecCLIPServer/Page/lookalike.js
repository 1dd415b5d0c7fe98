// A look-alike that the session does not hold: its spectrum as the model draws it, beside the star's own.
import * as api from "./api.js";
import { h } from "./dom.js";
import { baseName, fileStem, floats, number, symbol, withError } from "./format.js";
import { describe, divided, fluxTitle, SpectraView } from "./spectra.js";
import { section, smallTable } from "./pieces.js";

// The star as the look-alike's instrument saw it, or would see it.
function ownSpectrum(page, like, title) {
  const name = baseName(page.name);
  const isOfIt = (instrument) => instrument === like.instrument || instrument === title;
  const found = isOfIt(page.instrument.name) ? { ...page.model_input, label: name }
    : isOfIt(page.prediction?.instrument) ? { ...page.prediction, label: `${name}, predicted` } : null;
  return found?.wavelength?.length === like.wavelength.length ? found : null;
}

function panel(page, like, title, name) {
  const x = floats(like.wavelength);
  const own = ownSpectrum(page, like, title);
  const series = [{ name: `look-alike ${name}`, kind: "model", values: floats(like.flux) }];
  if (own) series.unshift({ name: own.label, kind: "flux", values: floats(own.flux) });
  return {
    name: "look-alike", title: own ? `${title}: both stars` : title, yTitle: fluxTitle(like.normalisation),
    height: 340, isAtRest: true, wavelength: x, bad: own?.bad ?? null, series,
    band: own?.lower && own?.upper
      ? { name: "68 % band", kind: "predicted", lower: floats(own.lower), upper: floats(own.upper) } : null,
    summary: `${describe(x, null)} The look-alike's spectrum is ${like.how ?? "reconstructed by the model"}.`
      + divided(like.normalisation),
  };
}

function labelTable(page, like, labels) {
  const known = labels.filter(({ name }) => Number.isFinite(like.labels?.[name]));
  if (!known.length) return h("p", {}, "No labels of it are known.");
  return smallTable("Labels of both stars",
    ["Label", { title: "Look-alike", isNumber: true }, { title: "This star", isNumber: true }, "Unit"],
    known.map(({ name, symbol: text, digits, unit }) => {
      const own = page.labels.find((label) => label.name === name);
      return [symbol(text), h("b", {}, number(like.labels[name], digits)),
        own ? withError(own.value, own.error, digits) : "–", h("span", { class: "unit" }, unit)];
    }), { kind: "label-table" });
}

/** As `showStar`, for look-alike k of star n. */
export async function showLookAlike(host, context, n, k, signal) {
  const [page, like] = await Promise.all([
    api.star(context.session, n, signal), api.lookAlike(context.session, n, k, signal),
  ]);
  if (signal.aborted) return null;
  const name = baseName(page.name ?? `star ${n}`);
  const likeName = like.source_id ?? `number ${k}`;
  const title = context.title(like.instrument);
  // A model without that instrument's decoder draws nothing.
  const view = like.flux
    ? new SpectraView([panel(page, like, title, likeName)], { fileStem: `${fileStem(name)}-look-alike-${k}` }) : null;
  host.replaceChildren(
    h("nav", { class: "crumbs", "aria-label": "Stars" },
      h("a", { class: "button", href: context.starAddress(n) }, `← ${name}`)),
    h("header", { class: "star-head" }, h("div", {},
      h("h1", { id: "star-title", tabindex: "-1" }, `Look-alike ${likeName}`),
      h("p", { class: "facts-line" }, h("b", {}, title), ` · number ${k} of ${name}`))),
    h("div", { class: "columns" },
      h("div", { class: "side-column" }, section("labels-title", "Labels beside each other", [
        labelTable(page, like, context.labels),
        h("p", { class: "hint" }, "The look-alike's labels are those that it was known by."),
      ])),
      h("div", { class: "main-column" }, section("spectra-title", "Spectra",
        view?.element ?? h("p", {}, "The model does not draw spectra of this instrument.")))));
  return { name: `Look-alike ${likeName}`, forget: () => view?.forget() };
}
