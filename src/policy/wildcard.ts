/**
 * Patterns in which `*` is any run of characters and `?` any one (kms-semantics §6.6), decided without a regular
 * expression: its engine can be made to backtrack for ever by a policy's author.
 *
 * Between the stars stand segments. The first must begin the text, the last must end it, and each of the others is
 * looked for once, after the one before it: the first place found is as good as any. A segment without `?` is found in
 * time linear in the text (Knuth, Morris and Pratt); one with `?` by bits, 32 units of it to a step (Baeza-Yates and
 * Gonnet's Shift-And), each unit of the text being looked at once.
 */
export interface Pattern {
  /** At least one; stars stand between them. */
  readonly segments: readonly Segment[];
}

interface Segment {
  /** UTF-16 units; `anyUnit` is any. */
  readonly units: Int32Array;
  /** Knuth, Morris and Pratt's table; undefined for a segment with `?`, and where nobody searches. */
  readonly borders: Int32Array | undefined;
}

/** What is matched: a string, or what counts how often it is looked at. */
export type Text = Pick<string, 'length' | 'charCodeAt'>;

/** A character of a pattern that stands for itself, or a wildcard. */
export type Wildcard = 'any run' | 'any one';

const anyUnit = -1;

/** Builds a pattern of literal text and wildcards: what comes out of a variable never is a wildcard. */
export class PatternBuilder {
  private readonly segments: number[][] = [[]];

  literal(text: string): this {
    const units = this.segments.at(-1);
    for (let i = 0; i < text.length; i++) units?.push(text.charCodeAt(i));
    return this;
  }

  wildcard(wildcard: Wildcard): this {
    if (wildcard === 'any run') this.segments.push([]);
    else this.segments.at(-1)?.push(anyUnit);
    return this;
  }

  build(): Pattern {
    const last = this.segments.length - 1;
    // Empty segments between stars say nothing: `**` is `*`.
    const said = this.segments.filter((units, i) => i === 0 || i === last || units.length > 0);
    return { segments: said.map((units, i) => segmentOf(units, i > 0 && i < said.length - 1)) };
  }
}

export function parsePattern(text: string): Pattern {
  const builder = new PatternBuilder();
  for (const { literal, wildcard } of tokens(text)) {
    builder.literal(literal);
    if (wildcard !== undefined) builder.wildcard(wildcard);
  }
  return builder.build();
}

/** Runs of literal text, each with the wildcard that follows it. */
export function* tokens(text: string): Generator<{ literal: string; wildcard?: Wildcard }> {
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text[at];
    if (unit !== '*' && unit !== '?') continue;
    yield { literal: text.slice(start, at), wildcard: unit === '*' ? 'any run' : 'any one' };
    start = at + 1;
  }
  yield { literal: text.slice(start) };
}

export function matchesPattern({ segments }: Pattern, text: Text): boolean {
  const [first] = segments;
  const last = segments.at(-1);
  if (first === undefined || last === undefined) return false;
  if (segments.length === 1) return first.units.length === text.length && standsAt(first, text, 0);
  let position = first.units.length;
  const end = text.length - last.units.length;
  if (position > end || !standsAt(first, text, 0) || !standsAt(last, text, end)) return false;
  for (let i = 1; i < segments.length - 1; i++) {
    const segment = segments[i];
    if (segment === undefined) return false;
    const found = find(segment, text, { from: position, end });
    if (found === -1) return false;
    position = found + segment.units.length;
  }
  return true;
}

export function matchesWildcard(pattern: string, text: string): boolean {
  return matchesPattern(parsePattern(pattern), text);
}

function segmentOf(units: readonly number[], searched: boolean): Segment {
  const array = Int32Array.from(units);
  return {
    units: array,
    borders: searched && !units.includes(anyUnit) ? bordersOf(array) : undefined,
  };
}

/** For each length of a beginning: the length of its longest own beginning that is its end too. */
function bordersOf(units: Int32Array): Int32Array {
  const borders = new Int32Array(units.length);
  let length = 0;
  for (let i = 1; i < units.length; i++) {
    while (length > 0 && units[i] !== units[length]) length = borders[length - 1] ?? 0;
    if (units[i] === units[length]) length += 1;
    borders[i] = length;
  }
  return borders;
}

/** Compared from the end: ARNs begin alike. */
function standsAt({ units }: Segment, text: Text, position: number): boolean {
  for (let i = units.length - 1; i >= 0; i--) {
    const unit = units[i];
    if (unit !== anyUnit && unit !== text.charCodeAt(position + i)) return false;
  }
  return true;
}

/** Where the segment first stands wholly between `from` and `end`, or -1. */
function find(segment: Segment, text: Text, { from, end }: { from: number; end: number }): number {
  const { units, borders } = segment;
  if (units.length > end - from) return -1;
  if (borders === undefined) return findByBits(units, text, { from, end });
  let matched = 0;
  for (let at = from; at < end; at++) {
    const unit = text.charCodeAt(at);
    while (matched > 0 && units[matched] !== unit) matched = borders[matched - 1] ?? 0;
    if (units[matched] === unit) matched += 1;
    if (matched === units.length) return at + 1 - matched;
  }
  return -1;
}

/** As find, of a segment with `?`: a bit of the state says that so much of the segment ends at the unit just read. */
function findByBits(
  units: Int32Array,
  text: Text,
  { from, end }: { from: number; end: number },
): number {
  const { masks, others } = masksOf(units);
  const state = new Int32Array(others.length);
  const whole = 1 << (units.length - 1);
  for (let at = from; at < end; at++) {
    const mask = masks.get(text.charCodeAt(at)) ?? others;
    let carry = 1;
    for (let word = 0; word < state.length; word++) {
      const bits = state[word] ?? 0;
      state[word] = ((bits << 1) | carry) & (mask[word] ?? 0);
      carry = bits >>> 31;
    }
    if (((state[state.length - 1] ?? 0) & whole) !== 0) return at + 1 - units.length;
  }
  return -1;
}

/** Where in the segment a unit may stand, a bit each: those that it names, and all others. Shifts count modulo 32. */
function masksOf(units: Int32Array): { masks: Map<number, Int32Array>; others: Int32Array } {
  const others = new Int32Array(Math.ceil(units.length / 32));
  const add = (mask: Int32Array, at: number): void => {
    mask[at >>> 5] = (mask[at >>> 5] ?? 0) | (1 << at);
  };
  units.forEach((unit, at) => {
    if (unit === anyUnit) add(others, at);
  });
  const masks = new Map<number, Int32Array>();
  units.forEach((unit, at) => {
    if (unit === anyUnit) return;
    const mask = masks.get(unit) ?? others.slice();
    masks.set(unit, mask);
    add(mask, at);
  });
  return { masks, others };
}
