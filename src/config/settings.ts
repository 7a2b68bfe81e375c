import { z } from 'zod';

/**
 * Every setting of the service, written once. The path gives the environment variable: `http.port` is `TIDEGATE_HTTP_PORT`, `dataDir` is `TIDEGATE_DATA_DIR`.
 * `meta.help` becomes the comment in config/default.yaml and the row in docs/reference/settings.md; `meta.secret` is redacted wherever settings are printed.
 */
export const ROLES = ['api', 'engine', 'mitigation'] as const;

const bytes = (fallback: number, help: string) => z.int().min(1024).default(fallback).meta({ help });

const http = z.strictObject({
  host: z.string().default('127.0.0.1').meta({ help: 'Address to listen on. HTTP Basic works for every route only while this is a loopback address.' }),
  port: z.int().min(0).max(65535).default(3000).meta({ help: 'Port to listen on; 0 picks a free one.' }),
  basicAuth: z.enum(['loopback', 'everywhere']).default('loopback').meta({ help: 'Where HTTP Basic is accepted: `loopback` only while bound to a loopback address, `everywhere` also on other addresses (use TLS).' }),
  requestBytes: bytes(5_242_880, 'Largest request body in bytes, after decompression; over it 413.'),
  headersMs: z.int().min(1000).max(600_000).default(20_000).meta({ help: 'Longest time for the head of a request to arrive.' }),
  requestMs: z.int().min(1000).max(3_600_000).default(120_000).meta({ help: 'Longest time for a whole request to arrive.' }),
  keepAliveMs: z.int().min(0).max(600_000).default(65_000).meta({ help: 'How long an idle connection is kept open for the next request; longer than that of a proxy in front.' }),
  stopGraceMs: z.int().min(0).max(120_000).default(10_000).meta({ help: 'How long a stop waits for open requests before their connections are cut.' }),
  trustedProxies: z.array(z.string().min(1)).default([]).meta({ help: 'Addresses or CIDRs of proxies whose X-Forwarded-For is believed; empty believes none.' }),
});
const access = z.strictObject({
  credentialCacheMs: z.int().min(0).max(3_600_000).default(300_000).meta({ help: 'How long a verified password is remembered in memory (as a keyed digest), so that Basic on every request stays cheap; 0 hashes on every request.' }),
  credentialRecheckMs: z.int().min(0).max(60_000).default(5000).meta({ help: 'How soon a change of a user by another process takes hold here.' }),
  failuresBeforeDelay: z.int().min(1).max(1000).default(5).meta({ help: 'Failed logins of one name from one address before the next try must wait.' }),
  delayInitialMs: z.int().min(100).max(3_600_000).default(1000).meta({ help: 'First wait after too many failed logins; doubles with each further failure.' }),
  delayMaxMs: z.int().min(100).max(86_400_000).default(300_000).meta({ help: 'Longest wait after failed logins.' }),
  tokenLifetimeMs: z.int().min(1000).max(2_592_000_000).default(3_600_000).meta({ help: 'How long a bearer token from oauth2/token is good for.' }),
  auditedRefusalsPerMinute: z.int().min(1).max(10_000).default(60).meta({ help: 'Failed logins and denied requests that become an audit record of their own in a minute; the rest is counted in one record.' }),
});
const tls = z.strictObject({
  cert: z.string().optional().meta({ help: 'Path of the PEM certificate (chain) for the HTTP listener; with tls.key it serves HTTPS.' }),
  key: z.string().optional().meta({ help: 'Path of the PEM private key for the HTTP listener.' }),
});
const intake = z.strictObject({
  batchItems: z.int().min(1).max(100_000).default(1000).meta({ help: 'Most events in one request; over it 413.' }),
  eventBytes: bytes(262_144, 'Largest single event in bytes of JSON; over it 413.'),
  depth: z.int().min(4).max(100).default(16).meta({ help: 'Deepest nesting of objects and lists in an event; over it 413.' }),
  futureHours: z.number().min(0).max(8784).default(24).meta({ help: 'How far ahead of our clock the time of an event may lie; beyond it the event is refused.' }),
  duplicateWindowHours: z.number().min(0.01).max(720).default(24).meta({ help: 'How long (producer, source, id) is remembered so that a resend is harmless.' }),
  threadBytes: z.int().min(0).default(65_536).meta({ help: 'Requests of so many bytes and more are checked in a thread of their own, where there is more than one core; 0 uses none.' }),
  threadIdleMs: z.int().min(10).max(3_600_000).default(30_000).meta({ help: 'That thread ends, and gives back its memory, when nothing came for so long.' }),
  maskedNames: z.array(z.string()).default(['password', 'passwd', 'pwd', 'passphrase', 'secret', 'token', 'credential', 'credentials', 'authorization', 'apikey', 'privatekey', 'cookie', 'pin', 'otp'])
    .meta({ help: 'Values under names that hold one of these words are masked before they are stored.' }),
});
const eventLog = z.strictObject({
  partitions: z.int().min(1).max(256).default(4).meta({ help: 'Partitions of a new embedded event log. Fixed once the log exists.' }),
  retentionHours: z.number().min(0.01).max(8784).default(168).meta({ help: 'Events older than this are removed, read or not.' }),
  retentionBytes: z.int().min(1_048_576).default(10_737_418_240).meta({ help: 'Beyond this many stored bytes the oldest events are removed.' }),
  fullBytes: z.int().min(1_048_576).default(12_884_901_888).meta({ help: 'Beyond this many stored bytes producers get 503 until retention made room.' }),
  minFreeDiskBytes: z.int().min(0).default(268_435_456).meta({ help: 'With less free disk than this producers get 503.' }),
  retentionIntervalMs: z.int().min(100).max(3_600_000).default(10_000).meta({ help: 'How often the embedded event log looks for what its retention removes, in milliseconds.' }),
  poolLeaseMs: z.int().min(300).max(600_000).default(10_000).meta({ help: 'How long an engine process that stopped answering keeps its pool on the embedded event log, in milliseconds.' }),
});
const kafka = z.strictObject({
  brokers: z.array(z.string()).default([]).meta({ help: 'Apache Kafka brokers as host:port, comma separated; empty uses the embedded event log.' }),
  topic: z.string().regex(/^[A-Za-z0-9._-]{1,249}$/).default('tidegate.events').meta({ help: 'Topic of the events; made when missing.' }),
  partitions: z.int().min(1).max(1000).default(12).meta({ help: 'Partitions of the topic. A topic that exists must have as many.' }),
  replicationFactor: z.int().min(1).max(9).default(3).meta({ help: 'Copies of the topic when it is made; 1 on a single broker.' }),
  minInSyncReplicas: z.int().min(1).max(9).default(2).meta({ help: 'Copies that must have an event before it counts as durable; 1 on a single broker.' }),
  compression: z.enum(['gzip', 'none']).default('gzip').meta({ help: 'Compression of what is written to the topic.' }),
  clientId: z.string().min(1).max(200).default('tidegate').meta({ help: 'Name of this client in the brokers\' logs and quotas.' }),
  tls: z.strictObject({
    enabled: z.boolean().default(false).meta({ help: 'Connect to the brokers with TLS.' }),
    caFile: z.string().optional().meta({ help: 'Path of the PEM certificates that brokers are verified against; those of the system when empty.' }),
    certFile: z.string().optional().meta({ help: 'Path of the PEM client certificate for the brokers.' }),
    keyFile: z.string().optional().meta({ help: 'Path of the PEM private key of the client certificate.' }),
  }).prefault({}),
  sasl: z.strictObject({
    mechanism: z.enum(['none', 'plain', 'scram-sha-256', 'scram-sha-512']).default('none').meta({ help: 'How to log in to the brokers.' }),
    username: z.string().default('').meta({ help: 'User for SASL.' }),
    password: z.string().default('').meta({ help: 'Password for SASL.', secret: true }),
  }).prefault({}),
  sessionTimeoutMs: z.int().min(1000).max(300_000).default(10_000).meta({ help: 'How long an engine that stopped answering keeps its partitions; the brokers take 6000 at least by default.' }),
  appendTimeoutMs: z.int().min(100).max(120_000).default(10_000).meta({ help: 'How long producers wait for Kafka before they get 503.' }),
});
const mongodb = z.strictObject({
  uri: z.string().default('').meta({ help: 'MongoDB connection string; empty uses the embedded document store.', secret: true }),
});
const documents = z.strictObject({
  memoryBytes: bytes(67_108_864, 'Bytes that one sort or aggregation of the embedded document store may hold in memory; over it the query is refused.'),
  expiryIntervalMs: z.int().min(100).max(3_600_000).default(60_000).meta({ help: 'How often the embedded document store removes documents whose time is over.' }),
  cursorIdleMs: z.int().min(1000).max(86_400_000).default(600_000).meta({ help: 'A result of the embedded document store that nobody reads on is forgotten after this.' }),
});
const engine = z.strictObject({
  pool: z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/).default('default').meta({ help: 'The pool that this process delivers for.' }),
  id: z.string().regex(/^[A-Za-z0-9._-]{1,60}$/).optional().meta({ help: 'Name of this engine; host name, process id and a random part when empty.' }),
  queueBytes: bytes(2_097_152, 'Events that wait in memory for one integration, in bytes; beyond it the integration reads for itself from its cursor.'),
  inFlightBytes: bytes(536_870_912, 'Bytes handed to a receiver that are not yet known to be safe.'),
  batchBytes: bytes(524_288, 'Bytes read from a partition in one go.'),
  batchEvents: z.int().min(1).max(10_000).default(500).meta({ help: 'Events read from a partition in one go.' }),
  commitIntervalMs: z.int().min(50).max(60_000).default(1000).meta({ help: 'How often cursors are saved; one that only passed events which its integration does not want is saved 30 times less often, and at least every 30 seconds.' }),
  heartbeatMs: z.int().min(50).max(10_000).default(1000).meta({ help: 'How often an engine looks for changed integrations, writes its heartbeat and the status of its integrations.' }),
  faultRetryMs: z.int().min(100).max(3_600_000).default(30_000).meta({ help: 'First wait between two tries while a person must act (certificate, refused credentials, settings); doubles up to engine.faultRetryMaxMs.' }),
  faultRetryMaxMs: z.int().min(100).max(86_400_000).default(600_000).meta({ help: 'Longest wait between two tries while a person must act. A change of the settings is tried at once.' }),
  watchIntervalMs: z.int().min(100).max(3_600_000).default(60_000).meta({ help: 'How often it is looked whether an integration failed for so long that it is disabled (connection.disableAfterHours of the integration), and whether one is about to fall out of retention.' }),
  retentionWarningHours: z.number().min(0.001).max(8784).default(24).meta({ help: 'Administrators are told of events that wait for an integration so many hours before retention removes them; at most half of the retention, so that what is young is none of it.' }),
  stopGraceMs: z.int().min(0).max(120_000).default(5000).meta({ help: 'How long a stop waits for open deliveries.' }),
  testTimeoutMs: z.int().min(1000).max(120_000).default(20_000).meta({ help: 'Longest time for the Test button.' }),
});
const evidence = z.strictObject({
  ledgerDays: z.number().min(0.01).max(3660).default(30).meta({ help: 'How long the delivery ledger remembers what became of each run of events.' }),
  replayEventsPerSecond: z.int().min(1).max(1_000_000).default(500).meta({ help: 'Most events a second that one replay sends, unless the request says otherwise.' }),
  deadLetterDays: z.number().min(0.01).max(3660).default(90).meta({ help: 'Dead letters older than this are removed, replayed or not; how many is recorded.' }),
  deadLetterBytes: z.int().min(256).max(1_048_576).default(16_384).meta({ help: 'Most octets of a dead letter\'s message, and of its event, that are kept to be shown; what is longer is cut and says so.' }),
  heartbeatLookMs: z.int().min(100).max(60_000).default(5000).meta({ help: 'How often it is looked whose heartbeat is due.' }),
  lookupMs: z.int().min(100).max(60_000).default(3000).meta({ help: 'Longest time for one step of a look-up that has to search the event log for an id.' }),
});
const network = z.strictObject({
  denyCidrs: z.array(z.string()).default(['169.254.169.254/32', 'fd00:ec2::254/128']).meta({ help: 'Addresses that outgoing connections may never reach (cloud metadata services by default).' }),
  connectionsPerSecond: z.int().min(0).max(10_000).default(4).meta({ help: 'Most connections that this process begins within a second to one destination (host and port), all integrations together; further ones wait their turn. UDP makes none. 0 sets no limit.' }),
});
const audit = z.strictObject({
  relayIntervalMs: z.int().min(50).max(60_000).default(1000).meta({ help: 'How often audit records that other processes left are looked for; own ones are relayed at once.' }),
  relayBatchRecords: z.int().min(1).max(5000).default(200).meta({ help: 'Audit records that are moved or handed to the event log in one go.' }),
  retentionDays: z.number().min(1).max(36_500).default(400).meta({ help: 'Audit records older than this are removed; never one that did not become an event yet. The audit-events feed shows the last siem.feedRetentionDays of them.' }),
  removedGraceHours: z.number().min(0).max(8784).default(24).meta({ help: 'How long a removed document is kept as a mark, so that engines that were away see that it is gone.' }),
});
const jobs = z.strictObject({
  historyDays: z.number().min(0.01).max(3660).default(30).meta({ help: 'Records of job runs older than this are removed.' }),
  stopGraceMs: z.int().min(0).max(120_000).default(5000).meta({ help: 'How long a stop waits for running jobs.' }),
});
const notify = z.strictObject({
  intervalMs: z.int().min(50).max(3_600_000).default(5000).meta({ help: 'How often notifications that other processes left, or that are to be tried again, are looked for; own ones are sent at once.' }),
  timeoutMs: z.int().min(500).max(300_000).default(20_000).meta({ help: 'Longest time for one message to one notification channel, from the name look-up to the answer.' }),
  retryInitialMs: z.int().min(10).max(3_600_000).default(10_000).meta({ help: 'First wait before a notification is tried again; doubles with each further failure of its channel.' }),
  retryMaxMs: z.int().min(10).max(86_400_000).default(900_000).meta({ help: 'Longest wait between two tries of a notification; also the wait while a person must act (login, certificate, address).' }),
  giveUpHours: z.number().min(0.0001).max(8784).default(24).meta({ help: 'A notification that a channel did not take for so long is given up there; state and reason are kept and audited.' }),
  mergeWindowMs: z.int().min(0).max(86_400_000).default(300_000).meta({ help: 'After a notification, equal ones (same kind, same subject) wait until this is over and are told as one, with their count; 0 never merges.' }),
  mergeBurst: z.int().min(1).max(10_000).default(20).meta({ help: 'After so many notifications of one kind within the merge window, further ones about whatever subject wait for its end and are told as one.' }),
  retentionDays: z.number().min(0.001).max(3660).default(30).meta({ help: 'Notifications that are settled are kept so long; for as long the same one is not told again.' }),
});
const directory = z.strictObject({
  importRows: z.int().min(1).max(1_000_000).default(50_000).meta({ help: 'Most records in one import request; over it 413.' }),
  importRefusals: z.int().min(1).max(100_000).default(1000).meta({ help: 'Refused records that the report of an import lists; all are counted.' }),
  auditImportedRecords: z.boolean().default(false).meta({ help: 'Audit each record that an import changes by itself, beside the record of the whole import.' }),
  removedAccountDays: z.number().min(1).max(36_500).default(400).meta({ help: 'How long an account that was removed in its application is kept for the history.' }),
});
const log = z.strictObject({
  level: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info').meta({ help: 'Least level of the service log.' }),
  levels: z.array(z.string().regex(/^[a-z0-9.-]{1,60}=(debug|info|warn|error|silent)$/)).default([]).meta({ help: 'Levels of single parts as part=level, for example engine=debug; a part covers the parts below it. PUT /api/v1/log-levels changes them while it runs, in every process.' }),
});
const memory = z.strictObject({
  restGrowthPercent: z.int().min(0).max(400).default(20).meta({ help: 'How far the heap may grow past what lives in it before it is tidied, while the process has time to spare; 0 leaves it to V8, which lets it grow to two to four times as much.' }),
  busyPercent: z.int().min(1).max(100).default(90).meta({ help: 'While the event loop is busy for more of the time than this, V8 chooses: tidying less often costs less CPU.' }),
});
const metrics = z.strictObject({
  public: z.boolean().default(false).meta({ help: 'Serve /metrics to everybody who reaches the listener; else it needs the right status:read.' }),
});

