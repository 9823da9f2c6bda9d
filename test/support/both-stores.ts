import { type TestDaemon, startDaemon } from './daemon';

/** How key material is kept. */
export const storages = ['resident', 'wrapped'] as const;
export type Storage = (typeof storages)[number];

/** A daemon for each way of keeping key material, as long as the tests of the file run. */
export function bothStores(): (storage: Storage) => TestDaemon {
  const daemons = new Map<Storage, TestDaemon>();
  beforeAll(async () => {
    const starting = storages.map(async (storage) => {
      const environment = { CLAVIGER_KEY_MATERIAL: storage };
      daemons.set(storage, await startDaemon({ environment }));
    });
    await Promise.all(starting);
  });
  afterAll(async () => {
    await Promise.all([...daemons.values()].map((daemon) => daemon.remove()));
  });
  return (storage) => {
    const daemon = daemons.get(storage);
    if (daemon === undefined) throw new Error(`the daemon with ${storage} keys was not started`);
    return daemon;
  };
}
