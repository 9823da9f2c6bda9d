import { randomBytes } from 'node:crypto';
import { openToken, residentKey } from '../../hsm/index';
import { generateAes } from '../support/generated-keys';
import { makeSoftHsm } from '../support/softhsm';
import { tokenOptions } from '../support/token-options';

test('a key that is evicted while a lane seals with it seals all the same, with the object that it began with', async () => {
  const hsm = await makeSoftHsm();
  const token = await openToken({ ...tokenOptions(hsm), local: false });
  try {
    const key = residentKey(randomBytes(32).toString('hex'));
    await generateAes(token, key.id, 'claviger:key:test');
    const seal = () => token.encryptAesGcm(key, Buffer.alloc(0), Buffer.of(1));
    await seal();
    const { cacheMisses } = token.counters();
    const sealing = seal();
    token.evict(key.id);
    await sealing;
    expect(token.counters().cacheMisses).toBe(cacheMisses);
    await seal();
    expect(token.counters().cacheMisses).toBe(cacheMisses + 1);
  } finally {
    await token.close();
    await hsm.remove();
  }
});
