import { createHash } from 'node:crypto';
import type { Clock } from '../../../contracts/clock.js';
import type { Log } from '../../../contracts/log.js';
import type { ProducerKey, ProducerKeys } from '../../../contracts/producer-keys.js';
import type { LogEnvironment } from './environment.js';

const KEY_OCTETS = 1000;
const STEP_LISTS = 20;

/**
 * Producer keys beside the log. Each `remember` also stores the list of its keys under its time; ageing takes list after list, so no second entry a key
 * is needed. A key that was remembered again later stays: its own time decides.
 *
 * Stored under a key: f64 time, f64 offset, u16 partition, u8 1 when the content hash is 32 raw octets, u8 octets of the hash, hash, event id.
 */
export class EmbeddedProducerKeys implements ProducerKeys {
  private sequence = 0;
  private sweeping: Promise<void> | undefined;
  private stopped = false;

  constructor(private readonly environment: LogEnvironment, private readonly windowMs: number, private readonly clock: Clock, private readonly log: Log) {}

  async find(keys: readonly string[]): Promise<Map<string, ProducerKey>> {
    const found = new Map<string, ProducerKey>();
    const oldest = this.clock.now() - this.windowMs;
    await this.environment.ready();
    this.environment.refresh();
    for (const key of keys) {
      const bytes = this.environment.keys.getBinary(keyOf(key));
      const entry = bytes && decode(key, bytes);
      if (entry && entry.rememberedAt >= oldest) found.set(key, entry.producerKey);
    }
    return found;
  }

  async remember(entries: readonly ProducerKey[]): Promise<void> {
    if (entries.length === 0) return;
    const now = this.clock.now();
    const keys = entries.map(({ key }) => keyOf(key));
    try {
      await this.environment.write(() => {
        entries.forEach((entry, index) => {
          const key = keys[index];
          if (key) this.environment.keys.putSync(key, encode(entry, now));
        });
        this.environment.keyAges.putSync([now, process.pid, this.sequence++], packKeys(keys));
      });
    } catch (error) {
      // The events are stored; only their resend is no longer told apart.
      this.log.warn({ keys: entries.length, reason: error instanceof Error ? error.message : String(error) }, 'producer keys could not be stored: a resend of these events would be accepted again');
    }
  }

  /** Removes what aged out, in small steps. A call while it runs joins it. */
  sweep(): Promise<void> {
    this.sweeping ??= this.steps()
      .catch((error: unknown) => this.log.warn({ reason: error instanceof Error ? error.message : String(error) }, 'aged producer keys could not be removed; tried again at the next interval'))
      .finally(() => {
        this.sweeping = undefined;
      });
    return this.sweeping;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.sweeping;
  }

  private async steps(): Promise<void> {
    const before = this.clock.now() - this.windowMs;
    for (;;) {
      await this.environment.ready();
      this.environment.refresh();
      if (this.stopped || this.agedLists(before).length === 0) return;
      await this.environment.write(() => {
        for (const list of this.agedLists(before)) this.removeList(list);
      });
    }
  }

  private agedLists(before: number): number[][] {
    return [...this.environment.keyAges.getKeys({ end: [before], limit: STEP_LISTS })];
  }

  private removeList(list: number[]): void {
    const bytes = this.environment.keyAges.getBinary(list);
    const rememberedAt = list[0] ?? 0;
    for (const key of bytes ? unpackKeys(bytes) : []) {
      const stored = this.environment.keys.getBinary(key);
      if (stored && stored.readDoubleLE(0) <= rememberedAt) this.environment.keys.removeSync(key);
    }
    this.environment.keyAges.removeSync(list);
  }
}

/** LMDB's keys are limited; an overlong one is stood for by its hash. */
function keyOf(key: string): Buffer {
  const octets = Buffer.from(key, 'utf8');
  return octets.length > 0 && octets.length <= KEY_OCTETS ? octets : Buffer.from(`\n${createHash('sha256').update(octets).digest('hex')}`, 'utf8');
}

function encode({ contentHash, eventId, partition, offset }: ProducerKey, now: number): Buffer {
  const raw = /^[0-9a-f]{64}$/.test(contentHash);
  const hashBytes = raw ? 32 : Math.min(255, Buffer.byteLength(contentHash, 'utf8'));
  const bytes = Buffer.allocUnsafe(20 + hashBytes + Buffer.byteLength(eventId, 'utf8'));
  bytes.writeDoubleLE(now, 0);
  bytes.writeDoubleLE(offset, 8);
  bytes.writeUInt16LE(partition, 16);
  bytes.writeUInt8(raw ? 1 : 0, 18);
  bytes.writeUInt8(hashBytes, 19);
  if (raw) bytes.write(contentHash, 20, 'hex');
  else Buffer.from(contentHash, 'utf8').copy(bytes, 20, 0, hashBytes);
  bytes.write(eventId, 20 + hashBytes, 'utf8');
  return bytes;
}

function decode(key: string, bytes: Buffer): { rememberedAt: number; producerKey: ProducerKey } | undefined {
  if (bytes.length < 20) return undefined;
  const hashEnd = 20 + bytes.readUInt8(19);
  return {
    rememberedAt: bytes.readDoubleLE(0),
    producerKey: {
      key,
      contentHash: bytes.toString(bytes.readUInt8(18) === 1 ? 'hex' : 'utf8', 20, hashEnd),
      eventId: bytes.toString('utf8', hashEnd),
      partition: bytes.readUInt16LE(16),
      offset: bytes.readDoubleLE(8),
    },
  };
}

function packKeys(keys: readonly Buffer[]): Buffer {
  const bytes = Buffer.allocUnsafe(keys.reduce((sum, key) => sum + 2 + key.length, 0));
  let position = 0;
  for (const key of keys) {
    bytes.writeUInt16LE(key.length, position);
    key.copy(bytes, position + 2);
    position += 2 + key.length;
  }
  return bytes;
}

function unpackKeys(bytes: Buffer): Buffer[] {
  const keys: Buffer[] = [];
  for (let position = 0; position + 2 <= bytes.length; ) {
    const length = bytes.readUInt16LE(position);
    keys.push(bytes.subarray(position + 2, position + 2 + length));
    position += 2 + length;
  }
  return keys;
}