const siem = z.strictObject({
  basePath: z.string().regex(/^(\/[A-Za-z0-9._~-]+)+$/).default('/identityiq/plugin/rest/SIEMPlugin').meta({ help: 'Path at which a SIEM posts alerts and reads events, as in its present configuration; also served as /plugin/rest/SIEMPlugin. Token and task results lie beside it (/identityiq/oauth2/token).' }),
  legacyErrorStatus: z.boolean().default(false).meta({ help: 'Answer "success" as the status in the body of a 400, as the original plugin does, instead of "error".' }),
  parameterErrors: z.enum(['ok', 'bad-request']).default('ok').meta({ help: 'HTTP status of parameter errors of the two event feeds: `ok` answers 200 with {code, message, details} as the original plugin does, `bad-request` answers 400 with the same body.' }),
  feedIntervalMs: z.int().min(100).max(600_000).default(10_000).meta({ help: 'How often new audit records and log events get their place in the feeds when nobody asks; a request does it too.' }),
  feedRetentionDays: z.number().min(0.01).max(3660).default(90).meta({ help: 'Retention of the two event feeds: audit events and events of the service log (warn and above) older than this leave them. The audit records themselves are kept for audit.retentionDays.' }),
  logEvents: z.int().min(100).max(10_000_000).default(100_000).meta({ help: 'Most events of the service log that are kept for the syslog-events feed, however young; the oldest go first.' }),
  logQueueEvents: z.int().min(10).max(100_000).default(1000).meta({ help: 'Events of the service log that wait in memory to be stored; beyond it they are counted and left out of the feed (never out of the log itself).' }),
});
/** What administrators may change while the service runs (PATCH /api/v1/settings/mitigation); the file and the environment give the defaults. */
export const mitigationFields = {
  prioritizeByLevel: z.boolean().default(true).meta({ help: 'Prioritize By Level: act on high alerts first, then medium, then low; off: in the order they came.' }),
  purgeByDays: z.int().min(0).max(36_500).default(0).meta({ help: 'Purge By Days: closed alerts are removed so many days after they were closed; 0 never. An open alert is never removed.' }),
  deferProvisioning: z.boolean().default(false).meta({ help: 'Defer Provisioning: hand alerts to the workflow instead of acting directly. use_workflow of an alert overrides it.' }),
  provisioningWorkflow: z.string().min(1).max(255).default('SIEM Provisioning Workflow').meta({ help: 'Provisioning Workflow: name of the workflow for deferred alerts.' }),
  syslogLimit: z.int().min(1).max(1000).default(1000).meta({ help: 'Maximum number of Syslog events per API call.' }),
  auditEventLimit: z.int().min(1).max(1000).default(1000).meta({ help: 'Maximum number of Audit events per API call.' }),
  mergeWindowSeconds: z.int().min(0).max(604_800).default(300).meta({ help: 'An alert equal to one of the same client that is still open and was received within so many seconds is merged into it; 0 never merges.' }),
  alertsPerMinute: z.int().min(0).max(100_000_000).default(60_000).meta({ help: 'Most alerts that one client may post within a minute, at each process with the role api; above it 429 with Retry-After, and nothing is stored. 0 sets no limit.' }),
  maxFanOut: z.int().min(1).max(1_000_000).default(100).meta({ help: 'Most targets that one alert may act upon by itself; above it the alert waits for a release.' }),
  accountsPerHour: z.int().min(1).max(10_000_000).default(200).meta({ help: 'Most accounts that the alerts of one client on one application may change within an hour; above it alerts wait for a release.' }),
  protectedIdentities: z.array(z.string().min(1).max(255)).max(10_000).default(['siemservice', 'spadmin', 'admin', 'administrator']).meta({ help: 'Names of identities that no alert ever acts upon, beside those marked as protected in the directory (upper and lower case count as equal).' }),
  killSwitch: z.boolean().default(false).meta({ help: 'Kill switch: alerts are accepted and wait, nothing is acted upon.' }),
  dryRun: z.boolean().default(false).meta({ help: 'Dry run: alerts are planned and their targets listed, nothing is changed.' }),
  intervalMs: z.int().min(50).max(3_600_000).default(10_000).meta({ help: 'How often the processor looks for alerts that are due; a new alert in the same process wakes it at once.' }),
  ageingMinutes: z.int().min(0).max(100_000).default(15).meta({ help: 'An alert that waited so long counts one level higher, so that low ones never starve; 0 switches ageing off.' }),
  maxAttempts: z.int().min(1).max(100).default(5).meta({ help: 'Tries before an alert fails for good.' }),
  loopLimit: z.int().min(1).max(100).default(3).meta({ help: 'How often an alert may come back with the correlation id of a mitigation before it waits for a release.' }),
};
const mitigation = z.strictObject(mitigationFields);

