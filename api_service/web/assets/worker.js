/** The operator's page: fleet, queue, budget and TMDB's state. */

import { request } from "./api.js";
import { fill, h, holdFocus } from "./dom.js";
import { count, duration, number, timeOf } from "./format.js";
import { keep, recall } from "./memory.js";

const POLL = 2000;
const TOKEN = "projectionist.token";

export function open(root) {
  document.title = "Worker · Projectionist";
  const place = h("div", {});
  const said = h("p", { role: "alert", class: "trouble", hidden: true });
  const token = h("input", { type: "password", id: "token", autocomplete: "off", value: recall("sessionStorage", TOKEN) ?? "" });
  const control = (action, text) => h("button", { value: action }, text);
  const controls = h("section", { class: "panel", "aria-label": "Control" }, h("h2", {}, "Control"),
    h("form", { class: "together", onsubmit: (event) => { event.preventDefault(); order(event.submitter.value); } },
      h("label", { for: "token" }, "Admin token"), token, control("pause", "Pause"), control("resume", "Resume")), said);
  let timer = null;
  let closed = false;
  let withoutToken = false;
  root.append(h("h1", {}, "Worker"), place, controls);

  async function look() {
    try {
      draw(await request("/worker/status", withoutToken ? {} : authorization(recall("sessionStorage", TOKEN))));
    } catch (error) {
      if (error.code === "admin_token_required") keep("sessionStorage", TOKEN, ""); // it has been changed
      // Somebody behind the same address guesses tokens: what anybody may see is shown then.
      if (error.code === "client_limit") withoutToken = true;
      // Once, lest it be read aloud at each look.
      if (place.textContent !== error.message) fill(place, h("p", { class: "trouble", role: "alert" }, error.message));
    }
    if (!closed) timer = setTimeout(look, POLL);
  }

  function draw(status) {
    if (closed) return;
    document.title = `${status.worker_status} · Projectionist`;
    const giveFocus = holdFocus(place);
    fill(place, state(status), h("div", { class: "sections" }, queue(status), budget(status), tmdb(status)), fleet(status));
    giveFocus();
  }

  async function order(action) {
    said.hidden = true;
    try {
      draw(await request(`/worker/${action}`, { method: "POST", ...authorization(token.value) }));
      keep("sessionStorage", TOKEN, token.value);
      withoutToken = false;
    } catch (error) {
      fill(said, error.message);
      said.hidden = false;
    }
  }

  look();
  return { close: () => { closed = true; clearTimeout(timer); } };
}

/** With the token the API names the workers' machines. */
function authorization(token) {
  return token ? { headers: { Authorization: `Bearer ${token}` } } : {};
}

function state({ worker_status: status, workers, paused_since: since }) {
  const words = {
    running: `Running: ${count(workers.length, "worker")}.`,
    paused: since && `Paused since ${timeOf(since)}.`,
    stopped: "No worker is running. Lists are waiting; nothing is lost.",
  };
  return h("p", { class: `state ${status}` }, words[status]);
}

function figures(name, pairs, more = null) {
  return h("section", { class: "panel", "aria-label": name }, h("h2", {}, name),
    h("dl", { class: "yours" }, pairs.flatMap(([term, value]) => [h("dt", {}, term), h("dd", {}, value)])), more);
}

function queue({ queue: { queued, claimed, background, oldest_wait_seconds: oldest } }) {
  return figures("Queue", [
    ["Waiting", number(queued)], ["In flight", number(claimed)], ["Background", number(background)],
    ["Oldest wait", oldest === null ? "none" : duration(oldest)],
  ]);
}

function budget({ budget: { used, limit, period_seconds: period, held_until: held } }) {
  return figures("Budget", [
    ["Used", `${number(used)} of ${number(limit)} requests in ${number(period)} s`],
    ["Held", held ? `until ${timeOf(held)}` : "no"],
  ], h("div", { class: "bar", "aria-hidden": "true" }, h("span", { class: "done", style: { "--share": Math.min(1, used / limit) } })));
}

function tmdb({ tmdb: { state: name, since, reason, next_probe: probe } }) {
  const words = { up: "up", down: "not responding", refused: "rejects the key" };
  return figures("TMDB", [
    ["State", `${words[name]}, since ${timeOf(since)}`],
    ...(reason ? [["Reason", reason]] : []),
    ...(probe ? [["Next check", timeOf(probe)]] : []),
  ]);
}

function fleet({ workers }) {
  const row = (worker) => h("tr", {},
    h("th", { scope: "row" }, worker.host ?? "", h("small", { class: "quiet" }, ` ${worker.id.slice(0, 8)}`)),
    h("td", {}, worker.draining ? "draining" : worker.tmdb_state === "up" ? "working" : `TMDB ${worker.tmdb_state} for it alone`),
    h("td", { class: "figure" }, number(worker.in_flight)),
    h("td", { class: "figure" }, timeOf(worker.heartbeat_at)),
    h("td", { class: "figure" }, worker.last_run ? timeOf(worker.last_run) : "not yet"),
    h("td", { class: "figure" }, worker.next_run ? timeOf(worker.next_run) : ""));
  return h("section", { class: "panel", "aria-label": "Fleet" }, h("h2", {}, "Fleet"),
    workers.length === 0 ? h("p", { class: "quiet" }, "No workers.") : h("div", { class: "scroller", tabindex: "0", role: "region", "aria-label": "Workers" }, h("table", {},
      h("thead", {}, h("tr", {}, ["Worker", "State", "In flight", "Heartbeat", "Last run", "Next run"].map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, workers.map(row)))));
}
