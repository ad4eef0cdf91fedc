/** Updates of a session, by Server-Sent Events or by polling. */

import { request, sessionPath } from "./api.js";

const POLL_SECONDS = 2;
/** Between two polls of a hidden page. */
const HIDDEN_SECONDS = 10;
const RETRY_SECONDS = 10;

/**
 * Follow a session until `close()`.
 *
 * @param {string} id
 * @param {{status: (s: object) => void, films: (films: object[]) => void,
 *   fleet: (fleet: object) => void, gone: () => void, connected: (yes: boolean) => void}} heard
 */
export function follow(id, heard) {
  let source = null;
  let retry = null;
  /** The loop of looks that goes on; an answer to one that has ended is too late to be heard. */
  let polling = null;
  let closed = false;

  function listen() {
    rest();
    source = new EventSource(sessionPath(id, "/events"));
    source.addEventListener("open", () => { stopPolling(); heard.connected(true); });
    const on = (name, tell) => source.addEventListener(name, (event) => tell(JSON.parse(event.data)));
    on("status", heard.status);
    on("films", ({ films }) => heard.films(films));
    on("fleet", heard.fleet);
    on("gone", gone);
    source.addEventListener("error", () => {
      poll();
      // After a refusal, unlike a lost connection, a source does not try again by itself.
      if (source.readyState === EventSource.CLOSED) retry = setTimeout(listen, RETRY_SECONDS * 1000);
    });
  }

  function poll() {
    if (polling || closed) return;
    const mine = { timer: null };
    const look = async () => {
      try {
        const status = await request(sessionPath(id, "/status"));
        if (polling !== mine) return;
        heard.status(status);
        const fleet = await request("/worker/status");
        if (polling !== mine) return;
        heard.fleet({ worker_status: fleet.worker_status, tmdb_state: fleet.tmdb.state, tmdb_reason: fleet.tmdb.reason });
        heard.connected(true);
      } catch (error) {
        if (polling !== mine) return;
        if (error.status === 404) gone();
        else heard.connected(false);
      }
      if (polling === mine) mine.timer = setTimeout(look, (document.hidden ? HIDDEN_SECONDS : POLL_SECONDS) * 1000);
    };
    polling = mine;
    look();
  }

  function stopPolling() {
    clearTimeout(polling?.timer);
    polling = null;
  }

  function rest() {
    clearTimeout(retry);
    source?.close();
  }

  /** Over HTTP/1.1 a browser has six connections to a host: streams of tabs behind would use them up. */
  function turn() {
    if (!document.hidden) listen();
    else {
      rest();
      poll();
    }
  }

  function close() {
    closed = true;
    document.removeEventListener("visibilitychange", turn);
    stopPolling();
    rest();
  }

  function gone() {
    if (closed) return;
    close();
    heard.gone();
  }

  document.addEventListener("visibilitychange", turn);
  turn();
  return { close };
}
