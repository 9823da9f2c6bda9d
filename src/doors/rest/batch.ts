import type { Request, Response } from 'express';
import type { Answer, DoorRequest } from '../../corridor';
import type { Principal } from '../../policy/principal';
import { type Entry, readBatch, readInputs, writeResults } from '../../rest/batch';
import type { QueryValues } from '../../rest/query';
import type { Route } from '../../rest/routes';
import { writeOutputRfc3339 } from '../../shapes';
import { exchangeOf, jsonIn, queryOf, senderOf } from './request';
import type { RestDoor } from './router';
import { sendAnswer, sendProblem, sendResults } from './send';

/** `POST /v1/batch`: requests of any kind that it takes. */
export async function answerBatch(door: RestDoor, req: Request, res: Response): Promise<void> {
  const { body, ...sender } = senderOf(door, req);
  let query: QueryValues = new Map<string, never>();
  let requests: readonly DoorRequest[] = [];
  const answered = await door.handleBatch({
    ...sender,
    service: 'claviger',
    eventName: 'Batch',
    authenticate() {
      query = queryOf(req);
      return sender.authenticate();
    },
    requests(caller) {
      const entries = readBatch(jsonIn(req, body()), query);
      requests = entries.map((entry) => entryRequest(door, { entry, sender, caller }));
      return requests;
    },
  });
  const { requestId } = sender;
  if (answered.ok) send(res, { answers: answered.answers, requests, requestId });
  else sendProblem(res, answered.error, requestId);
}

/** A route whose body may have a list of inputs in place of one. */
export async function answerEntries(
  door: RestDoor,
  { req, res, route }: { readonly req: Request; readonly res: Response; readonly route: Route },
): Promise<void> {
  const exchange = exchangeOf(door, req, route);
  const { request, json } = exchange;
  const { requestId, origin } = request;
  let requests: readonly DoorRequest[] | undefined;
  const answered = await door.handleBatch({
    ...{ requestId, origin, service: route.service, eventName: route.operation },
    authenticate: () => request.authenticate(),
    requests(caller) {
      const path = req.params as Record<string, string>;
      const entries = readInputs(json(), route, { path, query: exchange.query });
      requests = entries?.map((entry) => entryRequest(door, { entry, sender: request, caller }));
      return requests ?? [{ ...request, authenticate: () => caller }];
    },
  });
  if (!answered.ok) sendProblem(res, answered.error, requestId);
  else if (requests !== undefined) send(res, { answers: answered.answers, requests, requestId });
  else {
    for (const answer of answered.answers) {
      if (answer.ok)
        sendAnswer(res, { route, exchange, text: answer.output, url: req.originalUrl });
      else sendProblem(res, answer.error, requestId);
    }
  }
}

interface Sent {
  readonly entry: Entry;
  readonly sender: Pick<DoorRequest, 'requestId' | 'origin'>;
  readonly caller: Principal;
}

function entryRequest(door: RestDoor, { entry, sender, caller }: Sent): DoorRequest {
  return {
    requestId: door.newRequestId(),
    batchRequestId: sender.requestId,
    origin: sender.origin,
    service: 'kms',
    operation: () => entry.operation,
    authenticate: () => caller,
    input: entry.input,
    write: writeOutputRfc3339,
  };
}

interface Done {
  readonly requests: readonly DoorRequest[];
  readonly answers: readonly Answer[];
  readonly requestId: string;
}

function send(res: Response, { answers, requests, requestId }: Done): void {
  const results = requests.flatMap((request, at) => {
    const answer = answers[at];
    return answer === undefined ? [] : [{ requestId: request.requestId, answer }];
  });
  sendResults(res, writeResults(results), requestId);
}
