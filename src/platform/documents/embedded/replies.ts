import { encode } from './values.js';

/** The answer to find, aggregate and getMore, with the documents as they are stored: decoding them again would be half the cost of a read. */
export function cursorReply(namespace: string, cursorId: bigint, batchName: 'firstBatch' | 'nextBatch', batch: readonly Buffer[]): Buffer {
  const array = arrayOf(batch);
  const tail = encode({ id: cursorId, ns: namespace });
  // cursor: { <batchName>: [...], id, ns }
  const cursor = documentOf([element(0x04, batchName), array, tail.subarray(4, -1)]);
  return documentOf([element(0x03, 'cursor'), cursor, encode({ ok: 1 }).subarray(4, -1)]);
}

const element = (type: number, name: string) => Buffer.concat([Buffer.from([type]), Buffer.from(name), ZERO]);
const ZERO = Buffer.from([0]);

function documentOf(parts: readonly Buffer[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 5);
  const header = Buffer.allocUnsafe(4);
  header.writeInt32LE(length, 0);
  return Buffer.concat([header, ...parts, ZERO], length);
}

function arrayOf(documents: readonly Buffer[]): Buffer {
  const parts: Buffer[] = [];
  documents.forEach((document, index) => parts.push(element(0x03, String(index)), document));
  return documentOf(parts);
}
