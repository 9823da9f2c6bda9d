import { writeFile } from 'node:fs/promises';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { type TestRecipient, makeRecipient } from '../support/recipients';
import { until } from '../support/until';
import { badRequest, refused } from '../support/wire';

jest.setTimeout(90_000);

let daemon: TestDaemon;
let first: TestRecipient;
let second: TestRecipient;
beforeAll(async () => {
  [first, second] = [await makeRecipient(), await makeRecipient()];
  daemon = await startDaemon({ environment: first.environment });
});
afterAll(async () => {
  await daemon.remove();
  await Promise.all([first.remove(), second.remove()]);
});

const invalid = badRequest('ValidationException', 'The attestation document is not valid.');
const answerTo = (recipient: TestRecipient) =>
  refused(daemon, 'GenerateRandom', { NumberOfBytes: 1, Recipient: recipient.json() });

async function reload(): Promise<void> {
  const told = (message: string): number =>
    daemon.log.filter((line) => line['message'] === message).length;
  const before = told('every worker was replaced');
  daemon.process.kill('SIGHUP');
  await until(
    'every worker was replaced',
    () => told('every worker was replaced') > before,
    60_000,
  );
}

test('SIGHUP has other roots believed, and those that are gone no more', async () => {
  expect(await answerTo(first)).toMatchObject({ status: 200 });
  expect(await answerTo(second)).toEqual(invalid);
  const file = first.environment['CLAVIGER_ATTESTATION_ROOTS_FILE']!;
  await writeFile(file, second.attester.rootPem);
  expect(await answerTo(second)).toEqual(invalid);
  await reload();
  expect(await answerTo(second)).toMatchObject({ status: 200 });
  expect(await answerTo(first)).toEqual(invalid);
});
