/** Films without a match or with a doubtful one, and their correction. */

import { request, sessionPath } from "./api.js";
import { fill, h, holdFocus } from "./dom.js";
import { downloads } from "./downloads.js";
import { nameOf, why, yearOf } from "./film_items.js";
import { count, day, number } from "./format.js";
import { matchForm } from "./match_form.js";
import { poster } from "./posters.js";

const PAGE = 25;
/** No more often than this are the lists read again after all was asked for again, in milliseconds. */
const QUIET = 5000;
/** A match as sure as this is in doubt only because another film of the list was taken for the same one. */
const SURE = 97;

export function open(root, session) {
  const leaving = new AbortController();
  let asked = false;
  let waiting = null;
  const parts = [
    part(session, "unmatched", "Not found", "Every film in this list has been found or is still in the queue.", leaving.signal),
    part(session, "doubtful", "Doubtful", "No match is doubtful.", leaving.signal),
  ];
  const again = h("button", {
    type: "button",
    onclick: async () => {
      again.disabled = true;
      try {
        const { requeued } = await request(sessionPath(session.id, "/enrich"), { method: "POST" });
        fill(said, requeued ? `${count(requeued, "film")} queued again.` : "There is nothing to search for again.");
        asked ||= requeued > 0;
        if (asked) readAgain();
        await session.refresh();
      } catch (error) {
        fill(said, error.message);
      }
      again.disabled = false;
    },
  }, "Search TMDB again for films not found");
  const said = h("span", { class: "quiet", role: "status" });

  function readAgain() {
    waiting = null;
    // Nobody loses what they are just putting right.
    for (const { element, read } of parts) {
      if (!element.contains(document.activeElement) && !element.querySelector("input:not(:placeholder-shown)")) read();
    }
  }

  root.append(
    h("div", { class: "panel" },
      h("p", {}, "Choose the right film, or paste its id or link. You can also download the unmatched films as CSV, correct them there, and add the file under “Export”."),
      h("div", { class: "together" }, again, downloads(session, { outcome: "unmatched" }, "unmatched films", ["csv"]), said)),
    ...parts.map((one) => one.element));
  return {
    counts: () => { if (asked) waiting ??= setTimeout(readAgain, QUIET); },
    close: () => {
      leaving.abort();
      clearTimeout(waiting);
    },
  };
}

/** The page that the list was made from; whatever else stands there is only shown. */
function origin(address) {
  return /^https?:\/\//.test(address) ? h("a", { href: address, target: "_blank", rel: "noreferrer" }, address) : address;
}

function part(session, outcome, name, none, signal) {
  const list = h("ul", { class: "fixes" });
  const rest = h("div", {});
  let cursor = null;
  let round = 0;

  /** From the beginning, in place of what is there. */
  function read() {
    cursor = null;
    round += 1;
    more();
  }

  async function more() {
    const mine = round;
    const first = cursor === null;
    if (!list.children.length || !first) fill(rest, h("p", { class: "quiet" }, "Loading …"));
    try {
      const query = { outcome, limit: PAGE, ...(cursor && { cursor }) };
      const page = await request(sessionPath(session.id, "/movies", query), { signal });
      if (mine !== round) return;
      cursor = page.next_cursor;
      if (first) fill(list);
      list.append(...page.movies.map((movie) => item(session, movie, outcome === "doubtful")));
      fill(rest, cursor ? h("button", { type: "button", onclick: more }, "Show more") : !list.children.length && h("p", { class: "quiet" }, none));
    } catch (error) {
      if (error.name !== "AbortError" && mine === round) fill(rest, h("p", { role: "alert" }, error.message), h("button", { type: "button", onclick: more }, "Try again"));
    }
  }

  read();
  return { element: h("section", { "aria-label": name }, h("h2", {}, name), list, rest), read };
}

function item(session, movie, inDoubt) {
  const element = h("li", { class: "fix" });

  function draw(now) {
    fill(element,
      h("h3", {}, now.title ?? nameOf(now), now.year && ` (${now.year})`),
      now.outcome === "found"
        ? h("p", { class: "chosen" }, poster({ ...now, title: nameOf(now) }, "60px"),
          h("span", {}, "matched to ", h("a", { href: session.filmAddress(now.position) }, `${nameOf(now)} (${yearOf(now) ?? "year unknown"})`),
            ` · ${why(now)}${now.confidence === null ? "" : ` · ${number(now.confidence)} % sure`}`,
            inDoubt && now.confidence >= SURE && " · another film of your list matched it too"))
        : h("p", { class: "quiet" }, now.outcome === "pending" ? "Searching …" : why(now)),
      h("small", { class: "quiet" }, [...now.lists, ...now.watch_dates.map(day)].join(" · "), now.source_url && [" ", origin(now.source_url)]),
      matchForm(session, now, (then) => (then ? settled(then) : left(now)), inDoubt && now.outcome === "found"));
  }

  function settled(now) {
    say(now.outcome === "found" ? `Now it is ${nameOf(now)} (${yearOf(now) ?? "year unknown"}). ` : "Searching for it. ",
      h("a", { href: session.filmAddress(now.position) }, "Open the film"));
  }

  function left(now) {
    say(`“${now.title ?? nameOf(now)}” was removed from the list.`);
  }

  /** Show the result in its place, and keep the keyboard's focus there. */
  function say(...inside) {
    const giveFocus = holdFocus(element);
    const said = h("p", { role: "status" }, inside);
    element.setAttribute("class", "fix settled");
    fill(element, said);
    giveFocus(said);
  }

  draw(movie);
  return element;
}
