import { z } from 'zod';
import { connectionSection, FRAMINGS, HEADER_STYLES, httpSection, OUTPUT_TYPES, outputSection, filterSection, PROTOCOLS, tlsSection } from '../../model/integration.js';
import type { ProblemItem } from '../../platform/http/problem.js';
import type { OpenedIntegration } from './integration-secrets.js';
import { settingsWarnings } from './integration-rules.js';
import { statusView, type StatusView } from './integration-status.js';
import { pointerOfPath, SEALED, textAt, valueAt, withValue } from './sealed-fields.js';
import { summariesOf } from './tls-material.js';

/** How an integration is shown. A secret is `{"set": true}`, a certificate also says what it is; sent back like that, either stays as it is. */

const certificateView = z.object({ subject: z.string(), issuer: z.string(), validFrom: z.iso.datetime(), validTo: z.iso.datetime(), fingerprint: z.string() });
const shownSecret = z.object({ set: z.boolean(), readable: z.boolean().optional() });
const shownCertificates = shownSecret.extend({ certificates: z.array(certificateView) });
export const problemItem = z.object({ pointer: z.string(), message: z.string() });

export const integrationView = z.object({
  id: z.string(),
  version: z.int().meta({ description: 'Grows by one with each change; also the ETag.' }),
  name: z.string(),
  enginePool: z.string(),
  serverUrl: z.string(),
  port: z.int(),
  protocol: z.enum(PROTOCOLS),
  framing: z.enum(FRAMINGS),
  outputType: z.enum(OUTPUT_TYPES),
  header: z.enum(HEADER_STYLES),
  enabled: z.boolean(),
  connection: connectionSection.extend({
    http: httpSection.omit({ password: true, token: true, signatureSecret: true }).extend({ password: shownSecret, token: shownSecret, signatureSecret: shownSecret }),
    tls: tlsSection.omit({ ca: true, certificate: true, key: true }).extend({ ca: shownCertificates, certificate: shownCertificates, key: shownSecret }),
  }),
  output: outputSection.extend({ hashKey: shownSecret }),
  filter: filterSection,
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
  warnings: z.array(problemItem).meta({ description: 'What is accepted and yet worth a word: no verification, certificates that expire, secrets that cannot be read.' }),
  status: statusView,
});
export type IntegrationView = z.output<typeof integrationView>;

export const listView = z.object({
  items: z.array(integrationView),
  page: z.int(),
  pageSize: z.int(),
  pages: z.int(),
  total: z.int().meta({ description: 'How many match search term and filter.' }),
  totals: z.object({ all: z.int(), enabled: z.int(), disabled: z.int() }).meta({ description: 'How many match the search term, by filter.' }),
});
export type ListView = z.output<typeof listView>;

export function viewOf(opened: OpenedIntegration, status: StatusView, now: number): IntegrationView {
  const { document, settings, unreadable } = opened;
  const unreadableSecrets: ProblemItem[] = [...unreadable].map(([path, message]) => ({ pointer: pointerOfPath(path), message }));
  return {
    id: document._id,
    version: document.version,
    ...shownSettings(opened),
    createdAt: document.createdAt.toISOString(),
    updatedAt: document.updatedAt.toISOString(),
    warnings: [...unreadableSecrets, ...settingsWarnings(settings, now)],
    status,
  };
}

type ShownSettings = Omit<IntegrationView, 'id' | 'version' | 'createdAt' | 'updatedAt' | 'warnings' | 'status'>;

/** Every sealed field in its shown form; a spec holds this against the schema of the view. */
function shownSettings({ document, settings, unreadable }: OpenedIntegration): ShownSettings {
  const shown = SEALED.reduce<object>((view, { path, kind }) => {
    const state = { set: valueAt(document, path) !== undefined, ...(unreadable.has(path) ? { readable: false } : {}) };
    return withValue(view, path, kind === 'certificates' ? { ...state, certificates: summariesOf(textAt(settings, path) ?? '') } : state);
  }, settings);
  return shown as ShownSettings;
}
