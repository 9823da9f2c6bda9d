const epochSeconds = /^\d{1,15}(\.\d{1,9})?$/;
const zone = /^[+-]\d\d:?\d\d$/;
const timeMark = /^[Tt]$/;
const fraction = /^\.\d{1,9}$/;

/**
 * Milliseconds since the epoch of a date in the W3C's profile of ISO 8601 or in seconds since the epoch; undefined for
 * what is neither. Digits alone are seconds, as IAM reads them: `2026` is in 1970. Without a time zone it is UTC.
 */
export function parseInstant(text: string): number | undefined {
  if (text[4] !== '-') return epochSeconds.test(text) ? Number(text) * 1000 : undefined;
  const year = digits(text, 0, 4);
  const month = digits(text, 5, 2);
  const day = text.length > 7 ? digits(text, 8, 2) : 1;
  if (!isDate(year, month, day) || (text.length > 7 && text[7] !== '-')) return undefined;
  const midnight = Date.UTC(year, month - 1, day);
  const time = text.length > 10 ? timeOfDay(text) : 0;
  return time === undefined ? undefined : midnight + time;
}

/** Milliseconds from midnight UTC of `Thh:mm`, with seconds, their fraction and a zone where they are given. */
function timeOfDay(text: string): number | undefined {
  const hour = digits(text, 11, 2);
  const minute = digits(text, 14, 2);
  const hasSeconds = text[16] === ':';
  const second = hasSeconds ? digits(text, 17, 2) : 0;
  if (!timeMark.test(text[10] ?? '') || text[13] !== ':') return undefined;
  if (!(hour <= 23 && minute <= 59 && second <= 59)) return undefined;
  const more = fractionAndZone(text.slice(hasSeconds ? 19 : 16), hasSeconds);
  return more === undefined ? undefined : ((hour * 60 + minute) * 60 + second) * 1000 + more;
}

/** Milliseconds that they add. */
function fractionAndZone(text: string, hasSeconds: boolean): number | undefined {
  if (text === 'Z' || text === '') return 0;
  const end = text.search(/[Zz+-]/);
  const part = end === -1 ? text : text.slice(0, end);
  const offset = end === -1 ? 0 : zoneMinutes(text.slice(end));
  if (offset === undefined) return undefined;
  if (part === '') return -offset * 60_000;
  return hasSeconds && fraction.test(part)
    ? Number(`0${part}`) * 1000 - offset * 60_000
    : undefined;
}

/** The number that so many digits write, or NaN, which is in no range. */
function digits(text: string, at: number, count: number): number {
  let value = 0;
  for (let i = at; i < at + count; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (!(digit >= 0 && digit <= 9)) return Number.NaN;
    value = value * 10 + digit;
  }
  return value;
}

/** Years below 100 are others to Date.UTC. */
function isDate(year: number, month: number, day: number): boolean {
  if (!(year >= 100 && month >= 1 && month <= 12 && day >= 1)) return false;
  return day <= 28 || day <= new Date(Date.UTC(year, month, 0)).getUTCDate();
}

function zoneMinutes(text: string): number | undefined {
  if (text === 'Z' || text === 'z') return 0;
  if (!zone.test(text)) return undefined;
  const hours = digits(text, 1, 2);
  const minutes = digits(text, text.length - 2, 2);
  if (hours > 23 || minutes > 59) return undefined;
  return (text.startsWith('-') ? -1 : 1) * (hours * 60 + minutes);
}
