import { keyRow } from '../algorithms/key-rows';
import type { MaterialKind } from '../material-types';
import { generatedSecret } from '../material/templates';
import type { Handle } from '../module';
import type { Desk } from '../objects';
import { type Pair, preparePair } from '../pairs/pair';
import { type PairContext, planOf } from '../pairs/plans';
import { unwrapMaterial, withObject, wrapKey, type Wrapper } from '../wrap';
import { makeSecret, proveSame, type SecretContext, secretShapeOf } from './secrets';

/** A new secret key, wrapped. No object stays. */
export function generateWrappedSecret(
  context: SecretContext,
  wrapper: Wrapper,
  kind: MaterialKind,
): Buffer {
  const shape = secretShapeOf(kind);
  const born = makeSecret(context, shape, generatedSecret(kind, shape.bytes, 'wrappable'));
  return withObject(context, born, () =>
    wrapProven(context, wrapper, {
      ...{ kind, born },
      prove: (again) => proveSame(context, { born, again }, shape),
    }),
  );
}

export interface WrappedPair {
  readonly blob: Buffer;
  /** DER of SubjectPublicKeyInfo. */
  readonly publicKey: Buffer;
}

/** A new pair whose private half is wrapped. No object stays when the session ends. */
export function generateWrappedPair(
  context: PairContext,
  wrapper: Wrapper,
  kind: MaterialKind,
): WrappedPair {
  const { privateKey, publicKey } = preparePair(context, kind, 'wrappable');
  return withObject(context, privateKey, () => ({
    blob: wrapPair(context, wrapper, { kind, privateKey, publicKey }),
    publicKey,
  }));
}

/** The private half of a pair: PKCS#8 (PKCS#11 2.40, 2.10.10). */
export function wrapPair(
  context: PairContext,
  wrapper: Wrapper,
  { kind, privateKey: born, publicKey }: Pair & { readonly kind: MaterialKind },
): Buffer {
  return wrapProven(context, wrapper, {
    ...{ kind, born },
    prove: (again) => planOf(kind).prove(context, { privateKey: again, publicKey }),
  });
}

/** Wraps it, and proves that what it unwraps to is the same key. */
function wrapProven(
  desk: Desk,
  wrapper: Wrapper,
  key: { kind: MaterialKind; born: Handle; prove: (again: Handle) => void },
): Buffer {
  const blob = wrapKey(desk, wrapper, key.born);
  const row = keyRow(key.kind);
  const again = unwrapMaterial(desk, wrapper, { id: undefined, blob, row });
  withObject(desk, again, () => key.prove(again));
  return blob;
}
