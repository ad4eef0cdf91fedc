/** The lists that were uploaded or opened with this browser, which alone remembers them. */

import { keep, recall } from "./memory.js";

const KEY = "projectionist.lists";
const MOST = 20;

/** @returns {{id: string, films: number, at: string}[]} the latest first */
export function knownLists() {
  try {
    return JSON.parse(recall("localStorage", KEY)) ?? [];
  } catch {
    return [];
  }
}

/** Remember a session, or what is new of it. */
export function remember({ session_id: id, total_movies: films, created_at: at }) {
  store([{ id, films, at }, ...knownLists().filter((list) => list.id !== id)].slice(0, MOST));
}

export function forget(id) {
  store(knownLists().filter((list) => list.id !== id));
}

function store(lists) {
  keep("localStorage", KEY, JSON.stringify(lists));
}