const processor = z.strictObject({
  alertsAtOnce: z.int().min(1).max(256).default(16).meta({ help: 'Alerts that one process works on at the same time.' }),
  targetsAtOnce: z.int().min(1).max(256).default(4).meta({ help: 'Targets of one alert that are acted upon at the same time.' }),
  leaseMs: z.int().min(500).max(3_600_000).default(60_000).meta({ help: 'How long an alert stays with a process that stopped answering; at least twice processor.callTimeoutMs. The clocks of the machines must agree to well within it.' }),
  callTimeoutMs: z.int().min(50).max(600_000).default(20_000).meta({ help: 'Longest time for one call to a connected system.' }),
  retryInitialMs: z.int().min(10).max(3_600_000).default(5000).meta({ help: 'First wait before an alert is tried again; doubles with each further try.' }),
  retryMaxMs: z.int().min(10).max(86_400_000).default(600_000).meta({ help: 'Longest wait between two tries of an alert.' }),
  planTargets: z.int().min(1).max(10_000).default(500).meta({ help: 'Targets that are planned, or read to be acted upon, in one go.' }),
  faultsInARow: z.int().min(1).max(10_000).default(10).meta({ help: 'After so many passing faults in a row of a connected system the rest of the targets waits for the next try.' }),
  janitorIntervalMs: z.int().min(100).max(3_600_000).default(60_000).meta({ help: 'How often alerts age and purged ones are removed.' }),
  stopGraceMs: z.int().min(0).max(120_000).default(5000).meta({ help: 'How long a stop waits for calls to connected systems.' }),
});

