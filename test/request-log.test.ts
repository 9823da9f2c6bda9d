import { KmsError } from '../src/errors';
import { requestLog } from '../src/request-log';
import { Trail } from '../src/trail';
import { XksFault } from '../src/xks-client/client';
import { atCreateKey, atManagement, atUse } from '../src/xks-client/faults';
import { recordingLog } from './support/log';
import { accountId, keyId, keyWith, rootOf } from './support/sample-keys';

const origin = {
  sourceIp: '127.0.0.1',
  secureTransport: false,
  userAgent: 'secret-agent',
  tls: undefined,
};

function logged(outcome: string, cause?: unknown): ReturnType<typeof recordingLog>['events'][0] {
  const { log, events } = recordingLog();
  const trail = new Trail(
    { requestId: 'the-request', origin, service: 'kms' },
    { region: 'us-east-1', accountId },
  );
  trail.operation = 'Encrypt';
  trail.caller = rootOf(accountId);
  trail.keys = [keyWith()];
  trail.declare({ readOnly: true, audited: ['KeyId'] });
  trail.input = { KeyId: 'alias/secret-name' };
  requestLog(log)({ trail, seconds: 0.0012345, outcome, cause });
  const [event] = events;
  if (event === undefined || events.length > 1) throw new Error('not one event');
  return event;
}

test('a request is one event: who, what, outcome, time', () => {
  expect(logged('ok')).toEqual({
    level: 'info',
    message: 'request',
    fields: {
      requestId: 'the-request',
      operation: 'Encrypt',
      outcome: 'ok',
      principal: `arn:aws:iam::${accountId}:root`,
      accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
      keyId,
      sourceIp: '127.0.0.1',
      milliseconds: 1.235,
      error: undefined,
    },
  });
});

test('no member of the input is logged', () => {
  expect(JSON.stringify(logged('ok'))).not.toContain('secret');
});

test('what the proxy of an external key store was the reason of is told to the operator, and is no fault of this service', () => {
  const cause = new XksFault('access-denied', 'AccessDeniedException: no allow rule matched');
  for (const error of [atUse(cause), atCreateKey(cause), atManagement(cause)]) {
    expect(logged(error.code, error.cause)).toMatchObject({
      level: 'info',
      fields: { error: 'XksFault: AccessDeniedException: no allow rule matched' },
    });
  }
});

test.each(['KMSInternalException', 'DependencyTimeoutException', 'KeyUnavailableException'])(
  '%s is this service’s fault: an error with its cause',
  (outcome) => {
    const cause = new Error('the token is gone');
    expect(logged(outcome, cause)).toMatchObject({
      level: 'error',
      fields: { outcome, error: 'Error: the token is gone' },
    });
  },
);

test('the cause of a refusal is the client’s own doing and not logged', () => {
  const event = logged('SerializationException', new KmsError('ValidationException', 'secret'));
  expect(event).toMatchObject({ level: 'info', fields: { error: undefined } });
});

test('a request of which nothing was learned is logged too', () => {
  const { log, events } = recordingLog();
  const trail = new Trail(
    { requestId: 'r', origin, service: 'kms' },
    { region: 'us-east-1', accountId },
  );
  trail.claimedOperation = 'DropTables';
  requestLog(log)({ trail, seconds: 0, outcome: 'UnknownOperationException', cause: undefined });
  expect(events[0]?.fields).toMatchObject({ operation: 'unknown', principal: undefined });
});
