/** The members of the event's `data` that the rendered formats of the peers carry, as those of Tidegate do. */
export const CEF_PAIRS: ReadonlyArray<readonly [key: string, field: string]> = [
  ['rt', 'receivedAt'], ['start', 'occurredAt'], ['externalId', 'id'], ['deviceEventClassId', 'type'], ['outcome', 'outcome'], ['suser', 'actor!name'], ['suid', 'actor!id'], ['src', 'actor!ip'],
  ['duser', 'subject!name'], ['duid', 'subject!id'], ['dntdom', 'attributes!domain'], ['cs1', 'attributes!request'], ['cs2', 'attributes!template'], ['cs3', 'attributes!owner'], ['cs4', 'attributes!department'],
  ['cs5', 'attributes!location'], ['cs6', 'correlationId'], ['msg', 'message'],
];

export const SD_PARAMETERS: ReadonlyArray<readonly [key: string, field: string]> = [
  ['id', 'id'], ['type', 'type'], ['receivedAt', 'receivedAt'], ['outcome', 'outcome'], ['severity', 'severity'], ['actorKind', 'actor!kind'], ['actorId', 'actor!id'], ['actorName', 'actor!name'], ['actorIp', 'actor!ip'],
  ['subjectKind', 'subject!kind'], ['subjectId', 'subject!id'], ['subjectName', 'subject!name'], ['domain', 'attributes!domain'], ['request', 'attributes!request'], ['template', 'attributes!template'], ['owner', 'attributes!owner'],
  ['department', 'attributes!department'], ['costCenter', 'attributes!costCenter'], ['location', 'attributes!location'], ['correlationId', 'correlationId'],
];
