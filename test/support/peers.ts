import { describe, it } from '@jest/globals';
import { accessSync, constants } from 'node:fs';
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

/** Runs the suite when its peer is there. Without it the suite fails in CI, and elsewhere says why it skips. */
export function describeWithPeer(name: string, missing: string | null, suite: () => void): void {
  if (missing === null) return describe(name, suite);
  if (process.env['CI'] === 'true') {
    return describe(name, () => {
      it('has its peer', () => {
        throw new Error(missing);
      });
    });
  }
  console.warn(`${name}: skipped, ${missing}`);
  return describe(name, () => {
    it.skip(`needs its peer (${missing})`, () => {});
  });
}

/** The first of the paths that can be executed. */
export function executable(paths: readonly string[]): string | null {
  return paths.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  }) ?? null;
}

/** Below the range from which the system gives ports to outgoing connections: one of those must not sit on the port of a peer that is started again. */
const FIRST_PORT = 12_000;
const LAST_PORT = 32_000;

/** A port that nobody uses now, for a peer that cannot pick one itself. Free for both TCP and UDP. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT));
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
    if (free) return port;
  }
}
