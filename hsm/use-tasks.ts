import { agreeWith } from './algorithms/agreement';
import { keyRow } from './algorithms/key-rows';
import { macWith } from './algorithms/macs';
import { decryptOaepWith, notDecrypted, type OaepWay } from './algorithms/oaep-decryption';
import { type ProvenSigning, signWith } from './algorithms/signing';
import type { Curve } from './curves';
import { toBuffer, toThread } from './formats';
import { openGcm, sealGcm } from './gcm';
import { isOfTheData } from './import/faults';
import type { Hmac } from './material/shapes';
import { benchOf } from './known-answers/bench';
import { proveKind } from './known-answers/kinds';
import type { LaneDesk } from './lane-desk';
import type { MaterialKind } from './material-types';
import type { OaepHash } from './oaep';
import { decapsulate, encapsulate } from './post-quantum/encapsulation';
import type { MlKem } from './post-quantum/parameter-sets';

/** What lanes do with keys in use. `key`: the handle of an object that is known to be of the right kind. */
export const useTasks = {
  seal: (
    lane: LaneDesk,
    args: { key: Uint8Array; aad: Uint8Array; plaintext: Uint8Array; ivSource: 'random' | 'token' },
  ) =>
    lane.withSession((desk) => {
      const plaintext = toBuffer(args.plaintext);
      try {
        const input = { aad: toBuffer(args.aad), plaintext, ivSource: args.ivSource };
        const sealed = sealGcm({ ...desk, key: toBuffer(args.key) }, input);
        return { iv: toThread(sealed.iv), ciphertext: toThread(sealed.ciphertext) };
      } finally {
        plaintext.fill(0);
      }
    }),

  unseal: (
    lane: LaneDesk,
    args: { key: Uint8Array; aad: Uint8Array; iv: Uint8Array; ciphertext: Uint8Array },
  ) =>
    lane.withSession((desk) => {
      const input = {
        aad: toBuffer(args.aad),
        iv: toBuffer(args.iv),
        ciphertext: toBuffer(args.ciphertext),
      };
      return lane.handOver(openGcm({ ...desk, key: toBuffer(args.key) }, input));
    }),

  sign: (
    lane: LaneDesk,
    { key, ...request }: Omit<ProvenSigning, 'input'> & { key: Uint8Array; input: Uint8Array },
  ) =>
    lane.withSession((desk) => {
      const input = toBuffer(request.input);
      return toThread(signWith(desk, toBuffer(key), { ...request, input }));
    }),

  mac: (lane: LaneDesk, args: { key: Uint8Array; shape: Hmac; message: Uint8Array }) =>
    lane.withSession((desk) => {
      const request = { shape: args.shape, message: toBuffer(args.message) };
      // Keys are derived by MACs, and to who may verify alone one is a forgery.
      return lane.handOver(macWith(desk, toBuffer(args.key), request));
    }),

  agree: (lane: LaneDesk, args: { key: Uint8Array; curve: Curve; peer: Uint8Array }) =>
    lane.withSession((desk) => {
      const request = { curve: args.curve, peer: toBuffer(args.peer) };
      return lane.handOver(agreeWith(desk, toBuffer(args.key), request));
    }),

  decryptOaep: (
    lane: LaneDesk,
    args: { key: Uint8Array; hash: OaepHash; way: OaepWay; encrypted: Uint8Array },
  ) => lane.handOver(decryptOaep(lane, args)),

  encapsulate: (lane: LaneDesk, args: { set: MlKem; publicKey: Uint8Array }) =>
    lane.withSession((desk) => {
      const made = encapsulate(desk, args.set, toBuffer(args.publicKey));
      const sharedSecret = lane.handOver(made.sharedSecret);
      return { sharedSecret, ciphertext: toThread(made.ciphertext) };
    }),

  decapsulate: (lane: LaneDesk, args: { key: Uint8Array; set: MlKem; ciphertext: Uint8Array }) =>
    lane.withSession((desk) => {
      const request = { privateKey: toBuffer(args.key), ciphertext: toBuffer(args.ciphertext) };
      return lane.handOver(decapsulate(desk, args.set, request));
    }),

  proveKind: (lane: LaneDesk, { kind }: { kind: MaterialKind }) =>
    proveKind(keyRow(kind), benchOf(lane)),
} as const;

/** Whatever is about the data is one error, and is believed when the token is healthy. */
function decryptOaep(
  lane: LaneDesk,
  args: { key: Uint8Array; hash: OaepHash; way: OaepWay; encrypted: Uint8Array },
): Buffer {
  const ciphertext = { hash: args.hash, way: args.way, encrypted: toBuffer(args.encrypted) };
  let message: Buffer | undefined;
  try {
    message = decryptOaepWith((work) => lane.withSession(work), toBuffer(args.key), ciphertext);
  } catch (error) {
    throw isOfTheData(error, () => lane.assertHealthy()) ? notDecrypted() : error;
  }
  if (message === undefined) throw notDecrypted();
  return message;
}
