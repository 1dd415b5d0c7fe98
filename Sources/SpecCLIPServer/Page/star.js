// A star's page: what the server knows of it, put together.
import * as api from "./api.js";
import { CornerView } from "./corner.js";
import { h } from "./dom.js";
import { baseName, fileStem, floats, number } from "./format.js";
import { copyButton, downloadButton } from "./keeping.js";
import { KielView } from "./kiel.js";
import { describe, describeResidual, divided, fluxTitle, SpectraView } from "./spectra.js";
import { flagList, labelList, lookAlikeTable, outlierSection, provenance } from "./starparts.js";
import { section } from "./pieces.js";


function observedPanel({ wavelength, flux, bad, continuum, unit }, instrument) {
  const x = floats(wavelength);
  const series = [{ name: "flux", kind: "flux", values: floats(flux) }];
  if (continuum) series.push({ name: "continuum", kind: "model", values: floats(continuum) });
  return {
    name: "observed", title: `Observed: ${instrument}`, yTitle: `Flux${unit ? ` [${unit}]` : ""}`, height: 230,
    isAtRest: false, wavelength: x, bad, series, summary: describe(x, bad),
  };
}

function inputPanel({ wavelength, flux, reconstruction, bad, normalisation }) {
  const x = floats(wavelength);
  const values = floats(flux);
  const series = [{ name: "input", kind: "flux", values }];
  let summary = describe(x, bad) + divided(normalisation);
  if (reconstruction) {
    const drawn = floats(reconstruction);
    series.push({ name: "reconstruction", kind: "model", values: drawn });
    const residual = values.map((value, i) => value - drawn[i]);
    series.push({ name: "residual", kind: "residual", values: residual, isHidden: true });
    summary += describeResidual(values, drawn, bad);
  }
  return {
    name: "model", title: "As the model saw it", yTitle: fluxTitle(normalisation), isAtRest: true, wavelength: x, bad,
    series, summary,
  };
}

function predictionPanel({ instrument, wavelength, flux, lower, upper, normalisation }, title) {
  const x = floats(wavelength);
  return {
    name: instrument, title: `Predicted: ${title}`, yTitle: fluxTitle(normalisation), isAtRest: true, wavelength: x,
    bad: null,
    series: [{ name: "prediction", kind: "predicted", values: floats(flux) }],
    band: lower && upper ? { name: "68 % band", kind: "predicted", lower: floats(lower), upper: floats(upper) } : null,
    summary: `${describe(x, null)} The spectrum of this star that is predicted for ${title}, within limits that hold it with `
      + `68 % probability; an observation would add its noise.${divided(normalisation)}`,
  };
}

function panels(page, context) {
  const { observed, model_input: input, prediction } = page;
  return [
    observed && observedPanel(observed, page.instrument.title),
    input && inputPanel(input),
    prediction && predictionPanel(prediction, context.title(prediction.instrument)),
  ].filter(Boolean);
}

function coordinates({ ra, dec }) {
  if (!Number.isFinite(ra) || !Number.isFinite(dec)) return null;
  return `RA ${number(ra, 5)}°, Dec ${dec < 0 ? "" : "+"}${number(dec, 5)}° (ICRS)`;
}

function headline(page, context, name) {
  const facts = [
    page.source_id ? `Source ${page.source_id}` : null,
    coordinates(page),
    Number.isFinite(page.snr) ? `S/N ${number(page.snr, 1)} per pixel` : null,
    Number.isFinite(page.rest_velocity_km_s)
      ? `RV removed: ${number(page.rest_velocity_km_s, 1)} km/s` : null,
  ].filter(Boolean);
  const card = (kind) => downloadButton(`Card ${kind.toUpperCase()}`, api.cardPath(context.session, page.star, kind),
    `${fileStem(name)}.${kind}`);
  return h("header", { class: "star-head" },
    h("div", {},
      h("h1", { id: "star-title", tabindex: "-1" }, name),
      h("p", { class: "facts-line" }, h("b", {}, page.instrument.title),
        facts.map((fact) => [" · ", h("span", {}, fact)]))),
    h("div", { class: "actions", role: "group", "aria-label": "Keep this star" },
      card("png"), card("pdf"), copyButton("Copy link", () => location.href)));
}

