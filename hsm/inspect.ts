import { importRows } from './import/inspect';
import { findWays } from './import/ways';
import { ecAnswers } from './known-answers/ec';
import { edwardsAnswers } from './known-answers/edwards';
import { hmacAnswers } from './known-answers/hmac';
import type { KnownAnswer } from './known-answers/row';
import { rsaAnswers } from './known-answers/rsa';
import { unprovenAnswers } from './known-answers/unproven';
import { wrapAnswers } from './known-answers/wrap';
import { mechanismName } from './mechanisms';
import { closeSession, type Handle, type Library, openSession } from './module';
import type { Desk } from './objects';
import { probeToken, tryRow } from './probe';
import { call } from './return-values';
import type { Capabilities, CapabilityRow } from './types';

/** The whole capability table, each row tried on the token with session objects. */
export function inspectToken(
  library: Library,
  slot: Handle,
  options: { ivSource: 'random' | 'token'; softwareUnwrap: boolean },
): Capabilities {
  const mechanisms = call('C_GetMechanismList', () => library.C_GetMechanismList(slot))
    .map(mechanismName)
    .sort();
  const quick = inNewSession(library, slot, (desk) => probeToken(desk, options.ivSource).rows);
  const answers: readonly KnownAnswer[] = [
    ...hmacAnswers,
    ...rsaAnswers,
    ...ecAnswers,
    ...edwardsAnswers,
    ...wrapAnswers,
    ...unprovenAnswers(mechanisms),
  ];
  const rows = answers.map((answer) => inNewSession(library, slot, (desk) => row(desk, answer)));
  const ways = findWays((test) => inNewSession(library, slot, test));
  return { mechanisms, rows: [...quick, ...rows, ...importRows(ways, options)] };
}

function row(desk: Desk, answer: KnownAnswer): CapabilityRow {
  return tryRow(answer.name, answer.mechanism, () => answer.test(desk));
}

/** A failed call may leave its operation active, and session objects live until the session closes. */
function inNewSession<T>(library: Library, slot: Handle, work: (desk: Desk) => T): T {
  const session = openSession(library, slot);
  try {
    return work({ library, session });
  } finally {
    closeSession(library, session);
  }
}
