/** The public API: requests, and problems (RFC 9457) as errors that can be shown. */

import { count } from "./format.js";

/** A refusal or a failure, in words for people. */
export class Problem extends Error {
  /**
   * @param {{title?: string, detail?: string, status?: number, code?: string}} told
   * @param {number} [retryAfter] seconds after which the same may work, if the service says so
   */
  constructor(told, retryAfter = 0) {
    super(told.detail || told.title || "Something went wrong.");
    this.title = told.title || "Something went wrong";
    this.status = told.status || 0;
    this.code = told.code || "unknown";
    this.retryAfter = retryAfter;
  }

  /** What happened, for views that try again by themselves. */
  get withRetry() {
    return this.retryAfter ? `${this.message} Trying again in ${count(this.retryAfter, "second")}.` : this.message;
  }
}

const UNREACHABLE = {
  title: "The service cannot be reached",
  detail: "The service cannot be reached. Check your connection; nothing is lost.",
  code: "unreachable",
};

/** What a body says of a failure, even when a proxy in between wrote it. */
function problemFrom(status, text, retryAfter = 0) {
  const told = parsed(text) ?? (status ? { detail: `The service answered ${status}.` } : UNREACHABLE);
  return new Problem({ status, ...told }, retryAfter);
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/**
 * Ask the API.
 *
 * @param {string} path
 * @param {RequestInit & {json?: object}} [options]
 * @returns {Promise<any>} the JSON, or null when there is no content
 * @throws {Problem} on every refusal and failure
 */
export async function request(path, { json, ...options } = {}) {
  if (json !== undefined) {
    options.body = JSON.stringify(json);
    options.headers = { ...options.headers, "Content-Type": "application/json" };
  }
  let response;
  let text;
  try {
    response = await fetch(path, options);
    text = await response.text();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(UNREACHABLE);
  }
  if (response.status === 204) return null;
  const answer = response.ok ? parsed(text) : null;
  if (answer === null) throw problemFrom(response.status, text, Number(response.headers.get("Retry-After")) || 0);
  return answer;
}

/**
 * Fetch a file that the service has.
 *
 * @param {string} path
 * @returns {Promise<{file: Blob, tag: string|null}>} the file, and what changes when it does
 * @throws {Problem}
 */
export async function fetchFile(path) {
  try {
    const response = await fetch(path);
    const file = await response.blob();
    if (response.ok) return { file, tag: response.headers.get("ETag") };
    throw problemFrom(response.status, await file.text());
  } catch (error) {
    throw error instanceof Problem ? error : new Problem(UNREACHABLE);
  }
}

/** The address of something in a session, with a query. */
export const sessionPath = (id, rest, query) => pathBelow("session", id, rest, query);

/** The address of something in a shared list, with a query. */
export const sharePath = (id, rest, query) => pathBelow("share", id, rest, query);

function pathBelow(kind, id, rest = "", query = undefined) {
  const text = query ? new URLSearchParams(query).toString() : "";
  return `/api/${kind}/${encodeURIComponent(id)}${rest}${text ? `?${text}` : ""}`;
}

/**
 * Send files, with the progress of their bytes.
 *
 * @param {string} path
 * @param {{file: File, name: string}[]} files
 * @param {(sent: number, total: number) => void} progress
 * @param {AbortSignal} signal
 * @param {string} key so that a second try of the same upload never stores it twice
 * @param {string} [token] where uploads need one
 * @returns {Promise<any>} the answer
 * @throws {Problem}
 */
export function upload(path, files, progress, signal, key, token) {
  const form = new FormData();
  for (const { file, name } of files) form.append("file", file, name);
  // fetch() does not tell how much of a body has been sent.
  const sending = new XMLHttpRequest();
  return new Promise((resolve, reject) => {
    sending.upload.addEventListener("progress", (event) => progress(event.loaded, event.total));
    sending.addEventListener("load", () => {
      const answer = sending.status >= 200 && sending.status < 300 && parsed(sending.responseText);
      if (answer) resolve(answer);
      else reject(problemFrom(sending.status, sending.responseText));
    });
    sending.addEventListener("error", () => reject(new Problem({
      ...UNREACHABLE, detail: "The connection was lost while sending. Nothing will be stored twice: try again.",
    })));
    sending.addEventListener("abort", () => reject(new DOMException("", "AbortError")));
    signal.addEventListener("abort", () => sending.abort());
    sending.open("POST", path);
    sending.setRequestHeader("Idempotency-Key", key);
    if (token) sending.setRequestHeader("Authorization", `Bearer ${token}`);
    sending.send(form);
  });
}
