import type { Handle } from './module';
import type { Desk } from './objects';
import type { CapabilityRow } from './types';

export function inspectToken(_desk: Desk, _slot: Handle): CapabilityRow[] {
  return [];
}
