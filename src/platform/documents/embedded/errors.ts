/** What a command answers when it cannot do what was asked, with MongoDB's own number and name for it (MongoDB manual, "Error Codes"). */
export class CommandError extends Error {
  constructor(readonly code: number, readonly codeName: string, message: string, readonly facts: Record<string, unknown> = {}) {
    super(message);
    this.name = 'CommandError';
  }
}

export const badValue = (message: string) => new CommandError(2, 'BadValue', message);
export const failedToParse = (message: string) => new CommandError(9, 'FailedToParse', message);
export const typeMismatch = (message: string) => new CommandError(14, 'TypeMismatch', message);
export const pathNotViable = (message: string) => new CommandError(28, 'PathNotViable', message);
export const conflictingPaths = (message: string) => new CommandError(40, 'ConflictingUpdateOperators', message);
export const cursorNotFound = (id: bigint) => new CommandError(43, 'CursorNotFound', `cursor id ${id} not found`);
export const timeExpired = () => new CommandError(50, 'MaxTimeMSExpired', 'operation exceeded time limit');
export const immutableField = (message: string) => new CommandError(66, 'ImmutableField', message);
export const cannotCreateIndex = (message: string) => new CommandError(67, 'CannotCreateIndex', message);
/** Not code 20, which the driver takes for advice to switch off retryable writes. */
export const transactionRefused = (message: string) => new CommandError(263, 'OperationNotSupportedInTransaction', message);
export const queryPlanKilled = (message: string) => new CommandError(175, 'QueryPlanKilled', message);
/** Valid in MongoDB, left out here on purpose. The message says so, because the fix is in the caller. */
export const notSupported = (what: string) => new CommandError(238, 'NotImplemented', `${what} is not part of the MongoDB subset that Tidegate uses and that its embedded document store understands`);
export const memoryLimit = (message: string) => new CommandError(292, 'QueryExceededMemoryLimitNoDiskUseAllowed', message);
export const documentTooLarge = (bytes: number) => new CommandError(10334, 'BSONObjectTooLarge', `a document of ${bytes} bytes is over the limit of 16777216`);

/** Unique index violated. `keyValue` has the values of the document that was refused. */
export function duplicateKey(namespace: string, indexName: string, keyPattern: Record<string, unknown>, keyValue: Record<string, unknown>): CommandError {
  const shown = Object.entries(keyValue).map(([field, value]) => `${field}: ${show(value)}`).join(', ');
  return new CommandError(11000, 'DuplicateKey', `E11000 duplicate key error collection: ${namespace} index: ${indexName} dup key: { ${shown} }`, { keyPattern, keyValue });
}

/** A value as it appears in a message, cut to a readable length. */
export function show(value: unknown): string {
  const text = JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'bigint' ? Number(inner) : inner)) ?? 'null';
  return text.length > 200 ? `${text.slice(0, 200)}...` : text;
}
