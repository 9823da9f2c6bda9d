import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import * as pkcs11 from 'pkcs11js';

export interface RawOptions {
  readonly module: string;
  /** Value of SOFTHSM2_CONF. */
  readonly conf: string;
  readonly pinFile: string;
  readonly label: string;
  readonly tokenKeyId: string;
  readonly seconds: number;
}

/**
 * Encryptions a second that the token makes in one process, with pkcs11js alone: an IV from its generator,
 * C_EncryptInit and C_Encrypt with a session clone of the key. In a process of its own, as a worker has it.
 */
export async function rawTokenRate(options: RawOptions): Promise<number> {
  const env = { ...process.env, SOFTHSM2_CONF: options.conf };
  const args = [__filename, JSON.stringify(options)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env });
  return Number(stdout);
}

/** Loads the module, and logs in. */
export function openSession(
  library: pkcs11.PKCS11,
  options: Pick<RawOptions, 'module' | 'label' | 'pinFile'>,
): Buffer {
  library.load(options.module);
  library.C_Initialize({ flags: pkcs11.CKF_OS_LOCKING_OK });
  const slot = slotOf(library, options.label);
  const session = library.C_OpenSession(slot, pkcs11.CKF_SERIAL_SESSION | pkcs11.CKF_RW_SESSION);
  library.C_Login(session, pkcs11.CKU_USER, readFileSync(options.pinFile, 'utf8').trim());
  return session;
}

/** A token that another process logs in to has no name for a moment: SoftHSM 2.6.1 writes its file anew at every login. */
const looks = 50;
const lookAgainMs = 10;

export function slotOf(library: pkcs11.PKCS11, label: string): Buffer {
  for (let look = 0; look < looks; look += 1) {
    const slot = library
      .C_GetSlotList(true)
      .find((candidate) => library.C_GetTokenInfo(candidate).label.trim() === label);
    if (slot !== undefined) return slot;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, lookAgainMs);
  }
  throw new Error('no such token');
}

function cloneOf(library: pkcs11.PKCS11, session: Buffer, tokenKeyId: string): Buffer {
  library.C_FindObjectsInit(session, [
    { type: pkcs11.CKA_TOKEN, value: true },
    { type: pkcs11.CKA_ID, value: Buffer.from(tokenKeyId, 'hex') },
  ]);
  const [key] = library.C_FindObjects(session, 2);
  library.C_FindObjectsFinal(session);
  if (key === undefined) throw new Error('the key is not there');
  return library.C_CopyObject(session, key, [{ type: pkcs11.CKA_TOKEN, value: false }]);
}

/** With the daemon's sizes: 32 bytes of plaintext, 82 of associated data. */
function measure(options: RawOptions): number {
  const library = new pkcs11.PKCS11();
  const session = openSession(library, options);
  const key = cloneOf(library, session, options.tokenKeyId);
  const [plaintext, aad] = [randomBytes(32), randomBytes(82)];
  const started = performance.now();
  const end = started + options.seconds * 1000;
  let done = 0;
  while (performance.now() < end) {
    for (let batch = 0; batch < 100; batch += 1) {
      const iv = Buffer.alloc(12);
      library.C_GenerateRandom(session, iv);
      const parameter = { type: pkcs11.CK_PARAMS_AES_GCM_v240, iv, ivBits: 96, aad, tagBits: 128 };
      library.C_EncryptInit(session, { mechanism: pkcs11.CKM_AES_GCM, parameter }, key);
      library.C_Encrypt(session, plaintext, Buffer.alloc(plaintext.length + 16));
    }
    done += 100;
  }
  const rate = done / ((performance.now() - started) / 1000);
  library.C_Finalize();
  return rate;
}

if (require.main === module) {
  const options = JSON.parse(process.argv[2] ?? '{}') as RawOptions;
  process.stdout.write(String(measure(options)));
}
