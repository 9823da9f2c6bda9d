import { memberTexts, particularTexts } from './texts/members';

/** What a member of a structure is, in a sentence. Throws an Error for one that nobody has described. */
export function descriptionOf(structure: string, member: string): string {
  const text = particularTexts[`${structure}.${member}`] ?? memberTexts[member];
  if (text === undefined) throw new Error(`${structure}.${member} has no description`);
  return text;
}
