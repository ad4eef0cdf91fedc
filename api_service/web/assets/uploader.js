/** The upload control: takes dropped or chosen files, sends them, and reports the result. */

import { Problem, fetchFile, upload } from "./api.js";
import { fill, h } from "./dom.js";
import { bytes, count } from "./format.js";
import { keep, recall } from "./memory.js";

const SAMPLE_KEY = "projectionist.sample";
const TOKEN_KEY = "projectionist.token";
const KINDS = ".csv,.zip,.json,.jsonl,.txt,.tsv,.xml,.rss,.nfo,.xlsx,.xlsm,.xls,.html,.htm";

/**
 * @param {{path: string, prompt: string, done: (answer: object, again: (profiles: string[]) => Promise<object>) => void, sample?: string}} options
 *   where to send the files, what to ask for, what to do with the answer, and the address of a
 *   sample list to try; `again` sends the same files for some of their profiles only
 * @returns {HTMLElement}
 */
export function uploader({ path, prompt, done, sample }) {
  const chooser = h("input", {
    type: "file", multiple: true, accept: KINDS, id: "files", class: "spoken",
    onchange: () => send([...chooser.files].map((file) => ({ file, name: file.name }))),
  });
  const state = h("div", { class: "upload-state" });
  const place = h("div", { class: "drop" },
    h("p", { class: "drop-prompt" }, prompt),
    chooser, h("label", { for: "files", class: "button main" }, "Choose files"),
    h("p", { class: "quiet" }, "CSV, JSON, XML, a spreadsheet, plain text or a zip as you downloaded it; several at once are merged."),
    sample && h("p", { class: "together" }, "No list at hand?",
      h("button", { type: "button", onclick: () => trySample() }, "Try a sample list")));
  const whole = h("section", { class: "uploader", "aria-label": "Upload" }, place, state);

  let depth = 0;
  let sending = false;
  const mark = (change) => { depth = Math.max(0, depth + change); place.classList.toggle("over", depth > 0); };
  whole.addEventListener("dragenter", (event) => { event.preventDefault(); mark(1); });
  whole.addEventListener("dragleave", () => mark(-1));
  whole.addEventListener("dragover", (event) => event.preventDefault());
  whole.addEventListener("drop", async (event) => {
    event.preventDefault();
    mark(-depth);
    if (sending) return;
    let files;
    try {
      files = await dropped(event.dataTransfer);
    } catch (error) {
      refuse(new Problem({ title: "These files cannot be read", detail: error.message, status: 400 }));
      return;
    }
    send(files);
  });

  async function send(files, key = randomKey()) {
    if (!files.length) return;
    sending = true;
    const cancel = new AbortController();
    const size = files.reduce((sum, { file }) => sum + file.size, 0);
    const bar = h("progress", { "aria-label": "Upload", max: Math.max(size, 1), value: 0 });
    const said = h("p", { class: "quiet", role: "status" }, `Sending ${named(files)}, ${bytes(size)} …`);
    place.hidden = true;
    fill(state, bar, said, h("button", { type: "button", onclick: () => cancel.abort() }, "Cancel"));
    try {
      const answer = await upload(path, files, (sent, total) => {
        bar.max = total;
        bar.value = sent;
        if (sent === total) fill(said, `Reading ${named(files)} …`);
      }, cancel.signal, key, recall("localStorage", TOKEN_KEY));
      reset();
      done(answer, (profiles) => upload(
        `${path}?${new URLSearchParams(profiles.map((name) => ["profile", name]))}`,
        files, () => {}, new AbortController().signal, randomKey(), recall("localStorage", TOKEN_KEY)));
    } catch (error) {
      reset();
      if (error instanceof Problem) refuse(error, () => send(files, key));
      else if (error.name !== "AbortError") throw error;
    }
  }

  async function trySample() {
    if (sending) return;
    sending = true;
    let fetched;
    try {
      fetched = await fetchFile(sample);
    } catch (error) {
      sending = false;
      refuse(error, trySample);
      return;
    }
    // With a key of this browser's own: who tries it again is led to the list that it became.
    const mine = recall("localStorage", SAMPLE_KEY) ?? randomKey();
    keep("localStorage", SAMPLE_KEY, mine);
    send([{ file: fetched.file, name: "sample.zip" }], `${mine}${(fetched.tag ?? "").replace(/\W/g, "")}`);
  }

  function reset() {
    sending = false;
    place.hidden = false;
    chooser.value = "";
    fill(state);
    // What had the focus, the chooser or "Cancel", has been out of sight.
    if (document.activeElement === document.body) chooser.focus({ preventScroll: true });
  }

  function refuse(problem, again) {
    if (problem.code === "upload_token_required") {
      askForToken(again);
      return;
    }
    // Below 400 there was no refusal: no connection, or somebody in between answered something else.
    const canRetry = problem.status < 400 || problem.status >= 500 || [408, 409, 429].includes(problem.status);
    fill(state, h("div", { class: "refusal", role: "alert" },
      h("strong", {}, problem.title), h("p", {}, problem.message),
      canRetry && h("button", { type: "button", onclick: again }, "Try again")));
  }

  /** Only where the operator takes lists from people they know. */
  function askForToken(again) {
    const token = h("input", {
      type: "password", id: "token", required: true, autocomplete: "off",
      // What a header may hold; the browser says so itself.
      pattern: "\\s*[!-~]+\\s*", title: "A token has letters, digits and symbols, and no spaces.",
    });
    const onsubmit = (event) => {
      event.preventDefault();
      keep("localStorage", TOKEN_KEY, token.value.trim());
      again();
    };
    fill(state, h("form", { class: "refusal", onsubmit },
      h("label", { for: "token" }, "This service accepts lists only with a token from its operator."),
      token, h("button", { type: "submit" }, "Send with this token")));
    token.focus();
  }

  return whole;
}

const named = (files) => (files.length === 1 ? files[0].name : count(files.length, "file"));

/** Not `crypto.randomUUID`, which a page has only over HTTPS or on its own machine. */
function randomKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The files that were dropped, those in folders too, each with its path: folders say what a list is. */
async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files].map((file) => ({ file, name: file.name }));
  return (await Promise.all(entries.map(filesOf))).flat();
}

async function filesOf(entry) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    return [{ file, name: entry.fullPath.replace(/^\//, "") }];
  }
  const reader = entry.createReader();
  const inside = [];
  // A reader returns a hundred entries at a time, and none at the end.
  for (let some = [null]; some.length;) {
    some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    inside.push(...some);
  }
  return (await Promise.all(inside.map(filesOf))).flat();
}
