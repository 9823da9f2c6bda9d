import type { Database } from '../db';
import { forgetRequests } from '../idempotency/requests';
import type { Job } from './job';

/** Of one turn: a claim for each of them would cost more than they do. */
const atMost = 1000;

/** Removes what was kept of requests that their clients named, and may repeat no more. */
export function forgetNamedRequests({ database }: { readonly database: Database }): Job {
  return {
    name: 'forget-requests',
    due: {
      from: 'idempotent_request r',
      where: 'true',
      subject: 'r.request_id::text',
      at: 'r.expires_at',
    },
    run: async ({ clockOffsetSeconds }) =>
      (await forgetRequests(database, { atMost, clockOffsetSeconds })) > 0,
  };
}
