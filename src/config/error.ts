/** A setting that cannot be used; the message names the variable, and never a value that may be a secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}
