import type { TestDaemon } from './daemon';
import { metricsOf } from './metrics';
import { until } from './until';

/**
 * Every worker knows that the token is away. Each looks once a second, so that one may not have noticed yet what another
 * has met long ago, and may notice it when the token is back.
 */
export function tokenIsLost(daemon: TestDaemon): Promise<void> {
  return until('every worker has lost the token', async () => (await ready(daemon)) === 0);
}

/** Every worker serves again with the token that is back: each finds it by itself, at a moment of its own. */
function tokenIsFound(daemon: TestDaemon): Promise<void> {
  return until('every worker has found the token', async () => {
    return (await ready(daemon)) === Number(daemon.environment['CLAVIGER_WORKERS']);
  });
}

/** Makes the token vanish for every worker. */
export async function takeTokenAway(daemon: TestDaemon): Promise<void> {
  await daemon.token.moveAway();
  await tokenIsLost(daemon);
}

/** Puts the token back for every worker. */
export async function putTokenBack(daemon: TestDaemon): Promise<void> {
  await tokenIsLost(daemon);
  await daemon.token.restore();
  await tokenIsFound(daemon);
}

async function ready(daemon: TestDaemon): Promise<number | undefined> {
  return (await metricsOf(daemon)).get('claviger_token_ready');
}
