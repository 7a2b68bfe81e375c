import { Schema } from 'mongoose';
import type { Evidence } from '../../contracts/transport.js';
import { parseServerUrl, type IntegrationSettings } from '../../model/integration.js';

/** The rung of the evidence ladder that an integration's transport and receiver were found to reach. Kept beside the status of engines, which come and go. */
export interface ReachDocument {
  /** The integration's id. */
  _id: string;
  rung: Evidence;
  foundBy: 'test' | 'stream';
  /** What it was found of: with other settings it says nothing. */
  way: string;
  /** Since when no other rung was found of it, and when it was found last. */
  since: Date;
  at: Date;
}

/** All of the settings that decide which rung can be reached; equal texts for equal ways. */
export function wayOf({ protocol, serverUrl, port, connection }: Pick<IntegrationSettings, 'protocol' | 'serverUrl' | 'port' | 'connection'>): string {
  const url = parseServerUrl(serverUrl);
  const asked = protocol === 'tcp' || protocol === 'tls' ? (connection.sealIntervalMs === 0 ? 'unsealed' : 'sealed') : protocol === 'splunk-hec' ? (connection.splunk?.ack ? 'acknowledged' : 'answered') : '';
  return [protocol, url?.scheme ?? '', (url?.host ?? serverUrl).toLowerCase(), port, asked].join('|');
}

const A_YEAR_SECONDS = 366 * 86_400;

export const reachSchema = new Schema<ReachDocument>(
  { _id: String, rung: { type: String, required: true }, foundBy: { type: String, required: true }, way: { type: String, required: true }, since: { type: Date, required: true }, at: { type: Date, required: true } },
  { collection: 'integration_reach', versionKey: false },
);
reachSchema.index({ at: 1 }, { expireAfterSeconds: A_YEAR_SECONDS });
