import type { IncomingMessage } from 'node:http';

/** For answers that are data: nothing to render, frame, sniff or keep. A page may loosen its own. */
const forData = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
} as const;

/** One year (RFC 6797 §6.1.1), and only where the connection was encrypted. */
const forEncrypted = { ...forData, 'Strict-Transport-Security': 'max-age=31536000' } as const;

/** What every answer says to a browser that shows it. */
export function securityHeaders(req: IncomingMessage): Readonly<Record<string, string>> {
  return isEncrypted(req) ? forEncrypted : forData;
}

const listForData: readonly string[] = Object.entries(forData).flat();
const listForEncrypted: readonly string[] = Object.entries(forEncrypted).flat();

/** The same as names and values in turn, which node writes fastest. */
export function securityHeaderList(req: IncomingMessage): readonly string[] {
  return isEncrypted(req) ? listForEncrypted : listForData;
}

function isEncrypted({ socket }: IncomingMessage): boolean {
  return 'encrypted' in socket;
}
