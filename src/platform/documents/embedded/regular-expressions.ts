import { badValue, notSupported } from './errors.js';
import { bsonType, regexParts } from './values.js';

export function isRegex(value: unknown): boolean {
  return value instanceof RegExp || bsonType(value) === 'BSONRegExp';
}

/** The JavaScript form of a pattern. @throws for options and patterns that it cannot express. */
export function toRegExp(operand: unknown, options: unknown): RegExp {
  let pattern: string;
  let flags = '';
  if (isRegex(operand)) ({ pattern, options: flags } = regexParts(operand));
  else if (typeof operand === 'string') pattern = operand;
  else throw badValue('$regex has to be a string');
  if (options !== undefined) {
    if (typeof options !== 'string') throw badValue('$options has to be a string');
    flags = options;
  }
  for (const flag of flags) if (!'imsu'.includes(flag)) throw notSupported(`the regular expression option "${flag}"`);
  try {
    return new RegExp(pattern, [...new Set(flags.replaceAll('u', ''))].join(''));
  } catch (error) {
    throw badValue(`Regular expression is invalid: ${error instanceof Error ? error.message : String(error)}`);
  }
}
