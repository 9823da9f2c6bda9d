import type { ClavigerOptions } from './claviger';
import type { DataKeyLimits } from './documents';

export interface Settings {
  readonly port: number;
  readonly databaseUrl: string;
  readonly claviger: ClavigerOptions;
  readonly dataKeys: DataKeyLimits;
  readonly maxDocumentBytes: number;
}

/** README.md says what they are for. Throws with the name of one that is missing or wrong; never with its value. */
export function settings(environment: NodeJS.ProcessEnv): Settings {
  const text = (name: string): string => {
    const value = environment[name];
    if (value === undefined || value === '') throw new Error(`${name} is not set`);
    return value;
  };
  const number = (name: string, { or, from, to }: Record<'or' | 'from' | 'to', number>): number => {
    const value = environment[name] ?? '';
    const given = value === '' ? or : Number(/^\d+$/.test(value) ? value : NaN);
    if (given >= from && given <= to) return given;
    throw new Error(`${name} must be a whole number from ${from} to ${to}`);
  };
  const scope = environment['DATA_KEY_SCOPE'] ?? 'document';
  if (scope !== 'document' && scope !== 'tenant') {
    throw new Error('DATA_KEY_SCOPE must be document or tenant');
  }
  return {
    port: number('DOCUMENT_STORE_PORT', { or: 4700, from: 0, to: 65_535 }),
    databaseUrl: text('DOCUMENT_STORE_DATABASE_URL'),
    claviger: { url: text('CLAVIGER_URL'), tokenFile: text('CLAVIGER_TOKEN_FILE') },
    dataKeys: {
      scope,
      uses: number('DATA_KEY_MAX_USES', { or: 1000, from: 1, to: 1_000_000 }),
      ageMs: 1000 * number('DATA_KEY_MAX_AGE_SECONDS', { or: 300, from: 1, to: 86_400 }),
      entries: number('DATA_KEY_MAX_ENTRIES', { or: 1000, from: 1, to: 1_000_000 }),
    },
    maxDocumentBytes: number('MAX_DOCUMENT_BYTES', { or: 1_048_576, from: 1, to: 67_108_864 }),
  };
}
