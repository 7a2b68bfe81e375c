import { createServer, type AddressInfo, type Socket } from 'node:net';
import { LoopbackReceiver } from '../../src/demo/loopback-receiver.js';

/** The ways in which a receiver can be bad for its sender: none listens, it reads a kilobyte a second, it takes connections and reads and answers nothing, it resets every connection. */
export const BAD_WAYS = ['dead', 'slow', 'mute', 'resetting'] as const;
export type BadWay = (typeof BAD_WAYS)[number];

export interface BadReceiver {
  port: number;
  stop(): Promise<void>;
}

export async function startBadReceiver(way: BadWay): Promise<BadReceiver> {
  switch (way) {
    case 'slow':
      return startSlowReader();
    case 'mute':
      return LoopbackReceiver.start({ protocol: 'tcp', faults: { neverReads: true, neverAnswersHalfClose: true } });
    case 'resetting':
      return LoopbackReceiver.start({ protocol: 'tcp', faults: { onConnect: 'reset' } });
    case 'dead': {
      const { port, stop } = await LoopbackReceiver.start({ protocol: 'tcp' }).then((receiver) => ({ port: receiver.port, stop: () => receiver.stop() }));
      await stop();
      return { port, stop };
    }
  }
}

async function startSlowReader(): Promise<BadReceiver> {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, highWaterMark: 1024 }, (socket) => {
    open.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => open.delete(socket));
    socket.on('end', () => socket.end());
    // Never 'data': what is not read here stays in the system, and so with the sender.
    socket.on('readable', () => {});
  });
  const reading = setInterval(() => {
    for (const socket of open) socket.read(Math.min(1024, socket.readableLength) || undefined);
  }, 1000);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    stop: async () => {
      clearInterval(reading);
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
