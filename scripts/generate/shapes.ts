import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { renderShapes } from './render-shapes';
import type { ServiceModel } from './service-model';

const modelFile = 'scripts/generate/kms-api-shapes.json';
const generatedFile = 'src/shapes/kms.generated.ts';

/**
 * Writes the generated shapes, or with --check says whether they are what the model gives (exit status 1 when not).
 * Runs from the project's root.
 */
async function main(root: string, check: boolean): Promise<number> {
  const model = JSON.parse(readFileSync(join(root, modelFile), 'utf8')) as ServiceModel;
  const target = join(root, generatedFile);
  const style = (await resolveConfig(target)) ?? {};
  const text = await format(renderShapes(model), { ...style, filepath: target });
  if (!check) {
    writeFileSync(target, text);
    return 0;
  }
  if (readFileSync(target, 'utf8') === text) return 0;
  process.stderr.write(`${generatedFile} is not what ${modelFile} gives: run the generator\n`);
  return 1;
}

void main(process.cwd(), process.argv.includes('--check')).then((status) => {
  process.exitCode = status;
});
