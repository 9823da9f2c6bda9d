import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import * as pkcs11 from 'pkcs11js';
import { type Ground, softHsm } from '../ground';

/** Milliseconds of C_Initialize alone, in a process of its own: SoftHSM reads the file of every object in it. */
export async function initialiseMs({ token }: Ground): Promise<number> {
  const env = { ...process.env, SOFTHSM2_CONF: token.conf };
  const { stdout } = await promisify(execFile)(process.execPath, [__filename], { env });
  return Number(stdout);
}

if (require.main === module) {
  const library = new pkcs11.PKCS11();
  library.load(softHsm);
  const started = performance.now();
  library.C_Initialize({ flags: pkcs11.CKF_OS_LOCKING_OK });
  process.stdout.write(String(performance.now() - started));
  library.C_Finalize();
}
