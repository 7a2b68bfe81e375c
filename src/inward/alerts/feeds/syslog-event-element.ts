import type { LogEventDocument } from './log-event.schema.js';

/** What has no meaning here and is there for the shape (inbound contract, 2.2). */
const CONSTANTS = {
  assignedScope: null, assignedScopePath: null, attributeMetaData: null, description: null, lock: null, lockInfo: null, name: null, originalXml: null, owner: null, pendingWorkflow: null, signOffs: null, uid: null,
  autoCreated: false, dirty: false, disabled: false, immutable: false, locked: false, nameUnique: false, refreshedExistingLock: false, xml: false,
  auditClassName: 'SyslogEvent', referenceClass: 'sailpoint.object.SyslogEvent', referenceName: null, uniqueKeyProperties: ['created', 'server', 'classname'], persisted: true,
} as const;

/** An element of the syslog-events feed: the 38 keys of the contract. */
export type SyslogEventElement = typeof CONSTANTS & {
  id: string;
  created: number;
  modified: null;
  /** Sequence number, 10 digits. */
  quickKey: string;
  server: string;
  eventLevel: string;
  classname: string;
  lineNumber: string;
  message: string;
  thread: string;
  username: string;
  stacktrace: string;
  referenceId: string;
};

/** Pure. `classname` is the part of the service that spoke; `lineNumber` that of the first frame of the stack. */
export function syslogEventElement(event: LogEventDocument): SyslogEventElement {
  const facts = event.facts === '{}' ? '' : ` ${event.facts}`;
  return {
    ...CONSTANTS,
    id: event._id,
    created: event.feedCreated ?? 0,
    modified: null,
    quickKey: String(event.feedNumber ?? 0).padStart(10, '0'),
    server: event.server,
    eventLevel: event.eventLevel,
    classname: event.part === '' ? 'tidegate' : `tidegate.${event.part}`,
    lineNumber: /:(\d+):\d+\)?$/m.exec(event.stacktrace ?? '')?.[1] ?? '',
    message: `${event.message}${facts}`,
    thread: event.thread,
    username: event.username,
    stacktrace: event.stacktrace ?? '',
    referenceId: event._id,
  };
}
