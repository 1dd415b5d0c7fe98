// The session's stars: table, filter, downloads, Kiel diagram.
import * as api from "./api.js";
import { byId } from "./dom.js";
import { plural } from "./format.js";
import { downloadButton } from "./keeping.js";
import { KielView } from "./kiel.js";
import { session, trainingStars } from "./session.js";
import { StarTable } from "./table.js";

const formats = { csv: "CSV", fits: "FITS", ecsv: "ECSV", vot: "VOTable" };

let table = null;
let diagram = null;
let diagramTimer = null;

/** Shows what the session has. */
export function showList() {
  const isEmpty = !session.stars.length;
  byId("stars").hidden = isEmpty;
  byId("drop").classList.toggle("is-small", !isEmpty);
  if (isEmpty) return;
  byId("expiry").textContent = session.expiry
    ? ` The server forgets them ${plural(Math.round(session.expiry / 60), "minute")} after the last look.` : "";
  table ??= new StarTable(byId("table"), session, (text) => { byId("filter-count").textContent = text; });
  table.setRows(session.stars);
  drawDiagram();
}

/** Puts the keyboard on a star's row; false where the table does not show it. */
export const goToRow = (n) => table?.moveToStar(n) ?? false;

/** The rows before and after a star's, as the table has them now. */
export const neighbours = (n) => table?.neighbours(n) ?? [null, null];

// Many stars come in parts: the diagram waits until it is asked for, and for the parts.
function drawDiagram() {
  clearTimeout(diagramTimer);
  if (!byId("overview").open) return;
  diagramTimer = setTimeout(async () => {
    const training = await trainingStars();
    diagram?.forget();
    const known = session.stars.filter(({ teff, logg }) => Number.isFinite(teff) && Number.isFinite(logg));
    const others = known.map(({ star, teff, logg }) => ({
      name: `star ${star}`, teff, logg, open: () => { location.hash = session.addressOf(star); },
    }));
    diagram = new KielView(training, { others, height: 420, fileStem: "specclip", title: "Kiel diagram of these stars" });
    byId("overview-plot").replaceChildren(diagram.element);
  }, 300);
}

export function listenForList() {
  const filter = () => table?.setFilter({ text: byId("filter").value, isGoodAlone: byId("filter-good").checked });
  byId("filter").addEventListener("input", filter);
  byId("filter-good").addEventListener("change", filter);
  byId("filter").addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown") return;
    event.preventDefault();
    table?.moveTo(0);
  });
  byId("overview").addEventListener("toggle", drawDiagram);
  session.addEventListener("enter", () => {
    const { id } = session;
    byId("downloads").replaceChildren(...id ? Object.entries(formats).map(([kind, name]) =>
      downloadButton(name, api.cataloguePath(id, kind), `specclip.${kind}`)) : []);
  });
}
