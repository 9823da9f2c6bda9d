import type { ServerResponse } from 'node:http';
import type { Answer, DoorRequest } from '../../corridor';
import type { Principal } from '../../policy/principal';
import { type Entry, readBatch, readInputs, writeResults } from '../../rest/batch';
import { type QueryValues, readQuery } from '../../rest/query';
import { placing } from '../../rest/requests';
import type { Route } from '../../rest/routes';
import { writeOutputRfc3339 } from '../../shapes';
import type { RestDoor } from './door';
import { type Arrival, exchangeOf, jsonIn, senderOf } from './request';
import { sendAnswer, sendProblem, sendResults } from './send';

/** `POST /v1/batch`: requests of any kind that it takes. */
export async function answerBatch(door: RestDoor, arrival: Arrival): Promise<void> {
  const { req, res } = arrival;
  const { body, ...sender } = senderOf(door, req);
  let query: QueryValues = new Map<string, never>();
  let requests: readonly EntryRequest[] = [];
  const answered = await door.handleBatch({
    ...sender,
    service: 'claviger',
    eventName: 'Batch',
    authenticate() {
      query = readQuery(arrival.query);
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
export async function answerEntries(door: RestDoor, arrival: Arrival, route: Route): Promise<void> {
  const { res } = arrival;
  const exchange = exchangeOf(door, arrival, route);
  const { request, json } = exchange;
  const { requestId, origin } = request;
  let requests: readonly EntryRequest[] | undefined;
  const answered = await door.handleBatch({
    ...{ requestId, origin, service: route.service, eventName: route.operation },
    authenticate: () => request.authenticate(),
    requests(caller) {
      const parts = { path: arrival.places, query: exchange.query };
      const entries = readInputs(json(), route, parts);
      requests = entries?.map((entry) => entryRequest(door, { entry, sender: request, caller }));
      return requests ?? [{ ...request, authenticate: () => caller }];
    },
  });
  if (!answered.ok) sendProblem(res, answered.error, requestId);
  else if (requests !== undefined) send(res, { answers: answered.answers, requests, requestId });
  else {
    for (const answer of answered.answers) {
      if (answer.ok) sendAnswer(arrival, { route, exchange, text: answer.output });
      else sendProblem(res, answer.error, requestId, placing(route));
    }
  }
}

type EntryRequest = DoorRequest & Pick<Entry, 'place'>;

interface Sent {
  readonly entry: Entry;
  readonly sender: Pick<DoorRequest, 'requestId' | 'origin'>;
  readonly caller: Principal;
}

function entryRequest(door: RestDoor, { entry, sender, caller }: Sent): EntryRequest {
  return {
    place: entry.place,
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
  readonly requests: readonly EntryRequest[];
  readonly answers: readonly Answer[];
  readonly requestId: string;
}

function send(res: ServerResponse, { answers, requests, requestId }: Done): void {
  const results = requests.flatMap(({ requestId: id, place }, at) => {
    const answer = answers[at];
    return answer === undefined ? [] : [{ requestId: id, answer, place }];
  });
  sendResults(res, writeResults(results), requestId);
}
