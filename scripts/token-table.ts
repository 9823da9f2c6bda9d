import { table } from '../src/cli/print';
import { type Finding, findingOf, kindsOf, places, readReportFile } from './tokens/report';

/** `node dist/scripts/token-table.js <report>`: prints what scripts/test-token found out about a token. */
function main(file: string): void {
  const report = readReportFile(file);
  const rows = kindsOf([report]).map((kind) => {
    const findings = places.map((place) => findingOf(report, kind, place));
    const notes = new Set(findings.flatMap((finding) => finding.notes));
    return [...kind.split(' '), ...findings.map(cellOf), [...notes].join('; ')];
  });
  const heading = ['KEY SPEC', 'KEY USAGE', ...places.map((place) => place.toUpperCase()), 'LACKS'];
  process.stdout.write(`\n${report.name}\n\n${table([heading, ...rows]).join('\n')}\n`);
}

function cellOf({ verdict, without }: Finding): string {
  if (verdict === 'untried') return '-';
  return verdict === 'partly' ? `not ${without.join(', ')}` : verdict;
}

main(process.argv[2] ?? '');
