import { BatchRoom } from '../src/batch-room';
import { KmsError } from '../src/errors';
import type { Principal } from '../src/policy/principal';
import { rootOf } from './support/sample-keys';

const accounts = ['111122223333', '444455556666', '777788889999'] as const;
const [one, other, third] = accounts.map(rootOf) as [Principal, Principal, Principal];

/** How many batches of ten entries a principal gets in until it is refused. */
function fill(room: BatchRoom, caller: Principal): number {
  for (let batches = 0; ; batches += 1) {
    try {
      room.enter(caller, 10);
    } catch (thrown) {
      expect(thrown).toMatchObject({
        ...{ code: 'ThrottlingException', message: 'Too many batches are being answered.' },
        retryAfterSeconds: 1,
      });
      expect(thrown).toBeInstanceOf(KmsError);
      return batches;
    }
  }
}

test('Whoever sends batches without end has half of the room, and whoever comes next half of what is left', () => {
  const room = new BatchRoom(800);
  expect([one, other, third].map((caller) => fill(room, caller))).toEqual([40, 20, 10]);
  expect(fill(room, one)).toBe(0);
});

test('All sessions of a role are one who sends batches', () => {
  const room = new BatchRoom(1000);
  const role = { roleId: 'AROAEXAMPLE', arn: 'arn:aws:iam::111122223333:role/r', name: 'r' };
  const dates = { issuedAt: new Date(0), expiresAt: new Date(0) };
  const session = (sessionName: string): Principal => ({
    ...{ ...one, kind: 'assumed-role', principalId: `AROAEXAMPLE:${sessionName}` },
    session: {
      ...{ ...dates, policies: [], tags: {}, transitiveTagKeys: [] },
      role: { ...role, sessionName },
    },
  });
  expect(fill(room, session('a'))).toBe(50);
  expect(fill(room, session('b'))).toBe(0);
});

test('What has left is room for others again', () => {
  const room = new BatchRoom(1000);
  expect(fill(room, one)).toBe(50);
  for (let batches = 0; batches < 50; batches += 1) room.leave(one, 10);
  expect(fill(room, other)).toBe(50);
});
