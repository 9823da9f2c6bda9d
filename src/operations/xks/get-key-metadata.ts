import { stateNow } from '../../keys/states';
import type { XksKeyCall, XksOperation, XksOutcome } from './operation';

export const getKeyMetadata: XksOperation = {
  name: 'GetKeyMetadata',
  requiredMetadata: ['awsPrincipalArn'],
  read: () => ({ usages: [], run }),
};

function run({ externalKey, key }: XksKeyCall): XksOutcome {
  return {
    output: {
      keySpec: 'AES_256',
      keyUsage: externalKey.usages,
      keyStatus: isEnabled({ externalKey, key }) ? 'ENABLED' : 'DISABLED',
    },
  };
}

/** The KMS key behind it has states of its own: whatever keeps that from being used disables the external key. */
export function isEnabled({ externalKey, key }: Pick<XksKeyCall, 'externalKey' | 'key'>): boolean {
  return externalKey.status === 'ENABLED' && stateNow(key) === 'Enabled';
}
