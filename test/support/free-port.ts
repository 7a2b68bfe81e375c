import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

/** Below the range from which the system gives ports to outgoing connections: one of those must not sit on the port of a peer that is started again. */
const FIRST_PORT = 12_000;
const LAST_PORT = 32_000;
/** Given before: its owner may not listen yet, or be down for a moment. */
const given = new Set<number>();

/** A port of 127.0.0.1 that nobody uses now, for a peer that cannot pick one itself or is started again on the same one. Free for both TCP and UDP. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT));
    if (given.has(port)) continue;
    const server = createServer();
    const listens = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!listens) continue;
    const datagrams = createSocket('udp4');
    const free = await new Promise<boolean>((resolve) => {
      datagrams.once('error', () => resolve(false));
      datagrams.bind(port, '127.0.0.1', () => resolve(true));
    });
    await new Promise<void>((resolve) => server.close(() => resolve()));
    await new Promise<void>((resolve) => datagrams.close(() => resolve()));
    if (!free) continue;
    given.add(port);
    return port;
  }
}
