/**
 * A buffer for what its owner wipes. Its memory is its own and outside of V8's heap, so that no garbage collection leaves
 * a copy of it, and outside of Node's pool, which hands its bytes to whoever comes next. It holds anything until written.
 */
export function secretBytes(length: number): Buffer {
  return Buffer.allocUnsafeSlow(length);
}
