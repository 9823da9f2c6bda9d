import type { Token, TokenObject } from '../../hsm';
import type { Queryable } from '../db';
import { type DoomedObject, doom } from '../keys/doomed-objects';
import type { Finding, PatientWithToken } from './finding';
import { type Entry, readLedger } from './ledger';

/** What Claviger calls the objects that it makes. */
const ownLabels = 'claviger:';

/** Labels of the keys that each installation has of its own. */
const sealingLabels = /^claviger:([a-z]+-)*sealing$/;

/** As long as AWS KMS lets no key be deleted earlier: time to notice that it was needed. */
const daysOfGrace = 7;

/** What was seen of a token and of the database. */
export interface Seen {
  readonly serial: string;
  readonly before: readonly Entry[];
  readonly objects: readonly TokenObject[];
  readonly after: readonly Entry[];
  /** Ids of the KMS keys that there are, of those that labels name. */
  readonly living: ReadonlySet<string>;
}

/** Material of a KMS key carries its id in its label. */
const materialLabel = /^claviger:key:(.+)$/;

/**
 * What token and database know of each other. Whatever makes an object enters it in the database before, and takes the entry
 * away in the transaction that names it; so at any moment one of the two is there. The database is read before and after the
 * token: what was named, or entered, at either time was explained, and what is missing was needed at both.
 */
export async function examineObjects(patient: PatientWithToken): Promise<Finding[]> {
  const seen = await see(patient.database, patient.token);
  const needed = ({ serial }: Entry): boolean => serial === undefined || serial === seen.serial;
  return [
    ...orphans(patient, seen),
    ...duplicates(seen),
    ...missing(seen, needed),
    ...elsewhere(seen),
  ];
}

export async function see(database: Queryable, token: Token): Promise<Seen> {
  const before = await readLedger(database);
  const objects = await token.listObjects(ownLabels);
  const after = await readLedger(database);
  const living = await livingKeys(database, objects);
  return { serial: token.status().serial, before, objects, after, living };
}

/** Objects that nothing in the database explains. */
export function unexplained({ before, objects, after }: Seen): readonly TokenObject[] {
  const explained = new Set([...before, ...after].map(({ id }) => id));
  return objects.filter(({ id }) => !explained.has(id));
}

async function livingKeys(
  db: Queryable,
  objects: readonly TokenObject[],
): Promise<ReadonlySet<string>> {
  const ids = objects.flatMap(({ label }) => materialLabel.exec(label)?.[1] ?? []);
  const rows = await db.query<{ key_id: string }>({
    text: 'select key_id from kms_key where key_id = any($1::text[])',
    values: [ids],
  });
  return new Set(rows.map((row) => row.key_id));
}

function orphans({ database }: PatientWithToken, seen: Seen): Finding[] {
  const strange = unexplained(seen);
  // Whose sealing keys these are, the other objects may be too.
  const foreign = strange.some(({ label }) => sealingLabels.test(label));
  return strange.map(({ kind, id, label }) => {
    const keyId = materialLabel.exec(label)?.[1] ?? '';
    // Its key is there and has lost the row, so it may be all that opens what the key sealed: for people to decide.
    const lost = seen.living.has(keyId);
    return {
      kind: foreign ? 'foreign-object' : 'orphan-object',
      subject: id,
      details: { label, object: kind, serial: seen.serial, ...(lost && { ofLivingKey: keyId }) },
      ...(!foreign &&
        !lost && {
          repair: () => enter(database, { tokenKeyId: id, tokenSerial: seen.serial, kind }),
        }),
    };
  });
}

async function enter(db: Queryable, object: Omit<DoomedObject, 'dueInSeconds'>): Promise<string> {
  await doom(db, { ...object, dueInSeconds: daysOfGrace * 24 * 3600 });
  return `entered into doomed_object: destroyed in ${daysOfGrace} days, unless something names it by then`;
}

/** Which of the two is meant cannot be known, so neither is used. */
export function duplicates({ objects, serial }: Seen): Finding[] {
  // A secret key and a pair of one id are told apart.
  const kinds = ['secret-key', 'key-pair'] as const;
  return kinds.flatMap((wanted) => {
    const counts = new Map<string, number>();
    for (const { kind, id } of objects) {
      if (kind === wanted) counts.set(id, (counts.get(id) ?? 0) + 1);
    }
    return [...counts]
      .filter(([, count]) => count > 1)
      .map(([id, count]) => ({
        kind: 'duplicate-object' as const,
        subject: id,
        details: { objects: count, object: wanted, serial },
      }));
  });
}

/** Of what should be in the token: what was needed at both looks. */
export function missing(
  { before, objects, after, serial }: Seen,
  shouldBeThere: (entry: Entry) => boolean,
): Finding[] {
  const there = new Set(objects.map(({ id }) => id));
  const needed = new Set(before.filter((entry) => entry.needed).map(({ id }) => id));
  return after
    .filter((entry) => entry.needed && needed.has(entry.id) && !there.has(entry.id))
    .filter(shouldBeThere)
    .map(({ what, id, of }) => ({
      kind: 'missing-object',
      subject: id,
      details: { what, of, serial },
    }));
}

function elsewhere({ after, serial }: Seen): Finding[] {
  const found = new Map<string, number>();
  for (const entry of after) {
    if (!entry.needed || entry.serial === undefined || entry.serial === serial) continue;
    // Looked for in the token of its store.
    if (entry.store !== undefined) continue;
    found.set(entry.serial, (found.get(entry.serial) ?? 0) + 1);
  }
  return [...found].map(([other, objects]) => ({
    kind: 'other-token',
    subject: other,
    details: { objects, serial },
  }));
}
