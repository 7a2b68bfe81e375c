import { Schema } from 'mongoose';

/** What a producer sent and was appended, remembered so that a resend is harmless. Beside Kafka only: the embedded log keeps these itself. */
export interface ProducerKeyDocument {
  /** The key, or its SHA-256 when it is longer than a thousand octets. */
  _id: string;
  contentHash: string;
  eventId: string;
  partition: number;
  offset: number;
  rememberedAt: Date;
}

/** @param windowSeconds after which the store removes a key by itself */
export function producerKeySchema(windowSeconds: number): Schema<ProducerKeyDocument> {
  const schema = new Schema<ProducerKeyDocument>(
    { _id: String, contentHash: { type: String, required: true }, eventId: { type: String, required: true }, partition: { type: Number, required: true }, offset: { type: Number, required: true }, rememberedAt: { type: Date, required: true } },
    { collection: 'producer-keys', versionKey: false },
  );
  schema.index({ rememberedAt: 1 }, { expireAfterSeconds: windowSeconds });
  return schema;
}
