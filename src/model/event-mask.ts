import { z } from 'zod';

/** What of an event an integration does not get as it is, and what is added to it. Each field is written once, here; it is done in `outward/delivery/event-mask.ts`. */

export const MASK_ACTIONS = ['drop', 'redact', 'hash'] as const;
export type MaskAction = (typeof MASK_ACTIONS)[number];
/** What stands in place of a redacted value. */
export const REDACTED = '[redacted]';

export const maskRule = z.strictObject({
  field: z.string().min(1).max(200).meta({ help: 'Field path: actor.ip, subject.name, attributes.mail, attributes.*, objects.name, changes[mail], changes[mail].old. Id, type, times, severity, outcome and kinds stay.' }),
  action: z.enum(MASK_ACTIONS).meta({ help: 'drop leaves it out; redact puts [redacted] in its place; hash puts a keyed hash there: equal values give equal hashes, so that a SIEM can still follow one.' }),
});
export type MaskRule = z.output<typeof maskRule>;

export const extraField = z.strictObject({
  name: z.string().regex(/^[A-Za-z][A-Za-z0-9]{0,31}$/, '1 to 32 letters and digits, a letter first').meta({ help: 'Name of the field.' }),
  value: z.string().min(1).max(500).regex(/^[^\p{Cc}\u2028\u2029]+$/u, 'no line breaks or control characters').meta({ help: 'Its text, the same in every event.' }),
});
export type ExtraField = z.output<typeof extraField>;

/** Members of the output section. */
export const maskFields = {
  mask: z.array(maskRule).max(100).default([]).meta({ help: 'Fields that this integration gets dropped, redacted or hashed. The event log keeps them.' }),
  hashKey: z.string().min(16).max(500).optional().meta({ help: 'Key of the hashes (HMAC-SHA-256), 16 characters or more; needed when a field is hashed. The same key gives the same hashes in every integration.', secret: true }),
  extraFields: z.array(extraField).max(20).default([]).meta({ help: 'Constant fields that are added to every event of this integration.' }),
};
export interface MaskSettings {
  mask: MaskRule[];
  hashKey?: string;
  extraFields: ExtraField[];
}
