import { CommandError, badValue, failedToParse, typeMismatch } from './errors.js';
import { type Doc, Rank, isDoc, numeric, rankOf } from './values.js';

/** A command with its database: what every command function gets. */
export interface Command {
  name: string;
  database: string;
  body: Doc;
  /** Moment of the clock after which the command gives up (`maxTimeMS`). */
  deadlineMs: number;
}

export function collectionName(command: Command, field = command.name): string {
  const name = command.body[field];
  if (typeof name !== 'string' || name === '') throw new CommandError(73, 'InvalidNamespace', `collection name has invalid type or is empty in ${command.name}`);
  return name;
}

export function documentField(source: Doc, field: string): Doc {
  const value = source[field];
  if (value === undefined || value === null) return {};
  if (!isDoc(value)) throw typeMismatch(`Expected field ${field} to be of type object`);
  return value;
}

export function documentsField(source: Doc, field: string): Doc[] {
  const value = source[field];
  if (value === undefined) return [];
  if (!Array.isArray(value) || !value.every(isDoc)) throw typeMismatch(`Expected field ${field} to be an array of objects`);
  return value;
}

/** A whole number that is not negative; `fallback` when absent. */
export function countField(source: Doc, field: string, fallback: number): number {
  const value = source[field];
  if (value === undefined || value === null) return fallback;
  const number = rankOf(value) === Rank.number ? Number(numeric(value)) : NaN;
  if (!Number.isInteger(number)) throw failedToParse(`Expected field ${field} to be a whole number`);
  if (number < 0) throw badValue(`BSON field '${field}' value must be >= 0, actual value '${number}'`);
  return number;
}

export function flagField(source: Doc, field: string, fallback = false): boolean {
  const value = source[field];
  if (value === undefined || value === null) return fallback;
  if (typeof value === 'boolean') return value;
  if (rankOf(value) === Rank.number) return Number(numeric(value)) !== 0;
  throw typeMismatch(`Expected field ${field} to be a boolean`);
}
