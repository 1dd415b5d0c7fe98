// The page: which view is shown at which address. #/SESSION is the list, #/SESSION/n a star, #/SESSION/n/like/k a
// look-alike.
import * as api from "./api.js";
import { announce, byId, h, showProblem } from "./dom.js";
import { plural } from "./format.js";
import { listenForFiles, startReading, stopReading } from "./intake.js";
import { goToRow, listenForList, neighbours, showList } from "./list.js";
import { showLookAlike } from "./lookalike.js";
import { facts } from "./pieces.js";
import { session, trainingStars } from "./session.js";
import { showStar } from "./star.js";

let shown = null;
let view = null;
let loading = null;

function route() {
  const [, id, n, k] = /^#\/([\w-]+)(?:\/(\d+)(?:\/like\/(\d+))?)?$/.exec(location.hash) ?? [];
  return { id: id ?? null, star: n ? Number(n) : null, like: k ? Number(k) : null };
}

/** What a star's page needs to know of the rest. */
const context = {
  get session() { return session.id; },
  get labels() { return session.model.labels; },
  get listAddress() { return session.address; },
  training: trainingStars,
  neighbours,
  title: (instrument) => session.title(instrument),
  starAddress: (n) => session.addressOf(n),
  // A look-alike of the session's own has its page; others are shown beside the star.
  addressOf: (page, like) => session.addressOf(like.star ?? `${page.star}/like/${like.k}`),
};

function uncover(isStar) {
  byId("home").hidden = isStar;
  byId("star").hidden = !isStar;
}

// One view at a time; what comes too late for it is dropped.
async function show() {
  loading?.abort();
  const { signal } = loading = new AbortController();
  const wanted = route();
  const before = shown;
  shown = wanted;
  view?.forget();
  view = null;
  showProblem("");
  uncover(wanted.star !== null);
  if (wanted.star !== null) {
    byId("star").replaceChildren(h("p", { class: "waits", role: "status" }, "The star is being read …"));
  }
  try {
    if (wanted.id && wanted.id !== session.id) {
      const { stars } = await api.rows(wanted.id, signal);
      if (signal.aborted) return;
      session.enter(wanted.id, stars);
    }
    if (wanted.star === null) return backToList(before);
    const made = wanted.like === null ? await showStar(byId("star"), context, wanted.star, signal)
      : await showLookAlike(byId("star"), context, wanted.star, wanted.like, signal);
    if (!made) return;
    view = made;
    document.title = `${made.name} – specclip`;
    scrollTo(0, 0);
    byId("star-title").focus({ preventScroll: true });
  } catch (problem) {
    if (!signal.aborted) refuse(problem, wanted);
  }
}

function backToList(before) {
  document.title = session.stars.length ? `${plural(session.stars.length, "star")} – specclip` : "specclip";
  // The keyboard goes on where the star was opened from.
  if (before && before.star !== null && !goToRow(before.star)) byId("home-title").focus();
}

function refuse(problem, wanted) {
  uncover(false);
  document.title = "specclip";
  if (problem.status === 404 && (wanted.star === null || wanted.id !== session.id)) {
    // A session that has ended takes its address with it.
    session.enter(null);
    history.replaceState(null, "", "#/");
    shown = route();
  }
  showProblem(problem.message);
  byId("home-title").focus({ preventScroll: true });
}

function showModel() {
  const { model } = session;
  byId("model-name").textContent = `model ${model.name}`;
  byId("model-button").hidden = false;
  byId("set-instrument").append(...model.instruments.map(({ name, title }) => h("option", { value: name }, title)));
  const basics = [["Name", model.name], ["Program", `specclip ${model.version}`], ["Tier", model.tier],
    ["Embedding", plural(model.embedding_width, "number")]];
  const more = Object.entries(model.provenance ?? {}).filter(([name]) => name !== "tier");
  byId("model-body").replaceChildren(
    facts([...basics, ...more].filter(([, value]) => value)),
    h("h3", {}, "Instruments"),
    h("ul", {}, model.instruments.map(({ title, pixels, first, last }) =>
      h("li", {}, `${title}: ${plural(pixels, "pixel")}, ${Math.round(first)} to ${Math.round(last)} Å`))),
    h("h3", {}, "Flags"),
    facts(model.flags.map(({ name, meaning }) => [name, meaning])),
    h("h3", {}, "How to cite"),
    h("ul", { class: "cite" }, (model.citation ?? []).map((text) => h("li", {}, text))));
}

async function endSession() {
  const ended = session.id;
  if (byId("end-dialog").returnValue !== "ok" || !ended) return;
  stopReading();
  session.enter(null);
  history.replaceState(null, "", "#/");
  await show();
  byId("home-title").focus();
  try {
    await api.endSession(ended);
    announce("The session has ended; the server has forgotten it.");
  } catch (problem) {
    if (problem.status !== 404) showProblem(problem.message);
  }
}

function listen() {
  byId("skip").addEventListener("click", (event) => {
    // The address belongs to the views: the link must not change it.
    event.preventDefault();
    byId(byId("star").hidden ? "home-title" : "star-title").focus();
  });
  byId("help-button").addEventListener("click", () => byId("help-dialog").showModal());
  byId("model-button").addEventListener("click", () => byId("model-dialog").showModal());
  byId("end-button").addEventListener("click", () => {
    byId("end-dialog").returnValue = "";
    byId("end-dialog").showModal();
  });
  byId("end-dialog").addEventListener("close", endSession);
  session.addEventListener("enter", () => {
    byId("end-button").hidden = !session.id;
    byId("brand").setAttribute("href", session.address);
  });
  session.addEventListener("stars", showList);
  addEventListener("hashchange", show);
}

listenForFiles();
listenForList();
listen();
try {
  session.model = await api.model();
  showModel();
  startReading();
  await show();
} catch (problem) {
  showProblem(problem.message);
}
document.documentElement.dataset.ready = "true";
