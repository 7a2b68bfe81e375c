import { type ParseErrorCode, printParseErrorCode, visit } from 'jsonc-parser';

/** Where a text stops being JSON. Line and column count from 1, `offset` from 0, in UTF-16 units. */
export interface JsonFault {
  offset: number;
  line: number;
  column: number;
  /** For example `comma expected`. */
  what: string;
}

/** The first place where a text is not JSON (RFC 8259), or undefined when none is found: JSON.parse decides, this only says where. */
export function findJsonFault(text: string): JsonFault | undefined {
  let first: JsonFault | undefined;
  const keep = (code: ParseErrorCode, offset: number, startLine: number, startCharacter: number) => {
    first ??= { offset, line: startLine + 1, column: startCharacter + 1, what: words(printParseErrorCode(code)) };
  };
  try {
    visit(text, { onError: (code, offset, _length, startLine, startCharacter) => keep(code, offset, startLine, startCharacter) }, { disallowComments: true, allowTrailingComma: false });
  } catch {
    // Nested deeper than the stack of the visitor: what was found up to there holds.
  }
  return first;
}

/** The sentence for a caller who sent it. */
export function jsonFaultDetail(text: string): string {
  if (text.trim() === '') return 'The body is empty; send JSON.';
  const fault = findJsonFault(text);
  return fault ? `The body is not JSON: ${fault.what} at line ${fault.line}, column ${fault.column} (offset ${fault.offset}).` : 'The body is not JSON.';
}

function words(code: string): string {
  return code.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
}
