import { accessExamples } from './access';
import { cryptographyExamples } from './cryptography';
import type { Examples } from './example';
import { keyExamples } from './keys';
import { lifecycleExamples } from './lifecycle';

export type { Example } from './example';

/** An example of every operation. */
export const examples: Examples = {
  ...keyExamples,
  ...cryptographyExamples,
  ...accessExamples,
  ...lifecycleExamples,
};
