import type { Queryable } from '../db';
import type { Job } from './job';

/** API tokens that expired so long ago that they are not listed any more. Nobody is told: nothing accepts them by then. */
export function deleteExpiredApiToken(db: Queryable): Job {
  return {
    name: 'delete-api-token',
    due: { from: 'api_token t', where: 'true', subject: 't.token_id', at: 't.kept_until' },
    async run({ subject, clockOffsetSeconds }) {
      const deleted = await db.execute({
        name: 'api-token-expire',
        text: `
          delete from api_token
          where token_id = $1::text and kept_until <= now() + make_interval(secs => $2::float8)`,
        values: [subject, clockOffsetSeconds],
      });
      return deleted > 0;
    },
  };
}
