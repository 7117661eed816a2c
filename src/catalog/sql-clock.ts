/** The catalog's own clock, as SQL: Unix milliseconds. All sides of a catalog agree on it. */
export const NOW_MS = "cast(unixepoch('subsec') * 1000 as integer)";
