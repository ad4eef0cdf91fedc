/** Exporting a list, adding films to it, and deleting it. */

import { request, sessionPath } from "./api.js";
import { dialog, fill, h } from "./dom.js";
import { downloads } from "./downloads.js";
import { count } from "./format.js";
import { forget } from "./known_lists.js";
import { go } from "./navigation.js";
import { uploader } from "./uploader.js";

const PARTS = [
  ["Everything", {}], ["Watched films", { watched: true }], ["Watchlist", { watchlist: true }],
  ["Not found", { outcome: "unmatched" }],
];

export function open(root, session) {
  const added = h("p", { role: "status" });
  const refused = h("p", { role: "alert", class: "trouble", hidden: true });
  root.append(
    h("section", { class: "panel", "aria-label": "Export" }, h("h2", {}, "Export"),
      h("ul", { class: "parts" }, PARTS.map(([name, filters]) => h("li", {}, h("span", {}, name), downloads(session, filters, name)))),
      h("p", { class: "quiet" }, "CSV opens in any spreadsheet and can be uploaded again. JSON lines are for programs. Upload the Letterboxd file at letterboxd.com/import."),
      h("p", { class: "quiet" }, "The film data in these files comes from ",
        h("a", { href: "https://www.themoviedb.org/", rel: "noreferrer" }, "TMDB"),
        ". If you publish them, keep each film’s address at TMDB, and add this notice: This product uses TMDB and the TMDB APIs but is not endorsed, certified, or otherwise approved by TMDB.")),
    h("section", { class: "panel", "aria-label": "Add films" }, h("h2", {}, "Add films"),
      uploader({
        path: sessionPath(session.id, "/upload"),
        prompt: "Drop more files, or an unmatched list that you have corrected",
        done: ({ report }) => {
          fill(added, `${count(report.added ?? 0, "film")} added, ${count(report.changed ?? 0, "film")} changed. `, h("a", { href: "?view=films" }, "Show films"));
          session.added();
        },
      }), added),
    h("section", { class: "panel", "aria-label": "Delete" }, h("h2", {}, "Delete"),
      h("p", {}, "This deletes the list and everything you uploaded with it, for good."),
      h("button", { type: "button", class: "danger", onclick: () => ask(session, refused) }, "Delete this list"), refused));
  return {};
}

function ask(session, refused) {
  dialog("Delete this list?", (close) => [
    h("h2", {}, "Delete this list?"),
    h("p", {}, `${count(session.status.total_movies, "film")}, with your ratings, dates and reviews. This cannot be undone.`),
    h("div", { class: "together" },
      h("button", { type: "button", class: "danger", onclick: () => { close(); remove(session, refused); } }, "Delete permanently"),
      h("button", { type: "button", autofocus: true, onclick: close }, "Keep it")),
  ]);
}

async function remove(session, refused) {
  session.leaving = true;
  try {
    await request(sessionPath(session.id), { method: "DELETE" });
  } catch (error) {
    if (error.status !== 404) {
      session.leaving = false;
      fill(refused, error.message);
      refused.hidden = false;
      return;
    }
  }
  forget(session.id);
  go("/");
}
