import type { Server as HttpServer, ServerResponse } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { problemType } from '../rest/problems';

interface Fault {
  readonly status: number;
  readonly reason: string;
  readonly code: string;
  readonly detail: string;
}

const malformed: Fault = {
  status: 400,
  reason: 'Bad Request',
  code: 'BadRequestException',
  detail: 'The request is not HTTP/1.1 as RFC 9112 has it.',
};

/** By what node calls the fault. */
const faults: Readonly<Record<string, Fault>> = {
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    reason: 'Request Timeout',
    // The AWS SDKs know it, and try again.
    code: 'RequestTimeoutException',
    detail: 'The request was not there in time.',
  },
  HPE_HEADER_OVERFLOW: {
    status: 431,
    reason: 'Request Header Fields Too Large',
    code: 'RequestHeaderFieldsTooLargeException',
    detail: 'URL and headers of the request are larger than this service reads.',
  },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: {
    status: 413,
    reason: 'Payload Too Large',
    code: 'RequestEntityTooLargeException',
    detail: 'The chunk extensions of the request are larger than this service reads.',
  },
};

/** How long a client that reads nothing keeps its connection after such an answer. */
const patienceMs = 2000;

/**
 * Requests that never become one (malformed, oversized, slow) are answered here, as no handler sees them, and their
 * connections closed: by status, with a problem document (RFC 9457). Which door they were for is not known of most, and to
 * clients of AWS's protocols the status says it all. They have no record: nobody is known to have asked for anything.
 */
export function answerClientErrors(server: HttpServer | HttpsServer): void {
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const fault = faultOf(error);
    if (fault === undefined || !socket.writable || hasBegun(socket)) {
      socket.destroy(error);
      return;
    }
    socket.end(answerTo(fault));
    const end = setTimeout(() => socket.destroy(), patienceMs);
    socket.once('finish', () => socket.destroy());
    socket.once('close', () => clearTimeout(end));
  });
}

/** Undefined where the connection itself failed, or never came about: there is nobody to tell. */
function faultOf({ code = '' }: NodeJS.ErrnoException): Fault | undefined {
  return faults[code] ?? (code.startsWith('HPE_') ? malformed : undefined);
}

/** An answer of which something is out already must not get another one into its middle; node asks the same way. */
function hasBegun(socket: Duplex): boolean {
  const { _httpMessage: answer } = socket as Duplex & {
    readonly _httpMessage?: ServerResponse | null;
  };
  return answer?.headersSent === true;
}

function answerTo({ status, reason, code, detail }: Fault): string {
  const body = JSON.stringify({ type: problemType(code), title: reason, status, detail, code });
  const headers = [
    `HTTP/1.1 ${status} ${reason}`,
    'Connection: close',
    'Content-Type: application/problem+json',
    'Cache-Control: no-store',
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  return `${headers.join('\r\n')}\r\n\r\n${body}`;
}
