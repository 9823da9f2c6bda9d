import * as pkcs11 from 'pkcs11js';
import { destroyDurably, durably } from '../durable';
import { idBytes, toBuffer, toThread } from '../formats';
import { orMissing } from '../generate/or-missing';
import { alone } from '../import/in-context';
import type { ImportWays } from '../import/ways';
import type { LaneDesk } from '../lane-desk';
import { destroyObject, readFlags } from '../objects';
import type { ResidentMaterial } from '../templates';
import type { DataKeyPairSpec, PreparedPlace } from '../types';
import type { WrapMechanism } from '../wrap';
import { generateByOpenSsl, generateInToken } from './data-pair';
import { inPairContext } from './in-context';
import { destroyPair, generatePair, keepPrivateKey, preparePair, storePair } from './pair';
import type { PairContext, PairSpec } from './plans';

export interface PairArgs {
  readonly spec: PairSpec;
  readonly ivSource: 'random' | 'token';
  readonly softwareUnwrap: boolean;
}

export interface ResidentArgs extends PairArgs {
  readonly id: string;
  readonly label: string;
  readonly modifiable: boolean;
  readonly durableDirectory: string | undefined;
}

/** A pair that is not in the token yet, and what its proof found out. */
export interface PreparedPair {
  /** Object of the owner session: any lane can use it. */
  readonly privateKey: Uint8Array;
  /** SubjectPublicKeyInfo in DER. */
  readonly publicKey: Uint8Array;
  readonly ways: ImportWays;
}

/** A pair whose private half is in the token. */
export interface ResidentPair {
  readonly key: Uint8Array;
  /** SubjectPublicKeyInfo in DER. */
  readonly publicKey: Uint8Array;
}

function makeResident<T>(
  lane: LaneDesk,
  args: ResidentArgs,
  make: (context: PairContext, name: ResidentMaterial) => T,
): T {
  const { label, modifiable } = args;
  const name = { id: idBytes(args.id), label, modifiable };
  return durably(args.durableDirectory, {
    make: () => inPairContext(lane, args, (context) => make(context, name)),
    undo: () => alone(lane, (desk) => destroyPair(desk, name.id)),
  });
}

/** What lanes do with RSA pairs. */
export const pairTasks = {
  /** Takes seconds and changes nothing in the token. Undefined where it copies no such private key. */
  preparePair: (
    lane: LaneDesk,
    args: PairArgs & { place: PreparedPlace },
  ): PreparedPair | undefined =>
    inPairContext(lane, args, (context) => {
      const place = args.place === 'wrapped' ? 'wrappable' : 'session';
      const { privateKey, publicKey } = preparePair(context, args.spec, place);
      const owner = { ...context, session: lane.owner() };
      const kept = keepPrivateKey(owner, privateKey, { spec: args.spec, place });
      if (kept === undefined) return undefined;
      return { privateKey: toThread(kept), publicKey: toThread(publicKey), ways: context.ways };
    }),

  /** Where the prepared pair is in the token now: undefined where it takes no such copy. */
  storePair: (
    lane: LaneDesk,
    args: ResidentArgs & { pair: PreparedPair },
  ): Uint8Array | undefined => {
    lane.importWays ??= args.pair.ways;
    const pair = {
      privateKey: toBuffer(args.pair.privateKey),
      publicKey: toBuffer(args.pair.publicKey),
    };
    const stored = makeResident(lane, args, (context, name) =>
      storePair(context, { spec: args.spec, pair }, name),
    );
    return stored && toThread(stored);
  },

  /** A handle that names another object by now must cost no key: token objects are left alone. */
  dropPrepared: (lane: LaneDesk, args: { privateKey: Uint8Array }) =>
    lane.withSession((desk) => {
      const object = toBuffer(args.privateKey);
      const [onToken] = readFlags(desk, object, [pkcs11.CKA_TOKEN]);
      if (onToken === false) destroyObject(desk, object);
    }),

  generatePair: (lane: LaneDesk, args: ResidentArgs): ResidentPair => {
    const pair = makeResident(lane, args, (context, name) =>
      generatePair(context, args.spec, name),
    );
    return { key: toThread(pair.privateKey), publicKey: toThread(pair.publicKey) };
  },

  /** In the token where it is said how that wraps, else by OpenSSL. */
  generateDataPair: (
    lane: LaneDesk,
    { spec, wrapping }: { spec: DataKeyPairSpec; wrapping: WrapMechanism | undefined },
  ) => {
    const pair =
      wrapping === undefined
        ? generateByOpenSsl(spec)
        : orMissing({ mechanism: wrapping.mechanism, spec }, lane, () =>
            alone(lane, (desk) => generateInToken(desk, spec, wrapping)),
          );
    return { privateKey: lane.handOver(pair.privateKey), publicKey: toThread(pair.publicKey) };
  },

  destroyPair: (lane: LaneDesk, args: { id: string; durableDirectory: string | undefined }) =>
    destroyDurably(args.durableDirectory, () => {
      lane.withSession((desk) => destroyPair(desk, idBytes(args.id)));
      // An empty search is what a vanished token answers as well.
      lane.assertHealthy();
    }),
} as const;
