import { readFileSync } from 'node:fs';
import type { TokenOptions } from '../../hsm/index';
import { makeSoftHsm } from './softhsm';
import { tokenOptions } from './token-options';

/** The token that test/tokens tries: the one that scripts/test-token was given, or a SoftHSM token of its own. */
export interface TokenUnderTest {
  readonly options: TokenOptions;
  /** Product and version. */
  readonly name: string;
  /** It is the one made here, whose answers are known. */
  readonly known: boolean;
  remove(): Promise<void>;
}

/** What scripts/test-token puts into CLAVIGER_TEST_TOKEN, as JSON. */
interface Given {
  readonly name: string;
  readonly module: string;
  readonly label: string;
  readonly pinFile: string;
  readonly serial?: string;
  readonly libraryParameters?: string;
}

export async function tokenUnderTest(): Promise<TokenUnderTest> {
  const given = process.env['CLAVIGER_TEST_TOKEN'];
  if (given !== undefined) return fromOutside(JSON.parse(given) as Given);
  const hsm = await makeSoftHsm();
  return { name: 'SoftHSM 2.6.1', options: tokenOptions(hsm), known: true, remove: () => hsm.remove() };
}

function fromOutside({ name, pinFile, ...place }: Given): TokenUnderTest {
  const readPin = (): string => readFileSync(pinFile, 'utf8').replace(/\r?\n$/, '');
  return {
    name,
    options: {
      ...place,
      readPin,
      local: true,
      lanes: 2,
      // A TPM takes minutes to make an RSA key.
      deadlineMs: 60_000,
      ivSource: 'random',
      maxCachedKeys: 100,
    },
    known: false,
    remove: () => Promise.resolve(),
  };
}
