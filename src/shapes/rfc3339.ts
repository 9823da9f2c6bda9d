/** RFC 3339 §5.6, which is stricter than what Date reads; a second of 60 is none that Date has. */
const form =
  /^(\d{4})-(\d\d)-(\d\d)T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/i;

/** A date and time; digits beyond milliseconds are dropped. Undefined for anything that is none, such as 30 February. */
export function readRfc3339(text: string): Date | undefined {
  const [, year, month, day] = form.exec(text) ?? [];
  if (year === undefined) return undefined;
  // Date takes 30 February for 2 March.
  const noon = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  if (noon.getUTCMonth() + 1 !== Number(month) || noon.getUTCDate() !== Number(day))
    return undefined;
  const date = new Date(text.toUpperCase());
  return Number.isNaN(date.getTime()) ? undefined : date;
}
