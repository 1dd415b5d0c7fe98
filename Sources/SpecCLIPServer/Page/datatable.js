// The numbers behind a plot: as a table for those who do not see it, and as a file.
import { h, save } from "./dom.js";
import { figure, plural } from "./format.js";

const most = 400;

/**
 * Closed until it is asked for. `read` gives { columns: [{ title, values, digits }], from, to } of what is seen now; of
 * more than 400 rows every so many are shown, the file has all.
 */
export function dataTable(title, fileName, read) {
  const body = h("div", { class: "data" });
  const details = h("details", { class: "numbers-of" }, h("summary", {}, `Numbers of ${title}`), body);

  function show() {
    const { columns, from, to } = read();
    const count = to - from;
    const stride = Math.max(1, Math.ceil(count / most));
    const rows = [];
    for (let i = from; i < to; i += stride) {
      rows.push(h("tr", {}, columns.map(({ values, digits }) => h("td", {}, cell(values[i], digits)))));
    }
    const some = stride > 1 ? `, of which every ${stride}th is listed` : "";
    body.replaceChildren(
      h("p", {}, `${plural(count, "row")} in what the plot shows now${some}. `,
        h("button", { type: "button", onclick: show }, "Take what is shown now"), " ",
        h("button", { type: "button", onclick: () => keep(columns) }, "All as CSV")),
      h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `Numbers of ${title}` },
        h("table", {},
          h("thead", {}, h("tr", {}, columns.map(({ title }) => h("th", { scope: "col" }, title)))),
          h("tbody", {}, rows))));
  }

  function keep(columns) {
    const lines = [columns.map(({ title }) => `"${title.replaceAll('"', '""')}"`).join(",")];
    for (let i = 0; i < columns[0].values.length; i++) {
      lines.push(columns.map(({ values }) => Number.isNaN(values[i]) ? "" : values[i]).join(","));
    }
    save(new Blob([lines.join("\n"), "\n"], { type: "text/csv" }), fileName);
  }

  details.addEventListener("toggle", () => { if (details.open && !body.childElementCount) show(); });
  return details;
}

function cell(value, digits) {
  if (typeof value === "boolean") return value ? "bad" : "";
  if (typeof value === "string") return value;
  return digits === undefined || Number.isNaN(value) ? figure(value) : value.toFixed(digits);
}
