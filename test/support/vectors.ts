import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

/** A test of test/vectors: its own members are bytes in base64, but for those that its group shares. */
export interface Vector {
  readonly file: string;
  readonly tcId: number;
  readonly comment: string;
  readonly flags: readonly string[];
  readonly result: 'valid' | 'acceptable' | 'invalid';
  /** The text of a member, of its own or of its group. */
  text(member: string): string;
  number(member: string): number;
  bytes(member: string): Buffer;
}

type Members = Readonly<Record<string, unknown>>;

interface File {
  readonly groups: readonly (Members & { readonly tests: readonly Members[] })[];
}

const folder = join(process.cwd(), 'test/vectors');

/** Every test of a file, in its order. */
export function readVectors(file: string): readonly Vector[] {
  const stored = readFileSync(join(folder, file));
  const text = file.endsWith('.gz') ? gunzipSync(stored) : stored;
  const { groups } = JSON.parse(text.toString('utf8')) as File;
  return groups.flatMap(({ tests, ...group }) =>
    tests.map((test) => vector(file, { comment: '', flags: [], ctx: '', ...group, ...test })),
  );
}

function vector(file: string, members: Members): Vector {
  const member = (name: string): unknown => {
    const value = members[name];
    if (value === undefined) throw new Error(`${file} has no ${name}`);
    return value;
  };
  return {
    ...(members as unknown as Pick<Vector, 'tcId' | 'comment' | 'flags' | 'result'>),
    ...{ file, text: (name) => String(member(name)), number: (name) => Number(member(name)) },
    bytes: (name) => Buffer.from(String(member(name)), 'base64'),
  };
}

/** What became of a vector: accepted with the right result, refused, or something that no vector may lead to. */
export type Verdict = 'accepted' | 'refused' | (string & {});

/** Vectors, of those given, that did not become what they should, each in one line; and how many became what. */
export async function judge(
  vectors: readonly Vector[],
  expected: (vector: Vector) => 'accepted' | 'refused',
  verdict: (vector: Vector) => Verdict | Promise<Verdict>,
): Promise<{ wrong: readonly string[]; accepted: number; refused: number }> {
  const wrong: string[] = [];
  const counts = { accepted: 0, refused: 0 };
  for (const vector of vectors) {
    const wanted = expected(vector);
    const got = await Promise.resolve(vector).then(verdict).catch(String);
    counts[wanted] += 1;
    if (got === wanted) continue;
    const { file, tcId, comment, result } = vector;
    wrong.push(`${file} ${tcId} (${comment}, ${result}): ${got} and not ${wanted}`);
  }
  return { wrong, ...counts };
}
