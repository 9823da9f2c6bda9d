import type { Capabilities, TokenStatus } from '../../hsm';
import { createLog } from '../log';
import { withToken } from './open';
import { table } from './print';
import type { Command } from './subcommand';

/** `claviger token inspect`: proves by known answers what the token can do, and prints it. */
export const inspectTokenCommand: Command = async (config, { json }) => {
  await withToken(config, createLog('warn'), async (token) => {
    const status = token.status();
    const capabilities = await token.inspect();
    const text =
      json === true
        ? JSON.stringify({ token: status, ...capabilities })
        : page(status, capabilities);
    process.stdout.write(`${text}\n`);
  });
};

function page(status: TokenStatus, { mechanisms, rows }: Capabilities): string {
  const heading = ['KMS NAME', 'SERVED', 'MECHANISM', 'NOTE'];
  const cells = rows.map((row) => [
    row.name,
    row.supported ? 'yes' : 'no',
    row.mechanism,
    row.note,
  ]);
  return [
    `label         ${status.label}`,
    `serial        ${status.serial}`,
    `manufacturer  ${status.manufacturer}`,
    `model         ${status.model}`,
    `mechanisms    ${mechanisms.length}: ${mechanisms.join(' ')}`,
    '',
    ...table([heading, ...cells]),
  ].join('\n');
}
