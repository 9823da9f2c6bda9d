import { KmsError } from '../errors';
import { basePath } from './routes';

/** What stands in a path where a name with a slash was not escaped. */
const unescaped = new RegExp(`^${basePath}/(?:keys/(?:alias|arn:[^/?]*)|aliases/alias)/`);

/** The refusal of a path where there is nothing. */
export function nothingAt(url: string): KmsError {
  const hint = unescaped.test(url)
    ? 'A slash in a name or ARN is written %2F here: /v1/keys/alias%2Finvoices/encrypt.'
    : '';
  return new KmsError('UnknownOperationException', hint);
}

/**
 * Whether a request target has what readers of URLs take for a fragment, or in a path for a slash. No URI has either there
 * (RFC 3986 §3), and to whatever stands in front such a path is another than it would be here.
 */
export function hasStrayMark(url: string): boolean {
  return /#|^[^?]*\\/.test(url);
}

/**
 * Whether a path has a segment that clients and signatures take for an instruction (RFC 3986 §5.2.4). It is no name of anything,
 * and two readers of such a path see two.
 */
export function hasDotSegment(segments: readonly string[]): boolean {
  return segments.some((segment) => segment === '.' || segment === '..');
}
