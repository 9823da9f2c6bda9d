import type { UseParts } from './aes-use';
import { agreeWith } from './algorithms/agreement';
import { type KeyRow, keyRow, requireUsage, symmetricDefault } from './algorithms/key-rows';
import { macWith } from './algorithms/macs';
import { notDecrypted, type OaepCiphertext } from './algorithms/oaep-decryption';
import { type ProvenSigning, requireSigning, signingName, signWith } from './algorithms/signing';
import type { Curve } from './curves';
import { HsmError } from './errors';
import { toBuffer, toThread } from './formats';
import type { Hmac } from './material/shapes';
import type { InlineSession } from './inline-session';
import type { UsableObject } from './key-objects';
import type { KeyUse } from './key-use';
import type { Verdict } from './known-answers/kinds';
import type { Link } from './link';
import type { MaterialKind } from './material-types';
import type { OaepHash } from './oaep';
import { requireCiphertext } from './post-quantum/encapsulation';
import type { MlKem } from './post-quantum/parameter-sets';
import { decodePublicKey } from './post-quantum/public-key';
import { Proofs, requireAny, requireVerdict } from './proofs';
import type { Awaitable, Capabilities } from './types';
import type {
  Encapsulated,
  MaterialKey,
  RsaEncryptionAlgorithm,
  SigningRequest,
} from './use-types';

const oaepHashes: Readonly<Record<RsaEncryptionAlgorithm, OaepHash>> = {
  RSAES_OAEP_SHA_1: 'sha1',
  RSAES_OAEP_SHA_256: 'sha256',
};

/** Uses of keys other than AES. Each algorithm is proven by known answers before its first use. */
export class MaterialUses {
  readonly #link: Link;
  readonly #use: KeyUse;
  readonly #proofs: Proofs;

  constructor({ link, use }: Omit<UseParts, 'options'>) {
    this.#link = link;
    this.#use = use;
    this.#proofs = new Proofs(link);
  }

