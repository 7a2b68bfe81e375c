/**
 * Remembers which (producer, source, id) were appended, so that a resend is harmless. Keys age out after a setting (24 h by default).
 * Written after the append: a crash in between can repeat an event, never lose one.
 */
export interface ProducerKey {
  /** `producer \n source \n id`, at most 1,000 octets. */
  key: string;
  /** SHA-256 of the canonical content (hex), to tell a resend from a conflict. */
  contentHash: string;
  eventId: string;
  partition: number;
  offset: number;
}

export interface ProducerKeys {
  /** What is remembered of the keys asked for and not aged out. */
  find(keys: readonly string[]): Promise<Map<string, ProducerKey>>;
  remember(entries: readonly ProducerKey[]): Promise<void>;
}
export const PRODUCER_KEYS = Symbol('ProducerKeys');
