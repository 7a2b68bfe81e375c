/** The work took longer than it may. */
export class OutOfPatience extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'OutOfPatience';
  }
}

/** Ends with the work, or fails after the time; what comes of the work later is dropped. @throws what the work threw; OutOfPatience with the sentence after the time */
export async function withLimit<T>(work: Promise<T>, limitMs: number, sentence = `no answer within ${Math.round(limitMs)} ms`): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  work.catch(() => undefined);
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new OutOfPatience(sentence)), limitMs);
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}