function crumbs(context, n) {
  const [before, after] = context.neighbours(n);
  const step = (star, text, label) => star
    ? h("a", { class: "button", href: context.starAddress(star.star), "aria-label": `${label}: ${star.name}` }, text)
    : h("span", { class: "button is-off", "aria-hidden": "true" }, text);
  return h("nav", { class: "crumbs", "aria-label": "Stars" },
    h("a", { class: "button", href: context.listAddress }, "← All stars"),
    step(before, "Previous", "Previous star"), step(after, "Next", "Next star"));
}

function kielStars(page, context) {
  const [teff, logg] = ["teff", "logg"].map((wanted) => page.labels.find(({ name }) => name === wanted));
  if (!Number.isFinite(teff?.value) || !Number.isFinite(logg?.value)) return [];
  const ends = ({ lower, upper }) => Number.isFinite(lower) && Number.isFinite(upper) ? [lower, upper] : null;
  const own = {
    name: baseName(page.name), kind: "this", teff: teff.value, logg: logg.value,
    teffError: teff.error, loggError: logg.error, teffEnds: ends(teff), loggEnds: ends(logg),
  };
  const alike = (page.look_alikes ?? []).filter((star) => Number.isFinite(star.teff) && Number.isFinite(star.logg));
  return [own, ...alike.map((star) => ({
    name: `look-alike ${star.source_id ?? star.k}`, kind: "alike", teff: star.teff, logg: star.logg,
    open: () => { location.hash = context.addressOf(page, star); },
  }))];
}

/**
 * Shows star n in `host`. `context` is { session, training, title, starAddress, addressOf, listAddress, neighbours }.
 * Gives the star's name and what forgets its plots, or null where the signal has ended it.
 */
export async function showStar(host, context, n, signal) {
  const [page, training] = await Promise.all([api.star(context.session, n, signal), context.training()]);
  if (signal.aborted) return null;
  const name = baseName(page.name ?? `star ${n}`);
  const stem = fileStem(name);
  const views = [];
  const keep = (view) => {
    views.push(view);
    return view.element;
  };
  const stars = kielStars(page, context);
  const kiel = stars.length ? keep(new KielView(training, { stars, fileStem: stem }))
    : h("p", {}, "Teff or log g is not known.");
  const spectra = keep(new SpectraView(panels(page, context), { velocity: page.rest_velocity_km_s, fileStem: stem }));
  const corner = h("div", { class: "waits" }, h("p", {}, "The posterior is being drawn …"));
  host.replaceChildren(
    crumbs(context, n),
    headline(page, context, name),
    // The labels come first, where there is one column, too.
    h("div", { class: "columns" },
      h("div", { class: "side-column" }, labelList(page), flagList(page)),
      h("div", { class: "main-column" }, section("spectra-title", "Spectra", spectra)),
      h("div", { class: "side-column" }, section("kiel-title", "Kiel diagram", kiel))),
    h("div", { class: "columns even" },
      section("corner-title", "Posterior", corner),
      h("div", { class: "stack" }, lookAlikeTable(page, context), outlierSection(page))),
    h("div", { class: "columns even" }, provenance(page)));

  // Drawn when all else can be read already.
  api.posterior(context.session, n, signal).then((posterior) => {
    if (signal.aborted) return;
    const digits = Object.fromEntries(page.labels.map((label) => [label.name, label.digits]));
    corner.replaceChildren(posterior?.labels?.length
      ? keep(new CornerView(posterior, digits, stem)) : h("p", {}, "The model gives no posterior of this star."));
  }).catch((problem) => {
    if (!signal.aborted) corner.replaceChildren(h("p", { class: "problem" }, problem.message));
  });
  return { name, forget: () => views.forEach((view) => view.forget()) };
}
