import { eventTypeOf, type EventType } from '../../../model/event-types.js';

/** The catalogue's entry of a type; a type that a later release wrote into the log is sent all the same. */
export function knownType(id: string): EventType {
  return eventTypeOf(id) ?? { id, name: 'Event', group: 'audit', cefId: 1000, severity: 0, template: '', subjectKind: '', attributes: [], required: [], reserved: false, description: '' };
}

/** What a format compiles once a type and keeps; bounded, since types of audit records are made by their objects and verbs. */
export class TypeCache<Compiled> {
  private readonly compiled = new Map<string, Compiled>();

  constructor(private readonly compile: (type: EventType) => Compiled) {}

  get(id: string): Compiled {
    const known = this.compiled.get(id);
    if (known !== undefined) return known;
    const made = this.compile(knownType(id));
    if (this.compiled.size >= TYPES_KEPT) this.compiled.clear();
    this.compiled.set(id, made);
    return made;
  }
}

const TYPES_KEPT = 2000;
