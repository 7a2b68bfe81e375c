import type { JsonRoom } from '../shared/json-record.js';

const NEVER_CUT = Number.POSITIVE_INFINITY;
/** What a class requires is cut to this at the least, never left out. */
const LEAST = 24;

/** What goes first beyond the message limit. Captions can be told from their numbers; `unmapped` is beyond the schema; ids and required members stay. */
export const OCSF_ROOM: JsonRoom = {
  cutOrder: [
    ...['class_name', 'category_name', 'type_name', 'severity', 'status'].map((name) => ({ path: [name], floorOctets: NEVER_CUT })),
    { path: ['unmapped', 'objects'], floorOctets: 200 },
    { path: ['unmapped', 'attributes'], floorOctets: 200 },
    { path: ['unmapped', 'changes'], floorOctets: 200 },
    { path: ['unmapped', 'subject'], floorOctets: 190 },
    { path: ['unmapped', 'actor'], floorOctets: 190 },
    { path: ['metadata', 'original_time'], floorOctets: NEVER_CUT },
    { path: ['metadata', 'logged_time'], floorOctets: NEVER_CUT },
    { path: ['metadata', 'tenant_uid'], floorOctets: 66 },
    { path: ['status_code'], floorOctets: 66 },
    { path: ['status_detail'], floorOctets: 66 },
    { path: ['message'], floorOctets: 130 },
    { path: ['metadata', 'correlation_uid'], floorOctets: 66 },
    { path: ['privileges'], floorOctets: 66, leastOctets: LEAST },
    { path: ['service', 'name'], floorOctets: 66, leastOctets: LEAST },
    { path: ['api', 'operation'], floorOctets: 66, leastOctets: LEAST },
    { path: ['src_endpoint', 'name'], floorOctets: 66, leastOctets: LEAST },
    { path: ['actor', 'app_name'], floorOctets: 66, leastOctets: LEAST },
    { path: ['actor', 'app_uid'], floorOctets: 66, leastOctets: LEAST },
    { path: ['actor', 'user', 'name'], floorOctets: 66, leastOctets: LEAST },
    { path: ['actor', 'user', 'uid'], floorOctets: 66, leastOctets: LEAST },
    ...[['user', 'domain'], ['user', 'type'], ['user', 'name'], ['user', 'uid'], ['group', 'name'], ['group', 'uid'], ['entity', 'type'], ['entity', 'name'], ['entity', 'uid']].map((path) => ({ path, floorOctets: 66, leastOctets: LEAST })),
  ],
  truncated: ['unmapped', 'truncated'],
  // Each part is an event of its class: what the class requires stands in all of them.
  spread: [
    { path: ['message'] }, { path: ['status_detail'] }, { path: ['status_code'] }, { path: ['unmapped', 'subject'] }, { path: ['unmapped', 'actor'] }, { path: ['unmapped', 'changes'] },
    { path: ['unmapped', 'attributes'], byMember: true }, { path: ['unmapped', 'objects'] },
  ],
  part: { number: ['unmapped', 'part'], of: ['unmapped', 'parts'] },
};
