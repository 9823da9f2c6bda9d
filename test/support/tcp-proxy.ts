import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A wire that can be cut without either end noticing: what a dead network or a stopped machine looks like. */
export interface TcpProxy {
  readonly url: string;
  /**
   * Nothing passes any more, or no answers of the server do; no connection is closed. New ones are taken and stay silent.
   */
  freeze(what?: 'everything' | 'answers'): void;
  /** What was held back passes now, and everything after it. */
  thaw(): void;
  close(): Promise<void>;
}

/** Stands before the server of the URL. */
export async function startTcpProxy(target: string): Promise<TcpProxy> {
  const { hostname, port } = new URL(target);
  const [clients, upstreams] = [new Set<Socket>(), new Set<Socket>()];
  let frozen = false;
  const forward = (from: Socket, to: Socket, side: Set<Socket>): void => {
    side.add(from);
    from.on('data', (chunk) => to.write(chunk));
    from.on('error', () => to.destroy());
    from.on('close', () => {
      side.delete(from);
      if (!frozen) to.destroy();
    });
    if (frozen) from.pause();
  };
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    forward(client, upstream, clients);
    forward(upstream, client, upstreams);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = new URL(target);
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    freeze: (what = 'everything') => {
      frozen = true;
      for (const socket of upstreams) socket.pause();
      if (what === 'everything') for (const socket of clients) socket.pause();
    },
    thaw: () => {
      frozen = false;
      for (const socket of [...clients, ...upstreams]) socket.resume();
    },
    close: async () => {
      for (const socket of [...clients, ...upstreams]) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
