import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openTestDocuments } from '../../../test/support/documents.js';
import type { DocumentStore } from '../documents/document-store.js';
import { agreeOnKey } from './shared-key.js';

describe('the key that processes on one topic share', () => {
  let documents: DocumentStore;
  const [one, two, three] = [randomBytes(32), randomBytes(32), randomBytes(32)];
  beforeAll(async () => {
    documents = await openTestDocuments();
  });
  afterAll(async () => {
    await documents.close();
  });

  it('is that of the first process; one with another key does not start, and is told why', async () => {
    await Promise.all(Array.from({ length: 5 }, () => agreeOnKey(documents, [one])));
    await expect(agreeOnKey(documents, [two])).rejects.toThrow('TIDEGATE_SECRET_KEY_FILE');
    await agreeOnKey(documents, [one]);
  });

  it('changes when every process has the new one on top of the old one', async () => {
    await agreeOnKey(documents, [one, two]);
    await agreeOnKey(documents, [two, one]);
    await agreeOnKey(documents, [two, one]);
    await agreeOnKey(documents, [one, two]);
    await expect(agreeOnKey(documents, [three])).rejects.toThrow('the other processes');
  });
});
