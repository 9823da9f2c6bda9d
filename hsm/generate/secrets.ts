import * as pkcs11 from 'pkcs11js';
import { macWith } from '../algorithms/macs';
import { HsmError } from '../errors';
import { undoesGcm } from '../gcm-proof';
import type { MaterialKind } from '../material-types';
import { type Aes, type Hmac, shapeOf } from '../material/shapes';
import { generatedSecret, uses, usesOf } from '../material/templates';
import { ckm } from '../mechanisms';
import type { Handle } from '../module';
import { type Desk, discardAfter, readFlags, requireFree } from '../objects';
import { call } from '../return-values';
import type { ResidentMaterial, Template } from '../templates';

export interface SecretContext extends Desk {
  readonly ivSource: 'random' | 'token';
}

type Secret = Aes | Hmac;

interface SecretKeys {
  readonly born: Handle;
  /** The same key, or another object that should be the same. */
  readonly again: Handle;
}

interface SecretRow<S extends Secret> {
  readonly mechanism: number;
  /** By their use: what one does, the other undoes or does as well. */
  readonly areSame: (context: SecretContext, keys: SecretKeys, shape: S) => boolean;
}

const rows: { readonly [F in Secret['family']]: SecretRow<Extract<Secret, { family: F }>> } = {
  aes: {
    mechanism: ckm.AES_KEY_GEN,
    areSame: (context, { born, again }) =>
      undoesGcm(context, { seals: born, opens: again }, context.ivSource),
  },
  hmac: {
    mechanism: ckm.GENERIC_SECRET_KEY_GEN,
    areSame: (context, { born, again }, shape) => {
      const compute = (key: Handle): Buffer =>
        macWith(context, key, { shape, message: macMessage });
      return compute(born).equals(compute(again));
    },
  },
};

const macMessage = Buffer.from('claviger key proof');

export function secretShapeOf({ spec }: MaterialKind): Secret {
  const shape = shapeOf(spec);
  if (shape.family === 'aes' || shape.family === 'hmac') return shape;
  throw new HsmError('failed', `${spec} keys are no secret keys`);
}

function rowOf(shape: Secret): SecretRow<Secret> {
  return rows[shape.family] as SecretRow<Secret>;
}

/** A secret key of the token. Leaves nothing behind where its proof fails. */
export function generateSecret(
  context: SecretContext,
  kind: MaterialKind,
  key: ResidentMaterial,
): Handle {
  const shape = secretShapeOf(kind);
  requireFree(context, key.id);
  const made = makeSecret(context, shape, generatedSecret(kind, shape.bytes, key));
  try {
    requireProtected(context, made, kind);
    proveSame(context, { born: made, again: made }, shape);
    return made;
  } catch (error) {
    discardAfter(context, made, error);
    throw error;
  }
}

export function makeSecret({ library, session }: Desk, shape: Secret, template: Template): Handle {
  const { mechanism } = rowOf(shape);
  return call('C_GenerateKey', () => library.C_GenerateKey(session, { mechanism }, template));
}

/**
 * CKA_LOCAL is not asked for: NSS answers 0 for keys it generated itself. CKA_NEVER_EXTRACTABLE says what it would
 * say, namely that the key was born here and never could leave.
 */
function requireProtected(desk: Desk, key: Handle, kind: MaterialKind): void {
  const allow = usesOf(kind);
  const denied = uses[shapeOf(kind.spec).family].filter((use) => !allow.includes(use));
  const wanted = [pkcs11.CKA_TOKEN, pkcs11.CKA_SENSITIVE, pkcs11.CKA_NEVER_EXTRACTABLE, ...allow];
  if (
    readFlags(desk, key, wanted).every(Boolean) &&
    !readFlags(desk, key, [pkcs11.CKA_EXTRACTABLE, ...denied]).some(Boolean)
  ) {
    return;
  }
  throw new HsmError(
    'failed',
    'C_GenerateKey: the new key is not the protected key that was asked for',
  );
}

/** A key half made by a killed process can be found but not used (pkcs11-facts §5), so a new key is used once. */
export function proveSame(context: SecretContext, keys: SecretKeys, shape: Secret): void {
  if (rowOf(shape).areSame(context, keys, shape)) return;
  throw new HsmError('failed', 'the new key does not do what it is for');
}
