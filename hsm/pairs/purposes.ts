import type { KeyObject } from 'node:crypto';
import { HsmError } from '../errors';
import type { ImportContext } from '../import/context';
import { rsaDecrypts } from '../import/proofs';
import { importPair, type PairName, type PairTemplates, transferPair } from '../import/templates';
import type { Handle } from '../module';
import { proveTransferPair } from '../transfer/pair';

/** What a pair is for: imported key material, or a wrapping key that comes from another token. */
export type PairPurpose = 'import' | 'transfer';

export interface PairSpec {
  readonly purpose: PairPurpose;
  readonly bits: number;
}

export interface PairContext extends ImportContext {
  readonly ivSource: 'random' | 'token';
}

interface Purpose {
  /** Without a name, of a pair of the session. */
  readonly templates: (bits: number, name: PairName | undefined) => PairTemplates;
  /** Uses the pair once as it is going to be used. Throws where it does not do that. */
  readonly prove: (
    context: PairContext,
    pair: { readonly privateKey: Handle; readonly publicKey: KeyObject },
  ) => void;
}

export const purposes: Readonly<Record<PairPurpose, Purpose>> = {
  import: {
    templates: importPair,
    prove: (context, { privateKey, publicKey }) => {
      if (rsaDecrypts(context, privateKey, publicKey)) return;
      throw new HsmError('failed', 'C_Decrypt: the private key is not that of the public key');
    },
  },
  transfer: { templates: transferPair, prove: proveTransferPair },
};
