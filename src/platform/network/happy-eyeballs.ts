import { connect, type Socket } from 'node:net';
import type { TimeLimit } from './time-limit.js';

export interface AddressError {
  address: string;
  error: unknown;
}

export type ConnectOutcome = { type: 'connected'; socket: Socket; address: string } | { type: 'failed'; errors: AddressError[] } | { type: 'ended' };

/** Families take turns, the first found first (RFC 8305, 4). */
export function interleaved(addresses: readonly { address: string; family: number }[]): string[] {
  const first = addresses[0]?.family;
  const preferred = addresses.filter((entry) => entry.family === first);
  const others = addresses.filter((entry) => entry.family !== first);
  const order: string[] = [];
  for (let index = 0; index < Math.max(preferred.length, others.length); index++) {
    for (const entry of [preferred[index], others[index]]) if (entry && !order.includes(entry.address)) order.push(entry.address);
  }
  return order;
}

/** Nobody listens on a port of this machine and the system picked that very port for our end: TCP then connects the socket with itself. */
function isConnectedToItself(socket: Socket): boolean {
  return socket.localPort === socket.remotePort && socket.localAddress === socket.remoteAddress;
}

/**
 * TCP to the first of the addresses that answers: the next is tried when one fails or after `attemptDelayMs` (RFC 8305, 5); the losers are closed.
 * Each socket has an error listener from its first moment on.
 */
export function connectFirst(addresses: readonly string[], port: number, attemptDelayMs: number, limit: TimeLimit): Promise<ConnectOutcome> {
  return new Promise((resolve) => {
    const open = new Set<Socket>();
    const errors: AddressError[] = [];
    let nextIndex = 0;
    let timer: NodeJS.Timeout | undefined;
    let settled = false;
    const settle = (outcome: ConnectOutcome, winner?: Socket) => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      forget();
      for (const socket of open) if (socket !== winner) socket.destroy();
      resolve(outcome);
    };
    const forget = limit.onEnd(() => queueMicrotask(() => settle({ type: 'ended' })));
    const tryNext = () => {
      clearTimeout(timer);
      const address = addresses[nextIndex];
      if (settled || address === undefined) return;
      nextIndex++;
      const socket = connect({ host: address, port, autoSelectFamily: false, noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 });
      open.add(socket);
      const lost = (error: unknown) => {
        if (settled || !open.delete(socket)) return;
        errors.push({ address, error });
        if (errors.length === addresses.length) settle({ type: 'failed', errors });
        else tryNext();
      };
      socket.on('error', lost);
      socket.once('connect', () => {
        if (isConnectedToItself(socket)) {
          socket.destroy();
          lost({ code: 'ECONNREFUSED' });
        } else {
          settle({ type: 'connected', socket, address }, socket);
        }
      });
      if (nextIndex < addresses.length) timer = setTimeout(tryNext, attemptDelayMs);
    };
    if (!limit.ended) tryNext();
  });
}
