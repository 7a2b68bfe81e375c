import type { Renderer } from '../../contracts/format.js';
import type { AuditEvent } from '../../model/audit-event.js';
import { formatFor } from '../formats/index.js';
import type { DeliveryPath } from './delivery-path.js';
import type { EventBatch } from './event-batch.js';
import { renderView } from './event-mask.js';

/** What of an event that cannot be sent is kept for a person, as the integration may see it. */
export interface EventForm {
  /** Null when it cannot be told what the integration may see. */
  event: AuditEvent | null;
  /** The message without framing and envelope, the parts of a split event one a line; null where it cannot be rendered at all. */
  rendered: string | null;
}

/** The settings count as they are now: of the failure, not of the time when somebody looks. */
export function formOf({ view, renderer, shape }: Pick<DeliveryPath, 'view' | 'renderer' | 'shape'>, batch: EventBatch, index: number): EventForm {
  const sequence = batch.sequence(index);
  try {
    const event = batch.event(index);
    const seen = view ? view(event) : event;
    // One that was refused for its size is shown in full: the limit would leave nothing of it.
    const unlimited: Renderer = { render: (...args) => renderView(formatFor(shape.format.outputType).compile({ ...shape.format, maxBytes: Number.MAX_SAFE_INTEGER }), view).render(...args) };
    return { event: seen, rendered: textOf(renderer, event, sequence) ?? textOf(unlimited, event, sequence) };
  } catch {
    return { event: null, rendered: null };
  }
}

function textOf(renderer: Renderer, event: AuditEvent, sequence: string): string | null {
  try {
    const rendered = renderer.render(event, sequence);
    return rendered.type === 'reject' ? null : rendered.type === 'parts' ? rendered.texts.join('\n') : rendered.text;
  } catch {
    return null;
  }
}
