import { Router } from 'express';
import type { Readiness } from './readiness';

export interface HealthOptions {
  readonly failing: Readiness;
  readonly metrics: () => Promise<{ readonly contentType: string; readonly body: string }>;
}

/**
 * `/healthz`: the process answers. `/readyz`: the parts it needs were really exercised within the
 * last second, or 503 with the names of those that failed; why they did is in the log only.
 * `/metrics`: what Prometheus scrapes.
 */
export function healthRouter({ failing, metrics }: HealthOptions): Router {
  const router = Router({ caseSensitive: true, strict: true });
  router.get('/healthz', (_req, res) => {
    res.json({ status: 'ok' });
  });
  router.get('/readyz', async (_req, res) => {
    const names = await failing();
    if (names.length === 0) res.json({ status: 'ready' });
    else res.status(503).json({ status: 'unavailable', failing: names });
  });
  router.get('/metrics', async (_req, res) => {
    const { contentType, body } = await metrics();
    res.set('Content-Type', contentType).send(body);
  });
  return router;
}
