import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { renderShapes } from './render-shapes';
import type { ServiceModel } from './service-model';

const services = ['kms', 'iam', 'sts', 'claviger'] as const;

/**
 * Writes the generated shapes, or with --check says whether they are what the models give (exit status 1 when not).
 * Runs from the project's root.
 */
async function main(root: string, check: boolean): Promise<number> {
  let status = 0;
  for (const service of services) {
    const file = `scripts/generate/${service}-api-shapes.json`;
    const generated = `src/shapes/${service}.generated.ts`;
    const model = JSON.parse(readFileSync(join(root, file), 'utf8')) as ServiceModel;
    const target = join(root, generated);
    const source = {
      file,
      prefix: `${service.charAt(0).toUpperCase()}${service.slice(1)}`,
      tablePrefix: service === 'kms' ? '' : `${service}.`,
    };
    const style = (await resolveConfig(target)) ?? {};
    const text = await format(renderShapes(model, source), { ...style, filepath: target });
    if (!check) {
      writeFileSync(target, text);
    } else if (readFileSync(target, 'utf8') !== text) {
      process.stderr.write(`${generated} is not what ${file} gives: run the generator\n`);
      status = 1;
    }
  }
  return status;
}

void main(process.cwd(), process.argv.includes('--check')).then((status) => {
  process.exitCode = status;
});
