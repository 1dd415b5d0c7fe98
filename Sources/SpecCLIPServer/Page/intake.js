// Files and pasted tables on their way in: settings, progress, what could not be read.
import * as api from "./api.js";
import { announce, byId, h, showProblem } from "./dom.js";
import { plural } from "./format.js";
import { session } from "./session.js";
import { droppedFiles, tableShape, Uploads } from "./upload.js";

const settingIds = ["set-instrument", "set-medium", "set-unit", "set-rv", "set-normalised"];
const mostFailures = 500;

let uploads = null;
let failureCount = 0;
let again = [];
let openPaste = null;

const velocity = () => byId("set-rv").value.trim().replaceAll("−", "-").replace(",", ".");

/** What the user says of the spectra, by the command's options. */
function settings() {
  const fields = {};
  if (byId("set-instrument").value) fields.instrument = byId("set-instrument").value;
  if (byId("set-medium").value) fields[byId("set-medium").value] = "true";
  if (byId("set-unit").value) fields["wavelength-unit"] = byId("set-unit").value;
  if (velocity() && Number(velocity()) !== 0) fields.rv = velocity();
  if (byId("set-normalised").checked) fields.normalised = "true";
  return fields;
}

/** Says what is set while the settings are closed; false where something makes no sense. */
function showSettings() {
  const texts = Object.entries(settings()).map(([name, value]) =>
    value === "true" ? name : name === "rv" ? `${value} km/s removed` : value);
  byId("settings-summary").textContent = texts.length ? `(${texts.join(", ")})` : "";
  const isWrong = velocity() !== "" && !Number.isFinite(Number(velocity()));
  byId("set-rv").setAttribute("aria-invalid", isWrong);
  byId("set-rv-problem").textContent = isWrong ? "Not a number." : "";
  return !isWrong;
}

/** Reads files with the settings of now. */
export function read(files) {
  if (!files.length) return;
  if (!uploads) return showProblem("The server has not said yet which model it has; is it running?");
  if (!showSettings()) {
    byId("settings").open = true;
    byId("set-rv").focus();
    return;
  }
  showProblem("");
  // Stars that come are seen in the list.
  if (byId("home").hidden) location.hash = session.address;
  uploads.add(files, settings());
}

/** Stops what runs and forgets what failed. */
export function stopReading() {
  uploads?.cancel();
  clearFailures();
  byId("notes").hidden = true;
  byId("notes-list").replaceChildren();
}

function addFailures({ failures, retriable }) {
  const list = byId("failures-list");
  for (const { file, row, error } of failures) {
    failureCount++;
    if (list.childElementCount >= mostFailures) continue;
    // A file of one spectrum has but one row, and its error may name it already.
    const name = file ? `${file}${row > 1 && !file.includes("#") ? `, row ${row}` : ""}` : "A spectrum";
    const line = error.startsWith(`${file}: `) ? error.slice(file.length + 2) : error;
    list.append(h("li", {}, h("b", {}, name), ` ${line}`));
  }
  again.push(...retriable);
  byId("failures").hidden = false;
  byId("retry").hidden = !again.length;
  byId("failures-title").textContent = `Not read: ${plural(failureCount, "file")}`
    + (failureCount > mostFailures ? `, the first ${mostFailures} of them` : "");
}

function clearFailures() {
  failureCount = 0;
  again = [];
  byId("failures-list").replaceChildren();
  byId("failures").hidden = true;
}

function addNotes(notes) {
  const list = byId("notes-list");
  const known = new Set([...list.children].map(({ textContent }) => textContent));
  for (const note of new Set(notes)) {
    if (!known.has(note) && list.childElementCount < 100) list.append(h("li", {}, note));
  }
  byId("notes").hidden = !list.childElementCount;
}

/** Takes files once the model's limits are known. */
export function startReading() {
  uploads = new Uploads({ session: (ended) => needSession(ended), limits: session.model.limits });
  let told = 0;
  const showProgress = () => {
    byId("progress").hidden = !uploads.isRunning;
    byId("progress-bar").max = Math.max(uploads.total, 1);
    byId("progress-bar").value = uploads.done;
    byId("progress-text").textContent = uploads.words;
    // A screen reader hears of it every few seconds, not every time.
    if (uploads.isRunning && Date.now() - told > 4000) {
      told = Date.now();
      announce(uploads.words);
    }
  };
  uploads.addEventListener("progress", () => queueMicrotask(showProgress));
  uploads.addEventListener("stars", ({ detail }) => session.add(detail.stars));
  uploads.addEventListener("failures", ({ detail }) => addFailures(detail));
  uploads.addEventListener("notes", ({ detail }) => addNotes(detail.notes));
  uploads.addEventListener("end", async () => {
    const hadFocus = byId("progress").contains(document.activeElement);
    byId("progress").hidden = true;
    announce(`${uploads.isCancelled ? "Cancelled" : "Done"}. ${uploads.words}.`);
    if (hadFocus) byId("home-title").focus();
    if (uploads.isCancelled && session.id) await lookAgain();
  });
  byId("cancel").addEventListener("click", () => uploads.cancel());
  // Files that wait are lost with the page: the browser asks first.
  addEventListener("beforeunload", (event) => { if (uploads.isRunning) event.preventDefault(); });
}

