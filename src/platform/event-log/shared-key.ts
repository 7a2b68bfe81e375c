import { createHmac } from 'node:crypto';
import type { DocumentStore } from '../documents/document-store.js';
import { sharedKeySchema, type SharedKeyDocument } from './shared-key.schema.js';

const ID = 'secret-key';

/**
 * Processes that share a Kafka topic must hold the same key: with another one a process takes the records of its siblings for those of strangers, and parks what only we may send.
 * The first process writes down which key it is; a new key on top of the old one in every file is a change of the key.
 * @param keys of the key file: the first signs
 * @throws with the fix when this process holds another key
 */
export async function agreeOnKey(store: DocumentStore, keys: readonly Buffer[]): Promise<void> {
  const [signing, ...others] = keys.map(nameOf);
  if (signing === undefined) throw new TypeError('a key file without a key was accepted');
  const { collection } = store.model<SharedKeyDocument>('shared-key', sharedKeySchema);
  const byId = { _id: ID as never };
  await collection.updateOne(byId, { $setOnInsert: { keyName: signing } }, { upsert: true }).catch((error: unknown) => {
    // Two first processes at once: the other one was first.
    if (!(error instanceof Error && 'code' in error && error.code === 11000)) throw error;
  });
  const agreed = (await collection.findOne(byId))?.['keyName'] as string | undefined;
  if (agreed === signing) return;
  if (agreed !== undefined && others.includes(agreed)) await collection.updateOne({ ...byId, keyName: agreed }, { $set: { keyName: signing } });
  else throw new Error('The secret key of this process is not that of the other processes of this installation, so that it would not know their events: copy the key file of one of them and set TIDEGATE_SECRET_KEY_FILE to it.');
}

function nameOf(key: Buffer): string {
  return createHmac('sha256', key).update('tidegate event log key name').digest('base64url').slice(0, 12);
}
