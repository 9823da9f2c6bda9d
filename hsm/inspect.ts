import { alone } from './import/in-context';
import { importRows } from './import/inspect';
import { findWays } from './import/ways';
import { benchOf } from './known-answers/bench';
import type { KnownAnswer } from './known-answers/row';
import { kindRows } from './known-answers/table';
import { unprovenAnswers } from './known-answers/unproven';
import { wrapAnswers } from './known-answers/wrap';
import type { LaneDesk } from './lane-desk';
import { mechanismName } from './mechanisms';
import type { Desk } from './objects';
import { probeToken, tryRow } from './probe';
import { call } from './return-values';
import type { Capabilities, CapabilityRow } from './types';

/** The whole capability table, each row tried on the token with session objects. */
export function inspectToken(
  lane: LaneDesk,
  options: { ivSource: 'random' | 'token'; softwareUnwrap: boolean },
): Capabilities {
  const mechanisms = call('C_GetMechanismList', () => lane.library.C_GetMechanismList(lane.slot()))
    .map(mechanismName)
    .sort();
  const answered = (answers: readonly KnownAnswer[]): CapabilityRow[] =>
    answers.map((answer) => alone(lane, (desk) => row(desk, answer)));
  return {
    mechanisms,
    rows: [
      ...alone(lane, (desk) => probeToken(desk, options.ivSource).rows),
      ...kindRows(benchOf(lane)),
      ...answered(wrapAnswers),
      ...answered(unprovenAnswers(mechanisms)),
      ...importRows(
        findWays((test) => alone(lane, test)),
        options,
      ),
    ],
  };
}

function row(desk: Desk, answer: KnownAnswer): CapabilityRow {
  return tryRow(answer.name, answer.mechanism, () => answer.test(desk));
}
