/** What happens to a session, live: over Server-Sent Events, and by polling where they do not come. */

import { request, sessionPath } from "./api.js";

const POLL_SECONDS = 2;
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
  let polling = null;
  let closed = false;

  function listen() {
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
      if (source.readyState === EventSource.CLOSED) setTimeout(() => closed || listen(), RETRY_SECONDS * 1000);
    });
  }

  function poll() {
    if (polling || closed) return;
    const look = async () => {
      try {
        heard.status(await request(sessionPath(id, "/status")));
        const fleet = await request("/worker/status");
        heard.fleet({ worker_status: fleet.worker_status, tmdb_state: fleet.tmdb.state, tmdb_reason: fleet.tmdb.reason });
        heard.connected(true);
      } catch (error) {
        if (error.status === 404) gone();
        else heard.connected(false);
      }
      if (polling) polling = setTimeout(look, POLL_SECONDS * 1000);
    };
    polling = setTimeout(look, 0);
  }

  function stopPolling() {
    clearTimeout(polling);
    polling = null;
  }

  function close() {
    closed = true;
    stopPolling();
    source.close();
  }

  function gone() {
    if (closed) return;
    close();
    heard.gone();
  }

  listen();
  return { close };
}
