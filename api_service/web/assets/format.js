/** Numbers, dates and names as people read them. */

const whole = new Intl.NumberFormat("en");
const days = new Intl.DateTimeFormat("en-GB", { dateStyle: "long", timeZone: "UTC" });
const moments = new Intl.DateTimeFormat("en-GB", { dateStyle: "long" });
const times = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
const regions = new Intl.DisplayNames("en", { type: "region" });
const languages = new Intl.DisplayNames("en", { type: "language" });

export const number = (value) => whole.format(value);

/** `1 film`, `3 films`. */
export function count(value, one, many = `${one}s`) {
  return `${number(value)} ${value === 1 ? one : many}`;
}

/** A date without a time, `2024-03-09`. */
export const day = (text) => days.format(new Date(`${text}T00:00:00Z`));

/** The day of a moment, where the reader is. */
export const dayOf = (moment) => moments.format(new Date(moment));

/** A time of day, with its day where that is not today. */
export function timeOf(moment) {
  const when = new Date(moment);
  const today = when.toDateString() === new Date().toDateString();
  return today ? times.format(when) : `${moments.format(when)}, ${times.format(when)}`;
}

/** Seconds as `20 seconds`, `5 minutes`, `1 h 20 min`. */
export function duration(seconds) {
  if (seconds < 90) return count(Math.max(1, Math.round(seconds)), "second");
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? count(minutes, "minute") : runtime(minutes);
}

/** Minutes as `47 min`, `2 h 9 min`. */
export function runtime(minutes) {
  const hours = Math.floor(minutes / 60);
  const rest = minutes % 60;
  return [hours && `${number(hours)} h`, (rest || !hours) && `${rest} min`].filter(Boolean).join(" ");
}

/** A rating of 0.5 to 5 as `★★★½`. */
export const stars = (rating) => "★".repeat(Math.floor(rating)) + (rating % 1 ? "½" : "");

export const decimal = (value) => value.toFixed(1);

/** The name of a country by its ISO 3166 code, or the code if it has none. */
export const country = (code) => named(regions, code);

/** Codes of TMDB's own beside those of ISO 639. */
const TMDB_LANGUAGES = { xx: "No language", cn: "Cantonese", mo: "Moldavian", sh: "Serbo-Croatian" };

/** The name of a language by its code. */
export const language = (code) => TMDB_LANGUAGES[code] ?? named(languages, code);

function named(names, code) {
  try {
    return names.of(code) || code;
  } catch {
    return code;
  }
}

/** Bytes as `12 KB`, `3.4 MB`. */
export function bytes(size) {
  return size < 1e6 ? `${number(Math.ceil(size / 1e3))} KB` : `${(size / 1e6).toFixed(1)} MB`;
}

const REASONS = {
  no_candidates: "TMDB has no such title",
  other_title: "TMDB has only similar titles",
  other_year: "TMDB has this title only from other years",
  ambiguous: "several films match",
  tv: "TMDB lists it as television",
  unknown_id: "TMDB does not know this id, and there is no title",
  gone: "TMDB no longer has its details",
};

/** Why a film was not found, or failed, or how far a match agrees. */
export const reason = (code) => REASONS[code] || code || "";
