import { durably } from '../durable';
import { idBytes, toBuffer, toThread } from '../formats';
import type { ImportAlgorithm } from '../import-types';
import type { LaneDesk } from '../lane-desk';
import type { MaterialKind } from '../material-types';
import { destroyAll } from '../objects';
import { type WrapperRef, wrapperOf } from '../wrapping-tasks';
import { admitResident, admitWrapped, type Imported, proveImport } from './admit';
import { alone, inContext } from './in-context';
import { requireImportAlgorithm } from './open';
import { residentObjects } from '../material/templates';

/** ImportedKey as plain data. */
export interface ImportArgs {
  readonly importKeyId: string;
  readonly algorithm: ImportAlgorithm;
  readonly encrypted: Uint8Array;
  readonly kind: MaterialKind;
  readonly keyId: string;
  readonly softwareUnwrap: boolean;
}

function importedOf(args: ImportArgs): Imported {
  return { ...args, importKeyId: idBytes(args.importKeyId), encrypted: toBuffer(args.encrypted) };
}

/** What lanes do with imported key material. */
export const importTasks = {
  requireImport: (
    lane: LaneDesk,
    { algorithm, softwareUnwrap }: Pick<ImportArgs, 'algorithm' | 'softwareUnwrap'>,
  ) => inContext(lane, { softwareUnwrap }, (context) => requireImportAlgorithm(context, algorithm)),

  identifyImport: (lane: LaneDesk, args: ImportArgs) =>
    inContext(lane, args, (context) => {
      const { id, publicKey } = proveImport(context, importedOf(args)).identity;
      const der = publicKey?.export({ format: 'der', type: 'spki' });
      return { id, publicKey: der && toThread(der) };
    }),

  admitResident: (
    lane: LaneDesk,
    args: ImportArgs & {
      id: string;
      label: string;
      modifiable: boolean;
      durableDirectory: string | undefined;
    },
  ) => {
    const id = idBytes(args.id);
    durably(args.durableDirectory, {
      make: () =>
        inContext(lane, args, (context) =>
          admitResident(context, importedOf(args), { ...args, id }),
        ),
      undo: () => alone(lane, (desk) => destroyAll(desk, () => residentObjects(id))),
    });
  },

  admitWrapped: (lane: LaneDesk, args: ImportArgs & { id: string; wrapper: WrapperRef }) =>
    inContext(lane, args, (context) => {
      const place = { id: args.id, wrapper: wrapperOf(context, args.wrapper) };
      return toThread(admitWrapped(context, importedOf(args), place));
    }),
} as const;
