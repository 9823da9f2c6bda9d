/**
 * Whether nobody listens there any more. A connection that is handed to a worker as it closes may get no answer before the
 * requests in flight have theirs, so it is not waited for.
 */
export function listensNoMore(endpoint: string): Promise<boolean> {
  const signal = AbortSignal.timeout(1000);
  return fetch(`${endpoint}/healthz`, { signal }).then(
    () => false,
    () => !signal.aborted,
  );
}
