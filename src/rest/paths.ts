import { KmsError } from '../errors';
import { type Match, pathMatcher } from './matching';
import { type Route, basePath, batchPath, routes } from './routes';

/** What is at a path: routes by their methods, HEAD among them where there is a GET; or the batch. */
export interface Place {
  readonly routes: ReadonlyMap<string, Route>;
  /** As the header Allow has them. */
  readonly allowed: string;
}

/** What is at a raw path; undefined where there is nothing. */
export const placeAt: (path: string) => Match<Place> | undefined = pathMatcher(allPlaces());

function allPlaces(): ReadonlyMap<string, Place> {
  const byPath = new Map<string, Map<string, Route>>();
  for (const route of routes) {
    const methods = byPath.get(route.path) ?? new Map<string, Route>();
    byPath.set(route.path, methods.set(route.line.method, route));
    if (route.line.method === 'GET') methods.set('HEAD', route);
  }
  const places = [...byPath].map(([path, methods]): [string, Place] => {
    return [path, { routes: methods, allowed: [...methods.keys()].sort().join(', ') }];
  });
  return new Map([...places, [batchPath, { routes: new Map(), allowed: 'POST' }]]);
}

export function isBelowBase(path: string): boolean {
  return path === basePath || path.startsWith(`${basePath}/`);
}

/** What stands in the places of a path, decoded. Throws SerializationException. */
export function decodePlaces(
  places: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(places).map(([name, text]) => [name, decoded(text)]));
}

function decoded(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    const message = 'The path has an escape that is not UTF-8, or not complete.';
    throw new KmsError('SerializationException', message);
  }
}

/** What stands in a path where a name with a slash was not escaped. */
const unescaped = new RegExp(`^${basePath}/(?:keys/(?:alias|arn:[^/?]*)|aliases/alias)/`);

/** The refusal of a path where there is nothing. */
export function nothingAt(path: string): KmsError {
  const hint = unescaped.test(path)
    ? 'A slash in a name or ARN is written %2F here: /v1/keys/alias%2Finvoices/encrypt.'
    : '';
  return new KmsError('UnknownOperationException', hint);
}

/**
 * Whether a path has a segment that clients and signatures take for an instruction (RFC 3986 §5.2.4). It is no name of anything,
 * and two readers of such a path see two.
 */
export function hasDotSegment(segments: readonly string[]): boolean {
  return segments.some((segment) => segment === '.' || segment === '..');
}
