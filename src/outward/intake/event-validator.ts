import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import ajvFormats from 'ajv-formats';
import { fullFormats } from 'ajv-formats/dist/formats.js';
import type { Actor, EventObject, FieldChange, Outcome } from '../../model/audit-event.js';
import type { EventType } from '../../model/event-types.js';
import type { JsonObject, JsonValue } from '../../model/json.js';
import { AUDIT_FAMILY, schemaOfType } from './event-schemas.js';
import { childPointer } from './json-pointer.js';

/** An event as a producer may send it, once it matched its schema. */
export interface EventInput {
  id?: string;
  type: string;
  occurredAt?: string;
  tenantId?: string;
  actor?: Actor;
  subject: SubjectInput;
  objects?: EventObject[];
  outcome?: Outcome;
  reason?: string;
  correlationId?: string;
  severity?: number;
  message?: string;
  attributes?: JsonObject;
  changes?: FieldChange[];
}

/** `kind` may be left out where the type has but one. */
export interface SubjectInput {
  kind?: string;
  id: string;
  name?: string;
  [detail: string]: JsonValue | undefined;
}

/** One fault of an event: JSON pointer (RFC 6901) from the event, and what is wrong there. Never holds a value that was sent. */
export interface EventFault {
  pointer: string;
  reason: string;
}

const MOST_FAULTS = 20;

/** Checks events against the schema of their type. A schema is compiled once, when the first event of its type comes: all of them would take half a second of each start. */
export class EventValidator {
  private readonly ajv: Ajv2020;
  private readonly bySchema = new Map<string, ValidateFunction>();

  /** @param everyFault false stops at the first fault (a batch); true names up to twenty (a single event, where a person may be reading). */
  constructor(everyFault: boolean) {
    this.ajv = new Ajv2020({ strict: true, allErrors: everyFault, ownProperties: true, unicodeRegExp: true });
    // ajv-formats is CommonJS: its types and its run-time shape differ under NodeNext.
    ajvFormats.default(this.ajv);
    this.ajv.addFormat('date-time', isDateTime);
    this.ajv.addFormat('ipv6', isIpv6);
    // No schema of ours asks what was evaluated; without the account an `anyOf` ends at its first branch that holds.
    this.ajv.opts.unevaluated = false;
  }

  faultsOf(type: EventType, event: JsonObject): EventFault[] {
    const validate = this.validatorOf(type);
    if (validate(event)) return [];
    const errors = validate.errors ?? [];
    validate.errors = null;
    return distinct(errors.filter((error) => error.keyword !== 'anyOf' || errors.length === 1 || !errors.some((other) => other !== error && other.instancePath === error.instancePath)).map(faultOf)).slice(0, MOST_FAULTS);
  }

  private validatorOf(type: EventType): ValidateFunction {
    const name = type.group === 'audit' ? AUDIT_FAMILY : type.id;
    let validate = this.bySchema.get(name);
    if (!validate) {
      validate = this.ajv.compile(schemaOfType(type));
      this.bySchema.set(name, validate);
    }
    return validate;
  }
}

/** Times that are plain to see, as nearly all are: two pages of calendar need not be asked. */
const PLAIN_DATE_TIME = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?Z$/;
const fullDateTime = testOf(fullFormats['date-time']);
const fullIpv6 = testOf(fullFormats.ipv6);

function isDateTime(text: string): boolean {
  return PLAIN_DATE_TIME.test(text) || fullDateTime(text);
}

/** No IPv6 address is without a colon; its pattern takes long to see that. */
function isIpv6(text: string): boolean {
  return text.includes(':') && fullIpv6(text);
}

/** Formats of ajv-formats come in several forms. @throws TypeError for one of another form: a defect, said at the start */
function testOf(format: unknown): (text: string) => boolean {
  const rule = typeof format === 'object' && format !== null && 'validate' in format ? format.validate : format;
  if (rule instanceof RegExp) return (text) => rule.test(text);
  if (typeof rule === 'function') return (text) => (rule as (text: string) => boolean)(text);
  throw new TypeError('ajv-formats has a format in a form that is not known here');
}

/** Branches of an `anyOf` say the same thing once each: told once. */
function distinct(faults: EventFault[]): EventFault[] {
  return [...new Map(faults.map((fault) => [`${fault.pointer}\n${fault.reason}`, fault])).values()];
}

function faultOf(error: ErrorObject): EventFault {
  const at = error.instancePath;
  const params = error.params as Record<string, unknown>;
  switch (error.keyword) {
    case 'additionalProperties': {
      const name = String(params.additionalProperty);
      const hint = name === 'receivedAt' ? 'receivedAt is set by Tidegate; leave it out' : at === '' ? 'unknown key; anything that the event has no place for belongs into attributes' : 'unknown key; remove it or check its spelling';
      return { pointer: childPointer(at, name.toWellFormed()), reason: hint };
    }
    case 'required': return { pointer: childPointer(at, String(params.missingProperty)), reason: 'is missing' };
    case 'enum': return { pointer: at, reason: `must be one of ${(params.allowedValues as unknown[]).join(', ')}` };
    case 'const': return { pointer: at, reason: `must be ${String(params.allowedValue)}` };
    case 'format': return { pointer: at, reason: formatReason(String(params.format)) };
    case 'type': return { pointer: at, reason: `must be ${withArticle(String(params.type))}` };
    case 'minLength': return { pointer: at, reason: params.limit === 1 ? 'must not be empty' : `must have at least ${String(params.limit)} characters` };
    case 'maxLength': return { pointer: at, reason: `must have at most ${String(params.limit)} characters` };
    case 'minItems': return { pointer: at, reason: `must have at least ${String(params.limit)} items` };
    case 'maxItems': return { pointer: at, reason: `must have at most ${String(params.limit)} items` };
    case 'minimum': return { pointer: at, reason: `must be at least ${String(params.limit)}` };
    case 'maximum': return { pointer: at, reason: `must be at most ${String(params.limit)}` };
    default: return { pointer: at, reason: error.message ?? 'is not valid' };
  }
}

/** `string` -> `a string`; several types are joined by commas in Ajv. */
function withArticle(types: string): string {
  return types.split(',').map((type) => (type === 'null' ? type : `${/^[aeiou]/.test(type) ? 'an' : 'a'} ${type}`)).join(' or ');
}

function formatReason(format: string): string {
  switch (format) {
    case 'date-time': return 'must be an RFC 3339 time with offset, such as 2025-03-04T05:06:07.890Z';
    case 'ipv4':
    case 'ipv6': return 'must be an IPv4 or IPv6 address';
    default: return `must be a ${format}`;
  }
}
