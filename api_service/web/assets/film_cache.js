/** The movies of a list by position, fetched in batches as they scroll into view. */

import { request } from "./api.js";

const HANDFUL = 60;
/** While somebody scrolls on, nothing is asked for until it has rested so long, in milliseconds. */
const REST = 60;
const AGAIN = 3000;

export class FilmCache {
  /**
   * @param {{path: (rest: string, query?: object) => string}} session
   * @param {(position: number, movie: object) => void} arrived
   */
  constructor(session, arrived) {
    this.session = session;
    this.arrived = arrived;
    this.movies = new Map();
    this.fresh = new Set();
    this.asked = new Set();
    this.round = 0;
    this.wantedAt = -Infinity;
    this.leaving = new AbortController();
  }

  get(position) {
    return this.movies.get(position);
  }

  /** Ask for all anew as they are wanted, because outcomes have changed; until then they are as they were. */
  renew() {
    this.round += 1;
    this.fresh.clear();
    this.asked.clear();
  }

  /** Have these, soon; whatever was wanted before and not yet asked for is not wanted any more. */
  want(positions) {
    clearTimeout(this.timer);
    const missing = positions.filter((position) => !this.fresh.has(position) && !this.asked.has(position));
    const now = performance.now();
    const scrolls = now - this.wantedAt < REST;
    this.wantedAt = now;
    if (missing.length) this.timer = setTimeout(() => this.fetch(missing), scrolls ? REST : 0);
  }

  async fetch(missing) {
    for (let from = 0; from < missing.length; from += HANDFUL) this.fetchSome(missing.slice(from, from + HANDFUL));
  }

  async fetchSome(positions) {
    const { round } = this;
    positions.forEach((position) => this.asked.add(position));
    try {
      const { movies } = await request(
        this.session.path("/movies", { positions: positions.join() }), { signal: this.leaving.signal },
      );
      // Asked before outcomes changed: whatever is still wanted has been queued again.
      if (round !== this.round) return;
      for (const movie of movies) {
        const before = this.movies.get(movie.position);
        this.movies.set(movie.position, movie);
        this.fresh.add(movie.position);
        if (JSON.stringify(before) !== JSON.stringify(movie)) this.arrived(movie.position, movie);
      }
    } catch (error) {
      if (error.name === "AbortError") return;
      setTimeout(() => this.leaving.signal.aborted || round !== this.round || this.fetchSome(positions), AGAIN);
      return;
    }
    positions.forEach((position) => this.asked.delete(position));
  }

  close() {
    this.leaving.abort();
    clearTimeout(this.timer);
  }
}
