import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { XksAnswer } from '../../src/dispatch-xks';
import { xks } from '../../src/doors/xks';
import { readNetworks } from '../../src/networks';
import { XksError } from '../../src/xks/errors';

let server: Server | undefined;
afterEach(() => server?.close());

async function answered(answer: XksAnswer): Promise<{ response: Response; text: string }> {
  const door = xks({
    newRequestId: () => 'request-id',
    networks: readNetworks({ trustedProxies: undefined, zones: undefined }),
    handle: () => Promise.resolve(answer),
  });
  server = createServer(door);
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const response = await fetch(`http://127.0.0.1:${port}/kms/xks/v1/health`, { method: 'POST' });
  return { response, text: await response.text() };
}

test('A success is what the corridor wrote, byte for byte', async () => {
  const { response, text } = await answered({ ok: true, text: '{"plaintext":"aGVsbG8="}' });
  expect([response.status, text]).toEqual([200, '{"plaintext":"aGVsbG8="}']);
  expect(response.headers.get('content-type')).toBe('application/json');
  expect(response.headers.get('cache-control')).toBe('no-store');
  expect(response.headers.get('x-amzn-requestid')).toBe('request-id');
});

test('An error message is printable ASCII of less than 512 characters, whatever it was made of', async () => {
  const error = new XksError('InternalException', `é\n\u0000"${'x'.repeat(1000)}`);
  const { response, text } = await answered({ ok: false, error });
  expect(response.status).toBe(500);
  const { errorName, errorMessage } = JSON.parse(text) as Record<string, string>;
  expect(errorName).toBe('InternalException');
  expect(errorMessage).toBe(`???"${'x'.repeat(507)}`);
});

test('A method that is none of the API is told the one that is', async () => {
  const { response, text } = await answered({ ok: false, error: 'MethodNotAllowed' });
  expect([response.status, response.headers.get('allow'), text]).toEqual([405, 'POST', '']);
});
