const w3c =
  /^(\d{4})-(\d\d)(?:-(\d\d)(?:t(\d\d):(\d\d)(?::(\d\d)(\.\d{1,9})?)?(z|[+-]\d\d:?\d\d)?)?)?$/i;
const epochSeconds = /^\d{1,15}(\.\d{1,9})?$/;

/**
 * Milliseconds since the epoch of a date in the W3C's profile of ISO 8601 or in seconds since the epoch; undefined for
 * what is neither. Digits alone are seconds, as IAM reads them: `2026` is in 1970. Without a time zone it is UTC.
 */
export function parseInstant(text: string): number | undefined {
  if (epochSeconds.test(text)) return Number(text) * 1000;
  const [
    ,
    year = '',
    month = '',
    day = '01',
    hour = '00',
    minute = '00',
    second = '00',
    fraction = '',
    zone = 'Z',
  ] = w3c.exec(text) ?? [];
  if (year === '') return undefined;
  const time = Date.UTC(+year, +month - 1, +day, +hour, +minute, +second);
  const written = new Date(time);
  // Date.UTC carries over what does not exist: 30 February, 25:00.
  if (written.toISOString() !== `${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`) {
    return undefined;
  }
  const offset = zoneMinutes(zone);
  return offset === undefined ? undefined : time + Number(`0${fraction}`) * 1000 - offset * 60_000;
}

function zoneMinutes(zone: string): number | undefined {
  if (zone.toUpperCase() === 'Z') return 0;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(-2));
  if (hours > 23 || minutes > 59) return undefined;
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes);
}
