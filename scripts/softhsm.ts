import path from 'node:path';
import { requiredMechanisms } from '../hsm';
import { loadConfig } from '../src/config';
import { formatEnvironment, tokenEnvironment } from './dev-server/environment';
import { makePrivateDirectory, writePrivateFile } from './dev-server/files';
import { provisionSoftHsm } from './dev-server/softhsm';

/**
 * `node dist/scripts/softhsm.js`: makes the SoftHSM token of the data directory, once, and writes to its claviger.env
 * where the token is. For containers; on a laptop scripts/dev does it.
 */
function main(): void {
  const config = loadConfig();
  const dataDir = path.resolve(config.dataDir);
  makePrivateDirectory(dataDir);
  const token = provisionSoftHsm({
    module: config.tokenModule,
    directory: path.join(dataDir, 'token'),
    label: config.tokenLabel,
    mechanisms: requiredMechanisms,
  });
  writePrivateFile(path.join(dataDir, 'claviger.env'), formatEnvironment(tokenEnvironment(token)));
}

try {
  main();
} catch (error) {
  process.stderr.write(`claviger: ${error instanceof Error ? error.message : 'failed'}\n`);
  process.exitCode = 1;
}
