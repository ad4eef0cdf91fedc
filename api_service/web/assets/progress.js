/** Progress of a list: bar, counts, pace, time left, and why nothing moves. */

import { fill, h } from "./dom.js";
import { count, duration, number } from "./format.js";

const PACE_SECONDS = 30;
/** A pace seen for less than this, in seconds, says nothing. */
const SEEN_SECONDS = 5;

export function progress() {
  const bar = h("div", {
    class: "bar", role: "progressbar", "aria-label": "Enriched films", "aria-valuemin": 0, "aria-valuemax": 100,
  }, h("span", { class: "done" }));
  const figures = h("p", { class: "figures" });
  const trouble = h("p", { class: "trouble", role: "status", hidden: true });
  const element = h("section", { class: "progress", "aria-label": "Progress" }, bar, figures, trouble);
  const pace = new Pace();
  const state = { fleet: null, connected: true, finished: false, filling: false, waiting: false, held: false };

  function status(now) {
    const done = now.enriched_count + now.not_found_count + now.failed_count;
    const speed = pace.perMinute(done);
    state.finished = now.status === "completed";
    state.waiting = now.waiting;
    state.held = now.held;
    // Who has seen it fill keeps it, full, so that nothing moves when it is.
    state.filling ||= !state.finished;
    element.classList.toggle("finished", !state.filling);
    bar.setAttribute("aria-valuenow", now.progress_percent);
    bar.setAttribute("aria-valuetext", `${number(done)} of ${count(now.total_movies, "film")}`);
    bar.firstChild.style.setProperty("--share", done / Math.max(now.total_movies, 1));
    fill(figures,
      figure("done", `${number(done)} of ${number(now.total_movies)}`),
      figure("enriched", number(now.enriched_count)),
      figure("not found", number(now.not_found_count)),
      figure("failed", number(now.failed_count)),
      !state.finished && speed !== null && figure("films a minute", number(speed)),
      !state.finished && now.eta_seconds !== null && figure("left", `about ${duration(now.eta_seconds)}`));
    say();
  }

  function say() {
    const text = wrong(state);
    trouble.hidden = !text;
    if (trouble.textContent !== text) fill(trouble, text);
  }

  return {
    element,
    status,
    fleet: (fleet) => { state.fleet = fleet; say(); },
    connected: (yes) => { state.connected = yes; say(); },
  };
}

const figure = (name, value) => h("span", {}, h("b", {}, value), ` ${name}`);

function wrong({ fleet, connected, finished, waiting, held }) {
  if (!connected) return "The connection was lost; reconnecting. Your list continues meanwhile.";
  if (finished) return "";
  if (held) return "The operator has put this list on hold. Nothing is lost, and it will continue when released.";
  if (!fleet) return "";
  if (fleet.worker_status === "paused") return "Paused by the operator. It will continue automatically.";
  if (fleet.worker_status === "stopped") return "No worker is running at the moment. Your list will continue automatically.";
  if (fleet.tmdb_state === "down") return "TMDB is not responding at the moment. Your list will continue when it does.";
  if (fleet.tmdb_state === "refused") return "TMDB rejects this service’s key; the operator has to fix that. Your list is waiting.";
  if (waiting) return "Other lists from your address or token come first. This one will start automatically.";
  return "";
}

/** Films a minute over the last half minute; null while too little was seen. */
class Pace {
  seen = [];

  perMinute(done) {
    const now = performance.now() / 1000;
    this.seen.push([now, done]);
    while (this.seen.length > 2 && this.seen[0][0] < now - PACE_SECONDS) this.seen.shift();
    const [then, before] = this.seen[0];
    return now - then < SEEN_SECONDS ? null : Math.max(0, Math.round((60 * (done - before)) / (now - then)));
  }
}
