/**
 * Does `text` match `pattern`, in which `*` is any run of characters and `?` any one (kms-semantics §6.6)?
 * Greedy with one point of return, so the time is at most |pattern| × |text|: a policy's author cannot stall the service
 * with a pattern that makes a regular expression backtrack.
 */
export function matchesWildcard(pattern: string, text: string): boolean {
  let at = 0;
  let star = -1;
  let resume = 0;
  let position = 0;
  while (position < text.length) {
    const expected = pattern[at];
    if (expected === '*') {
      star = at++;
      resume = position;
    } else if (expected === '?' || expected === text[position]) {
      at++;
      position++;
    } else if (star >= 0) {
      at = star + 1;
      position = ++resume;
    } else {
      return false;
    }
  }
  while (pattern[at] === '*') at++;
  return at === pattern.length;
}
