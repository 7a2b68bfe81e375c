/** The pointer (RFC 6901) of a member; escapes only when the name asks for it. */
export function childPointer(pointer: string, name: string): string {
  return `${pointer}/${/[~/]/.test(name) ? name.replaceAll('~', '~0').replaceAll('/', '~1') : name}`;
}
