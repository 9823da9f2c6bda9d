import { BatchedCalls, type Queryable } from '../db';
import { Allowance, type AllowanceSource } from './allowance';

/** A reservation of a material of which so many are reserved that its key is to go on with another. */
export interface Wear {
  readonly materialId: string;
  readonly reserved: number;
  /** Whether it is this reservation that makes them so many. */
  readonly first: boolean;
}

export interface EncryptionCountsOptions {
  readonly db: Queryable;
  /** Encryptions under one material at the most. */
  readonly limit: number;
  /** Materials whose allowances are kept; what is left of the others is lost. */
  readonly capacity?: number;
  readonly onReserved: (count: number) => void;
  readonly onWorn: (wear: Wear) => void;
}

interface Reserved {
  readonly material_id: string;
  readonly reserved: number;
  readonly granted: number;
}

/** As many keys as a worker keeps. */
const defaultCapacity = 100_000;

/** Materials in one statement. */
const batchSize = 1000;

/** What a worker asks for when it first encrypts under a material: it loses as much when it ends. */
const firstSize = 1024;

/** The largest reservation is this part of the limit: 2^20 of 2^32. */
const largestPart = 4096;

/** A reservation takes this part of what is left at the most, so that workers come to the end of it together. */
const partOfRest = 16;

/** Half of the limit leaves as much time again to bring the next material. */
function wornFrom(limit: number): number {
  return Math.floor(limit / 2);
}

/**
 * How often each key material was used to encrypt: with random IVs one AES key makes 2^32 encryptions at the most
 * (NIST SP 800-38D §8.3). A worker reserves encryptions in encryption_count, which is committed before the first of them is
 * made, and counts them down by itself. So the database never knows of too few, whatever dies: what was reserved and not
 * used is lost.
 */
export class EncryptionCounts implements AllowanceSource {
  readonly sizes: AllowanceSource['sizes'];
  private readonly allowances = new Map<string, Allowance>();
  private readonly reservations: BatchedCalls<number, Reserved>;

  constructor(private readonly options: EncryptionCountsOptions) {
    const largest = Math.max(1, Math.floor(options.limit / largestPart));
    this.sizes = { first: Math.min(firstSize, largest), largest };
    this.reservations = new BatchedCalls({ batchSize, run: (wanted) => this.reserveAll(wanted) });
  }

  /** For whoever encrypts under the material, to be kept as long as its key is. */
  of(materialId: string): Allowance {
    const allowance = this.allowances.get(materialId) ?? new Allowance(materialId, this);
    // A Map is ordered by insertion: the first entry is the one asked for longest ago.
    this.allowances.delete(materialId);
    this.allowances.set(materialId, allowance);
    if (this.allowances.size > (this.options.capacity ?? defaultCapacity)) {
      for (const oldest of this.allowances.keys()) {
        this.allowances.delete(oldest);
        break;
      }
    }
    return allowance;
  }

  async reserve(materialId: string, count: number): Promise<number> {
    const made = await this.reservations.call(materialId, count);
    if (made === undefined) throw new Error(`The key material ${materialId} is gone`);
    const { limit, onReserved, onWorn } = this.options;
    const { reserved, granted } = made;
    onReserved(granted);
    const enough = wornFrom(limit);
    if (reserved >= enough) onWorn({ materialId, reserved, first: reserved - granted < enough });
    return granted;
  }

  private async reserveAll(
    wanted: ReadonlyMap<string, number>,
  ): Promise<ReadonlyMap<string, Reserved>> {
    const made = new Map<string, Reserved>();
    const missing = new Map(wanted);
    // Another worker may have begun to count a material at the same time; a second look finds it.
    for (let look = 0; look < 2 && missing.size > 0; look += 1) {
      for (const row of await this.reserveOnce(missing)) {
        made.set(row.material_id, row);
        missing.delete(row.material_id);
      }
    }
    return made;
  }

  /** Locks in order of material id, so that no two workers wait for each other. */
  private reserveOnce(wanted: ReadonlyMap<string, number>): Promise<readonly Reserved[]> {
    const { db, limit } = this.options;
    const granted = (of: string): string =>
      `least(w.count, greatest(0, ($3::bigint - ${of} + ${partOfRest - 1}) / ${partOfRest}))`;
    return db.query<Reserved>({
      name: 'encryption-count-reserve',
      text: `
        with wanted as (
          select * from unnest($1::text[], $2::bigint[]) as w(material_id, count)
        ), held as (
          select c.material_id, c.reserved as before, c.reserved + ${granted('c.reserved')} as after
          from encryption_count c join wanted w using (material_id)
          order by c.material_id for update of c
        ), raised as (
          update encryption_count c set
            reserved = h.after,
            -- Never rounded up: it is due at once.
            worn_at = case when h.after >= $4::bigint then
              coalesce(c.worn_at, date_trunc('milliseconds', clock_timestamp())) end
          from held h where c.material_id = h.material_id
          returning c.material_id, c.reserved, h.after - h.before as granted
        ), material as (
          select m.material_id from key_material m
          where m.material_id = any($1::text[]) and not exists (select from held h where h.material_id = m.material_id)
          order by m.material_id for key share
        ), begun as (
          insert into encryption_count (material_id, reserved)
          select m.material_id, ${granted('0')} from material m join wanted w using (material_id)
          order by m.material_id
          on conflict do nothing
          returning material_id, reserved, reserved as granted
        )
        select material_id, reserved::float8, granted::float8
        from (select * from raised union all select * from begun) as made`,
      values: [[...wanted.keys()], [...wanted.values()], limit, wornFrom(limit)],
    });
  }
}

/** Whether so many encryptions are reserved of the material that its key is to go on with another. */
export async function isWorn(db: Queryable, materialId: string): Promise<boolean> {
  const rows = await db.query({
    name: 'encryption-count-worn',
    text: `
      select from encryption_count where material_id = $1::text and worn_at is not null`,
    values: [materialId],
  });
  return rows.length > 0;
}
