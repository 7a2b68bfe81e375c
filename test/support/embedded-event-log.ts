import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '../../src/contracts/log.js';
import { EmbeddedEventLog, type EmbeddedEventLogOptions } from '../../src/platform/event-log/embedded/embedded-event-log.js';

/** Small limits, no waiting: what a test does not say. */
export function embeddedOptions(directory: string, options: Partial<EmbeddedEventLogOptions> = {}): EmbeddedEventLogOptions {
  return {
    directory,
    partitions: 4,
    retentionMs: 3_600_000,
    retentionBytes: 1_073_741_824,
    fullBytes: 2_147_483_648,
    minFreeDiskBytes: 0,
    retentionIntervalMs: 3_600_000,
    producerKeyMs: 3_600_000,
    poolLeaseMs: 600,
    revokeGraceMs: 5000,
    clock: { now: () => Date.now() },
    log: silentLog,
    ...options,
  };
}

export interface TestEventLog {
  directory: string;
  log: EmbeddedEventLog;
  /** Another handle on the same directory. */
  another(options?: Partial<EmbeddedEventLogOptions>): Promise<EmbeddedEventLog>;
  reopen(options?: Partial<EmbeddedEventLogOptions>): Promise<EmbeddedEventLog>;
  dispose(): Promise<void>;
}

/** An embedded event log in a directory of its own, which goes with `dispose`. */
export async function openTestEventLog(options: Partial<EmbeddedEventLogOptions> = {}): Promise<TestEventLog> {
  const directory = await mkdtemp(join(tmpdir(), 'tidegate-log-'));
  const opened: EmbeddedEventLog[] = [];
  const open = async (more: Partial<EmbeddedEventLogOptions> = {}): Promise<EmbeddedEventLog> => {
    const log = new EmbeddedEventLog(embeddedOptions(directory, { ...options, ...more }));
    await log.open();
    opened.push(log);
    return log;
  };
  const fixture: TestEventLog = {
    directory,
    log: await open(),
    another: open,
    reopen: async (more) => {
      await fixture.log.close();
      fixture.log = await open(more);
      return fixture.log;
    },
    dispose: async () => {
      for (const log of opened) await log.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
  return fixture;
}
