/** The report of an upload: files, formats, and rows merged, set aside and rejected. */

import { request, sessionPath } from "./api.js";
import { fill, h } from "./dom.js";
import { count, number } from "./format.js";
import { profiles } from "./profiles.js";

/** Reports of uploads that this page itself has just made, by session. */
const fresh = new Map();

/**
 * Keep the report that came with an upload's answer, for the view that opens next.
 *
 * @param {string} id
 * @param {object} report
 * @param {(profiles: string[]) => Promise<void>} [readOnly] makes the list anew of some profiles
 */
export function keepReading(id, report, readOnly) {
  fresh.set(id, { report, readOnly });
}

/**
 * The report as a part of the page: open right after an upload, else there to be opened.
 *
 * It is read anew each time that it is opened, since more files may have been added meanwhile.
 */
export function reading(id) {
  const { report, readOnly } = fresh.get(id) ?? {};
  fresh.delete(id);
  const inside = h("div", { class: "reading" });
  const details = h("details", { class: "panel", open: Boolean(report) },
    h("summary", {}, report ? headline(report) : "How your files were read"), inside);
  let known = Boolean(report);
  if (report) fill(inside, body(report, readOnly));
  details.addEventListener("toggle", () => {
    // An initially open report fires a toggle event, too.
    if (details.open && !known) load(id, inside);
    known = false;
  });
  return details;
}

async function load(id, inside) {
  fill(inside, h("p", { class: "quiet" }, "Loading …"));
  try {
    const report = await request(sessionPath(id, "/report"));
    fill(inside, [report, ...report.further_uploads].map((one) => [h("h3", {}, headline(one)), ...body(one)]));
  } catch (error) {
    fill(inside, h("p", { role: "alert" }, error.message));
  }
}

function headline(report) {
  const parts = [`${count(report.total_movies, "film")} from ${count(report.rows_read, "row")}`];
  if (report.rows_merged) parts.push(`${number(report.rows_merged)} merged`);
  if (report.set_aside_count) parts.push(`${number(report.set_aside_count)} set aside`);
  if (report.rejected_count) parts.push(`${number(report.rejected_count)} not usable`);
  return parts.join(" · ");
}

function body(report, readOnly) {
  return [
    profiles(report, readOnly),
    h("p", {}, `${count(report.watched, "film")} watched, ${number(report.watchlist_only)} on the watchlist only, ${number(report.list_only)} on other lists only.`),
    h("div", { class: "scroller", tabindex: "0", role: "region", "aria-label": "Files" }, h("table", {},
      h("thead", {}, h("tr", {}, ["File", "Read as", "Rows", "Films"].map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, report.files.map((file) => h("tr", {},
        h("td", {}, file.name), h("td", {}, file.set_aside ?? words(file.format), unread(file)),
        h("td", { class: "figure" }, number(file.rows)), h("td", { class: "figure" }, number(file.movies))))))),
    issues("Not usable", report.rejected, report.rejected_count),
    issues("Set aside", report.set_aside, report.set_aside_count),
    issues("Notes", report.notes, report.notes_count),
    merged(report),
  ];
}

function unread(file) {
  const columns = file.unread ?? [];
  if (!columns.length) return null;
  return h("details", {}, h("summary", {}, `${count(columns.length, "column")} not read`),
    h("ul", {}, columns.map((one) => h("li", {}, `${one.column}, such as “${one.example}”`))));
}

const words = (format) => (format ?? "").replaceAll("_", " ");

function issues(name, rows, all) {
  if (!all) return null;
  return part(name, all, rows.map((row) => h("li", {}, `${row.file}, line ${number(row.line)}: ${row.reason}`)), all - rows.length);
}

function merged(report) {
  if (!report.rows_merged) return null;
  const rows = report.merged.map((row) => h("li", {},
    `${row.file}, line ${number(row.line)}: ${row.title ?? "a film without a title"}${row.year ? ` (${row.year})` : ""}`));
  return part("Merged with a film listed before", report.rows_merged, rows, report.rows_merged - rows.length);
}

function part(name, all, items, unnamed) {
  return h("details", {}, h("summary", {}, `${name}: ${number(all)}`),
    h("ul", {}, items, unnamed > 0 && h("li", { class: "quiet" }, `and ${number(unnamed)} more`)));
}
