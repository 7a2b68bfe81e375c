import { z } from 'zod';
import { connectionSection, filterSection, integrationSchema, outputSection, type IntegrationSettings } from '../../model/integration.js';
import { innerSchema, sealedKind } from './sealed-fields.js';

/**
 * What administrators send. All of it follows from model/integration.ts: every field optional, nothing filled in, null means "back to its default"
 * (RFC 7396). Sealed fields (keys, passwords, tokens, certificates) take a text, null, or what was shown (`{"set": true, ...}`), which leaves them as they are.
 */

type MergePatch<T> = T extends readonly unknown[] ? T : T extends object ? { [K in keyof T]?: MergePatch<T[K]> | null } : T;
type FilledField = 'port' | 'protocol' | 'framing' | 'outputType' | 'header' | 'enginePool';
/** The fields that lie outside the sections. */
type GeneralPatch = { name?: string; serverUrl?: string; enabled?: boolean } & { [K in FilledField]?: IntegrationSettings[K] | null };
export type IntegrationPatch = GeneralPatch & {
  connection?: MergePatch<IntegrationSettings['connection']> | null;
  output?: MergePatch<IntegrationSettings['output']> | null;
  filter?: MergePatch<IntegrationSettings['filter']> | null;
};

export const SECTIONS = ['general', 'connection', 'output', 'filter'] as const;
export type Section = (typeof SECTIONS)[number];

const sealedValue = (maxLength: number, help: string) =>
  z.union([z.string().max(maxLength), z.object({ set: z.boolean() }), z.null()], { error: 'a text, null to remove it, or left out (or as shown) to keep it' }).optional().meta({ description: help, writeOnly: true });

const version = z.int().min(1).optional().meta({ description: 'The version that was read; when another one is stored by now the answer is 409. The same as If-Match, which answers 412.' });

const { name, serverUrl, connection: _connection, output: _output, filter: _filter, enabled: _enabled, ...filled } = integrationSchema.shape;
const general = {
  ...patchShape(filled, ''),
  name: name.optional(),
  serverUrl: serverUrl.optional(),
  enabled: z.boolean().optional().meta({ description: 'Whether events are delivered.' }),
};
const sections = {
  connection: patchObject(connectionSection, 'connection.').nullable().optional(),
  output: patchObject(outputSection, 'output.').nullable().optional(),
  filter: patchObject(filterSection, 'filter.').nullable().optional(),
};

export const createBody = z.strictObject({
  ...general,
  ...sections,
  name,
  serverUrl,
  enabled: z.literal(false, { error: 'a new integration is always disabled; enable it with POST /api/v1/integrations/{id}/enable' }).optional().meta({ description: 'Always false at first.' }),
}) as unknown as z.ZodType<IntegrationPatch & { name: string; serverUrl: string }>;

export const patchBody = z.strictObject({ ...general, ...sections, version }) as unknown as z.ZodType<IntegrationPatch & { version?: number }>;

/** Bodies of `PATCH /integrations/{id}/{section}`. */
export const sectionBodies: Record<Section, z.ZodType<Record<string, unknown> & { version?: number }>> = {
  general: z.strictObject({ ...general, version }),
  connection: patchObject(connectionSection, 'connection.').extend({ version }),
  output: patchObject(outputSection, 'output.').extend({ version }),
  filter: patchObject(filterSection, 'filter.').extend({ version }),
};

/** Body of enable: may be left out. */
export const enableBody = z.strictObject({
  version,
  startFrom: z.union([z.enum(['now', 'beginning']), z.iso.datetime({ offset: true, error: 'now, beginning, or an RFC 3339 time with offset' })], { error: 'now, beginning, or an RFC 3339 time with offset' }).optional()
    .meta({ description: 'Only when it is enabled for the first time: deliver the events accepted from now on (default), all that the event log still holds, or those accepted since a time. Later on delivery goes on where it stopped, and this is refused.' }),
  resume: z.union([z.enum(['all', 'skip']), z.iso.datetime({ offset: true, error: 'all, skip, or an RFC 3339 time with offset' })], { error: 'all, skip, or an RFC 3339 time with offset' }).optional()
    .meta({ description: 'Only when it was enabled before: deliver all that waits (default), none of it, or what was accepted since a time. What is left out is counted in the audit and told as skipped for each event; it cannot be taken back by enabling again.' }),
}).optional();
export interface Start {
  /** Of one that was never enabled. */
  startFrom?: StartFrom;
  /** Of one that was. */
  resume?: string;
}
export type StartFrom = NonNullable<NonNullable<z.output<typeof enableBody>>['startFrom']>;

/** Body of disable: may be left out. */
export const versionBody = z.strictObject({ version }).optional();

/** The patch that a section's body stands for. */
export function patchOfSection(section: Section, body: Record<string, unknown>): IntegrationPatch {
  const { version: _version, ...fields } = body;
  return (section === 'general' ? fields : { [section]: fields });
}

/** @param prefix the dotted path of the object, with a dot at its end */
function patchObject(schema: z.ZodObject, prefix: string): z.ZodObject {
  return z.strictObject(patchShape(schema.shape, prefix));
}

function patchShape(shape: Record<string, z.core.$ZodType>, prefix: string): Record<string, z.ZodType> {
  return Object.fromEntries(Object.entries(shape).map(([key, field]) => [key, patchField(`${prefix}${key}`, field as z.ZodType)]));
}

/** zod fills a default in even where the field is optional, so a merge patch must not know it. */
function patchField(path: string, field: z.ZodType): z.ZodType {
  const help = helpOf(field);
  const inner = innerSchema(field) as z.ZodType;
  if (inner instanceof z.ZodString && sealedKind(path) !== undefined) return sealedValue(inner.maxLength ?? 200_000, help ?? '');
  const patched = inner instanceof z.ZodObject ? patchObject(inner, `${path}.`) : inner;
  const optional = patched.nullable().optional();
  return help === undefined ? optional : optional.meta({ description: help });
}

function helpOf(field: z.ZodType): string | undefined {
  const help = field.meta()?.['help'];
  return typeof help === 'string' ? help : undefined;
}
