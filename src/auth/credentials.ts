import type { Awaitable } from '../awaitable';
import type { Principal } from '../policy/principal';
import { isSessionKeyId } from './access-key-ids';
import type { AccessKeys } from './access-keys';
import type { Sessions } from './sessions';
import type { Credential } from './sigv4';

/** Everything that a request can be signed with. */
export class Credentials {
  constructor(
    private readonly accessKeys: Pick<AccessKeys, 'find'>,
    private readonly sessions: Pick<Sessions, 'find'>,
  ) {}

  /** The session token is as sent; whoever asks compares it with the credential's own. */
  find(
    accessKeyId: string,
    sessionToken: string | undefined,
  ): Awaitable<Credential<Principal> | undefined> {
    return isSessionKeyId(accessKeyId)
      ? this.sessions.find(accessKeyId, sessionToken)
      : this.accessKeys.find(accessKeyId);
  }
}
