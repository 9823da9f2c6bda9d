import type { Token } from '../../hsm';

/** The token, with some of its methods replaced. */
export function tokenWith(token: Token, replaced: Partial<Token>): Token {
  return new Proxy(token, {
    get: (target, name: keyof Token) => {
      const member = replaced[name] ?? target[name];
      if (typeof member !== 'function') return member;
      return (member as (...args: unknown[]) => unknown).bind(target);
    },
  });
}
