import { z } from 'zod';

/** Which events an integration gets. Each field is written once, here; how it decides is `outward/delivery/event-filter.ts`. */

export const FILTER_OPERATORS = ['equals', 'not-equals', 'in', 'not-in', 'contains', 'starts-with', 'matches', 'exists', 'missing', 'greater-than', 'less-than'] as const;
export type FilterOperator = (typeof FILTER_OPERATORS)[number];
/** What an operator needs beside the field. */
export const OPERATOR_NEEDS: Record<FilterOperator, 'value' | 'values' | 'nothing'> = {
  equals: 'value', 'not-equals': 'value', contains: 'value', 'starts-with': 'value', matches: 'value', 'greater-than': 'value', 'less-than': 'value',
  in: 'values', 'not-in': 'values', exists: 'nothing', missing: 'nothing',
};

const filterValue = z.union([z.string().min(1).max(1000), z.number(), z.boolean()], { error: 'a text of 1 to 1,000 characters, a number, true or false' });

export const filterCondition = z.strictObject({
  field: z.string().min(1).max(200).meta({ help: 'Field path: severity, tenantId, actor.name, subject.kind, attributes.domain, attributes[dotted.name], objects.name, changes[state].new. Through a list each element counts.' }),
  operator: z.enum(FILTER_OPERATORS).meta({ help: 'equals, not-equals, contains, starts-with, matches (* is any text) take value; in, not-in take values; greater-than, less-than take a number or an RFC 3339 time; exists, missing take nothing. Numbers and booleans are compared as their text.' }),
  value: filterValue.optional().meta({ help: 'What the field is compared with.' }),
  values: z.array(filterValue).min(1).max(1000).optional().meta({ help: 'What the field is compared with, for in and not-in.' }),
  ignoreCase: z.boolean().default(false).meta({ help: 'Whether upper and lower case count as equal.' }),
});
export type FilterCondition = z.output<typeof filterCondition>;

export const filterRule = z.strictObject({
  name: z.string().trim().min(1).max(60).regex(/^[^\p{Cc}]+$/u, 'no control characters').regex(/^(?!filter\.)/, 'may not begin with "filter."').meta({ help: 'Name of the rule, unique in this filter: the answer to "filtered by which rule".' }),
  match: z.enum(['all', 'any']).default('all').meta({ help: 'Whether all of the conditions must hold or any one of them.' }),
  conditions: z.array(filterCondition).min(1).max(50).meta({ help: 'The conditions.' }),
});
export type FilterRule = z.output<typeof filterRule>;

const severity = z.int().min(0).max(10).optional();

export const filterSection = z.strictObject({
  types: z.array(z.string().regex(/^[a-z0-9*]+([.-][a-z0-9*]+)*$/, 'an event type, or a prefix that ends in .*')).max(200).default([])
    .meta({ help: 'Event types to send; a prefix such as account.* is allowed. Empty sends every type.' }),
  severityMin: severity.meta({ help: 'Least severity to send (0 to 10).' }),
  severityMax: severity.meta({ help: 'Greatest severity to send (0 to 10).' }),
  outcomes: z.array(z.enum(['success', 'failure', 'unknown'])).max(3).default([]).meta({ help: 'Outcomes to send. Empty sends every outcome.' }),
  exclude: z.array(filterRule).max(50).default([]).meta({ help: 'Rules: an event that fits one of them is not sent.' }),
  include: z.array(filterRule).max(50).default([]).meta({ help: 'Rules: when there are any, only events that fit at least one of them are sent.' }),
});
export type FilterSettings = z.output<typeof filterSection>;

/** Whether a list of types wants a type: an empty list takes all; `account.*` takes every type under it. */
export function wantsType(types: readonly string[], type: string): boolean {
  if (types.length === 0) return true;
  return types.some((wanted) => wanted === type || wanted === '*' || (wanted.endsWith('.*') && type.startsWith(wanted.slice(0, -1))));
}
