// What the server answers: one way for all requests, with its token, its patience and its errors.
import { byId } from "./dom.js";

/** A refusal, in the server's own line; `status` 0 where no answer came. */
class Refusal extends Error {
  constructor(status, message, body = null) {
    super(message);
    this.status = status;
    this.body = body;
  }
}

const tokenKey = "specclip-token";
let token = null;
try { token = sessionStorage.getItem(tokenKey); } catch { /* Asked anew after each load, then. */ }
let asking = null;

// Requests that are refused together ask once.
function askForToken(problem) {
  asking ??= new Promise((resolve) => {
    const dialog = byId("token-dialog");
    byId("token-problem").textContent = problem;
    byId("token").value = "";
    dialog.addEventListener("close", () => {
      asking = null;
      const given = dialog.returnValue === "ok" ? byId("token").value.trim() : "";
      byId("token").value = "";
      if (given) {
        token = given;
        try { sessionStorage.setItem(tokenKey, given); } catch { /* As above. */ }
      }
      resolve(given !== "");
    }, { once: true });
    dialog.returnValue = "";
    dialog.showModal();
  });
  return asking;
}

function pause(seconds, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => { clearTimeout(timer); reject(signal.reason); };
    const timer = setTimeout(() => { signal?.removeEventListener("abort", stop); resolve(); }, seconds * 1000);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

async function refusal(response) {
  let body = null;
  try { body = await response.json(); } catch { /* A proxy between may answer in words of its own. */ }
  const plain = `the server answered ${response.status} ${response.statusText}`.trim();
  return new Refusal(response.status, body?.error ?? plain, body);
}

/**
 * Asks the server. A busy one (429, 503 with Retry-After) is asked again when it says so, where that is soon.
 * Addresses are relative to the page, so that a proxy may put it below a path of its own.
 */
async function ask(path, { method = "GET", body = null, headers = {}, signal = null } = {}) {
  for (let busy = 0, refused = 0; ;) {
    const sent = token;
    let response;
    try {
      response = await fetch(new URL(path, document.baseURI), {
        method, body, signal, cache: "no-store", credentials: "same-origin",
        headers: token ? { ...headers, Authorization: `Bearer ${token}` } : headers,
      });
    } catch (problem) {
      if (signal?.aborted) throw problem;
      throw new Refusal(0, "the server does not answer; is specclip serve still running?");
    }
    if (response.ok) return response;
    if (response.status === 401) {
      const problem = await refusal(response);
      // Another request may have brought a token meanwhile.
      if (token !== sent) continue;
      if (await askForToken(refused++ || sent ? problem.message : "")) continue;
      throw problem;
    }
    const wait = Number(response.headers.get("Retry-After"));
    // For longer the user is not left waiting without a word.
    if ((response.status === 429 || response.status === 503) && wait > 0 && wait <= 10 && busy++ < 10) {
      await pause(wait, signal);
      continue;
    }
    throw await refusal(response);
  }
}

export const get = async (path, signal) => (await ask(path, { signal })).json();

const stars = (session) => `v1/sessions/${encodeURIComponent(session)}/stars`;

export const model = () => get("v1/model");
export const kiel = () => get("v1/kiel");
export const newSession = async () => (await ask("v1/sessions", { method: "POST" })).json();
export const endSession = (session) => ask(`v1/sessions/${encodeURIComponent(session)}`, { method: "DELETE" });
export const rows = (session, signal) => get(stars(session), signal);
export const star = (session, n, signal) => get(`${stars(session)}/${n}`, signal);
export const posterior = (session, n, signal) => get(`${stars(session)}/${n}/posterior`, signal);
export const lookAlike = (session, n, k, signal) => get(`${stars(session)}/${n}/look-alikes/${k}`, signal);

export async function upload(session, files, fields, signal) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  for (const file of files) form.append("file", file, file.name);
  return (await ask(stars(session), { method: "POST", body: form, signal })).json();
}

/** A file that the server makes. */
export const download = async (path) => (await ask(path)).blob();

export const cataloguePath = (session, kind) => `v1/sessions/${encodeURIComponent(session)}/catalogue.${kind}`;
export const cardPath = (session, n, kind) => `${stars(session)}/${n}/card.${kind}`;
