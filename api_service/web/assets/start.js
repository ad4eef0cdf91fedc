/** The start page: upload a list, or return to one. */

import { request, sessionPath } from "./api.js";
import { h } from "./dom.js";
import { count, dayOf } from "./format.js";
import { forget, knownLists, remember } from "./known_lists.js";
import { go } from "./navigation.js";
import { uploader } from "./uploader.js";
import { keepReading } from "./reading.js";

const SAMPLE = document.querySelector('meta[name="sample"]').content;

const SOURCES = [
  ["Letterboxd", "https://letterboxd.com/settings/data/", "Settings, Data, Export your data: the zip as it is"],
  ["IMDb", "https://www.imdb.com/exports/", "Your ratings, watchlist or a list, Export, then Exports"],
  ["Trakt", "https://trakt.tv/settings/data", "Settings, Data, Export"],
];

export function open(root) {
  document.title = "Projectionist";
  const lists = knownLists();
  let left = false;
  root.append(
    h("h1", { class: "lead" }, "Every film you have seen, as a living record"),
    h("p", { class: "sub" }, "Upload your list; genres, directors, cast and posters fill in as you watch."),
    uploader({
      path: "/api/upload",
      prompt: "Drop your list here",
      sample: SAMPLE,
      done: (answer, again) => {
        keepList(answer, again);
        // A reader who has left this page finds the list among their lists.
        if (!left) go(`/session/${answer.session_id}`);
      },
    }),
    h("section", { class: "sources" },
      h("h2", {}, "Where to get it"),
      h("ul", {}, SOURCES.map(([name, address, way]) => h("li", {},
        h("a", { href: address, rel: "noreferrer" }, name), ` ${way}.`))),
      h("p", { class: "quiet" }, "TMDB, MovieLens, Netflix and any list with a title in it are read as well.")),
    lists.length > 0 && h("section", {},
      h("h2", {}, "Your lists on this device"),
      h("ul", { class: "lists" }, lists.map(({ id, films, at }) => h("li", {},
        h("a", { href: `/session/${id}` }, `${count(films, "film")}, ${dayOf(at)}`))))) || "",
  );
  return { close: () => { left = true; } };
}

/** Remember a new list and how it was read; of some profiles alone, it is made anew in its place. */
function keepList(answer, again) {
  const id = answer.session_id;
  remember(answer);
  keepReading(id, answer.report, async (profiles) => {
    const next = await again(profiles);
    keepList(next, again);
    go(`/session/${next.session_id}`);
    try {
      await request(sessionPath(id), { method: "DELETE" });
      forget(id);
    } catch {
      // It stays among the lists of this device, where it can be deleted.
    }
  });
}
