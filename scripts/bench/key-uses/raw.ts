import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import * as pkcs11 from 'pkcs11js';
import type { KeyUseName } from '../load/workload';
import { openSession, type RawOptions, slotOf } from '../raw-token';

export interface RawUse extends RawOptions {
  readonly use: KeyUseName;
  /** As many as the daemon has workers. */
  readonly processes: number;
  /** Of each process, a session each. */
  readonly threads: number;
}

interface Use {
  readonly objectClass: number;
  readonly mechanism: pkcs11.Mechanism;
  /** What is signed: a digest, or a message of the daemon's size. */
  readonly inputBytes: number;
  readonly outputBytes: number;
}

const pss: pkcs11.RsaPSS = {
  type: pkcs11.CK_PARAMS_RSA_PSS,
  hashAlg: pkcs11.CKM_SHA256,
  mgf: pkcs11.CKG_MGF1_SHA256,
  saltLen: 32,
};

function rsa(outputBytes: number): Use {
  const mechanism = { mechanism: pkcs11.CKM_RSA_PKCS_PSS, parameter: pss };
  return { objectClass: pkcs11.CKO_PRIVATE_KEY, mechanism, inputBytes: 32, outputBytes };
}

const uses: Readonly<Record<KeyUseName, Use>> = {
  'Sign RSA_2048': rsa(256),
  'Sign RSA_4096': rsa(512),
  'Sign ECC_NIST_P256': {
    objectClass: pkcs11.CKO_PRIVATE_KEY,
    mechanism: { mechanism: pkcs11.CKM_ECDSA },
    inputBytes: 32,
    outputBytes: 64,
  },
  'GenerateMac HMAC_256': {
    objectClass: pkcs11.CKO_SECRET_KEY,
    mechanism: { mechanism: pkcs11.CKM_SHA256_HMAC },
    inputBytes: 32,
    outputBytes: 32,
  },
};

export interface RawMeasured {
  /** A second, of all processes together. */
  readonly rate: number;
  /** Microseconds of processor time each. */
  readonly cost: number;
}

/** What a process did. */
interface Done {
  readonly rate: number;
  readonly count: number;
  /** Microseconds of processor time. */
  readonly spent: number;
}

/** Signatures or MACs that the token makes with pkcs11js alone, in so many processes and threads at once. */
export async function rawUse(options: RawUse): Promise<RawMeasured> {
  const env = { ...process.env, SOFTHSM2_CONF: options.conf };
  const children = Array.from({ length: options.processes }, () =>
    fork(__filename, [], { env, execArgv: [] }),
  );
  try {
    await Promise.all(children.map((child) => replyTo(child, options)));
    const done = await Promise.all(children.map((child) => replyTo(child, 'go')));
    const sum = (of: keyof Done): number => done.reduce((total, one) => total + one[of], 0);
    return { rate: sum('rate'), cost: sum('spent') / Math.max(1, sum('count')) };
  } finally {
    for (const child of children) if (child.connected) child.disconnect();
  }
}

async function replyTo(child: ChildProcess, message: RawUse | 'go'): Promise<Done> {
  const ended = once(child, 'exit').then(() => {
    throw new Error('a process that measures the token ended');
  });
  child.send(message);
  const [reply] = (await Promise.race([once(child, 'message'), ended])) as [Done];
  ended.catch(() => undefined);
  return reply;
}

/** The child: threads with a session each, over one module that is logged in. */
async function startThreads(options: RawUse): Promise<Worker[]> {
  const library = new pkcs11.PKCS11();
  openSession(library, options);
  const threads = Array.from(
    { length: options.threads },
    () => new Worker(__filename, { workerData: options }),
  );
  await Promise.all(threads.map((thread) => once(thread, 'message')));
  return threads;
}

async function runThreads(threads: readonly Worker[]): Promise<Done> {
  const before = process.cpuUsage();
  const counts = await Promise.all(
    threads.map(async (thread) => {
      thread.postMessage('go');
      return ((await once(thread, 'message')) as [Pick<Done, 'rate' | 'count'>])[0];
    }),
  );
  const { user, system } = process.cpuUsage(before);
  const sum = (of: 'rate' | 'count'): number => counts.reduce((total, one) => total + one[of], 0);
  return { rate: sum('rate'), count: sum('count'), spent: user + system };
}

/** C_SignInit and C_Sign with a session clone of the key. */
function loop({
  module,
  label,
  tokenKeyId,
  use,
  seconds,
}: RawUse): () => Pick<Done, 'rate' | 'count'> {
  const { objectClass, mechanism, inputBytes, outputBytes } = uses[use];
  const library = new pkcs11.PKCS11();
  library.load(module);
  const slot = slotOf(library, label);
  const session = library.C_OpenSession(slot, pkcs11.CKF_SERIAL_SESSION | pkcs11.CKF_RW_SESSION);
  library.C_FindObjectsInit(session, [
    { type: pkcs11.CKA_CLASS, value: objectClass },
    { type: pkcs11.CKA_ID, value: Buffer.from(tokenKeyId, 'hex') },
  ]);
  const [found] = library.C_FindObjects(session, 2);
  library.C_FindObjectsFinal(session);
  if (found === undefined) throw new Error('the key is not there');
  const key = library.C_CopyObject(session, found, [{ type: pkcs11.CKA_TOKEN, value: false }]);
  const input = randomBytes(inputBytes);
  return () => {
    const started = performance.now();
    const end = started + seconds * 1000;
    let count = 0;
    for (; performance.now() < end; count += 10) {
      for (let batch = 0; batch < 10; batch += 1) {
        library.C_SignInit(session, mechanism, key);
        library.C_Sign(session, input, Buffer.alloc(outputBytes));
      }
    }
    return { count, rate: count / ((performance.now() - started) / 1000) };
  };
}

if (!isMainThread) {
  const run = loop(workerData as RawUse);
  parentPort?.once('message', () => parentPort?.postMessage(run()));
  parentPort?.postMessage({});
} else if (require.main === module) {
  let threads: Promise<Worker[]> | undefined;
  process.on('message', (message: RawUse | 'go') => {
    if (message !== 'go') threads = startThreads(message);
    const answer = threads?.then((started) => (message === 'go' ? runThreads(started) : {}));
    answer?.then(
      (done) => process.send?.(done),
      (error: unknown) => {
        process.stderr.write(`${String(error)}\n`);
        process.exit(1);
      },
    );
  });
  process.on('disconnect', () => process.exit());
}
