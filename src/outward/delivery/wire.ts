import type { Wire } from '../../contracts/transport.js';
import type { AuditEvent } from '../../model/audit-event.js';
import type { IntegrationSettings } from '../../model/integration.js';
import { transportFor } from '../transports/index.js';
import { frame, wiredTexts, type Shape } from './shape.js';
import { targetOf } from './target.js';

/** What really leaves of one rendered event: framing, envelope, and what its transport puts around (RELP commands, the body of a request). */
export type WireOf = (texts: readonly string[], event: AuditEvent, sequence: string | null) => Wire;

/** @throws Error as `targetOf` */
export function compileWire(settings: IntegrationSettings, shape: Pick<Shape, 'envelope'>): WireOf {
  const transport = transportFor(settings.protocol);
  const target = targetOf(settings);
  return (texts, event, sequence) => {
    const messages = wiredTexts(shape, texts, event, sequence).map((text) => frame(text, settings.framing, settings.protocol));
    return transport.wire?.(target, messages) ?? { octets: Buffer.concat(messages) };
  };
}
