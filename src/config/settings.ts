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
  requestBytes: bytes(5_242_880, 'Largest request body in bytes; over it 413.'),
});
const tls = z.strictObject({
  cert: z.string().optional().meta({ help: 'Path of the PEM certificate (chain) for the HTTP listener; with tls.key it serves HTTPS.' }),
  key: z.string().optional().meta({ help: 'Path of the PEM private key for the HTTP listener.' }),
});
const intake = z.strictObject({
  batchItems: z.int().min(1).max(100_000).default(1000).meta({ help: 'Most events in one request; over it 413.' }),
  eventBytes: bytes(262_144, 'Largest single event in bytes of JSON; over it 413.'),
  depth: z.int().min(4).max(100).default(16).meta({ help: 'Deepest nesting of objects and lists in an event; over it 413.' }),
  duplicateWindowHours: z.number().min(0.01).max(720).default(24).meta({ help: 'How long (producer, source, id) is remembered so that a resend is harmless.' }),
  maskedNames: z.array(z.string()).default(['password', 'passwd', 'pwd', 'passphrase', 'secret', 'token', 'credential', 'credentials', 'authorization', 'apikey', 'privatekey', 'cookie', 'pin', 'otp'])
    .meta({ help: 'Values under names that hold one of these words are masked before they are stored.' }),
});
const eventLog = z.strictObject({
  partitions: z.int().min(1).max(256).default(4).meta({ help: 'Partitions of a new embedded event log. Fixed once the log exists.' }),
  retentionHours: z.number().min(0.01).max(8784).default(168).meta({ help: 'Events older than this are removed, read or not.' }),
  retentionBytes: z.int().min(1_048_576).default(10_737_418_240).meta({ help: 'Beyond this many stored bytes the oldest events are removed.' }),
  fullBytes: z.int().min(1_048_576).default(12_884_901_888).meta({ help: 'Beyond this many stored bytes producers get 503 until retention made room.' }),
  minFreeDiskBytes: z.int().min(0).default(268_435_456).meta({ help: 'With less free disk than this producers get 503.' }),
});
const kafka = z.strictObject({
  brokers: z.array(z.string()).default([]).meta({ help: 'Apache Kafka brokers as host:port, comma separated; empty uses the embedded event log.' }),
});
const mongodb = z.strictObject({
  uri: z.string().default('').meta({ help: 'MongoDB connection string; empty uses the embedded document store.', secret: true }),
});
const engine = z.strictObject({
  pool: z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/).default('default').meta({ help: 'The pool that this process delivers for.' }),
  id: z.string().regex(/^[A-Za-z0-9._-]{1,60}$/).optional().meta({ help: 'Name of this engine; host name, process id and a random part when empty.' }),
  queueBytes: bytes(2_097_152, 'Events that wait in memory for one integration, in bytes; beyond it the integration reads for itself from its cursor.'),
  inFlightBytes: bytes(1_048_576, 'Bytes handed to a receiver that are not yet known to be safe.'),
  batchBytes: bytes(524_288, 'Bytes read from a partition in one go.'),
  batchEvents: z.int().min(1).max(10_000).default(500).meta({ help: 'Events read from a partition in one go.' }),
  commitIntervalMs: z.int().min(50).max(60_000).default(1000).meta({ help: 'How often cursors are saved.' }),
  stopGraceMs: z.int().min(0).max(120_000).default(5000).meta({ help: 'How long a stop waits for open deliveries.' }),
  testTimeoutMs: z.int().min(1000).max(120_000).default(20_000).meta({ help: 'Longest time for the Test button.' }),
});
const network = z.strictObject({
  denyCidrs: z.array(z.string()).default(['169.254.169.254/32', 'fd00:ec2::254/128']).meta({ help: 'Addresses that outgoing connections may never reach (cloud metadata services by default).' }),
});
const log = z.strictObject({
  level: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info').meta({ help: 'Least level of the service log.' }),
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
  intake: intake.prefault({}),
  eventLog: eventLog.prefault({}),
  kafka: kafka.prefault({}),
  mongodb: mongodb.prefault({}),
  engine: engine.prefault({}),
  network: network.prefault({}),
  log: log.prefault({}),
});

export type Settings = z.output<typeof settingsSchema>;
export type SettingsInput = z.input<typeof settingsSchema>;
export const SETTINGS = Symbol('Settings');

/** Complete settings from parts, for tests and embedding. @throws ZodError */
export function settingsFrom(input: SettingsInput = {}): Settings {
  return settingsSchema.parse(input);
}
