/** Values that the browser keeps for the page, where it allows that. */

/**
 * @param {"localStorage"|"sessionStorage"} where for good, or as long as the tab is open
 * @param {string} key
 * @returns {string|null}
 */
export function recall(where, key) {
  try {
    return window[where].getItem(key);
  } catch {
    return null;
  }
}

/** @param {"localStorage"|"sessionStorage"} where */
export function keep(where, key, text) {
  try {
    window[where].setItem(key, text);
  } catch {
    // Private browsing may forbid it, or there is no room.
  }
}
