import { openToken } from '../../hsm';
import { tokenUnderTest } from '../../test/support/token-under-test';

/** `node dist/scripts/tokens/reach.js`: logs in to the token of scripts/test-token, and out; or says why it cannot. */
async function main(): Promise<void> {
  const { options } = await tokenUnderTest();
  const token = await openToken(options);
  await token.close();
}

main().catch((error: unknown) => {
  const reason = error instanceof Error ? error.message : String(error);
  process.stderr.write(`claviger: the token cannot be used: ${reason}\n`);
  process.exitCode = 1;
});
