import { z } from 'zod';
import type { ProblemItem } from '../http/problem.js';
import { problemItems } from '../http/zod.pipe.js';
import { sealedFields, type OpenedChannel } from './channel-secrets.js';
import { CHANNEL_TYPES, generalFields, mailSection, SEALED_CHANNEL_FIELDS, webhookSection, type ChannelSettings, type ChannelType } from './channel-settings.js';

/** What administrators send: a merge patch (RFC 7396). Secrets take a text, null, or what was shown (`{"set": true}`), which leaves them as they are. */

const SECTIONS = { mail: mailSection, webhook: webhookSection };
const version = z.int().min(1).optional().meta({ description: 'The version that was read; when another one is stored by now the answer is 409. The same as If-Match, which answers 412.' });
const sections = { mail: patchObject('mail').optional(), webhook: patchObject('webhook').optional() };
const general = {
  name: generalFields.name.optional(),
  enabled: generalFields.enabled.unwrap().nullable().optional().meta({ description: 'Whether notifications are sent to it.' }),
  kinds: generalFields.kinds.unwrap().nullable().optional().meta({ description: 'What it is told; empty: everything.' }),
  leastSeverity: generalFields.leastSeverity.unwrap().nullable().optional().meta({ description: 'What matters less is not sent to it.' }),
};

export const createBody = z.strictObject({ ...general, name: generalFields.name, type: z.enum(CHANNEL_TYPES).meta({ description: 'Cannot be changed later.' }), ...sections });
export const patchBody = z.strictObject({ ...general, ...sections, version });
export type CreateBody = z.output<typeof createBody>;
export type ChannelPatch = Omit<z.output<typeof patchBody>, 'version'>;

export type ChannelMerge = { type: 'merged'; settings: ChannelSettings; cleared: Set<string> } | { type: 'faults'; faults: ProblemItem[] };

/** The settings after a change; `before` is null for a new channel. */
export function mergeChannel(type: ChannelType, patch: ChannelPatch, before: OpenedChannel | null): ChannelMerge {
  const other = type === 'mail' ? 'webhook' : 'mail';
  if (patch[other] !== undefined) return faulty(`/${other}`, `this is a ${type} channel; give the section "${type}"`);
  const sent = (patch[type] ?? {});
  const section: Record<string, unknown> = { ...before?.settings.section };
  const cleared = new Set<string>();
  for (const [field, value] of Object.entries(sent)) {
    if (value === undefined) continue;
    if (value === null) {
      delete section[field];
      if (isSealed(type, field)) cleared.add(field);
    } else if (isSealed(type, field) && typeof value === 'object') {
      if (before === null) return faulty(`/${type}/${field}`, 'is how a stored secret is shown; a new channel needs the text itself');
    } else section[field] = value;
  }
  const checked = SECTIONS[type].safeParse(section);
  if (!checked.success) return { type: 'faults', faults: problemItems(checked.error).map((item) => ({ ...item, pointer: `/${type}${item.pointer}` })) };
  const { name = before?.settings.name, enabled, kinds, leastSeverity } = patch;
  const merged = {
    name, type, section: checked.data,
    enabled: enabled === undefined ? (before?.settings.enabled ?? true) : (enabled ?? true),
    kinds: [...new Set(kinds === undefined ? (before?.settings.kinds ?? []) : (kinds ?? []))],
    leastSeverity: leastSeverity === undefined ? (before?.settings.leastSeverity ?? 'info') : (leastSeverity ?? 'info'),
  } as ChannelSettings;
  const faults = [...togetherFaults(merged, before, cleared), ...movedSecretFaults(merged, before, sent, cleared)];
  return faults.length > 0 ? { type: 'faults', faults } : { type: 'merged', settings: merged, cleared };
}

function togetherFaults(settings: ChannelSettings, before: OpenedChannel | null, cleared: ReadonlySet<string>): ProblemItem[] {
  const has = (field: string) => (settings.section as Record<string, unknown>)[field] !== undefined || (before?.unreadable.has(field) === true && !cleared.has(field));
  switch (settings.type) {
    case 'mail':
      if (has('password') && settings.section.user === undefined) return [{ pointer: '/mail/user', message: 'is missing while a password is set' }];
      return settings.section.user !== undefined && !has('password') ? [{ pointer: '/mail/password', message: 'is missing while a user is set' }] : [];
    case 'webhook':
      if (has('headerValue') && settings.section.headerName === undefined) return [{ pointer: '/webhook/headerName', message: 'is missing while headerValue is set' }];
      return settings.section.headerName !== undefined && !has('headerValue') ? [{ pointer: '/webhook/headerValue', message: 'is missing while headerName is set' }] : [];
  }
}

/** A stored password or token goes to the receiver that it was given for, not to another one that somebody enters later. */
function movedSecretFaults(settings: ChannelSettings, before: OpenedChannel | null, sent: Record<string, unknown>, cleared: ReadonlySet<string>): ProblemItem[] {
  if (before === null || receiverOf(settings) === receiverOf(before.settings)) return [];
  const field = settings.type === 'mail' ? 'password' : 'headerValue';
  const stored = (before.document.section as Record<string, unknown>)[field] !== undefined;
  if (!stored || cleared.has(field) || typeof sent[field] === 'string') return [];
  return [{ pointer: `/${settings.type}/${field}`, message: 'must be given again (or null) when the receiver changes: the stored one was meant for another' }];
}

function receiverOf({ type, section }: ChannelSettings): string {
  return type === 'mail' ? `${section.host.toLowerCase()}:${section.port}:${section.tlsMode === 'none'}` : new URL(section.url).origin;
}

function isSealed(type: ChannelType, field: string): boolean {
  return sealedFields(type).includes(field);
}

function patchObject(type: ChannelType): z.ZodObject {
  const sealed: readonly string[] = SEALED_CHANNEL_FIELDS[type];
  return z.strictObject(Object.fromEntries(Object.entries(SECTIONS[type].shape as Record<string, z.ZodType>).map(([name, field]) => {
    const description = field.meta()?.description;
    // What a patch leaves out stays as it is, so it must not know defaults.
    const bare = field instanceof z.ZodDefault || field instanceof z.ZodOptional ? (field.unwrap() as z.ZodType) : field;
    const patched = sealed.includes(name) ? z.union([bare, z.object({ set: z.boolean() }), z.null()], { error: 'a text, null to remove it, or left out (or as shown) to keep it' }) : bare.nullable();
    return [name, patched.optional().meta({ ...(description === undefined ? {} : { description }), ...(sealed.includes(name) ? { writeOnly: true } : {}) })];
  })));
}

function faulty(pointer: string, message: string): ChannelMerge {
  return { type: 'faults', faults: [{ pointer, message }] };
}
