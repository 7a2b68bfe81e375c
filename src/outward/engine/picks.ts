/** The indices that a lane wants of the batch at hand, in order. Most lanes want all of most batches: of those nothing is noted but how many there are. */
export class Picks {
  /** So many from the first one on, all of them; as long as there is no list. */
  private leading = 0;
  private list: number[] | undefined;

  /** @param index the last one once more, or a later one */
  add(index: number): void {
    const { list, leading } = this;
    if (list === undefined) {
      if (index === leading) this.leading++;
      else if (index > leading) this.list = leading === 0 ? [index] : firsts(leading).concat(index);
    } else if (list[list.length - 1] !== index) {
      // One that grows gets room for some twenty: of each batch most lanes of many get one or two.
      if (list.length === 1) this.list = [list[0] ?? 0, index];
      else list.push(index);
    }
  }

  /** All of them; then it has none. */
  take(): readonly number[] {
    const picked = this.list ?? firsts(this.leading);
    this.list = undefined;
    this.leading = 0;
    return picked;
  }
}

const NONE: number[] = [];
let numbers: number[] = [];
let latest = NONE;

/** 0 and so many that follow it, less one. Lanes that take all share the list. */
function firsts(count: number): number[] {
  if (count === 0) return NONE;
  if (latest.length === count) return latest;
  if (numbers.length < count) numbers = Array.from({ length: 2 * count }, (_, index) => index);
  return (latest = numbers.slice(0, count));
}
