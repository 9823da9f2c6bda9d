import { mechanismName } from '../mechanisms';
import type { CapabilityRow } from '../types';
import type { ImportWays, OaepWay } from './ways';

/** The rows of the capability table that say how imported key material is unwrapped. */
export function importRows(
  ways: ImportWays,
  { softwareUnwrap }: { softwareUnwrap: boolean },
): readonly CapabilityRow[] {
  return (['sha1', 'sha256'] as const).flatMap((hash) => {
    const suffix = hash === 'sha1' ? 'SHA_1' : 'SHA_256';
    const direct = withLength(ways, oaepRow(ways.oaep[hash], softwareUnwrap));
    return [
      { name: `IMPORT_RSAES_OAEP_${suffix}`, mechanism: 'CKM_RSA_PKCS_OAEP', ...direct },
      {
        name: `IMPORT_RSA_AES_KEY_WRAP_${suffix}`,
        mechanism: 'CKM_RSA_PKCS_OAEP, CKM_AES_KEY_WRAP_KWP',
        ...twoSteps(ways, ways.oaep[hash], softwareUnwrap),
      },
    ];
  });
}

type Verdict = Pick<CapabilityRow, 'supported' | 'note'>;

function oaepRow(way: OaepWay, softwareUnwrap: boolean): Verdict {
  if (way.where === 'token') return { supported: true, note: 'in the token' };
  if (way.where === 'nowhere') return { supported: false, note: `no ${way.missing}` };
  return softwareUnwrap
    ? {
        supported: true,
        note: `RSA in the token by CKM_RSA_X_509, the material in the daemon's memory: no ${way.missing}`,
      }
    : { supported: false, note: `not in the daemon's memory, and no ${way.missing}` };
}

/** See requireLength. */
function withLength(ways: ImportWays, { supported, note }: Verdict): Verdict {
  if (!supported || typeof ways.keyWrap === 'number') return { supported, note };
  return { supported, note: `${note}, secrets only if the token tells CKA_VALUE_LEN of them` };
}

function twoSteps(ways: ImportWays, way: OaepWay, softwareUnwrap: boolean): Verdict {
  if (typeof ways.keyWrap === 'string') return { supported: false, note: `no ${ways.keyWrap}` };
  const by = mechanismName(ways.keyWrap);
  if (way.where === 'token') return { supported: true, note: `in the token, by ${by}` };
  const { supported, note } = oaepRow(way, softwareUnwrap);
  if (!supported) return { supported, note };
  return {
    supported,
    note: `in the token by CKM_RSA_X_509 and ${by}, the key that wraps in the daemon's memory: no ${
      way.missing
    }`,
  };
}
