import { SecretUnreadable, type Secrets } from '../../contracts/secrets.js';
import { SEALED_CHANNEL_FIELDS, type ChannelSettings, type ChannelType } from './channel-settings.js';
import type { ChannelDocument } from './notification-channel.schema.js';

export interface OpenedChannel {
  document: ChannelDocument;
  /** Secrets in clear; those that cannot be read are absent. */
  settings: ChannelSettings;
  /** Sealed fields that cannot be read, with the reason. */
  unreadable: Map<string, string>;
}

type Section = Record<string, unknown>;

/** Binds a sealed text to its place: copied to another channel or field it does not open. */
export function channelSecretContext(id: string, field: string): string {
  return `notification-channel:${id}:${field}`;
}

/** Never throws for data. */
export function openChannel(document: ChannelDocument, secrets: Secrets): OpenedChannel {
  const section: Section = { ...document.section };
  const unreadable = new Map<string, string>();
  for (const field of sealedFields(document.type)) {
    const sealed = section[field];
    if (typeof sealed !== 'string') continue;
    try {
      section[field] = secrets.open(sealed, channelSecretContext(document._id, field));
    } catch (error) {
      if (!(error instanceof SecretUnreadable)) throw error;
      unreadable.set(field, error.message);
      delete section[field];
    }
  }
  const { name, enabled, kinds, leastSeverity, type } = document;
  return { document, unreadable, settings: { name, enabled, kinds, leastSeverity, type, section } as ChannelSettings };
}

/** The section as it is stored. A secret that did not change keeps its sealed text, so an unreadable one stays until it is set again or cleared. */
export function sealSection(id: string, settings: ChannelSettings, secrets: Secrets, before: OpenedChannel | null, cleared: ReadonlySet<string>): ChannelSettings['section'] {
  const section: Section = { ...settings.section };
  const stored: Section = { ...before?.document.section };
  const opened: Section = { ...before?.settings.section };
  for (const field of sealedFields(settings.type)) {
    const plain = section[field];
    if (before && !cleared.has(field) && plain === opened[field] && stored[field] !== undefined) section[field] = stored[field];
    else if (typeof plain === 'string') section[field] = secrets.seal(plain, channelSecretContext(id, field));
    else delete section[field];
  }
  return section as ChannelSettings['section'];
}

export function sealedFields(type: ChannelType): readonly string[] {
  return SEALED_CHANNEL_FIELDS[type];
}
