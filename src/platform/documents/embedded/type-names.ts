import { badValue } from './errors.js';
import { Rank, bsonType, rankOf } from './values.js';

/** What `$type` asks, by the names and numbers of BSON's types (MongoDB manual, "$type"). @throws 2 for a type that there is not. */
export function typeTests(operand: unknown): Array<(value: unknown) => boolean> {
  return (Array.isArray(operand) ? (operand as unknown[]) : [operand]).map((type) => {
    const name = typeof type === 'string' ? type : TYPE_NUMBERS[Number(type)];
    const test = name === undefined || !Object.hasOwn(TYPE_RANKS, name) ? undefined : TYPE_RANKS[name];
    if (!test) throw badValue(`Unknown type name alias: ${String(type)}`);
    return test;
  });
}

const TYPE_RANKS: Record<string, (value: unknown) => boolean> = {
  double: (value) => typeof value === 'number' && !isInt32(value),
  string: (value) => typeof value === 'string',
  object: (value) => rankOf(value) === Rank.object,
  array: Array.isArray,
  binData: (value) => rankOf(value) === Rank.binary,
  objectId: (value) => rankOf(value) === Rank.objectId,
  bool: (value) => typeof value === 'boolean',
  date: (value) => value instanceof Date,
  null: (value) => value === null,
  regex: (value) => rankOf(value) === Rank.regex,
  int: isInt32,
  timestamp: (value) => rankOf(value) === Rank.timestamp,
  long: (value) => typeof value === 'bigint',
  decimal: (value) => bsonType(value) === 'Decimal128',
  number: (value) => rankOf(value) === Rank.number,
};
const TYPE_NUMBERS: Record<number, string> = { 1: 'double', 2: 'string', 3: 'object', 4: 'array', 5: 'binData', 7: 'objectId', 8: 'bool', 9: 'date', 10: 'null', 11: 'regex', 16: 'int', 17: 'timestamp', 18: 'long', 19: 'decimal' };
function isInt32(value: unknown): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= -2147483648 && value <= 2147483647 && !Object.is(value, -0);
}
