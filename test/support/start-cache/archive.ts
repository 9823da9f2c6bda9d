import { readFileSync, writeFileSync } from 'node:fs';

/** A module's text and its compiled code. */
export interface Kept {
  readonly source: string;
  readonly code: Buffer;
}

interface Place {
  readonly isAscii: boolean;
  readonly start: number;
  /** Where the source ends and the code begins. */
  readonly middle: number;
  readonly end: number;
}

interface Index {
  readonly places: readonly (readonly [filename: string, place: Place])[];
  readonly resolved: readonly (readonly [key: string, filename: string])[];
}

/** Modules and where requests for them lead, in one file: length of the index (32 bits), index, then texts and code. */
export interface Archive {
  module(filename: string): Kept | undefined;
  /** By requestKey. */
  readonly resolved: ReadonlyMap<string, string>;
}

export function writeArchive(
  file: string,
  modules: ReadonlyMap<string, Kept>,
  resolved: ReadonlyMap<string, string>,
): void {
  const parts: Buffer[] = [];
  let start = 0;
  const places = [...modules].map(([filename, { source, code }]) => {
    const text = Buffer.from(source);
    const middle = start + text.length;
    const end = middle + code.length;
    const place: Place = { isAscii: text.length === source.length, start, middle, end };
    parts.push(text, code);
    start = end;
    return [filename, place] as const;
  });
  const index: Index = { places, resolved: [...resolved] };
  const head = Buffer.from(JSON.stringify(index));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(head.length);
  writeFileSync(file, Buffer.concat([length, head, ...parts]));
}

export function readArchive(file: string): Archive {
  const bytes = readFileSync(file);
  const body = 4 + bytes.readUInt32LE(0);
  const { places, resolved } = JSON.parse(bytes.toString('utf8', 4, body)) as Index;
  const byName = new Map(places);
  return {
    resolved: new Map(resolved),
    module: (filename) => {
      const place = byName.get(filename);
      if (place === undefined) return undefined;
      const [start, middle, end] = [place.start, place.middle, place.end].map((at) => body + at);
      return {
        source: bytes.toString(place.isAscii ? 'latin1' : 'utf8', start, middle),
        code: bytes.subarray(middle, end),
      };
    },
  };
}
