import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';

const schema = JSON.parse(readFileSync('docs/reference/json-output.schema.json', 'utf8')) as object;
const validate = new Ajv2020({ strict: true, allErrors: true, strictRequired: false }).compile(schema);

/** Parses a record of output type JSON and checks it against the published schema. @throws Error with every violation. */
export function parseJsonOutput(text: string): Record<string, unknown> {
  const value = JSON.parse(text) as Record<string, unknown>;
  if (!validate(value)) throw new Error(JSON.stringify(validate.errors));
  return value;
}
