/**
 * Which names hold secrets. A name is split into words (`userPassword`, `api_token`, `X-Secret`, `APIKey`); it is a secret's name when one word, or up to three words in a row
 * written together, is a masked name (a plural `s` does not hide it), or when an unsplit word ends in a masked name of five letters or more (`accesstoken`).
 *
 * A name that ends in a word that tells something about the secret (`tokenCount`, `passwordExpired`, `secretChangedAt`) keeps a number, a boolean or a time and
 * is masked when it holds anything else. `secretId` is no such name: in places a "secret id" is the secret itself; only the catalogue's own field of that name is an id by definition.
 */
export type NameVerdict = 'keep' | 'mask' | 'mask-text';

const TELLING_WORDS = new Set(['age', 'at', 'changed', 'count', 'date', 'days', 'enabled', 'expired', 'expires', 'expiration', 'expiry', 'length', 'max', 'min', 'required', 'reset', 'version']);
const CACHED_NAMES = 20_000;
const CACHED_NAME_LENGTH = 80;

export class MaskedNames {
  private readonly names: ReadonlySet<string>;
  private readonly endings: readonly string[];
  private readonly verdicts = new Map<string, NameVerdict>();

  constructor(names: readonly string[]) {
    const plain = names.map((name) => wordsOf(name).join('')).filter((name) => name !== '');
    this.names = new Set(plain);
    this.endings = plain.filter((name) => name.length >= 5);
  }

  verdictOn(name: string): NameVerdict {
    const known = this.verdicts.get(name);
    if (known !== undefined) return known;
    const verdict = this.judge(wordsOf(name));
    if (name.length <= CACHED_NAME_LENGTH) {
      if (this.verdicts.size >= CACHED_NAMES) this.verdicts.clear();
      this.verdicts.set(name, verdict);
    }
    return verdict;
  }

  private judge(words: readonly string[]): NameVerdict {
    for (let first = 0; first < words.length; first += 1) {
      let joined = '';
      for (const word of words.slice(first, first + 3)) {
        joined += word;
        if (this.isSecret(joined)) return TELLING_WORDS.has(words.at(-1) ?? '') ? 'mask-text' : 'mask';
      }
    }
    return 'keep';
  }

  private isSecret(word: string): boolean {
    if (this.names.has(word)) return true;
    const singular = word.endsWith('s') ? word.slice(0, -1) : word;
    return this.names.has(singular) || this.endings.some((ending) => singular.endsWith(ending));
  }
}

/** `userAPIKey_2` -> user, api, key. */
export function wordsOf(name: string): string[] {
  return name
    .normalize('NFKC')
    .replace(/(\p{Ll})(\p{Lu})/gu, '$1 $2')
    .replace(/(\p{Lu})(\p{Lu}\p{Ll})/gu, '$1 $2')
    .toLowerCase()
    .split(/[^\p{L}]+/u)
    .filter((word) => word !== '');
}
