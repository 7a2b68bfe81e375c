/** What stands in place of a secret. */
const MASK = '***';
const SECRET_NAME = /pass(word|wd|phrase)|\bpwd|secret|token|credential|authorization|api[-_]?key|private[-_]?key|cookie|sealed/i;
const DEPTH = 6;
const LIST_ITEMS = 100;
const TEXT_LENGTH = 8192;

/** A copy that is safe to log: values under secret names masked, credentials in texts masked, errors as data, bounded in depth and length. Never throws. */
export function redact(value: unknown, depth = 0): unknown {
  switch (typeof value) {
    case 'string':
      return redactText(value);
    case 'bigint':
      return value.toString();
    case 'symbol':
    case 'function':
      return `[${typeof value}]`;
    case 'object':
      return value === null ? null : redactObject(value, depth);
    case 'number':
    case 'boolean':
    case 'undefined':
      return value;
  }
}

/** Credentials that hide in texts: user and password of a URL, and what follows an authentication scheme. */
export function redactText(text: string): string {
  const short = text.length > TEXT_LENGTH ? `${text.slice(0, TEXT_LENGTH)}... (${text.length} characters)` : text;
  return short.replace(/(\w:\/\/)[^/?#\s]*@/g, `$1${MASK}@`).replace(/\b(Basic|Bearer)\s+[A-Za-z0-9._~+/=-]{8,}/gi, `$1 ${MASK}`);
}

function redactObject(value: object, depth: number): unknown {
  if (depth >= DEPTH) return '[deeper]';
  if (value instanceof Error) return redactError(value, depth);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'invalid date' : value.toISOString();
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (Array.isArray(value)) {
    const items = value.slice(0, LIST_ITEMS).map((item) => redact(item, depth + 1));
    return value.length > LIST_ITEMS ? [...items, `[${value.length - LIST_ITEMS} more]`] : items;
  }
  if (value instanceof Set) return redactObject([...value], depth);
  if (value instanceof Map) return redactObject(Object.fromEntries([...value].map(([key, item]) => [String(key), item as unknown])), depth);
  const copy: Record<string, unknown> = {};
  for (const [name, item] of Object.entries(value)) copy[name] = SECRET_NAME.test(name) && isSecretValue(item) ? MASK : redact(item, depth + 1);
  return copy;
}

/** A flag or a count under such a name (`tokenCount`, `passwordSet`) tells nothing; what is empty neither. */
function isSecretValue(item: unknown): boolean {
  return item !== undefined && item !== null && item !== '' && typeof item !== 'boolean' && !(typeof item === 'number' && Number.isInteger(item) && item < 10_000);
}

function redactError(error: Error & { code?: unknown }, depth: number): Record<string, unknown> {
  return {
    type: error.name,
    message: redactText(error.message),
    ...(error.code === undefined ? {} : { code: redact(error.code, depth + 1) }),
    ...(error.stack === undefined ? {} : { stack: redactText(error.stack) }),
    ...(error.cause === undefined ? {} : { cause: redact(error.cause, depth + 1) }),
  };
}
