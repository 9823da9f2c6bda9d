import { examineExternalKeys } from './external-keys';
import type { Finding, Patient, PatientWithToken } from './finding';
import { examineCounts, examineEncryptions, examineKeys } from './keys';
import { examineObjects } from './objects';
import { examineStores } from './stores';
import { examineDoomed, examineWork } from './work';

const ofDatabase: readonly ((patient: Patient) => Promise<Finding[]>)[] = [
  examineKeys,
  examineEncryptions,
  examineCounts,
  examineExternalKeys,
  examineWork,
];

const ofToken: readonly ((patient: PatientWithToken) => Promise<Finding[]>)[] = [
  examineObjects,
  examineStores,
  examineDoomed,
];

/** What can be found without the token. */
export function examineDatabase(patient: Patient): Promise<Finding[]> {
  return all(ofDatabase, patient);
}

/** What only the token shows. Rejects when it does not answer: what is away has lost nothing. */
export function examineToken(patient: PatientWithToken): Promise<Finding[]> {
  return all(ofToken, patient);
}

/** One after the other: a look at a system in trouble is no load on it. */
async function all<P>(
  checks: readonly ((patient: P) => Promise<Finding[]>)[],
  patient: P,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const check of checks) findings.push(...(await check(patient)));
  return findings;
}
