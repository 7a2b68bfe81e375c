import { createHash } from 'node:crypto';
import type { Model } from 'mongoose';
import type { Clock } from '../../contracts/clock.js';
import type { Log } from '../../contracts/log.js';
import type { ProducerKey, ProducerKeys } from '../../contracts/producer-keys.js';
import { duplicateWrites } from '../documents/duplicate-writes.js';
import type { DocumentStore } from '../documents/document-store.js';
import type { LogReplacements } from './log-replacements.js';
import { producerKeySchema, type ProducerKeyDocument } from './producer-key.schema.js';

const KEY_OCTETS = 1000;

/** Producer keys as documents that remove themselves. */
export class DocumentProducerKeys implements ProducerKeys {
  private readonly documents: Model<ProducerKeyDocument>;

  constructor(store: DocumentStore, private readonly windowMs: number, private readonly clock: Clock, private readonly log: Log, private readonly replacements: Pick<LogReplacements, 'last'>) {
    this.documents = store.model('ProducerKey', producerKeySchema(Math.ceil(windowMs / 1000)));
  }

  async find(keys: readonly string[]): Promise<Map<string, ProducerKey>> {
    if (keys.length === 0) return new Map();
    const byId = new Map(keys.map((key) => [idOf(key), key]));
    const documents = await this.documents.find({ _id: { $in: [...byId.keys()] } }).lean();
    // Asked for a resend only. What was appended before the log was replaced is not in it any more: then the resend is what repairs.
    const replacedAt = documents.length === 0 ? undefined : await this.replacements.last();
    const oldest = Math.max(this.clock.now() - this.windowMs, replacedAt ?? 0);
    const found = new Map<string, ProducerKey>();
    for (const { _id, contentHash, eventId, partition, offset, rememberedAt } of documents) {
      const key = byId.get(_id);
      if (key !== undefined && rememberedAt.getTime() >= oldest) found.set(key, { key, contentHash, eventId, partition, offset });
    }
    return found;
  }

  async remember(entries: readonly ProducerKey[]): Promise<void> {
    if (entries.length === 0) return;
    const rememberedAt = new Date(this.clock.now());
    const documents = entries.map(({ key, contentHash, eventId, partition, offset }) => ({ _id: idOf(key) as never, contentHash, eventId, partition, offset, rememberedAt }));
    try {
      // Hardly one is known: an insert costs a server a tenth of what an upsert does. By the driver itself, since there is nothing to cast or to check in them: as documents of the model they cost four times as much.
      await this.documents.collection.insertMany(documents, { ordered: false }).catch(async (error: unknown) => {
        const known = duplicateWrites(error);
        if (!known) throw error;
        await this.documents.bulkWrite(
          documents.filter((_, at) => known.has(at)).map(({ _id, ...rest }) => ({ updateOne: { filter: { _id }, update: { $set: rest }, upsert: true } })),
          { ordered: false, throwOnValidationError: true },
        );
      });
    } catch (error) {
      // The events are stored; only their resend is no longer told apart.
      this.log.warn({ keys: entries.length, reason: error instanceof Error ? error.message : String(error) }, 'producer keys could not be stored: a resend of these events would be accepted again');
    }
  }
}

const idOf = (key: string): string => (Buffer.byteLength(key) <= KEY_OCTETS ? key : `sha256 ${createHash('sha256').update(key).digest('hex')}`);
