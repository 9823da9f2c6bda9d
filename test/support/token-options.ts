import type { TokenOptions } from '../../hsm/index';
import type { SoftHsm } from './softhsm';

/** Options for a private SoftHSM token, with what a test wants different. */
export function tokenOptions(hsm: SoftHsm, different: Partial<TokenOptions> = {}): TokenOptions {
  return {
    module: hsm.module,
    label: hsm.label,
    serial: hsm.serial,
    readPin: () => hsm.pin,
    local: true,
    lanes: 2,
    deadlineMs: 15_000,
    ivSource: 'random',
    maxCachedKeys: 100,
    ...different,
  };
}
