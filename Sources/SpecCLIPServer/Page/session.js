// What the server keeps for this page: the session and its stars.
import * as api from "./api.js";

class Session extends EventTarget {
  /** The model, as /v1/model tells it. */
  model = null;
  id = null;
  /** After how many seconds without a look the server forgets the session, where it has said so. */
  expiry = null;
  /** Rows as `predict` has them, each with its number `star`. */
  stars = [];

  get address() { return this.id ? `#/${this.id}` : "#/"; }
  addressOf(n) { return `#/${this.id}/${n}`; }

  /**
   * The id, of a new session where there is none yet or `ended` is the one that was. It is made when it is first needed:
   * looking at the page leaves nothing on the server.
   */
  async need(ended = null) {
    if (ended && ended === this.id) this.enter(null);
    if (this.id) return this.id;
    this.making ??= api.newSession().finally(() => { this.making = null; });
    const { session, expires_s: expiry } = await this.making;
    this.expiry = expiry;
    if (this.id !== session) {
      this.enter(session);
      history.replaceState(null, "", this.address);
    }
    return this.id;
  }

  enter(id, stars = []) {
    this.id = id;
    this.stars = stars;
    this.dispatchEvent(new Event("enter"));
    this.dispatchEvent(new Event("stars"));
  }

  add(rows) {
    const known = new Set(this.stars.map(({ star }) => star));
    this.stars.push(...rows.filter(({ star }) => !known.has(star)));
    this.dispatchEvent(new Event("stars"));
  }

  /** An instrument's title by its name. */
  title(instrument) {
    return this.model.instruments.find(({ name }) => name === instrument)?.title ?? instrument ?? "";
  }

  /** What a flag means, by its name. */
  meaning(flag) {
    return this.model.flags.find(({ name }) => name === flag)?.meaning ?? flag;
  }
}

export const session = new Session();

let training = null;

/** Stars that the model was trained on, for Kiel diagrams; null where they cannot be had. */
export function trainingStars() {
  training ??= api.kiel().catch(() => {
    training = null;
    return null;
  });
  return training;
}
