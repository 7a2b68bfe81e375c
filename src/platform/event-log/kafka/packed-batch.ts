import { unpacked, unpackedSealed } from './gzip-codec.js';
import { OctetReader } from './octet-reader.js';

/** A record batch as it was packed (KIP-98): all that is needed to find its records. */
export interface PackedBatch {
  body: Uint8Array;
  inGzip: boolean;
  /** As it is packed it bears a seal of ours. */
  isOurs?: boolean;
  /** Of records. */
  count: number;
  /** Milliseconds since 1970, which the times of its records add to. */
  firstTime: number;
  /** Of all its records, where the broker gives the times. */
  brokerTime: number | undefined;
}

/** Numbers of a record in `places`: its offset less that of the batch; where its key begins, with its length and behind it; the end of the key; the same of the value; its headers, and its end. */
export const PLACES = 8;
export const OFFSET = 0;
export const START = 1;
export const KEY = 2;
export const KEY_END = 3;
export const VALUE = 4;
export const VALUE_END = 5;
export const HEADERS = 6;
export const END = 7;

/** Where in the unpacked octets of a batch its records lie: lists of numbers, since an object for each record would be moved about by the memory's housekeeping. */
export interface BatchPlaces {
  octets: Buffer;
  /** Of each record, milliseconds since 1970. */
  times: Float64Array<ArrayBuffer>;
  /** `PLACES` numbers for each record. An end is less than its beginning where there is no key, or no value. */
  places: Int32Array<ArrayBuffer>;
}

/** @throws Error when it cannot be unpacked, RangeError when a length in it is not true */
export function placesOf({ body, inGzip, isOurs, count, firstTime, brokerTime }: PackedBatch): BatchPlaces {
  const reader = new OctetReader(inGzip ? (isOurs === true ? unpackedSealed(body) : unpacked(body)) : Buffer.from(body.buffer, body.byteOffset, body.byteLength));
  const { octets } = reader;
  // What somebody wrote: a record has at least an octet.
  if (count < 0 || count > octets.length) throw new RangeError(`a batch of ${octets.length} octets is said to have ${count} records`);
  const times = new Float64Array(count);
  const places = new Int32Array(PLACES * count);
  for (let index = 0, place = 0; index < count; index++, place += PLACES) {
    const length = reader.varint();
    const end = reader.at + length;
    if (length < 0 || end > reader.end) throw new RangeError(`a record of ${length} octets goes beyond the end of its batch`);
    // Attributes: no bit of them is in use.
    reader.at++;
    const time = firstTime + reader.varint();
    times[index] = brokerTime ?? time;
    places[place + OFFSET] = reader.varint();
    places[place + START] = reader.at;
    const keyOctets = reader.varint();
    places[place + KEY] = reader.at;
    places[place + KEY_END] = reader.at + keyOctets;
    if (keyOctets > 0) reader.pass(keyOctets, end);
    const valueOctets = reader.varint();
    places[place + VALUE] = reader.at;
    places[place + VALUE_END] = reader.at + valueOctets;
    if (valueOctets > 0) reader.pass(valueOctets, end);
    places[place + HEADERS] = reader.at;
    places[place + END] = end;
    reader.at = end;
  }
  return { octets, times, places };
}