  sign(key: MaterialKey, request: SigningRequest): Awaitable<Buffer> {
    const row = keyRow(key.kind);
    requireUsage(row, 'SIGN_VERIFY');
    requireSigning(key.kind.spec, request);
    return this.#proven(row, signingName(request), ({ detour }) => {
      const { algorithm, input, externalMu = false } = request;
      const proven = { algorithm, input, externalMu, detour };
      return this.#use.use(key, row, (object) => this.#sign(object, proven));
    });
  }

  mac(key: MaterialKey, message: Buffer): Awaitable<Buffer> {
    const row = keyRow(key.kind);
    const { shape } = row;
    if (shape.family !== 'hmac') throw notUsedSo(row, 'HMAC');
    if (message.length === 0)
      throw new HsmError('failed', 'C_Sign: message must be 1 byte or more');
    return this.#proven(row, key.kind.spec, () =>
      this.#use.use(key, row, (object) => this.#mac(object, { shape, message })),
    );
  }

  decryptOaep(
    key: MaterialKey,
    algorithm: RsaEncryptionAlgorithm,
    ciphertext: Buffer,
  ): Awaitable<Buffer> {
    const row = keyRow(key.kind);
    const { shape } = row;
    requireUsage(row, 'ENCRYPT_DECRYPT');
    if (shape.family !== 'rsa') throw notUsedSo(row, algorithm);
    return this.#proven(row, algorithm, ({ detour }) => {
      if (ciphertext.length !== shape.bits / 8) throw notDecrypted();
      const way = detour ? 'raw' : 'token';
      const request = { hash: oaepHashes[algorithm], way, encrypted: ciphertext } as const;
      return this.#use.use(key, row, (object) => this.#decryptOaep(object, request));
    });
  }

  agree(key: MaterialKey, peer: Buffer): Awaitable<Buffer> {
    const row = keyRow(key.kind);
    const { shape } = row;
    requireUsage(row, 'KEY_AGREEMENT');
    if (shape.family !== 'ec') throw notUsedSo(row, 'ECDH');
    const { curve } = shape;
    requirePoint(peer, curve);
    return this.#proven(row, 'ECDH', () =>
      this.#use.use(key, row, (object) => this.#agree(object, { curve, peer })),
    );
  }

  async encapsulate(kind: MaterialKind, publicKey: Buffer): Promise<Encapsulated> {
    const row = keyRow(kind);
    const set = requireMlKem(row);
    const raw = decodePublicKey(set, publicKey);
    requireVerdict(await this.#proofs.prove(row), 'ML_KEM');
    const args = { set, publicKey: toThread(raw) };
    const { sharedSecret, ciphertext } = await this.#link.run('encapsulate', args);
    return { sharedSecret: toBuffer(sharedSecret), ciphertext: toBuffer(ciphertext) };
  }

  async decapsulate(key: MaterialKey, ciphertext: Buffer): Promise<Buffer> {
    const row = keyRow(key.kind);
    const set = requireMlKem(row);
    return this.#proven(row, 'ML_KEM', () => {
      requireCiphertext(set, ciphertext);
      return this.#use.use(key, row, async ({ object }) => {
        const args = { key: toThread(object), set, ciphertext: toThread(ciphertext) };
        return toBuffer(await this.#link.run('decapsulate', args));
      });
    });
  }

  async requireKind(kind: MaterialKind): Promise<void> {
    const row = keyRow(kind);
    if (row === symmetricDefault) requireSymmetric(this.#link.live.capabilities);
    else requireAny(await this.#proofs.prove(row));
  }

  /** At once where the kind is proven; else after that. */
  #proven(
    row: KeyRow,
    algorithm: string,
    work: (verdict: Verdict) => Awaitable<Buffer>,
  ): Awaitable<Buffer> {
    const proof = this.#proofs.known(row);
    if (proof !== undefined) return work(requireVerdict(proof, algorithm));
    return this.#proofs.prove(row).then((made) => work(requireVerdict(made, algorithm)));
  }

  /** The session to make it with in this thread, where it is one that is made here. */
  #inline({ row }: UsableObject): InlineSession | undefined {
    return row.quick ? this.#link.live.inline : undefined;
  }

  #sign(object: UsableObject, request: ProvenSigning): Awaitable<Buffer> {
    const inline = this.#inline(object);
    if (inline === undefined) return this.#signOnLane(object, request);
    const { library } = inline;
    return inline.withSession((session) => signWith({ library, session }, object.object, request));
  }

  async #signOnLane(object: UsableObject, request: ProvenSigning): Promise<Buffer> {
    const [key, input] = [toThread(object.object), toThread(request.input)];
    return toBuffer(await this.#link.run('sign', { ...request, key, input }));
  }

  #mac(object: UsableObject, request: { shape: Hmac; message: Buffer }): Awaitable<Buffer> {
    const inline = this.#inline(object);
    if (inline === undefined) return this.#macOnLane(object, request);
    const { library } = inline;
    return inline.withSession((session) => macWith({ library, session }, object.object, request));
  }

  async #macOnLane(
    object: UsableObject,
    { shape, message }: { shape: Hmac; message: Buffer },
  ): Promise<Buffer> {
    const args = { key: toThread(object.object), shape, message: toThread(message) };
    return toBuffer(await this.#link.run('mac', args));
  }

  #agree(object: UsableObject, request: { curve: Curve; peer: Buffer }): Awaitable<Buffer> {
    const inline = this.#inline(object);
    if (inline === undefined) return this.#agreeOnLane(object, request);
    const { library } = inline;
    return inline.withSession((session) => agreeWith({ library, session }, object.object, request));
  }

  async #agreeOnLane(
    object: UsableObject,
    { curve, peer }: { curve: Curve; peer: Buffer },
  ): Promise<Buffer> {
    const args = { key: toThread(object.object), curve, peer: toThread(peer) };
    return toBuffer(await this.#link.run('agree', args));
  }

  async #decryptOaep(object: UsableObject, ciphertext: OaepCiphertext): Promise<Buffer> {
    const args = {
      ...ciphertext,
      key: toThread(object.object),
      encrypted: toThread(ciphertext.encrypted),
    };
    return toBuffer(await this.#link.run('decryptOaep', args));
  }
}

function notUsedSo({ kind }: KeyRow, algorithm: string): HsmError {
  return new HsmError('failed', `${algorithm} is no algorithm of ${kind.spec} keys`);
}

function requireMlKem({ kind, shape }: KeyRow): MlKem {
  if (shape.family === 'ml-kem') return shape;
  throw new HsmError('failed', `ML_KEM is no algorithm of ${kind.spec} keys`);
}

/** X9.62 §4.3.6: 4, x, y. */
function requirePoint(peer: Buffer, { bytes, jwk }: Curve): void {
  if (peer.length === 1 + 2 * bytes && peer[0] === 4) return;
  throw new HsmError('failed', `C_DeriveKey: the peer must be an uncompressed point of ${jwk}`);
}

function requireSymmetric({ rows }: Capabilities): void {
  const row = rows.find(({ name }) => name === 'SYMMETRIC_DEFAULT');
  if (row?.supported === true) return;
  throw new HsmError('mechanism-missing', `the token lacks CKM_AES_GCM (${row?.note ?? ''})`);
}
