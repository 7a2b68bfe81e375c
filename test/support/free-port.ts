import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

/** Below the range from which the system gives ports to outgoing connections: one of those must not sit on the port of a peer that is started again. */
const RANGE = { first: 12_000, last: 32_000 };
const SHARE = 5000;
/** Given before: its owner may not listen yet, or be down for a moment. */
const given = new Set<number>();
const { first, last } = shareOf(process.env['JEST_WORKER_ID'], process.env['TIDEGATE_TEST_INNER_RUN']);

/** A port of 127.0.0.1 that nobody uses now, for a peer that cannot pick one itself or is started again on the same one. Free for both TCP and UDP. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = first + Math.floor(Math.random() * (last - first));
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

/** Suites that run at the same time have ports of their own: two workers, and two of the run within a run that http-suite.spec.ts starts. */
function shareOf(worker: string | undefined, inner: string | undefined): { first: number; last: number } {
  if (worker === undefined) return RANGE;
  const share = ((Number(worker) - 1) % 2) + (inner === undefined ? 0 : 2);
  return { first: RANGE.first + share * SHARE, last: RANGE.first + (share + 1) * SHARE };
}
