// What the field above the table understands: words that names have, and conditions such as teff<5000.

const tests = {
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
  "=": (a, b) => a === b,
  "!=": (a, b) => a !== b,
};

/** { matches, problem }: all parts must be met; the problem is a line for a condition that makes no sense. */
export function matcher(text, example) {
  const conditions = [];
  let problem = null;
  for (const part of text.trim().toLowerCase().replace(/\s*(<=|>=|!=|<|>|=)\s*/g, "$1").split(/\s+/).filter(Boolean)) {
    const found = /^([a-z][\w-]*)(<=|>=|!=|<|>|=)(.*)$/.exec(part.replaceAll("−", "-"));
    if (!found) {
      conditions.push((row) => [row.name, row.source_id, row.instrument, ...row.flags ?? []].some((value) =>
        String(value ?? "").toLowerCase().includes(part)));
      continue;
    }
    const [, key, sign, wanted] = found;
    if (wanted === "") continue;
    const value = Number(wanted);
    if (example && !(key in example)) problem = `there is no column ${key}`;
    else if (Number.isNaN(value)) problem = `${wanted} is no number`;
    else conditions.push((row) => row[key] !== null && row[key] !== undefined && tests[sign](Number(row[key]), value));
  }
  return { matches: (row) => conditions.every((meets) => meets(row)), problem };
}
