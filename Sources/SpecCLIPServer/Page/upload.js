// Files on their way to the server, some at a time, so that a thousand of them show progress and can be stopped.
import * as api from "./api.js";
import { plural } from "./format.js";

const most = { files: 20, bytes: 24 * 2 ** 20 };

/** All files of a drop, those within folders too. */
export async function droppedFiles(transfer) {
  // Entries are to be asked for before anything is waited for: then the transfer is empty.
  const items = [...transfer.items].filter(({ kind }) => kind === "file");
  const entries = items.map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile());
  const files = [];
  const walk = async (entry) => {
    if (entry instanceof File) files.push(entry);
    else if (entry?.isFile) files.push(await new Promise((resolve, reject) => entry.file(resolve, reject)));
    else if (entry?.isDirectory) {
      const reader = entry.createReader();
      for (;;) {
        const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
        if (!some.length) break;
        for (const child of some) if (!child.name.startsWith(".")) await walk(child);
      }
    }
  };
  for (const entry of entries) await walk(entry);
  return files;
}

export class Uploads extends EventTarget {
  /**
   * `session` gives the session's id, and makes one where there is none, or where the one it is given has ended.
   * Events: progress, stars, failures, notes, end.
   */
  constructor({ session, limits }) {
    super();
    Object.assign(this, { session, limits });
    this.queue = [];
    this.reset();
  }

  reset() { Object.assign(this, { done: 0, total: 0, read: 0, failed: 0, isCancelled: false }); }

  get isRunning() { return Boolean(this.running); }

  add(files, fields) {
    if (!this.running) this.reset();
    const tooLarge = files.filter((file) => this.limits?.upload_bytes && file.size > this.limits.upload_bytes);
    if (tooLarge.length) {
      const most = `${Math.floor(this.limits.upload_bytes / 2 ** 20)} MiB`;
      const error = `larger than the ${most} that this server takes; cut it, or use specclip predict`;
      this.fail(tooLarge.map((file) => ({ file: file.name, error })));
    }
    const wanted = files.filter((file) => !tooLarge.includes(file));
    this.total += files.length;
    this.done += tooLarge.length;
    for (const file of wanted) this.queue.push({ file, fields });
    this.running ??= this.run().finally(() => { this.running = null; this.tell("end", {}); });
  }

  cancel() {
    this.isCancelled = true;
    this.queue = [];
    this.abort?.abort(new DOMException("cancelled", "AbortError"));
  }

  tell(name, detail) { this.dispatchEvent(new CustomEvent(name, { detail })); }

  // What may be tried again are files with their settings.
  fail(failures, retriable = []) {
    this.failed += failures.length;
    this.tell("failures", { failures, retriable });
  }

  // Files that go together have the same settings; the first few go alone, so that something is seen soon.
  next() {
    const count = Math.min(this.done < 4 ? 4 : most.files, this.limits?.files ?? most.files);
    const batch = [];
    let bytes = 0;
    while (this.queue.length && batch.length < count) {
      const { file, fields } = this.queue[0];
      // Two of one name would be one in the answer.
      const isUnlike = batch.some((other) => other.fields !== fields || other.file.name === file.name);
      if (isUnlike || batch.length && bytes + file.size > most.bytes) break;
      bytes += file.size;
      batch.push(this.queue.shift());
    }
    return batch;
  }

  async run() {
    while (this.queue.length) {
      this.tell("progress", {});
      const batch = this.next();
      try {
        await this.send(batch.map(({ file }) => file), batch[0].fields);
      } catch (problem) {
        if (this.isCancelled) break;
        // Nothing more can come of a server that is away or full: what waits fails with it, and may be tried again.
        const left = [...batch, ...this.queue];
        const isAway = [0, 401, 429, 503].includes(problem.status);
        const lost = isAway ? left : batch;
        if (isAway) this.queue = [];
        this.fail(lost.map(({ file }) => ({ file: file.name, error: problem.message })), lost);
        this.done += lost.length;
        continue;
      }
      this.done += batch.length;
    }
    this.tell("progress", {});
  }

  // A session that has ended meanwhile is followed by another, once.
  async upload(files, fields) {
    const session = await this.session();
    try {
      return await api.upload(session, files, fields, this.abort.signal);
    } catch (problem) {
      if (problem.status !== 404) throw problem;
      return api.upload(await this.session(session), files, fields, this.abort.signal);
    }
  }

  async send(files, fields) {
    this.abort = new AbortController();
    let answer;
    try {
      answer = await this.upload(files, fields);
    } catch (problem) {
      const isAboutFiles = [400, 413, 415, 422].includes(problem.status);
      if (!isAboutFiles) throw problem;
      if (problem.body?.failures?.length) answer = problem.body;
      else if (files.length > 1) {
        // One file may have cost the others their answer: each by itself then, for a line of its own.
        for (const file of files) {
          if (this.isCancelled) return;
          try { await this.send([file], fields); } catch (own) {
            if (this.isCancelled || own.status === 0) throw own;
            this.fail([{ file: file.name, error: own.message }], [{ file, fields }]);
          }
        }
        return;
      } else {
        this.fail([{ file: files[0].name, error: problem.message }]);
        return;
      }
    }
    if (answer.stars?.length) {
      this.read += answer.stars.length;
      this.tell("stars", { stars: answer.stars });
    }
    if (answer.failures?.length) this.fail(answer.failures);
    if (answer.notes?.length) this.tell("notes", { notes: answer.notes });
  }

  get words() {
    const failed = this.failed ? `, ${plural(this.failed, "failure")}` : "";
    const done = `${this.done.toLocaleString("en")} of ${plural(this.total, "file")}`;
    return `${done}, ${plural(this.read, "star")} read${failed}`;
  }
}

/** What a pasted text seems to be: how many of its lines have two numbers or more, and how many numbers most have. */
export function tableShape(text) {
  const counts = new Map();
  let lines = 0;
  for (const line of text.split(/\r?\n/)) {
    const cells = line.trim().split(/[\s,;|]+/).filter(Boolean);
    const numbers = cells.filter((cell) => Number.isFinite(Number(cell.replace(/d/i, "e")))).length;
    if (numbers < 2) continue;
    lines++;
    counts.set(numbers, (counts.get(numbers) ?? 0) + 1);
  }
  const columns = [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? 0;
  return { lines, columns };
}
