import type { StoreConnecting } from '../custom-key-stores/connecting';
import type { Job, Schedule } from './job';

/** Custom key stores that are CONNECTING. */
const connectingStores: Schedule = {
  name: 'connect-key-store',
  due: {
    from: 'custom_key_store s',
    where: 's.connect_at is not null',
    subject: 's.custom_key_store_id',
    at: 's.connect_at',
  },
};

/** Connects them: what the worker that answered ConnectCustomKeyStore began, and did not live to end, too. */
export function connectKeyStore(connecting: Pick<StoreConnecting, 'run'>): Job {
  return { ...connectingStores, run: ({ subject }) => connecting.run(subject) };
}
