import type { ServiceProcess } from '../support/service-process.js';
import { pause, type Fault, type Struck } from './fault-run.js';

const oneOf = ({ engines, random }: Struck): ServiceProcess => {
  const engine = engines[Math.floor(random() * engines.length)];
  if (!engine) throw new Error('there is no engine');
  return engine;
};
const zombieMs = Number(process.env['TIDEGATE_TEST_ZOMBIE_MS'] ?? 12_000);
const awayMs = 2000;

/** The faults by the name under which `npm run soak:<name>` runs them. */
export const FAULTS = {
  /** An engine dies as by kill -9, and is started again: its partitions wait for the session timeout. */
  engines: {
    brokers: 1,
    async strike(struck) {
      const engine = oneOf(struck);
      await engine.end('SIGKILL');
      await pause(struck.random() * 500);
      await engine.start(60_000);
    },
  },
  /** The only API dies; the producer repeats what got no answer. */
  api: {
    brokers: 1,
    async strike({ api, random }) {
      await pause(random() * 50);
      await api.end('SIGKILL');
      await api.start(60_000);
    },
  },
  /** An engine stands still for longer than its session timeout, then goes on as if nothing had been: others have its partitions by then. */
  zombie: {
    brokers: 1,
    async strike(struck) {
      const engine = oneOf(struck);
      engine.signal('SIGSTOP');
      await pause(zombieMs);
      engine.signal('SIGCONT');
    },
  },
  /** Engines come and go, so that the partitions of the pool change hands again and again. */
  rebalance: {
    brokers: 1,
    async strike({ stack, random }, time) {
      const more = await stack.engine(`storm-${time}`, time % 2 === 0 ? 'default' : 'remote');
      await pause(500 + random() * 1500);
      await more.end(random() < 0.5 ? 'SIGTERM' : 'SIGKILL');
    },
  },
  /** The only broker dies, is away for a moment, and comes back with its data. */
  broker: {
    brokers: 1,
    async strike({ stack }) {
      await stack.kafka.kill(0);
      await pause(awayMs);
      await stack.kafka.restart(0);
    },
  },
  /** One broker of three dies; the others go on. */
  'broker-of-three': {
    brokers: 3,
    async strike({ stack }, time) {
      // The next one may go only when the one before holds its copies again.
      if (time > 0) await pause(5000);
      await stack.kafka.kill(time % 3);
      await pause(awayMs);
      await stack.kafka.restart(time % 3);
    },
  },
  /** The document server dies and comes back with its data: cursors and producers' keys. */
  documents: {
    brokers: 1,
    async strike({ stack }) {
      await stack.documents.kill();
      await pause(awayMs);
      await stack.documents.restart();
    },
  },
} satisfies Record<string, Fault>;

export type FaultName = keyof typeof FAULTS;