async function needSession(ended) {
  if (ended && ended === session.id) {
    showProblem("The session had ended, and its stars with it; a new one has begun.");
  }
  return session.need(ended);
}

// A request that was cancelled may have been answered half: the server knows what it has.
async function lookAgain() {
  try {
    session.add((await api.rows(session.id)).stars);
  } catch { /* The next look at the session says why. */ }
}

function listenForDrops() {
  let depth = 0;
  const curtain = (isShown) => { byId("curtain").hidden = !isShown; };
  const listen = (name, act) => addEventListener(name, (event) => {
    if ([...event.dataTransfer?.types ?? []].includes("Files")) act(event);
  });
  listen("dragenter", (event) => {
    event.preventDefault();
    depth++;
    curtain(true);
  });
  listen("dragleave", () => {
    depth = Math.max(depth - 1, 0);
    if (!depth) curtain(false);
  });
  listen("dragover", (event) => {
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
  });
  listen("drop", async (event) => {
    event.preventDefault();
    depth = 0;
    curtain(false);
    try {
      read(await droppedFiles(event.dataTransfer));
    } catch (problem) {
      showProblem(`The browser could not open what was dropped: ${problem.message}`);
    }
  });
}

function listenForPaste() {
  const dialog = byId("paste-dialog");
  const field = byId("paste-text");
  let count = 0;

  function showShape() {
    const { lines, columns } = tableShape(field.value);
    byId("paste-ok").disabled = lines < 2;
    byId("paste-found").textContent = lines >= 2 ? `${plural(lines, "line")} of ${plural(columns, "number")}.`
      : field.value.trim() ? "No lines with two numbers or more yet." : "";
  }

  openPaste = (text = "") => {
    field.value = text;
    byId("paste-name").value = `pasted-${count + 1}`;
    dialog.returnValue = "";
    showShape();
    dialog.showModal();
    field.focus();
  };

  byId("paste").addEventListener("click", () => openPaste());
  field.addEventListener("input", showShape);
  // Browsers take a minute over some thousand lines that are pasted as if they were typed.
  field.addEventListener("paste", (event) => {
    const text = event.clipboardData?.getData("text/plain");
    if (!text) return;
    event.preventDefault();
    field.setRangeText(text, field.selectionStart, field.selectionEnd, "end");
    showShape();
  });
  dialog.addEventListener("close", () => {
    const text = field.value;
    field.value = "";
    if (dialog.returnValue !== "ok") return;
    count++;
    const name = (byId("paste-name").value.trim() || `pasted-${count}`).replace(/[/\\]/g, "_");
    read([new File([text.endsWith("\n") ? text : `${text}\n`], /\.\w{2,5}$/.test(name) ? name : `${name}.csv`)]);
  });
  // Also anywhere else on the page, where nothing else takes text.
  addEventListener("paste", (event) => {
    if (event.target.closest?.("input, textarea, dialog") || !event.clipboardData) return;
    const files = [...event.clipboardData.files];
    const text = event.clipboardData.getData("text/plain");
    if (!files.length && tableShape(text).lines <= 5) return;
    event.preventDefault();
    if (files.length) read(files); else openPaste(text);
  });
}

export function listenForFiles() {
  byId("choose").addEventListener("click", () => byId("files").click());
  byId("files").addEventListener("change", () => {
    read([...byId("files").files]);
    byId("files").value = "";
  });
  byId("retry").addEventListener("click", () => {
    const items = again;
    clearFailures();
    for (const fields of new Set(items.map((item) => item.fields))) {
      uploads.add(items.filter((item) => item.fields === fields).map(({ file }) => file), fields);
    }
    byId("home-title").focus();
  });
  byId("failures-clear").addEventListener("click", () => {
    clearFailures();
    byId("home-title").focus();
  });
  for (const id of settingIds) byId(id).addEventListener("input", showSettings);
  listenForDrops();
  listenForPaste();
}
