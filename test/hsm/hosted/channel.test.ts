import { Duplex, PassThrough } from 'node:stream';
import { serialize } from 'node:v8';
import { Channel } from '../../../hsm/hosted/channel';
import { until } from '../../support/until';

interface Side {
  readonly channel: Channel<unknown, unknown>;
  readonly pipe: Duplex;
  readonly heard: unknown[];
  ends: number;
}

/** What is written on the one side comes out of the other in chunks of at most so many bytes. */
function pair(chunkBytes = Infinity): readonly [Side, Side] {
  const ways = [new PassThrough(), new PassThrough()] as const;
  const side = (from: PassThrough, to: PassThrough): Side => {
    const pipe = Duplex.from({ readable: from, writable: to });
    const heard: unknown[] = [];
    const made = { pipe, heard, ends: 0 };
    const channel = new Channel<unknown, unknown>(pipe, {
      onMessage: (message) => heard.push(message),
      onEnd: () => (result.ends += 1),
    });
    const result = Object.assign(made, { channel });
    return result;
  };
  const [there, back] = ways;
  if (chunkBytes !== Infinity) cut(there, chunkBytes);
  return [side(back, there), side(there, back)];
}

function cut(through: PassThrough, chunkBytes: number): void {
  const push = through.push.bind(through);
  through.push = (chunk: Buffer | null) => {
    if (chunk === null) return push(null);
    let more = true;
    for (let at = 0; at < chunk.length; at += chunkBytes) {
      more = push(Buffer.from(chunk.subarray(at, at + chunkBytes)));
    }
    return more;
  };
}

const messages = [{ is: 'one', bytes: Buffer.from('abc') }, { is: 'two' }, [undefined, 3n, 'ü']];

test.each([Infinity, 1, 3, 7, 64])(
  'messages arrive whole and in order, in chunks of %p bytes',
  async (chunkBytes) => {
    const [daemon, host] = pair(chunkBytes);
    for (const message of messages) daemon.channel.send(message);
    await until('they are there', () => host.heard.length === 3);
    daemon.channel.send('later');
    await until('the next is there', () => host.heard.length === 4);
    expect(host.heard).toEqual([...messages, 'later']);
  },
);

test('messages go both ways', async () => {
  const [daemon, host] = pair();
  host.channel.send('answer');
  daemon.channel.send('question');
  await until('they are there', () => daemon.heard.length + host.heard.length === 2);
  expect([host.heard, daemon.heard]).toEqual([['question'], ['answer']]);
});

test('secrets are wiped once they are on their way, and what was written of them', async () => {
  const [daemon, host] = pair();
  const written: Buffer[] = [];
  const write = daemon.pipe.write.bind(daemon.pipe);
  daemon.pipe.write = ((chunk: Buffer, ...rest: []) => {
    written.push(chunk);
    return write(chunk, ...rest);
  }) as typeof daemon.pipe.write;
  const secret = Buffer.from('a secret of a user');
  daemon.channel.send({ secret }, secret);
  await until('it is there', () => host.heard.length === 1);
  expect(host.heard).toEqual([{ secret: Buffer.from('a secret of a user') }]);
  expect(secret).toEqual(Buffer.alloc(secret.length));
  await until('the frame is wiped', () => written[1]?.every((byte) => byte === 0) === true);
});

test.each<[string, Buffer]>([
  ['bytes that are no message', Buffer.concat([Buffer.from([4, 0, 0, 0]), Buffer.from('libr')])],
  ['a message in no list', framed(serialize({ is: 'event' }))],
  ['a length beyond all messages', Buffer.from([0xff, 0xff, 0xff, 0xff])],
])('who writes %s is not listened to any more', async (_what, bytes) => {
  const [daemon, host] = pair();
  host.pipe.write(bytes);
  await until('it ends', () => daemon.ends === 1);
  host.channel.send('too late');
  expect(daemon.heard).toEqual([]);
});

test('an end comes after what was sent before, and is told once', async () => {
  const [daemon, host] = pair();
  host.channel.send('last words');
  host.channel.end();
  await until('it ends', () => daemon.ends === 1);
  expect(daemon.heard).toEqual(['last words']);
  daemon.channel.send('nobody hears it');
  daemon.channel.destroy();
});

function framed(body: Buffer): Buffer {
  const header = Buffer.alloc(4);
  header.writeUInt32LE(body.length);
  return Buffer.concat([header, body]);
}