export const settingsSchema = z.strictObject({
  dataDir: z.string().default('./data').meta({ help: 'Directory of the embedded stores and keys; mode 0700, refused when others can read it.' }),
  roles: z.array(z.enum(ROLES)).min(1).default([...ROLES]).meta({ help: 'What this process does: api, engine, mitigation.' }),
  secretKeyFile: z.string().optional().meta({ help: 'File of the key that seals secrets at rest; made as secret.key in the data directory when empty.' }),
  admin: z.strictObject({
    password: z.string().min(8).max(200).optional().meta({ help: 'Password of the first administrator `admin`; made and printed once when empty.', secret: true }),
  }).prefault({}),
  http: http.prefault({}),
  tls: tls.prefault({}),
  access: access.prefault({}),
  intake: intake.prefault({}),
  eventLog: eventLog.prefault({}),
  kafka: kafka.prefault({}),
  mongodb: mongodb.prefault({}),
  documents: documents.prefault({}),
  engine: engine.prefault({}),
  evidence: evidence.prefault({}),
  network: network.prefault({}),
  audit: audit.prefault({}),
  jobs: jobs.prefault({}),
  processor: processor.prefault({}),
  siem: siem.prefault({}),
  mitigation: mitigation.prefault({}),
  notify: notify.prefault({}),
  directory: directory.prefault({}),
  log: log.prefault({}),
  memory: memory.prefault({}),
  metrics: metrics.prefault({}),
}).superRefine((settings, context) => {
  const fault = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message });
  if (settings.tls.cert !== undefined && settings.tls.key === undefined) fault(['tls', 'key'], 'is missing while tls.cert is set; set both for HTTPS, or neither');
  if (settings.tls.key !== undefined && settings.tls.cert === undefined) fault(['tls', 'cert'], 'is missing while tls.key is set; set both for HTTPS, or neither');
  const { tls: kafkaTls, sasl } = settings.kafka;
  if (kafkaTls.certFile !== undefined && kafkaTls.keyFile === undefined) fault(['kafka', 'tls', 'keyFile'], 'is missing while kafka.tls.certFile is set; set both, or neither');
  if (kafkaTls.keyFile !== undefined && kafkaTls.certFile === undefined) fault(['kafka', 'tls', 'certFile'], 'is missing while kafka.tls.keyFile is set; set both, or neither');
  if (!kafkaTls.enabled && (kafkaTls.caFile ?? kafkaTls.certFile) !== undefined) fault(['kafka', 'tls', 'enabled'], 'is false while other keys of kafka.tls are set; set it to true, or remove them');
  if (sasl.mechanism !== 'none' && sasl.username === '') fault(['kafka', 'sasl', 'username'], `is missing while kafka.sasl.mechanism is ${sasl.mechanism}`);
  if (sasl.mechanism !== 'none' && sasl.password === '') fault(['kafka', 'sasl', 'password'], `is missing while kafka.sasl.mechanism is ${sasl.mechanism}`);
  if (sasl.mechanism === 'none' && sasl.username !== '') fault(['kafka', 'sasl', 'mechanism'], 'is none while kafka.sasl.username is set; set it to plain, scram-sha-256 or scram-sha-512, or remove the user');
  if (settings.eventLog.fullBytes < settings.eventLog.retentionBytes) fault(['eventLog', 'fullBytes'], `must not be less than eventLog.retentionBytes (${settings.eventLog.retentionBytes})`);
  if (settings.engine.faultRetryMaxMs < settings.engine.faultRetryMs) fault(['engine', 'faultRetryMaxMs'], `must not be less than engine.faultRetryMs (${settings.engine.faultRetryMs})`);
  if (settings.access.delayMaxMs < settings.access.delayInitialMs) fault(['access', 'delayMaxMs'], `must not be less than access.delayInitialMs (${settings.access.delayInitialMs})`);
  if (settings.processor.leaseMs < 2 * settings.processor.callTimeoutMs) fault(['processor', 'leaseMs'], `must be at least twice processor.callTimeoutMs (${settings.processor.callTimeoutMs})`);
  if (settings.processor.retryMaxMs < settings.processor.retryInitialMs) fault(['processor', 'retryMaxMs'], `must not be less than processor.retryInitialMs (${settings.processor.retryInitialMs})`);
  if (settings.notify.retryMaxMs < settings.notify.retryInitialMs) fault(['notify', 'retryMaxMs'], `must not be less than notify.retryInitialMs (${settings.notify.retryInitialMs})`);
  if (settings.intake.eventBytes > settings.http.requestBytes) fault(['intake', 'eventBytes'], `must not be more than http.requestBytes (${settings.http.requestBytes})`);
});

export type Settings = z.output<typeof settingsSchema>;
export type SettingsInput = z.input<typeof settingsSchema>;
export const SETTINGS = Symbol('Settings');

/** Complete settings from parts, for tests and embedding. @throws ZodError */
export function settingsFrom(input: SettingsInput = {}): Settings {
  return settingsSchema.parse(input);
}
