export interface Setting {
  /** Environment variable. */
  readonly env: string;
  readonly schema: Readonly<Record<string, unknown>>;
  /** Absent: the setting has no default and may be unset. */
  readonly default?: string | number | boolean;
  /** One sentence for docs/config.md and `claviger serve --help`. */
  readonly sentence: string;
}

/** Schemas of more than one setting. */
export const port = { type: 'integer', minimum: 0, maximum: 65535 } as const;
export const count = { type: 'integer', minimum: 1 } as const;
export const milliseconds = { type: 'integer', minimum: 1, maximum: 3_600_000 } as const;
export const text = { type: 'string', minLength: 1 } as const;
